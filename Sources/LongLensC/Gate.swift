import CLibLongLens

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
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private let changed: UnsafeMutablePointer<pthread_cond_t>
    // Under the lock.
    private var calls = 0
    private var computing: pthread_t?
    private var closing = false

    init() {
        unsafe lock = .allocate(capacity: 1)
        unsafe changed = .allocate(capacity: 1)
        unsafe pthread_mutex_init(lock, nil)
        unsafe pthread_cond_init(changed, nil)
    }

    deinit {
        unsafe pthread_cond_destroy(changed)
        unsafe pthread_mutex_destroy(lock)
        unsafe changed.deallocate()
        unsafe lock.deallocate()
    }

    private func locked<Result>(_ body: () throws -> Result) rethrows -> Result {
        unsafe pthread_mutex_lock(lock)
        defer { unsafe pthread_mutex_unlock(lock) }
        return try body()
    }

    private func wait() { unsafe pthread_cond_wait(changed, lock) }
    private func tellOthers() { unsafe pthread_cond_broadcast(changed) }

    /// Whether calls inside are to end.
    var isClosing: Bool { locked { closing } }

    /// What `body` gives, as one of the calls inside.
    func inside<Result>(_ body: () throws -> Result) throws -> Result {
        try locked {
            if closing { throw Failure.closed }
            calls += 1
        }
        defer {
            locked {
                calls -= 1
                tellOthers()
            }
        }
        return try body()
    }

    /// What `body` gives, when no other call computes.
    func inTurn<Result>(_ body: () throws -> Result) throws -> Result {
        try locked {
            try refuseOwn()
            while computing != nil && !closing { wait() }
            if closing { throw Failure.closed }
            computing = pthread_self()
        }
        defer {
            locked {
                computing = nil
                tellOthers()
            }
        }
        return try body()
    }

    /// Lets nobody in any more and waits until all are out.
    func close() throws {
        try locked {
            try refuseOwn()
            if closing { throw Failure.closed }
            closing = true
            tellOthers()
            while calls > 0 { wait() }
        }
    }

    /// The thread that computes would wait for itself.
    private func refuseOwn() throws {
        guard let computing, pthread_equal(computing, pthread_self()) != 0 else { return }
        throw Failure(
            LONGLENS_BUSY, "The model is computing: its progress function can neither score with it nor close it.")
    }
}
