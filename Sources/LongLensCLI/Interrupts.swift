import LongLens

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Ctrl-C and the polite kill: the first asks the run to stop after its step, the second ends the process at once.
enum Interrupts {
    // A signal handler can reach only what is global; it is set once, before any signal is handled.
    nonisolated(unsafe) private static var stop: StopRequest?

    static func forward(to request: StopRequest) {
        unsafe stop = request
        for signalNumber in [SIGINT, SIGTERM] {
            _ = signal(signalNumber) { _ in
                guard let stop = unsafe Interrupts.stop, !stop.isRequested else { _exit(130) }
                stop.request()
            }
        }
    }
}
