import CZlib
import CZstd
import LensSupport

/// Turns compressed bytes into plain ones as they come. Holds a window of its format, never the whole.
protocol Decompressor: AnyObject {
    /// The plain bytes of what follows `position`, at most ``decompressedChunk`` of them; none where more input is
    /// needed. Moves `position` past what it took. Damaged input throws what is wrong with it.
    func decompress(_ input: [UInt8], from position: inout Int) throws(DamagedInput) -> [UInt8]
    /// Whether the input may end here.
    var isComplete: Bool { get }
}

/// Why compressed bytes cannot be decompressed.
struct DamagedInput: Error { let reason: String }

/// Plain bytes given at once, so that no small input can grow into a large piece of memory.
let decompressedChunk = 1 << 18

/// The compressions that are read, told by the first bytes of a file.
enum Compression: String {
    case gzip, zstd

    /// Bytes that ``of(_:)`` looks at.
    static let signatureLength = 4

    static func of(_ start: [UInt8]) -> Compression? {
        if start.starts(with: [0x1F, 0x8B]) { return .gzip }
        // A frame, or one that is to be skipped, with which some programs begin.
        if start.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) { return .zstd }
        if start.count >= 4, start[0] & 0xF0 == 0x50, start[1...3].elementsEqual([0x2A, 0x4D, 0x18]) { return .zstd }
        return nil
    }

    /// The compression that a file's name promises, and the name without that ending.
    static func named(_ name: String) -> (compression: Compression?, rest: String) {
        let lowercased = name.lowercased()
        for (ending, compression) in [(".gz", Compression.gzip), (".zst", .zstd), (".zstd", .zstd)]
        where lowercased.hasSuffix(ending) {
            return (compression, String(name.dropLast(ending.count)))
        }
        return (nil, name)
    }

    func decompressor() throws(LensError) -> any Decompressor {
        switch self {
        case .gzip: try GzipDecompressor()
        case .zstd: try ZstdDecompressor()
        }
    }
}

/// gzip (RFC 1952) by zlib; members that follow one another are one text.
@safe
private final class GzipDecompressor: Decompressor {
    // zlib keeps the address of its stream.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private(set) var isComplete = false

    init() throws(LensError) {
        unsafe stream.initialize(to: z_stream())
        // 15 bits of window; 16 more mean a gzip header, which is checked with the trailer's CRC.
        let result = unsafe inflateInit2_(stream, 15 + 16, zlibVersion(), Int32(MemoryLayout<z_stream>.size))
        guard result == Z_OK else {
            unsafe stream.deallocate()
            throw .machine("zlib could not be started: there is no memory for its window.")
        }
    }

    deinit {
        _ = unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    func decompress(_ input: [UInt8], from position: inout Int) throws(DamagedInput) -> [UInt8] {
        while true {
            if isComplete {
                // Tapes and some programs fill up with zeros.
                while position < input.count && input[position] == 0 { position += 1 }
                if position == input.count { return [] }
                _ = unsafe inflateReset(stream)
                isComplete = false
            }
            var result = Z_OK
            var left = input.count - position
            let output = unsafe [UInt8](unsafeUninitializedCapacity: decompressedChunk) { output, count in
                unsafe input.withUnsafeBufferPointer { input in
                    let start = unsafe input.baseAddress.map { unsafe $0 + position }
                    unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: start)
                    unsafe stream.pointee.avail_in = uInt(left)
                    unsafe stream.pointee.next_out = output.baseAddress
                    unsafe stream.pointee.avail_out = uInt(decompressedChunk)
                    unsafe result = inflate(stream, Z_NO_FLUSH)
                    left = unsafe Int(stream.pointee.avail_in)
                    count = unsafe decompressedChunk - Int(stream.pointee.avail_out)
                }
            }
            position = input.count - left
            switch result {
            case Z_OK, Z_BUF_ERROR: break
            case Z_STREAM_END: isComplete = true
            default:
                throw DamagedInput(
                    reason: unsafe stream.pointee.msg.map { unsafe String(cString: $0) } ?? "error \(result)")
            }
            if !output.isEmpty || position == input.count { return output }
        }
    }
}

/// Zstandard (RFC 8878) by libzstd, whose own limit of 128 MiB for a window stands; frames that follow one another are
/// one text.
@safe
private final class ZstdDecompressor: Decompressor {
    private let stream: OpaquePointer
    private(set) var isComplete = false
    /// The last call filled its output: there may be more without further input.
    private var isFull = false

    init() throws(LensError) {
        guard let stream = unsafe ZSTD_createDStream() else {
            throw .machine("libzstd could not be started: there is no memory for it.")
        }
        unsafe self.stream = stream
    }

    deinit { _ = unsafe ZSTD_freeDStream(stream) }

    func decompress(_ input: [UInt8], from position: inout Int) throws(DamagedInput) -> [UInt8] {
        while position < input.count || isFull {
            var result = 0
            var taken = position
            let output = unsafe [UInt8](unsafeUninitializedCapacity: decompressedChunk) { output, count in
                unsafe input.withUnsafeBufferPointer { input in
                    var source = unsafe ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: taken)
                    var target = unsafe ZSTD_outBuffer(dst: output.baseAddress, size: decompressedChunk, pos: 0)
                    result = unsafe ZSTD_decompressStream(stream, &target, &source)
                    taken = unsafe source.pos
                    count = unsafe target.pos
                }
            }
            guard ZSTD_isError(result) == 0 else {
                throw DamagedInput(reason: unsafe String(cString: ZSTD_getErrorName(result)))
            }
            if taken > position || !output.isEmpty { isComplete = result == 0 }
            position = taken
            isFull = output.count == decompressedChunk
            if !output.isEmpty { return output }
        }
        return []
    }
}
