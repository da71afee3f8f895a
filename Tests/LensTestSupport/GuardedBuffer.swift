#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// fp32 elements that end exactly where an inaccessible page begins (and start right after one when `atStart`):
/// a kernel that touches one element too many dies at once.
@safe
public final class GuardedBuffer {
    public let count: Int
    private let mapping: UnsafeMutableRawPointer
    private let mappedBytes: Int
    @unsafe public let pointer: UnsafeMutablePointer<Float>

    public init(count: Int, atStart: Bool = false) {
        let page = Int(getpagesize()), bytes = count * MemoryLayout<Float>.stride
        let inner = max(1, (bytes + page - 1) / page) * page
        mappedBytes = inner + 2 * page
        unsafe mapping = mmap(nil, mappedBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        precondition(unsafe mapping != MAP_FAILED && mprotect(mapping + page, inner, PROT_READ | PROT_WRITE) == 0)
        let first = unsafe atStart ? mapping + page : mapping + page + inner - bytes
        unsafe pointer = first.assumingMemoryBound(to: Float.self)
        self.count = count
    }

    public convenience init(_ elements: [Float], atStart: Bool = false) {
        self.init(count: elements.count, atStart: atStart)
        unsafe pointer.update(from: elements, count: elements.count)
    }

    public var array: [Float] { unsafe Array(UnsafeBufferPointer(start: pointer, count: count)) }

    deinit { unsafe munmap(mapping, mappedBytes) }
}
