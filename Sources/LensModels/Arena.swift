import LensKernels
import LensSupport

/// A buffer of a memory plan.
public struct PlannedBuffer: Equatable, Sendable {
    public let name: String
    public let byteCount: Int

    package init(name: String, byteCount: Int) {
        self.name = name
        self.byteCount = byteCount
    }
}

/// One block of memory from which a pass takes all its buffers before it runs.
///
/// Building a pass on a measuring arena lists its buffers without allocating any: the plan and the pass cannot
/// disagree, because the same code makes both.
final class Arena {
    private(set) var buffers: [PlannedBuffer] = []
    private let memory: AlignedBuffer?
    private var used = 0

    /// An arena that only lists what is taken; its matrices have a shape and no elements.
    static func measuring() -> Arena { Arena(memory: nil) }

    /// An arena of `byteCount` bytes.
    init(byteCount: Int) throws(LensError) { memory = try AlignedBuffer(byteCount: byteCount) }

    private init(memory: AlignedBuffer?) { self.memory = memory }

    var byteCount: Int { used }

    // Whole cache lines; `Int.max` for more than there can be, which no arena has.
    private static func byteCount(rows: Int, columns: Int) -> Int {
        let count = saturatingProduct(rows, columns, MemoryLayout<Float>.stride)
        return count > Int.max - 63 ? .max : (count + 63) / 64 * 64
    }

    /// The next `rows` x `columns` floats, on a cache line of their own.
    func take(_ name: String, rows: Int, columns: Int) -> Matrix {
        let size = MemoryLayout<Float>.stride
        let byteCount = Self.byteCount(rows: rows, columns: columns)
        defer { used = saturatingSum(used, byteCount) }
        buffers.append(PlannedBuffer(name: name, byteCount: byteCount))
        guard let memory else { return Matrix(unbackedRows: rows, columns: columns) }
        return Matrix(memory, offset: used / size, rows: rows, columns: columns)
    }

    /// Matrices of `rows` rows in one place, of which one is in use at a time.
    func takeShared(_ name: String, rows: Int, columns: [Int]) -> [Matrix] {
        let start = used / MemoryLayout<Float>.stride
        _ = take(name, rows: rows, columns: columns.max() ?? 0)
        return columns.map { columns in
            memory.map { Matrix($0, offset: start, rows: rows, columns: columns) }
                ?? Matrix(unbackedRows: rows, columns: columns)
        }
    }
}
