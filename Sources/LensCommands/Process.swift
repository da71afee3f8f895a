import CLensSystem
import LensSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What the tool arranges with the system before anything else.
enum Process {
    /// The arguments as paths are written: one that is no UTF-8 keeps its bytes.
    static var arguments: [String] {
        // The standard library reads them from /proc, which need not be there.
        let count = lens_argument_count()
        if count > 0 { return (1..<count).compactMap { unsafe word(lens_argument($0)) } }
        return (1..<max(1, Int(CommandLine.argc))).compactMap { unsafe word(CommandLine.unsafeArgv[$0]) }
    }

    private static func word(_ bytes: UnsafePointer<CChar>?) -> String? {
        guard let bytes = unsafe bytes else { return nil }
        return unsafe String(pathBytes: Array(UnsafeRawBufferPointer(start: bytes, count: strlen(bytes))))
    }

    /// Makes failures of writing come as errors, and standard streams that are closed stay apart from files.
    static func prepare() {
        // A reader that went away and a limit on the size of files are errors of the write, not ends of the program.
        _ = signal(SIGPIPE, SIG_IGN)
        _ = signal(SIGXFSZ, SIG_IGN)
        openClosedStreams()
        MappedFile.explainsBusErrors()
    }

    // The next file to be opened would get the number of a closed stream, and what is written to that stream. Input and
    // output are opened the wrong way round, so that their use is still an error.
    private static func openClosedStreams() {
        for (descriptor, mode) in [(STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_WRONLY)]
        where fcntl(descriptor, F_GETFD) < 0 {
            guard unsafe open("/dev/null", mode) >= 0 else { return }
        }
    }

    static func exit(_ status: Int32) -> Never {
        #if canImport(Glibc)
            Glibc.exit(status)
        #elseif canImport(Musl)
            Musl.exit(status)
        #else
            Darwin.exit(status)
        #endif
    }
}
