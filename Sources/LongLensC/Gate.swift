import CLibLongLens
import LensSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Who is inside of a model: any number of calls, of which one at a time has the turn to compute. Closing waits for all.
@safe
final class Gate: @unchecked Sendable {
    private let monitor = Monitor()
    // Under the lock.
    private var calls = 0
    private var computing: pthread_t?
    private var closing = false

    /// Whether calls inside are to end.
    var isClosing: Bool { monitor.locked { closing } }

    /// What `body` gives, as one of the calls inside.
    func inside<Result>(_ body: () throws -> Result) throws -> Result {
        try monitor.locked {
            if closing { throw Failure.closed }
            calls += 1
        }
        defer {
            monitor.locked {
                calls -= 1
                monitor.tellOthers()
            }
        }
        return try body()
    }

    /// What `body` gives, when no other call computes.
    func inTurn<Result>(_ body: () throws -> Result) throws -> Result {
        try monitor.locked {
            try refuseOwn()
            while computing != nil && !closing { monitor.wait() }
            if closing { throw Failure.closed }
            computing = pthread_self()
        }
        defer {
            monitor.locked {
                computing = nil
                monitor.tellOthers()
            }
        }
        return try body()
    }

    /// Lets nobody in any more and waits until all are out.
    func close() throws {
        try monitor.locked {
            try refuseOwn()
            if closing { throw Failure.closed }
            closing = true
            monitor.tellOthers()
            while calls > 0 { monitor.wait() }
        }
    }

    /// The thread that computes would wait for itself.
    private func refuseOwn() throws {
        guard let computing, pthread_equal(computing, pthread_self()) != 0 else { return }
        throw Failure(
            LONGLENS_BUSY, "The model is computing: its progress function can neither score with it nor close it.")
    }
}
