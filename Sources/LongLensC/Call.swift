import CLibLongLens
import LensSupport

/// Why a call of the library ends without a result.
struct Failure: Error {
    let status: longlens_status
    /// One paragraph.
    let message: String

    init(_ status: longlens_status, _ message: String) {
        (self.status, self.message) = (status, message)
    }

    init(_ error: any Error) {
        switch error {
        case let failure as Failure: self = failure
        case let error as LensError: self.init(Self.status(of: error.kind), error.message)
        default: self.init(LONGLENS_INTERNAL, "Something went wrong that LongLens did not foresee: \(error).")
        }
    }

    /// An argument that cannot be.
    static func invalid(_ message: String) -> Failure { Failure(LONGLENS_INVALID, message) }
    static let closed = Failure(LONGLENS_CLOSED, "The model was closed.")

    private static func status(of kind: LensError.Kind) -> longlens_status {
        switch kind {
        case .usage: LONGLENS_INVALID
        case .data: LONGLENS_DATA
        case .missing: LONGLENS_MISSING
        case .machine: LONGLENS_MACHINE
        case .io: LONGLENS_IO
        case .interrupted: LONGLENS_CANCELLED
        }
    }
}

/// What a function of the library does: `body`, and telling the caller how it ended.
func call(_ error: UnsafeMutablePointer<longlens_error>?, _ body: () throws -> Void) -> longlens_status {
    do {
        try body()
        unsafe report(LONGLENS_OK, "", to: error)
        return LONGLENS_OK
    } catch let thrown {
        let failure = Failure(thrown)
        unsafe report(failure.status, failure.message.printable, to: error)
        return failure.status
    }
}

private func report(_ status: longlens_status, _ message: String, to error: UnsafeMutablePointer<longlens_error>?) {
    guard let error = UnsafeMutableRawPointer(error) else { return }
    let size = unsafe error.loadUnaligned(as: UInt.self)
    guard let places = MemoryLayout<longlens_error>.offset(of: \.message),
        let place = MemoryLayout<longlens_error>.offset(of: \.status), size >= 32
    else { return }
    unsafe error.storeBytes(of: Int32(bitPattern: status.rawValue), toByteOffset: place, as: Int32.self)
    let room = min(size, UInt(MemoryLayout<longlens_error>.size)) - UInt(places) - 1
    let bytes = cut(message, to: Int(room))
    for (index, byte) in bytes.enumerated() {
        unsafe error.storeBytes(of: byte, toByteOffset: places + index, as: UInt8.self)
    }
    unsafe error.storeBytes(of: 0, toByteOffset: places + bytes.count, as: UInt8.self)
}

/// The bytes of a text that fit, in whole characters.
private func cut(_ text: String, to room: Int) -> ArraySlice<UInt8> {
    let bytes = Array(text.utf8)
    guard bytes.count > room else { return bytes[...] }
    var end = room
    while end > 0 && bytes[end] & 0xC0 == 0x80 { end -= 1 }
    return bytes[..<end]
}
