import CLibLongLens
import LensSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The options that a caller filled, or `defaults` where there are none. A structure of an earlier version is shorter, and
/// leaves the rest at the defaults; one of a later version may only have zeros beyond what is known here.
///
/// - Parameter name: of the structure, for messages.
func read<Options: BitwiseCopyable>(
    _ given: UnsafePointer<Options>?, over defaults: Options, _ name: String
) throws -> Options {
    guard let given = unsafe UnsafeRawPointer(given) else { return defaults }
    let size = unsafe given.loadUnaligned(as: UInt.self), known = MemoryLayout<Options>.size
    guard size >= 8, size <= 4096, size.isMultiple(of: 8) else {
        throw Failure.invalid("A \(name) of \(size) bytes cannot be: was it set by \(name)_init?")
    }
    for offset in stride(from: known, to: Int(size), by: 1)
    where unsafe given.load(fromByteOffset: offset, as: UInt8.self) != 0 {
        throw Failure.invalid(
            "The \(name) of \(size) bytes sets what this version of LongLens does not know, which ends at \(known).")
    }
    var options = defaults
    unsafe withUnsafeMutableBytes(of: &options) { bytes in
        unsafe bytes.copyMemory(from: UnsafeRawBufferPointer(start: given, count: min(Int(size), known)))
    }
    return options
}

/// Where a result goes: never null.
func required<Pointee>(_ pointer: UnsafeMutablePointer<Pointee>?, _ name: String) throws -> UnsafeMutablePointer<
    Pointee
> {
    guard let pointer = unsafe pointer else {
        throw Failure.invalid("\(name) is a null pointer, and receives the result.")
    }
    return unsafe pointer
}

/// A copy of `count` elements of the caller's. Null is no elements; more than ``greatestCount``, or than there is memory for,
/// cannot be.
///
/// - Parameter bytes: what an element takes at most while it is worked on.
func array<Element: BitwiseCopyable>(
    _ pointer: UnsafePointer<Element>?, _ count: Int, _ name: String, bytes: Int = 64
) throws -> [Element] {
    try check(count, name, bytes)
    guard count > 0 else { return [] }
    guard let pointer = unsafe pointer else {
        throw Failure.invalid("\(name) is a null pointer, and \(count) are to be read.")
    }
    return unsafe Array(UnsafeBufferPointer(start: pointer, count: count))
}

/// So many elements are not worth the question what memory is free.
private let fewElements = 1 << 16

private func check(_ count: Int, _ name: String, _ bytes: Int) throws {
    // A size_t comes as a signed number.
    guard count >= 0, count <= greatestCount else {
        throw Failure.invalid(
            "\(name) cannot have \(UInt(bitPattern: count)) elements: at most \(greatestCount) are taken.")
    }
    guard count > fewElements else { return }
    let free = SystemMemory.available
    guard count * bytes <= free else {
        throw Failure(
            LONGLENS_MACHINE,
            "\(name) has \(count) elements, for which \(describeByteCount(count * bytes)) of memory are needed, and "
                + "\(describeByteCount(free)) are free.")
    }
}

/// A setting of the caller's: a text of UTF-8 that ends with 0.
func text(_ pointer: UnsafePointer<CChar>?, _ name: String) throws -> String {
    guard let pointer = unsafe pointer else { throw Failure.invalid("\(name) is a null pointer.") }
    guard let text = unsafe String(validatingCString: pointer) else { throw Failure.invalid("\(name) is not UTF-8.") }
    return text
}

/// A path, of any bytes.
func path(_ pointer: UnsafePointer<CChar>?, _ name: String) throws -> String {
    guard let pointer = unsafe pointer else { throw Failure.invalid("\(name) is a null pointer.") }
    return unsafe String(pathBytes: UnsafeRawBufferPointer(start: pointer, count: strlen(pointer)))
}

/// The case of this number, where there is one.
func choice<Choice>(_ number: Int32, of choices: [Choice], _ name: String) throws -> Choice {
    guard number >= 0, number < choices.count else {
        throw Failure.invalid("\(name) is \(number), and can be from 0 to \(choices.count - 1).")
    }
    return choices[Int(number)]
}

/// Memory for the caller, who frees it.
func allocate(_ byteCount: Int) throws -> UnsafeMutableRawPointer {
    guard let memory = unsafe malloc(max(byteCount, 1)) else {
        throw Failure(LONGLENS_MACHINE, "The machine has no \(describeByteCount(byteCount)) of memory to give.")
    }
    return unsafe memory
}

/// The bytes, and a 0 after them, in memory for the caller.
func cString(_ bytes: [UInt8]) throws -> UnsafeMutablePointer<CChar> {
    let memory = try unsafe allocate(bytes.count + 1)
    unsafe memory.copyMemory(from: bytes, byteCount: bytes.count)
    unsafe memory.storeBytes(of: 0, toByteOffset: bytes.count, as: UInt8.self)
    return unsafe memory.assumingMemoryBound(to: CChar.self)
}

/// A caller's function that follows the work and may end it.
@safe
struct Progress {
    private let function: longlens_progress?
    private let user: UnsafeMutableRawPointer?

    init(_ function: longlens_progress?, _ user: UnsafeMutableRawPointer?) {
        unsafe (self.function, self.user) = (function, user)
    }

    /// Throws `.interrupted` where the caller asks for the end.
    func tell(_ share: Double) throws(LensError) {
        guard let function = unsafe function else { return }
        guard unsafe function(user, min(max(share, 0), 1)) == 0 else {
            throw LensError(.interrupted, "The progress function asked for the end.")
        }
    }
}
