import LensSupport
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The signals by which a user, a shell or a scheduler asks for an end: the first asks the command to stop where it can
/// save, and says so at once; the second ends the process.
package enum Interrupts {
    private static let signals = [SIGINT, SIGTERM, SIGHUP, SIGXCPU, SIGUSR1, SIGUSR2]

    // A signal handler can reach only what is global; these are set before any signal is handled.
    nonisolated(unsafe) private static var stop: StopRequest?
    private static let announcement = Announcement()
    private static let received = Atomic<Int32>(0)

    /// From here on signals go to `request`. One that is ignored, as `nohup` has it, stays ignored.
    ///
    /// - Parameter text: what is said at once, such as "finishing the document, then saving"; ``announce(_:)`` changes
    ///   it as the work goes on.
    package static func forward(to request: StopRequest, announcing text: String) {
        unsafe stop = request
        _ = signalReceived
        announce(text)
        for number in signals {
            // What has the signal ignored has a reason.
            if isIgnored(number) { continue }
            _ = signal(number) { Interrupts.handle($0) }
        }
    }

    /// What the next first signal will say.
    package static func announce(_ text: String) {
        announcement.set("longlens: \(text.printable); again to quit now\n")
    }

    /// The signal that came; nil when none did.
    package static var signalReceived: Int32? {
        let number = received.load(ordering: .relaxed)
        return number == 0 ? nil : number
    }

    /// The exit status of a command that stopped because it was asked to.
    package static var status: Int32 { 128 + (signalReceived ?? SIGINT) }

    // Only what is safe inside of a signal handler: atomics, write and _exit.
    private static func handle(_ number: Int32) {
        let (first, _) = received.compareExchange(expected: 0, desired: number, ordering: .relaxed)
        guard first, let stop = unsafe stop else { _exit(128 + number) }
        stop.request()
        let error = errno
        announcement.say()
        errno = error
    }

    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        guard unsafe sigaction(number, nil, &action) == 0 else { return false }
        #if canImport(Darwin)
            return unsafe unsafeBitCast(action.__sigaction_u.__sa_handler, to: Int.self) == 1
        #else
            return unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
        #endif
    }
}

/// A text that a signal handler can write: two buffers, of which one is read while the other is filled.
@safe
private final class Announcement: @unchecked Sendable {
    private static let limit = 1024
    private let buffers = UnsafeMutablePointer<UInt8>.allocate(capacity: 2 * limit)
    /// Which buffer, and how many bytes of it.
    private let current = Atomic<Int>(0)

    func set(_ text: String) {
        let start = (1 - current.load(ordering: .relaxed) / Self.limit) * Self.limit
        let bytes = Array(text.utf8.prefix(Self.limit - 1))
        for (index, byte) in bytes.enumerated() { unsafe buffers[start + index] = byte }
        current.store(start + bytes.count, ordering: .releasing)
    }

    func say() {
        let (buffer, count) = current.load(ordering: .acquiring).quotientAndRemainder(dividingBy: Self.limit)
        _ = unsafe write(STDERR_FILENO, buffers + buffer * Self.limit, count)
    }
}
