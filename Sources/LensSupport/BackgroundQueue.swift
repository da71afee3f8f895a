#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Does one job after the other on a thread of its own, while the thread that gives them goes on.
///
/// After a job that fails no other is done.
@safe
package final class BackgroundQueue {
    /// What is to be done; returns the error that it failed with.
    package typealias Job = @Sendable () -> LensError?

    private let state = QueueState()
    private let thread: pthread_t

    /// `.machine` when there is no thread to be had.
    package init() throws(LensError) {
        #if canImport(Glibc)
            var thread = pthread_t()
        #else
            var thread: pthread_t?
        #endif
        let context = unsafe Unmanaged.passRetained(state)
        guard unsafe pthread_create(&thread, nil, work, context.toOpaque()) == 0 else {
            unsafe context.release()
            throw .machine("The machine has no thread to give for reading and writing beside the arithmetic.")
        }
        #if canImport(Glibc)
            self.thread = thread
        #else
            self.thread = thread.unsafelyUnwrapped
        #endif
    }

    deinit {
        state.end()
        unsafe pthread_join(thread, nil)
    }

    /// Adds a job behind those that are there, and gives its number for ``wait(for:)``.
    package func add(_ job: @escaping Job) -> Int { state.add(job) }

    /// Waits until the job of that number is done, and those before it. Throws what the first job that failed returned.
    package func wait(for number: Int) throws(LensError) {
        if let failure = state.wait(for: number) { throw failure }
    }

    /// Waits until nothing is left to do. Throws as ``wait(for:)`` does.
    package func waitForAll() throws(LensError) { try wait(for: state.count) }
}

#if canImport(Darwin)
    private typealias Context = UnsafeMutableRawPointer
#else
    private typealias Context = UnsafeMutableRawPointer?
#endif

private func work(_ context: Context) -> UnsafeMutableRawPointer? {
    // Signals are for the threads that were there before.
    var all = sigset_t()
    unsafe sigfillset(&all)
    unsafe pthread_sigmask(SIG_BLOCK, &all, nil)
    #if canImport(Darwin)
        unsafe Unmanaged<QueueState>.fromOpaque(context).takeRetainedValue().work()
    #else
        if let context = unsafe context { unsafe Unmanaged<QueueState>.fromOpaque(context).takeRetainedValue().work() }
    #endif
    return nil
}

/// What both threads of a ``BackgroundQueue`` know, under a lock.
@safe
private final class QueueState: @unchecked Sendable {
    private let monitor = Monitor()
    private var jobs: [BackgroundQueue.Job] = []
    private var added = 0, done = 0
    private var failure: LensError?
    private var isEnding = false

    var count: Int { monitor.locked { added } }

    func add(_ job: @escaping BackgroundQueue.Job) -> Int {
        monitor.locked {
            jobs.append(job)
            added += 1
            monitor.tellOthers()
            return added
        }
    }

    func wait(for number: Int) -> LensError? {
        monitor.locked {
            while done < min(number, added) { monitor.wait() }
            return failure
        }
    }

    func end() {
        monitor.locked {
            isEnding = true
            monitor.tellOthers()
        }
    }

    func work() {
        while let job = next() {
            let failure = job()
            monitor.locked {
                self.failure = self.failure ?? failure
                done += 1
                monitor.tellOthers()
            }
        }
    }

    private func next() -> BackgroundQueue.Job? {
        monitor.locked {
            while jobs.isEmpty && !isEnding { monitor.wait() }
            if isEnding { return nil }
            let job = jobs.removeFirst()
            return failure == nil ? job : { nil }
        }
    }
}
