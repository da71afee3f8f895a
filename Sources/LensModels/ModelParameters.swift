import LensFormats
import LensKernels

/// The tensors of a model by their place in it. Weights are [output, input].
struct ModelParameters {
    let embedding: Weights
    let layers: [LayerParameters]
    let finalNorm: Matrix
    /// The embedding table itself when they are tied.
    let head: Weights

    init(_ store: any WeightStore) {
        let configuration = store.configuration
        embedding = store.weights("model.embed_tokens.weight")
        layers = (0..<configuration.layerCount).map { LayerParameters(store, layer: $0) }
        finalNorm = store["model.norm.weight"]
        head = configuration.tiedEmbeddings ? embedding : store.weights("lm_head.weight")
    }

    /// The decoder layers in order, of a model of this configuration.
    func decoderLayers(
        _ configuration: ModelConfiguration, attendsInBF16: Bool = false, on runtime: Runtime
    ) -> [DecoderLayer] {
        layers.enumerated().map { index, parameters in
            DecoderLayer(
                configuration: configuration, parameters: parameters, runtime: runtime,
                window: configuration.attentionWindow(ofLayer: index), attendsInBF16: attendsInBF16)
        }
    }
}

/// The tensors of one decoder layer; those that the model lacks are nil.
struct LayerParameters {
    let attentionNorm: Matrix
    let query, key, value: Projection
    let queryNorm, keyNorm: Matrix?
    let attentionOutput: Projection
    let feedForwardNorm: Matrix
    let gate, up, down: Projection

    init(_ store: any WeightStore, layer: Int) {
        let configuration = store.configuration
        let prefix = "model.layers.\(layer)."
        func projection(_ name: String, bias: Bool) -> Projection {
            Projection(
                weight: store.weights("\(prefix)\(name).weight"), bias: bias ? store["\(prefix)\(name).bias"] : nil)
        }
        func headNorm(_ name: String) -> Matrix? {
            configuration.queryKeyNorm ? store["\(prefix)self_attn.\(name).weight"] : nil
        }
        attentionNorm = store[prefix + "input_layernorm.weight"]
        query = projection("self_attn.q_proj", bias: configuration.attentionBias)
        key = projection("self_attn.k_proj", bias: configuration.attentionBias)
        value = projection("self_attn.v_proj", bias: configuration.attentionBias)
        queryNorm = headNorm("q_norm")
        keyNorm = headNorm("k_norm")
        attentionOutput = projection("self_attn.o_proj", bias: configuration.attentionOutputBias)
        feedForwardNorm = store[prefix + "post_attention_layernorm.weight"]
        gate = projection("mlp.gate_proj", bias: configuration.feedForwardBias)
        up = projection("mlp.up_proj", bias: configuration.feedForwardBias)
        down = projection("mlp.down_proj", bias: configuration.feedForwardBias)
    }
}
