import Synchronization

/// Asks a run to stop after the sequence that it is in. Safe to call from any thread.
public final class StopRequest: Sendable {
    private let flag = Atomic<Bool>(false)

    /// Nothing is requested yet.
    public init() {}

    /// Asks for the end; from any thread.
    public func request() { flag.store(true, ordering: .relaxed) }

    public var isRequested: Bool { flag.load(ordering: .relaxed) }

    /// Throws `.interrupted` with a message once the stop is requested.
    public func check(_ message: @autoclosure () -> String) throws(LensError) {
        if isRequested { throw LensError(.interrupted, message()) }
    }
}
