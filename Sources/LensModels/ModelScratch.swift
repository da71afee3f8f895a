import LensFormats
import LensKernels

extension KernelScratch {
    /// What the kernels take for sequences of at most `length` tokens under a model.
    ///
    /// - Parameter trains: whether gradients and their norm are computed too.
    init(_ layout: WeightLayout, length: Int, trains: Bool, on runtime: Runtime) {
        self.init(runtime)
        let configuration = layout.configuration
        for parameter in layout.otherParameters where parameter.name == configuration.headName {
            addHeadLosses(rows: length, vocabulary: parameter.shape[0], inputs: parameter.shape[1])
        }
        for shape in Set(layout.otherParameters.map(\.shape)) {
            if shape.count > 1 {
                addLinearMap(rows: length, outputs: shape[0], inputs: shape[1], trains: trains)
            } else if trains {
                // The per-head norms have a row for each head.
                addColumnSums(rows: max(length, length &* configuration.headCount), columns: shape[0])
            }
        }
        addStored(layout, length: length)
        addAttention(
            length: length, heads: configuration.headCount, keyValueHeads: configuration.keyValueHeadCount,
            size: configuration.headDimension)
        if trains { addSumOfSquares(count: ParameterStore.byteCount(configuration) / MemoryLayout<Float>.stride) }
    }

    private mutating func addStored(_ layout: WeightLayout, length: Int) {
        let head = layout.configuration.headName
        for parameter in layout.storedParameters {
            guard let type = layout.storedType(parameter.name) else { continue }
            let (outputs, inputs) = (parameter.shape[0], parameter.shape[1])
            if layout.isPacked { addPacking(type, inputs: inputs) }
            func add(rows: Int) {
                addStoredProduct(type, isPacked: layout.isPacked, rows: rows, inputs: inputs)
            }
            if parameter.name == head {
                addHeadLosses(type, isPacked: layout.isPacked, rows: length, vocabulary: outputs, inputs: inputs)
                // The logits of a token.
                add(rows: 1)
            } else if parameter.name.contains(".mlp.") {
                add(rows: min(length, quantizedFeedForwardBlock))
            } else if parameter.name.contains(".self_attn.") {
                add(rows: length)
            }
        }
    }
}
