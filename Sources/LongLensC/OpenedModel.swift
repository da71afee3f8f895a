import CLibLongLens
import LensData
import LensFormats
import LensKernels
import LensModels
import LensScoring
import LensSupport
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A model behind a handle, with threads of its own.
final class OpenedModel: @unchecked Sendable {
    let pretrained: Pretrained
    let runtime: Runtime
    let gate = Gate()
    private let process = getpid()
    // Of whoever has the turn: its buffers serve the next call of the same sizes.
    private var pass: InferencePass?

    init(_ pretrained: Pretrained, on runtime: Runtime) { (self.pretrained, self.runtime) = (pretrained, runtime) }

    /// The losses of `tokens`: of each after the first.
    func losses(
        _ tokens: [Int32], _ plan: WindowPlan, batch: Int?, _ progress: Progress
    ) throws -> [Float] {
        try gate.inTurn {
            let batch = batch ?? WindowPlan.batch(context: plan.context)
            if pass?.contextLength != plan.context || pass?.batch != max(batch, plan.context) { pass = nil }
            let pass =
                try self.pass
                ?? InferencePass(
                    pretrained.model, contextLength: plan.context, batch: batch, grows: true, on: runtime)
            self.pass = pass
            do throws(LensError) {
                return try pass.windowedLosses(
                    TokenSequence(document: "given", index: 0, tokens: tokens), context: plan.context,
                    stride: plan.stride, bosToken: pretrained.bosToken
                ) { (share) throws(LensError) in
                    if gate.isClosing { throw LensError(.interrupted, "The model was closed.") }
                    try progress.tell(share)
                }
            } catch {
                throw gate.isClosing && error.kind == .interrupted ? Failure.closed : Failure(error)
            }
        }
    }

    /// Throws where this process is a child of the one that opened the model: threads and locks stayed behind there.
    fileprivate func checkProcess() throws {
        guard getpid() == process else {
            throw Failure.invalid("The model was opened before the process forked: open it in the child.")
        }
    }
}

/// All opened models by their handles, which are numbers in the place of addresses: a handle may come from anywhere.
enum Handles {
    private struct Table {
        var models: [UInt: OpenedModel] = [:]
        var next: UInt = first
    }

    // Small numbers are more often mistakes than handles.
    private static let first: UInt = 0x10000
    private static let table = Mutex(Table())

    static func add(_ model: OpenedModel) -> OpaquePointer? {
        let number = table.withLock { table in
            defer { table.next += 16 }
            table.models[table.next] = model
            return table.next
        }
        return unsafe OpaquePointer(bitPattern: number)
    }

    /// What `body` gives of the model, which is not closed meanwhile.
    static func with<Result>(_ handle: OpaquePointer?, _ body: (OpenedModel) throws -> Result) throws -> Result {
        let model = try unsafe model(handle)
        return try model.gate.inside { try body(model) }
    }

    /// Closes the model, when no call is inside of it.
    static func close(_ handle: OpaquePointer?) throws {
        let model = try unsafe model(handle)
        try model.gate.close()
        let number = UInt(bitPattern: handle)
        _ = table.withLock { $0.models.removeValue(forKey: number) }
    }

    private static func model(_ handle: OpaquePointer?) throws -> OpenedModel {
        let number = UInt(bitPattern: handle)
        let (found, wasOne) = table.withLock { table in
            (table.models[number], number >= first && number < table.next && (number - first).isMultiple(of: 16))
        }
        guard let found else {
            if number == 0 { throw Failure.invalid("The model is a null pointer.") }
            throw wasOne ? Failure.closed : Failure.invalid("The pointer is no model that was opened.")
        }
        try found.checkProcess()
        return found
    }
}
