// LongLens inside a program with tasks of its own: one model in memory, a runtime for each task, all at once.
import Foundation
import LongLens

/// What one task does: its own pass, its own threads and kernels. The model is shared, and nobody can change it.
func losses(_ tokens: [Int32], _ model: LanguageModel, on runtime: Runtime) throws(LensError) -> [Float] {
    try InferencePass(model, contextLength: tokens.count, on: runtime).losses(tokens)
}

func run(model path: String) async throws {
    let model = try Pretrained.load(path: path).model
    let tokens = (0..<400).map { Int32($0 * 7 % model.configuration.vocabularySize) }

    for set in InstructionSet.supported {
        let alone = try losses(tokens, model, on: Runtime(threads: 1, instructionSet: set))
        // Tasks with different numbers of threads, under OpenMP and without it.
        let same = try await withThrowingTaskGroup(of: Bool.self) { group in
            for threads in 1...4 {
                for carrier in ThreadCarrier.allCases {
                    group.addTask {
                        let runtime = try Runtime(threads: threads, instructionSet: set, carrier: carrier)
                        return try losses(tokens, model, on: runtime) == alone
                    }
                }
            }
            return try await group.allSatisfy { $0 }
        }
        print("\(set): 8 runtimes at once give \(same ? "the bits of one alone" : "OTHER BITS")")
        guard same else { exit(1) }
    }

    // What a caller does wrong is an error that says so, and the program goes on.
    do {
        _ = try InferencePass(model, contextLength: 64).losses(tokens)
    } catch {
        print("as it should be: \(error.message)")
    }
}

guard CommandLine.arguments.count == 2 else {
    print("usage: embed MODEL")
    exit(64)
}
do {
    try await run(model: CommandLine.arguments[1])
} catch let error as LensError {
    print("embed: \(error.message)")
    exit(error.kind.rawValue)
}
