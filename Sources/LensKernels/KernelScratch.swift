import CLongLens
import LensSupport

/// The scratch memory that the kernels of a runtime take at the most, known before they run.
package struct KernelScratch: Sendable {
    private let runtime: Runtime
    private var need = lens_scratch_need(first: 0, other: 0)

    package init(_ runtime: Runtime) { self.runtime = runtime }

    /// Adds a linear map of at most `rows` rows: its forward, and where it `trains` its backward.
    package mutating func addLinearMap(rows: Int, outputs: Int, inputs: Int, trains: Bool) {
        addProduct(false, true, rows, outputs, inputs)
        guard trains else { return }
        addProduct(false, false, rows, inputs, outputs)
        addProduct(true, false, outputs, inputs, rows)
    }

    private mutating func addProduct(_ transposeA: Bool, _ transposeB: Bool, _ m: Int, _ n: Int, _ k: Int) {
        add(unsafe runtime.need { unsafe lens_gemm_scratch($0, m, n, k, transposeA, transposeB) })
    }

    /// Adds the packing of weights of a type with rows of `inputs`.
    package mutating func addPacking(_ type: TensorType, inputs: Int) {
        if type.products == .int8 { add(lens_pack_weights_scratch(inputs)) }
    }

    /// Adds products of at most `rows` rows with weights of a type as a file stores them, packed or not.
    package mutating func addStoredProduct(_ type: TensorType, isPacked: Bool, rows: Int, inputs: Int) {
        add(
            unsafe runtime.need { context in
                unsafe type.products == .bf16
                    ? lens_gemm_bf16_scratch(context, rows, inputs, isPacked)
                    : lens_gemm_weights_scratch(context, rows, inputs, isPacked)
            })
    }

    /// Adds ``Runtime/headLosses(_:_:targets:in:into:logSumExp:logits:)`` of at most `rows` rows.
    package mutating func addHeadLosses(rows: Int, vocabulary: Int, inputs: Int) {
        add(unsafe runtime.need { unsafe lens_head_losses_f32_scratch($0, rows, vocabulary, inputs) })
    }

    /// Adds ``Runtime/headLosses(_:_:targets:into:)`` of at most `rows` rows, under weights that are packed or not.
    package mutating func addHeadLosses(
        _ type: TensorType, isPacked: Bool, rows: Int, vocabulary: Int, inputs: Int
    ) {
        add(
            unsafe runtime.need { context in
                unsafe type.products == .bf16
                    ? lens_head_losses_bf16_scratch(context, rows, vocabulary, inputs, isPacked)
                    : lens_head_losses_scratch(context, rows, vocabulary, inputs, isPacked)
            })
    }

    /// Adds attention over at most `length` tokens, forward and backward.
    package mutating func addAttention(length: Int, heads: Int, keyValueHeads: Int, size: Int) {
        let shape = lens_attention_shape(T: length, NH: heads, NKV: keyValueHeads, HS: size, scale: 1, window: 0)
        add(unsafe runtime.need { unsafe lens_attention_scratch($0, shape) })
    }

    /// Adds attention of one query over any number of keys.
    package mutating func addDecoding(heads: Int, keyValueHeads: Int, size: Int) {
        let shape = lens_attention_shape(T: 0, NH: heads, NKV: keyValueHeads, HS: size, scale: 1, window: 0)
        add(unsafe runtime.need { unsafe lens_attention_decode_scratch($0, shape) })
    }

    /// Adds the gradient of a norm's weight or of a bias of `columns` elements over at most `rows` rows.
    package mutating func addColumnSums(rows: Int, columns: Int) { add(lens_column_sums_scratch(rows, columns)) }

    /// Adds ``Runtime/sumOfSquares(_:)`` of `count` elements.
    package mutating func addSumOfSquares(count: Int) { add(lens_sum_of_squares_scratch(count)) }

    private mutating func add(_ other: lens_scratch_need) { need = lens_scratch_either(need, other) }

    /// Enough for what either holds, of the same runtime.
    package func union(_ other: KernelScratch) -> KernelScratch {
        precondition(runtime === other.runtime, "scratch of two runtimes")
        var result = self
        result.add(other.need)
        return result
    }

    /// Bytes that the runtime's threads hold.
    package var byteCount: Int { lens_scratch_need_bytes(need, runtime.threadCount) }

    /// Takes it for the runtime's kernels, which then take none themselves.
    ///
    /// `.machine` when the memory is not to be had.
    package func reserve() throws(LensError) {
        do {
            try unsafe runtime.run { unsafe lens_scratch_reserve($0, need) }
        } catch {
            throw .machine(
                "The machine has no \(describeByteCount(byteCount)) of memory for what \(runtime.threadCount) threads "
                    + "compute with. Use fewer --threads, or a shorter context.")
        }
    }
}
