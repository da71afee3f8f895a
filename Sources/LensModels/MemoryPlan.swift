import LensSupport

/// What a run keeps in memory, buffer by buffer, known before it starts.
public struct MemoryPlan: Equatable, Sendable {
    public package(set) var buffers: [PlannedBuffer]

    package init(_ buffers: [PlannedBuffer] = []) { self.buffers = buffers }

    public var byteCount: Int { buffers.reduce(0) { saturatingSum($0, $1.byteCount) } }

    package mutating func add(_ name: String, byteCount: Int) {
        buffers.append(PlannedBuffer(name: name, byteCount: byteCount))
    }

    /// Buffers of the same name added up, in the order of their first appearance.
    public var summary: [PlannedBuffer] {
        var sums: [String: Int] = [:]
        var order: [String] = []
        for buffer in buffers {
            if sums[buffer.name] == nil { order.append(buffer.name) }
            sums[buffer.name] = saturatingSum(sums[buffer.name] ?? 0, buffer.byteCount)
        }
        return order.map { PlannedBuffer(name: $0, byteCount: sums[$0] ?? 0) }
    }
}
