import LensFormats
import LensKernels

extension KernelScratch {
    /// What the kernels take for sequences of at most `length` tokens under a model.
    ///
    /// - Parameter trains: whether gradients and their norm are computed too.
    init(_ configuration: ModelConfiguration, length: Int, trains: Bool, on runtime: Runtime) {
        self.init(runtime)
        for shape in Set(configuration.parameters.map(\.shape)) {
            if shape.count > 1 {
                addLinearMap(rows: length, outputs: shape[0], inputs: shape[1], trains: trains)
            } else if trains {
                // The per-head norms have a row for each head.
                addColumnSums(rows: max(length, length &* configuration.headCount), columns: shape[0])
            }
        }
        addAttention(
            length: length, heads: configuration.headCount, keyValueHeads: configuration.keyValueHeadCount,
            size: configuration.headDimension)
        if trains { addSumOfSquares(count: ParameterStore.byteCount(configuration) / MemoryLayout<Float>.stride) }
    }
}
