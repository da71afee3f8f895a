/// One parameter tensor of a model, under its Hugging Face name.
package struct ParameterDescription: Equatable, Sendable {
    package let name: String
    /// Outermost dimension first, as PyTorch prints it.
    package let shape: [Int]

    package init(name: String, shape: [Int]) {
        self.name = name
        self.shape = shape
    }

    package var count: Int { shape.reduce(1, *) }
    /// Normalization weights and biases are not decayed.
    package var decays: Bool { shape.count > 1 }
}

extension ModelConfiguration {
    /// Every parameter of the model in the order of the forward pass; a tied head is not listed.
    package var parameters: [ParameterDescription] {
        var list: [ParameterDescription] = []
        func add(_ name: String, _ shape: Int...) { list.append(ParameterDescription(name: name, shape: shape)) }
        add("model.embed_tokens.weight", vocabularySize, hiddenSize)
        let queries = headCount * headDimension
        let keys = keyValueHeadCount * headDimension
        for layer in 0..<layerCount {
            let prefix = "model.layers.\(layer)."
            add(prefix + "input_layernorm.weight", hiddenSize)
            for (name, size) in [("q", queries), ("k", keys), ("v", keys)] {
                add(prefix + "self_attn.\(name)_proj.weight", size, hiddenSize)
                if attentionBias { add(prefix + "self_attn.\(name)_proj.bias", size) }
            }
            if queryKeyNorm {
                add(prefix + "self_attn.q_norm.weight", headDimension)
                add(prefix + "self_attn.k_norm.weight", headDimension)
            }
            add(prefix + "self_attn.o_proj.weight", hiddenSize, queries)
            if attentionOutputBias { add(prefix + "self_attn.o_proj.bias", hiddenSize) }
            add(prefix + "post_attention_layernorm.weight", hiddenSize)
            for (name, rows, columns) in [
                ("gate", feedForwardSize, hiddenSize), ("up", feedForwardSize, hiddenSize),
                ("down", hiddenSize, feedForwardSize),
            ] {
                add(prefix + "mlp.\(name)_proj.weight", rows, columns)
                if feedForwardBias { add(prefix + "mlp.\(name)_proj.bias", rows) }
            }
        }
        add("model.norm.weight", hiddenSize)
        if !tiedEmbeddings { add("lm_head.weight", vocabularySize, hiddenSize) }
        return list
    }

    /// Number of parameters.
    public var parameterCount: Int { parameters.reduce(0) { $0 + $1.count } }

    /// Everything that the arithmetic depends on, as text: two equal texts are two equal computations.
    package var arithmeticDescription: String {
        var text =
            "\(family.rawValue) \(normEpsilon) \(ropeTheta) \(ropeScaling) \(tiedEmbeddings) \(headCount) "
            + "\(keyValueHeadCount) \(headDimension)"
        if let ropeFrequencyFactors { text += " \(ropeFrequencyFactors)" }
        if ropeAttentionFactor != 1 { text += " attention \(ropeAttentionFactor)" }
        if case .dynamic = ropeScaling { text += " \(contextLength)" }
        for parameter in parameters { text += "\n\(parameter.name) \(parameter.shape)" }
        return text
    }
}
