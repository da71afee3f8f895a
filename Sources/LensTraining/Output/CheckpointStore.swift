import LensModels
import LensSupport

/// The checkpoints of a run: folders `step-N`, each whole or absent, and `step-N+K` inside update N + 1, which holds the
/// gradients of its first K sequences too.
///
/// A checkpoint is written under a temporary name, flushed to the disk and renamed; a file of checksums, taken of the
/// bytes as they were written and itself checked, tells later whether every byte is as it was.
package struct CheckpointStore: Sendable {
    /// The folder that holds the checkpoints.
    package let path: String
    /// How many are kept, not counting one inside an update, which lasts until the next.
    package let keep: Int

    private static let leftover = ".part"
    private static let stateName = "state.json"
    private static let checksumsName = "checksums"
    private static let gradientsName = "gradients.safetensors"

    package init(path: String, keep: Int) {
        precondition(keep >= 1)
        self.path = path
        self.keep = keep
    }

    /// Where there are checkpoints, ascending; whole or not is not looked at.
    package static func positions(in path: String) -> [TrainingPosition] {
        ((try? Folders.names(in: path)) ?? []).compactMap { TrainingPosition(folderName: $0) }.sorted()
    }

    /// Updates after which there is a checkpoint, ascending; whole or not is not looked at.
    package static func steps(in path: String) -> [Int] {
        positions(in: path).filter { $0.sequences == 0 }.map(\.step)
    }

    /// The folder of the checkpoint at a position.
    package func folder(_ position: TrainingPosition) -> String { "\(path)/\(position.folderName)" }

    /// Removes what a killed run left unfinished. Only under the lock of the output folder.
    ///
    /// - Parameter warn: is told of what cannot be removed, which does no harm.
    package func removeLeftovers(warn: (String) -> Void = { _ in }) {
        for name in (try? Folders.names(in: path)) ?? [] where name.hasSuffix(Self.leftover) {
            do throws(LensError) { try Folders.remove("\(path)/\(name)") } catch {
                warn("\(error.message) It is left from a run that was killed, and stays.")
            }
        }
    }

    // MARK: Saving

    /// Writes a checkpoint, then removes those past `keep`. Returns its folder.
    ///
    /// - Parameters:
    ///   - gradients: those accumulated so far, where the state is inside an update.
    ///   - prunes: false to keep all that are there.
    ///   - warn: is told of an older one that cannot be removed.
    /// `.io` when the disk is full or fails: what was begun is removed, and older checkpoints stay as they were.
    @discardableResult
    package func save(
        _ state: CheckpointState, _ tensors: TrainingState, gradients: ParameterStore? = nil, prunes: Bool = true,
        warn: (String) -> Void = { _ in }
    ) throws(LensError) -> String {
        precondition((gradients != nil) == (state.partial != nil), "a state inside an update has gradients")
        let final = folder(state.position)
        do throws(LensError) {
            try Folders.create(path)
            // A file or a link that leads nowhere is no checkpoint, and would be in the way.
            if !Folders.isFolder(final) { try Folders.remove(final) }
            let target = try AtomicFolder(path: final)
            var files = tensors.files
            if let gradients { files.append((name: Self.gradientsName, store: gradients)) }
            try write(state, files, to: target.temporaryPath)
            // One of the same place can only be a damaged one, passed over when the run was resumed.
            try target.commit()
        } catch {
            throw LensError(error.kind, error.message + " " + remainder(before: state.position))
        }
        if prunes { prune(through: state.position, warn: warn) }
        return final
    }

    private func remainder(before position: TrainingPosition) -> String {
        guard let last = Self.positions(in: path).last(where: { $0 < position }) else {
            return "The checkpoint of \(position) is not saved, and there is none before it."
        }
        return
            "The checkpoint of \(position) is not saved; that of \(last) is whole: make room, then "
            + "continue from it with --resume."
    }

    private func write(
        _ state: CheckpointState, _ stores: [(name: String, store: ParameterStore)], to folder: String
    ) throws(LensError) {
        var text = ""
        for (name, store) in stores {
            let written = WrittenChecksum()
            try TensorFile.write(store, path: "\(folder)/\(name)", observer: written)
            text += "\(written.sum.hexadecimal) \(written.byteCount) \(name)\n"
        }
        let written = WrittenChecksum()
        let file = try AtomicFile(path: "\(folder)/\(Self.stateName)")
        file.observer = written
        try file.write(state.encoded())
        try file.commit()
        text += "\(written.sum.hexadecimal) \(written.byteCount) \(Self.stateName)\n"
        let sums = try AtomicFile(path: "\(folder)/\(Self.checksumsName)")
        try sums.write(text + Checksum.text(text) + "\n")
        try sums.commit()
    }

    private func prune(through position: TrainingPosition, warn: (String) -> Void) {
        // Later ones are damaged ones that this run was resumed in front of: they do not count, and it will replace them.
        let older = Self.positions(in: path).filter { $0 <= position }
        let whole = older.filter { $0.sequences == 0 }
        let superseded = older.filter { $0.sequences > 0 && $0 < position }
        for old in whole.dropLast(keep) + superseded {
            do throws(LensError) { try discard(folder(old)) } catch {
                warn("\(error.message) The checkpoint of \(old) is no longer needed, and stays.")
            }
        }
    }

    // Renamed first, so that a run killed here leaves a leftover and not half a checkpoint.
    private func discard(_ folder: String) throws(LensError) {
        let doomed = folder + ".old" + Self.leftover
        try Folders.remove(doomed)
        try Folders.rename(folder, to: doomed)
        try Folders.remove(doomed)
    }

    // MARK: Loading

    /// The newest checkpoint whose every byte is as it was written; nil when there is none at all.
    ///
    /// - Parameter warn: is told of each damaged one that is passed over.
    /// `.data` when there are checkpoints and all are damaged.
    package func newest(warn: (String) -> Void) throws(LensError) -> CheckpointState? {
        var lastProblem: LensError?
        for position in Self.positions(in: path).reversed() {
            do throws(LensError) {
                let state = try verify(position)
                if let lastProblem { warn("\(lastProblem.message) The run continues from \(position) instead.") }
                return state
            } catch {
                if let lastProblem { warn(lastProblem.message) }
                lastProblem = error
            }
        }
        guard let lastProblem else { return nil }
        throw .data(
            "No checkpoint in \(path) is whole; the last problem found: \(lastProblem.message) Restore one from "
                + "a copy, or start anew in another --output."
        )
    }

    /// Checks every byte of a checkpoint and reads its state. `.data` says which file is damaged.
    package func verify(_ position: TrainingPosition) throws(LensError) -> CheckpointState {
        let folder = folder(position)
        let list = try checksums(folder)
        for entry in list {
            let path = "\(folder)/\(entry.name)"
            guard Folders.exists(path) else {
                throw .data("The checkpoint \(folder) is damaged: \(entry.name) is missing.")
            }
            let (checksum, byteCount) = try Checksum.file(path)
            guard byteCount == entry.byteCount else {
                throw .data(
                    "The checkpoint \(folder) is damaged: \(entry.name) has \(byteCount) bytes and had "
                        + "\(entry.byteCount)."
                )
            }
            guard checksum == entry.checksum else {
                throw .data(
                    "The checkpoint \(folder) is damaged: \(entry.name) does not have the checksum it was saved "
                        + "with.")
            }
        }
        let names = Set(list.map(\.name))
        let gradients = position.sequences > 0 ? [Self.gradientsName] : []
        guard names.isSuperset(of: TrainingState.fileNames + gradients + [Self.stateName]) else {
            throw .data("The checkpoint \(folder) is damaged: \(Self.checksumsName) does not list all of its files.")
        }
        let state = try CheckpointState(
            decoding: bytes("\(folder)/\(Self.stateName)"), path: "\(folder)/\(Self.stateName)")
        guard state.position == position else {
            throw .data("The checkpoint \(folder) says that it is of \(state.position). Was the folder renamed?")
        }
        return state
    }

    private struct Entry {
        let checksum: String
        let byteCount: Int
        let name: String
    }

    private func checksums(_ folder: String) throws(LensError) -> [Entry] {
        let path = "\(folder)/\(Self.checksumsName)"
        guard Folders.exists(path) else {
            throw .data("The checkpoint \(folder) is damaged: \(Self.checksumsName) is missing.")
        }
        let damaged = LensError.data(
            "The checkpoint \(folder) is damaged: \(Self.checksumsName) is not as it was saved.")
        guard let text = String(validating: try bytes(path), as: UTF8.self) else { throw damaged }
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count > 2, lines.popLast() == "", let own = lines.popLast() else { throw damaged }
        guard own == Checksum.text(lines.map { $0 + "\n" }.joined()) else { throw damaged }
        var entries: [Entry] = []
        for line in lines {
            let fields = line.split(separator: " ", maxSplits: 2)
            guard fields.count == 3, let byteCount = Int(fields[1]), !fields[2].contains("/") else { throw damaged }
            entries.append(Entry(checksum: String(fields[0]), byteCount: byteCount, name: String(fields[2])))
        }
        return entries
    }

    // State and checksums are short; a long file in their place is not read.
    private func bytes(_ path: String) throws(LensError) -> [UInt8] {
        let file = try InputFile(regular: path)
        let count = file.status?.byteCount ?? 0
        guard count <= 1 << 20 else { throw .data("\(path) has \(count) bytes: it is not a checkpoint's.") }
        return try file.rest()
    }

    /// Reads the tensors of a checkpoint that `verify` or `newest` found whole.
    package func load(_ position: TrainingPosition, into tensors: TrainingState) throws(LensError) {
        for (name, store) in tensors.files { try TensorFile.read("\(folder(position))/\(name)", into: store) }
        tensors.step = position.step
    }

    /// Reads the accumulated gradients of a checkpoint inside an update.
    func loadGradients(_ position: TrainingPosition, into gradients: ParameterStore) throws(LensError) {
        try TensorFile.read("\(folder(position))/\(Self.gradientsName)", into: gradients)
    }
}

/// The checksum of what is written, not of what can be read back: a write that went wrong is noticed.
private final class WrittenChecksum: WriteObserver {
    private(set) var sum = Checksum()
    private(set) var byteCount = 0

    func willWrite(_ bytes: UnsafeRawBufferPointer) {
        unsafe sum.update(bytes)
        byteCount += bytes.count
    }
}

extension CheckpointStore {
    /// ``verify(_:)`` of the checkpoint after `step` updates.
    package func verify(_ step: Int) throws(LensError) -> CheckpointState { try verify(TrainingPosition(step: step)) }

    /// ``load(_:into:)`` of the checkpoint after `step` updates.
    package func load(_ step: Int, into tensors: TrainingState) throws(LensError) {
        try load(TrainingPosition(step: step), into: tensors)
    }
}
