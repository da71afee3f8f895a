import LensSupport

extension Runtime {
    /// The environment variable that lowers the instruction set.
    private static let variable = "LONGLENS_ISA"

    /// A runtime as users ask for one.
    ///
    /// - Parameters:
    ///   - threads: more than ``maximumThreadCount`` are as many; nil takes ``Processor/coreCount``.
    ///   - instructionSet: as ``InstructionSet/named(_:)`` takes it; nil takes that of the environment variable LONGLENS_ISA
    ///     where it is set, else the widest that the machine runs.
    /// - Throws: `.usage` for what cannot be, `.machine` for an instruction set that the machine lacks.
    package static func configured(
        threads: Int? = nil, instructionSet: String? = nil, carrier: ThreadCarrier = .openMP
    ) throws(LensError) -> Runtime {
        let threads = threads.map { min($0, maximumThreadCount) }
        func runtime(_ name: String) throws(LensError) -> Runtime {
            let named = try InstructionSet.named(name)
            return try Runtime(
                threads: threads, instructionSet: named.set, without: named.without, carrier: carrier)
        }
        if let instructionSet { return try runtime(instructionSet) }
        guard let name = environment(variable), !name.isEmpty else {
            return try Runtime(threads: threads, carrier: carrier)
        }
        do throws(LensError) {
            return try runtime(name)
        } catch {
            throw LensError(error.kind, "Environment variable \(variable): \(error.message)")
        }
    }
}
