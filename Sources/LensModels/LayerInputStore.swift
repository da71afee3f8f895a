import LensFormats
import LensKernels
import LensSupport

/// Takes the inputs of layers out of the two buffers that all layers share, as the forward goes on, and puts them back
/// for the backward: to and from a file while other layers compute, or rounded in memory. Where every input has a buffer
/// of its own there is nothing to do.
final class LayerInputStore {
    private let file: SpillFile?
    private let queue: BackgroundQueue?
    private let inputByteCount: Int
    private let rounds: Bool
    /// The number of the last job for each input that is stored.
    private var jobs: [Int]

    /// - Parameter file: for a policy that spills; it must have the room of ``fileByteCount(_:contextLength:recompute:)``.
    init(
        _ configuration: ModelConfiguration, contextLength: Int, recompute: RecomputePolicy, file: SpillFile?
    ) throws(LensError) {
        let needed = Self.fileByteCount(configuration, contextLength: contextLength, recompute: recompute)
        if recompute.inputs == .file {
            guard let file, file.byteCount >= needed else {
                throw .usage("The policy \"\(recompute)\" needs a spill file of \(describeByteCount(needed)).")
            }
            self.file = file
            queue = try BackgroundQueue()
        } else {
            self.file = nil
            queue = nil
        }
        inputByteCount = Self.inputByteCount(configuration, contextLength, recompute.inputType)
        rounds = recompute.inputType == .bf16
        jobs = Array(repeating: 0, count: LayerInputs.storedCount(configuration.layerCount))
    }

    /// Bytes that a policy puts on the disk.
    static func fileByteCount(
        _ configuration: ModelConfiguration, contextLength: Int, recompute: RecomputePolicy
    ) -> Int {
        guard recompute.inputs == .file else { return 0 }
        return saturatingProduct(
            LayerInputs.storedCount(configuration.layerCount),
            inputByteCount(configuration, contextLength, recompute.inputType))
    }

    // Whole pages, so that no two inputs share one.
    private static func inputByteCount(
        _ configuration: ModelConfiguration, _ length: Int, _ type: LayerInputType
    ) -> Int {
        let bytes = saturatingProduct(length, configuration.hiddenSize, type == .bf16 ? 2 : 4)
        return bytes > Int.max - 4095 ? .max : (bytes + 4095) / 4096 * 4096
    }

    // MARK: Forward

    /// Before a forward. Throws what the file failed with before: it is used no more.
    func begin() throws(LensError) { try queue?.waitForAll() }

    /// Input `index` has been computed.
    func store(_ index: Int, _ inputs: LayerInputs) {
        guard let place = inputs.place(index) else { return }
        let input = inputs[index]
        guard let queue, let file else { return input.round(into: inputs.rounded(at: place)) }
        let offset = place * inputByteCount
        jobs[place] = queue.add { [onTheWay = inputs.onTheWay] in
            do throws(LensError) {
                guard let onTheWay else {
                    try unsafe file.write(UnsafeRawBufferPointer(input.elements), at: offset)
                    return nil
                }
                try input.forEachBlock(of: LayerInputs.rowsOnTheWay) { (rows, start) throws(LensError) in
                    rows.round(into: onTheWay)
                    try unsafe file.write(onTheWay.roundedBytes(rows.count), at: offset + 2 * start)
                }
                return nil
            } catch { return error }
        }
    }

    /// The buffer of input `index` is to be overwritten: waits until what was there is stored.
    func makeRoom(for index: Int, _ inputs: LayerInputs) throws(LensError) {
        guard let place = inputs.place(index - 2) else { return }
        try queue?.wait(for: jobs[place])
    }

    /// After a forward: what it stored is on the disk. Throws what that failed with.
    func finishForward() throws(LensError) { try queue?.waitForAll() }

    // MARK: Backward

    /// Input `index` is needed no more: its buffer takes the one of two layers before, which will be wanted next but one.
    func release(_ index: Int, _ inputs: LayerInputs) {
        guard let place = inputs.place(index - 2), let queue, let file else { return }
        let input = inputs[index - 2]
        let offset = place * inputByteCount
        jobs[place] = queue.add { [onTheWay = inputs.onTheWay] in
            do throws(LensError) {
                guard let onTheWay else {
                    try unsafe file.read(into: UnsafeMutableRawBufferPointer(input.elements), at: offset)
                    return nil
                }
                try input.forEachBlock(of: LayerInputs.rowsOnTheWay) { (rows, start) throws(LensError) in
                    try unsafe file.read(into: onTheWay.roundedBytes(rows.count), at: offset + 2 * start)
                    rows.copy(fromRounded: onTheWay)
                }
                return nil
            } catch { return error }
        }
    }

    /// Waits until input `index` is in its buffer. Throws what reading failed with.
    func restore(_ index: Int, _ inputs: LayerInputs) throws(LensError) {
        guard let place = inputs.place(index) else { return }
        guard let queue else { return inputs[index].copy(fromRounded: inputs.rounded(at: place)) }
        try queue.wait(for: jobs[place])
    }

    /// Puts an input that was computed again where it could not be read into the form that reading gives it.
    func roundLikeStored(_ index: Int, _ inputs: LayerInputs) {
        guard rounds, let onTheWay = inputs.onTheWay else { return }
        inputs[index].forEachBlock(of: LayerInputs.rowsOnTheWay) { rows, _ in
            rows.round(into: onTheWay)
            rows.copy(fromRounded: onTheWay)
        }
    }
}

extension Matrix {
    /// Calls `body` for each block of at most `size` rows, with the elements before it.
    fileprivate func forEachBlock<Failure>(
        of size: Int, _ body: (Matrix, Int) throws(Failure) -> Void
    ) throws(Failure) {
        for start in stride(from: 0, to: rows, by: size) {
            try body(rows(start..<min(start + size, rows)), start * columns)
        }
    }

    /// The bytes of `count` rounded elements.
    @unsafe
    fileprivate func roundedBytes(_ count: Int) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(elements)[..<(2 * count)])
    }

    /// The same, to be filled.
    @unsafe
    fileprivate func roundedBytes(_ count: Int) -> UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(elements)[..<(2 * count)])
    }
}
