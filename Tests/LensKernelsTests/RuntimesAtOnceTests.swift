import LensKernels
import LensSupport
import Testing

/// A runtime's settings.
private struct Settings: Hashable, CustomStringConvertible {
    var threads: Int, set: InstructionSet, carrier: ThreadCarrier

    var description: String { "\(threads) threads, \(set), \(carrier)" }

    func runtime() throws(LensError) -> Runtime {
        try Runtime(threads: threads, instructionSet: set, carrier: carrier)
    }
}

/// Runtimes used at the same time. Also run under thread sanitizer, by `scripts/sanitize swift`.
@Suite struct RuntimesAtOnceTests {
    private static let plainest = InstructionSet.scalar, widest = InstructionSet.best

    /// The bits of each alone, on one thread.
    private func expectedBits() throws -> [InstructionSet: [UInt32]] {
        let chain = try Chain()
        var bits: [InstructionSet: [UInt32]] = [:]
        for set in [Self.plainest, Self.widest] {
            bits[set] = try chain.bits(on: Runtime(threads: 1, instructionSet: set, carrier: .pool))
        }
        return bits
    }

    /// The tasks' first complaint: each goes through the chain a few times and compares.
    private func complaint(of tasks: [(name: String, set: InstructionSet, runtime: Runtime)], rounds: Int = 12)
        async throws
        -> String?
    {
        let expected = try expectedBits()
        return try await withThrowingTaskGroup(of: String?.self) { group in
            for (name, set, runtime) in tasks {
                group.addTask {
                    let chain = try Chain()
                    for round in 0..<rounds where try chain.bits(on: runtime) != expected[set] {
                        return "\(name), round \(round)"
                    }
                    return nil
                }
            }
            return try await group.reduce(nil) { $0 ?? $1 }
        }
    }

    @Test(arguments: ThreadCarrier.allCases)
    func twoOfDifferentThreadsAndInstructionSetsGiveTheBitsOfEachAlone(_ carrier: ThreadCarrier) async throws {
        let settings = [
            Settings(threads: 2, set: Self.widest, carrier: carrier),
            Settings(threads: 3, set: Self.plainest, carrier: carrier),
        ]
        let tasks = try settings.map { (name: $0.description, set: $0.set, runtime: try $0.runtime()) }
        #expect(try await complaint(of: tasks) == nil)
        for (task, setting) in zip(tasks, settings) {
            #expect(task.runtime.counters.workers == setting.threads - 1, "\(setting)")
            #expect(task.runtime.counters.regions > 0, "\(setting)")
        }
    }

    @Test func oneOfEachCarrierAtTheSameTime() async throws {
        let tasks = try ThreadCarrier.allCases.map { carrier in
            let settings = Settings(threads: 2, set: Self.widest, carrier: carrier)
            return (name: settings.description, set: settings.set, runtime: try settings.runtime())
        }
        #expect(try await complaint(of: tasks) == nil)
    }

    @Test(arguments: ThreadCarrier.allCases)
    func severalTasksMayShareOne(_ carrier: ThreadCarrier) async throws {
        let runtime = try Runtime(threads: 2, carrier: carrier)
        let tasks = (1...4).map { (name: "task \($0)", set: Self.widest, runtime: runtime) }
        #expect(try await complaint(of: tasks, rounds: 4) == nil)
        #expect(runtime.counters.workers == 1)
    }

    /// Runtimes come and go in several tasks while others compute.
    @Test(arguments: ThreadCarrier.allCases)
    func runtimesAreMadeAndFreedWhileOthersCompute(_ carrier: ThreadCarrier) async throws {
        let expected = try expectedBits()
        let allSame = try await withThrowingTaskGroup(of: Bool.self) { group in
            for task in 0..<4 {
                group.addTask {
                    let chain = try Chain()
                    return try (0..<4).allSatisfy { round in
                        let set = (task + round) % 2 == 0 ? Self.plainest : Self.widest
                        let runtime = try Runtime(
                            threads: 1 + (task + round) % 3, instructionSet: set, carrier: carrier)
                        return try chain.bits(on: runtime) == expected[set]
                    }
                }
            }
            return try await group.allSatisfy { $0 }
        }
        #expect(allSame)
    }

    @Test func carriersAndThreadsChangeNoBits() throws {
        let chain = try Chain()
        for set in InstructionSet.supported {
            let alone = try chain.bits(on: Runtime(threads: 1, instructionSet: set))
            for carrier in ThreadCarrier.allCases {
                for threads in [2, 5] {
                    let runtime = try Runtime(threads: threads, instructionSet: set, carrier: carrier)
                    for _ in 0..<3 {
                        let same = try chain.bits(on: runtime) == alone
                        #expect(same, "\(set), \(carrier), \(threads) threads")
                    }
                }
            }
        }
    }

    /// Otherwise what is compared above would not tell instruction sets apart.
    @Test(.enabled(if: InstructionSet.best != .scalar, "this machine runs scalar kernels alone"))
    func instructionSetsHaveBitsOfTheirOwn() throws {
        let bits = try expectedBits()
        #expect(bits[Self.plainest] != bits[Self.widest])
    }
}
