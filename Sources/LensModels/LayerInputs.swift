import LensFormats
import LensKernels
import LensSupport

/// The buffers of the residual stream: before each layer, from 0, and after the last one, at layerCount. Not every
/// policy has all of them in memory at once, and none has the first when the backward begins: it is embedded again.
struct LayerInputs {
    /// What has a buffer of its own [T, hidden].
    private let kept: [Matrix]
    /// Buffers that take turns [T, hidden].
    private let passing: [Matrix]
    /// Bytes of rounded inputs, of all layers but the first and the last; of some rows on their way to and from a file.
    private let rounded: [Matrix]
    private let policy: RecomputePolicy
    private let length: Int
    let layerCount: Int

    init(_ configuration: ModelConfiguration, length: Int, _ policy: RecomputePolicy, arena: Arena) {
        let hidden = configuration.hiddenSize
        func take(_ count: Int) -> [Matrix] {
            (0..<count).map { _ in arena.take("layer inputs", rows: length, columns: hidden) }
        }
        (layerCount, self.policy, self.length) = (configuration.layerCount, policy, length)
        switch (policy.inputs, policy.inputType) {
        case (.memory, .f32): (kept, passing) = (take(layerCount), [])
        case (.segments(let count), _): (kept, passing) = (take(layerCount / count), take(count - 1))
        case (.file, _), (.memory, .bf16): (kept, passing) = ([], take(2))
        }
        guard policy.inputType == .bf16 else {
            rounded = []
            return
        }
        let isFile = policy.inputs == .file
        let elements = saturatingProduct(isFile ? min(length, Self.rowsOnTheWay) : length, hidden)
        rounded = (0..<(isFile ? 1 : Self.storedCount(layerCount))).map { _ in
            arena.take("layer inputs in bf16", rows: 1, columns: saturatingSum(elements, 1) / 2)
        }
    }

    /// Rows that are rounded at a time on the way to a file, and back.
    static let rowsOnTheWay = 4096

    /// Inputs that are stored elsewhere than in the passing buffers, where there are two: that of the first layer is
    /// embedded again, and that of the last is still there when the backward begins.
    static func storedCount(_ layerCount: Int) -> Int { max(0, layerCount - 2) }

    /// The place of input `index` among those that leave the passing buffers before the backward wants them; nil where it
    /// does not.
    func place(_ index: Int) -> Int? {
        passes && index > 0 && index <= Self.storedCount(layerCount) ? index - 1 : nil
    }

    /// Whether there are two buffers alone for all.
    private var passes: Bool { policy.inputs == .file || policy.inputs == .memory && policy.inputType == .bf16 }

    /// The buffer of the stream before layer `index`.
    subscript(index: Int) -> Matrix {
        switch policy.inputs {
        case .segments(let count):
            index % count == 0 ? kept(index / count) : passing[index % count - 1]
        case .memory where !passes: kept(index)
        default: passing[index % 2]
        }
    }

    // The first has the place of the last, which is there when it is needed no more, and goes before it is again.
    private func kept(_ index: Int) -> Matrix { kept[(index == 0 ? kept.count : index) - 1] }

    /// The stream after the last layer.
    var output: Matrix { self[layerCount] }

    /// Where the input of a place is, rounded, where all are in memory.
    func rounded(at place: Int) -> Matrix { rounded[place] }

    /// Where rows are rounded on the way to a file and back; nil where they are not.
    var onTheWay: Matrix? { policy.inputs == .file ? rounded.first : nil }

    /// The same buffers for a shorter sequence.
    func prefix(_ length: Int) -> LayerInputs { LayerInputs(self, length: length) }

    private init(_ whole: LayerInputs, length: Int) {
        kept = whole.kept.map { $0.rows(0..<length) }
        passing = whole.passing.map { $0.rows(0..<length) }
        (rounded, policy, layerCount, self.length) = (whole.rounded, whole.policy, whole.layerCount, length)
    }
}

extension Matrix {
    /// Writes the elements rounded to bf16 to the beginning of `other`'s bytes.
    func round(into other: Matrix) {
        let bytes = unsafe UnsafeMutableRawBufferPointer(other.elements)
        unsafe TensorType.bf16.quantize(
            UnsafeBufferPointer(elements), into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<(2 * count)]))
    }

    /// Takes the elements from the bytes of ``round(into:)``.
    func copy(fromRounded other: Matrix) {
        let bytes = unsafe UnsafeRawBufferPointer(other.elements)
        unsafe TensorType.bf16.dequantize(UnsafeRawBufferPointer(rebasing: bytes[..<(2 * count)]), into: elements)
    }
}
