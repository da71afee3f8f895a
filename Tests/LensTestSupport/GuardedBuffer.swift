#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Elements that end exactly where an inaccessible page begins (and start right after one when `atStart`):
/// a kernel that touches one element too many dies at once.
@safe
public final class GuardedBuffer<Element: BitwiseCopyable> {
    public let count: Int
    private let mapping: UnsafeMutableRawPointer
    private let mappedBytes: Int
    fileprivate let pointer: UnsafeMutablePointer<Element>

    /// Zeros.
    public init(count: Int, atStart: Bool = false) {
        let page = Int(getpagesize()), bytes = count * MemoryLayout<Element>.stride
        let inner = max(1, (bytes + page - 1) / page) * page
        mappedBytes = inner + 2 * page
        unsafe mapping = mmap(nil, mappedBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        precondition(unsafe mapping != MAP_FAILED && mprotect(mapping + page, inner, PROT_READ | PROT_WRITE) == 0)
        let first = unsafe atStart ? mapping + page : mapping + page + inner - bytes
        unsafe pointer = first.assumingMemoryBound(to: Element.self)
        self.count = count
    }

    public convenience init(_ elements: [Element], atStart: Bool = false) {
        self.init(count: elements.count, atStart: atStart)
        unsafe pointer.update(from: elements, count: elements.count)
    }

    public var array: [Element] { unsafe Array(UnsafeBufferPointer(start: pointer, count: count)) }

    public subscript(index: Int) -> Element {
        get { unsafe UnsafeBufferPointer(start: pointer, count: count)[index] }
        set { unsafe UnsafeMutableBufferPointer(start: pointer, count: count)[index] = newValue }
    }

    deinit { unsafe munmap(mapping, mappedBytes) }
}

/// Calls `body` with the addresses of the buffers, which live at least until it returns.
public func withPointers<each Element, Result>(
    _ buffers: repeat GuardedBuffer<each Element>,
    body: (repeat UnsafeMutablePointer<each Element>) throws -> Result
) rethrows -> Result {
    try withExtendedLifetime((repeat each buffers)) { unsafe try body(repeat (each buffers).pointer) }
}
