import Foundation
import LensSupport
import LensTestSupport
import Synchronization
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

private func lensError(_ body: () throws -> Void) -> LensError? {
    do { try body() } catch { return error as? LensError }
    return nil
}

@Suite struct SpillTests {

    private func file(_ folder: String, _ byteCount: Int) throws -> SpillFile {
        try SpillFile(folder: folder, byteCount: byteCount, for: "what a test spills")
    }

    private func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
        var generator = SeededGenerator(seed: seed, stream: 0)
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    }

    @Test func whatIsWrittenIsRead() throws {
        let folder = try TemporaryFolder()
        let size = (8 << 20) + 4096
        let file = try file(folder.path, 3 * size)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty, "the file has no name")
        let written = (0..<3).map { bytes(size - $0, seed: UInt64($0)) }
        for (index, bytes) in written.enumerated() {
            try unsafe bytes.withUnsafeBytes { try unsafe file.write($0, at: index * size) }
        }
        for (index, expected) in written.enumerated().reversed() {
            var read = [UInt8](repeating: 0, count: expected.count)
            try unsafe read.withUnsafeMutableBytes { try unsafe file.read(into: $0, at: index * size) }
            #expect(read == expected)
        }
        let speed = try file.measureSpeed()
        #expect(speed.written > 0 && speed.read > 0 && speed.seconds(1 << 20) > 0)
    }

    @Test func foldersThatCannotBeUsedAreErrors() throws {
        let folder = try TemporaryFolder()
        #expect(lensError { _ = try file(folder.file("none"), 1) }?.kind == .missing)
        try folder.write("plain", [1])
        #expect(lensError { _ = try file(folder.file("plain"), 1) }?.message.contains("is no folder") == true)
        let error = lensError { _ = try file(folder.path, 1 << 60) }
        #expect(error?.kind == .io && error?.message.contains("are needed: what a test spills take") == true)
    }

    /// The limit on a file's size stands for a disk that has no room, in a process of its own.
    @Test func roomThatIsNotThereIsToldAtOnce() async {
        await #expect(processExitsWith: .success) {
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 1 << 20, rlim_max: 1 << 20)
            #if canImport(Glibc)
                let resource = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
            #else
                let resource = RLIMIT_FSIZE
            #endif
            #expect(unsafe setrlimit(resource, &limit) == 0)
            let folder = try TemporaryFolder()
            _ = try SpillFile(folder: folder.path, byteCount: 1 << 20, for: "what a test spills")
            let error = lensError {
                _ = try SpillFile(folder: folder.path, byteCount: 1 << 21, for: "what a test spills")
            }
            #expect(error?.kind == .io && error?.message.contains("Cannot write 2.0 MiB to the spill folder") == true)
        }
    }

    @Test func whatFailsLaterIsAnError() throws {
        let folder = try TemporaryFolder()
        let file = try file(folder.path, 1 << 20)
        #expect(ftruncate(file.descriptor, 0) == 0)
        var read = [UInt8](repeating: 0, count: 100)
        let error = lensError { try unsafe read.withUnsafeMutableBytes { try unsafe file.read(into: $0, at: 0) } }
        #expect(error?.kind == .io && error?.message.contains("cut short") == true)
    }

    @Test func jobsAreDoneInTheirOrder() throws {
        let queue = try BackgroundQueue()
        let order = Mutex<[Int]>([])
        var last = 0
        for index in 0..<1000 {
            last = queue.add {
                order.withLock { $0.append(index) }
                return nil
            }
        }
        try queue.wait(for: last)
        #expect(order.withLock { $0 } == Array(0..<1000))
    }

    @Test func afterAFailureNothingIsDone() throws {
        let queue = try BackgroundQueue()
        let done = Atomic<Int>(0)
        let first = queue.add { .io("this failed") }
        let second = queue.add {
            done.add(1, ordering: .relaxed)
            return .io("this too")
        }
        for number in [first, second, first] {
            #expect(lensError { try queue.wait(for: number) }?.message == "this failed")
        }
        #expect(lensError { try queue.waitForAll() }?.message == "this failed")
        #expect(done.load(ordering: .relaxed) == 0)
    }

    @Test func aQueueEndsWithItsWork() throws {
        for _ in 0..<50 {
            let queue = try BackgroundQueue()
            for _ in 0..<5 { _ = queue.add { nil } }
        }
    }
}
