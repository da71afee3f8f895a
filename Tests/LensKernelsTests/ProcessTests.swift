#if os(Linux)
    import Glibc
    import LensKernels
    import LensSupport
    import Testing

    /// What runtimes leave of a process: its threads, memory and time. Each in a process of its own, where nothing else runs.
    @Suite struct ProcessTests {
        /// Freed, its threads are gone. Those of an OpenMP team go back to the runtime of OpenMP, which keeps them for the
        /// next: there they may stay, and no further runtime adds any.
        @Test func aFreedRuntimeLeavesNoThreads() async {
            await #expect(processExitsWith: .success) {
                for carrier in ThreadCarrier.allCases {
                    let chain = try Chain(), before = try threads(), most = 3
                    for round in 0..<5 {
                        try useRuntime(chain, threads: most + 1, carrier) { runtime in
                            #expect(runtime.counters.workers == most)
                            let working = try threads()
                            #expect(working >= before + most, "round \(round)")
                        }
                        let kept = carrier == .pool ? 0 : most
                        let left = try threads(atMost: before + kept)
                        #expect(left <= before + kept, "round \(round)")
                    }
                }
            }
        }

        /// A leaked thread, stack, scratch or context would show: each of the runtimes has a megabyte of each at least.
        @Test func hundredsOfRuntimesLeakNothing() async {
            await #expect(processExitsWith: .success) {
                for carrier in ThreadCarrier.allCases {
                    func make(_ count: Int) throws {
                        for number in 0..<count {
                            let runtime = try Runtime(threads: 2 + number % 2, carrier: carrier)
                            let sum = try Matrix(rows: 1, columns: 16384), rows = try Matrix(rows: 64, columns: 16384)
                            try runtime.biasBackward(rows, biasGradient: sum)
                            #expect(runtime.counters.workers == runtime.threadCount - 1)
                            #expect(runtime.counters.scratchByteCount >= 1 << 18)
                        }
                    }
                    try make(20)
                    let (threadsBefore, before) = (try threads(), try memory())
                    try make(200)
                    let (left, after) = (try threads(atMost: threadsBefore), try memory())
                    #expect(left <= threadsBefore)
                    // A leak of 256 KiB in each is 50 MiB resident; one of a thread's stack is 400 MiB of addresses.
                    #expect(after.resident - before.resident < 25 << 20)
                    #expect(after.addresses - before.addresses < 200 << 20)
                }
            }
        }

        /// Threads that wait for work sleep. Awake, three of them would use more than one second of time in half a second
        /// on two cores, and half a second on one.
        @Test func idleThreadsSleep() async {
            await #expect(processExitsWith: .success) {
                for carrier in ThreadCarrier.allCases {
                    try useRuntime(try Chain(), threads: 4, carrier) { _ in
                        let before = processorTime()
                        usleep(500_000)
                        #expect(processorTime() - before < 0.1)
                    }
                }
            }
        }

        /// Two of them that compute in turns: neither's threads wait awake while the other's work.
        @Test func anIdleRuntimeTakesNothingFromABusyOne() async {
            await #expect(processExitsWith: .success) {
                let chain = try Chain()
                try useRuntime(chain, threads: 4, .openMP) { idle in
                    let regions = idle.counters.regions
                    let alone = try Runtime(threads: 1)
                    let before = (thread: threadTime(), process: processorTime())
                    for _ in 0..<30 { _ = try chain.bits(on: alone) }
                    let (own, all) = (threadTime() - before.thread, processorTime() - before.process)
                    #expect(all < 1.2 * own + 0.1)
                    #expect(idle.counters.regions == regions)
                }
            }
        }
    }

    private func useRuntime(
        _ chain: Chain, threads: Int, _ carrier: ThreadCarrier, _ body: (Runtime) throws -> Void
    ) throws {
        let runtime = try Runtime(threads: threads, carrier: carrier)
        _ = try chain.bits(on: runtime)
        try body(runtime)
        withExtendedLifetime(runtime) {}
    }

    /// Threads of this process.
    private func threads() throws -> Int {
        let folder = try unsafe #require(opendir("/proc/self/task"))
        defer { unsafe closedir(folder) }
        var count = 0
        while let entry = unsafe readdir(folder) {
            if unsafe entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 }
        }
        return count
    }

    /// The same, after at most two seconds' wait for `most` of them: the system counts a thread a little longer than
    /// those do who wait for its end.
    private func threads(atMost most: Int) throws -> Int {
        for _ in 0..<200 where try threads() > most { usleep(10_000) }
        return try threads()
    }

    /// Bytes of the process.
    private func memory() throws -> (addresses: Int, resident: Int) {
        let file = try unsafe #require(fopen("/proc/self/statm", "r"))
        defer { unsafe fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        try #require(unsafe fgets(&line, 128, file) != nil)
        let pages = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            .split(separator: " ").compactMap { Int($0) }
        return (
            try #require(pages.first) * Int(getpagesize()), try #require(pages.dropFirst().first) * Int(getpagesize())
        )
    }

    /// Seconds that processors have worked for this process, and for this thread.
    private func processorTime() -> Double { time(CLOCK_PROCESS_CPUTIME_ID) }
    private func threadTime() -> Double { time(CLOCK_THREAD_CPUTIME_ID) }

    private func time(_ clock: clockid_t) -> Double {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
    }
#endif
