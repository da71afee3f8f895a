import LongLens

extension Target {
    /// A checkpoint: `state.json`, `checksums` (the right ones where it is empty), the folder's name (`step-1`), and the
    /// file of each of its tensors, see `Header`, with a zero byte between.
    static let checkpoint = Target(
        name: "checkpoint",
        seeds: { try Samples.checkpoints() },
        run: { input, scratch in
            let parts = parts(input, 4)
            let name = parts[2].isEmpty ? "step-1" : String(decoding: parts[2], as: UTF8.self)
            guard name.utf8.count < 256, !name.contains("/"), ![".", ".."].contains(name) else { return }
            let folder = "checkpoints/\(name)", tensors = Header.sized(parts[3])
            var files = ["model", "first_moment", "second_moment", "gradients"].map { ("\($0).safetensors", tensors) }
            files.append(("state.json", Array(parts[0])))
            let list = files.map { "\(checksum($0.1)) \($0.1.count) \($0.0)\n" }.joined()
            let right = list + checksum(Array(list.utf8)) + "\n"
            files.append(("checksums", parts[1].isEmpty ? Array(right.utf8) : Array(parts[1])))

            scratch.makeFolder("checkpoints")
            scratch.makeFolder(folder)
            for (file, bytes) in files { _ = scratch.write("\(folder)/\(file)", bytes) }
            defer {
                for (file, _) in files { scratch.remove("\(folder)/\(file)") }
                scratch.removeFolder(folder)
            }
            let store = CheckpointStore(path: scratch.path + "/checkpoints", keep: 1)
            for position in CheckpointStore.positions(in: store.path) {
                precondition(!position.description.isEmpty && store.folder(position).hasSuffix(name))
                let state = try store.verify(position)
                precondition(state.position == position)
                try store.load(position, into: TrainingState(ParameterStore(Samples.configuration(.llama))))
            }
        })

    private static func checksum(_ bytes: [UInt8]) -> String {
        var sum = Checksum()
        bytes.withUnsafeBytes { sum.update($0) }
        return sum.hexadecimal
    }

    /// The metrics of a run that goes on after its third update.
    static let metrics = Target(
        name: "metrics",
        seeds: { [Array(([1, 2, 3, 4].map(Samples.metrics) + [#"{"step": 5"#]).joined(separator: "\n").utf8)] },
        run: { input, scratch in
            let path = scratch.write("metrics.jsonl", input)
            _ = try MetricsLog(path: path, continuingAfter: 3)
            let kept = try contents(of: path)
            // Whole lines of the log in their order, at most one an update.
            precondition(kept.isEmpty || kept.last == 0x0A)
            let keptLines = lines(kept).dropLast()
            precondition(keptLines.count <= 3)
            var rest = lines(input)[...]
            for line in keptLines {
                guard let place = rest.firstIndex(of: line) else { preconditionFailure("a line that was not there") }
                rest = rest[(place + 1)...]
            }
            // Nothing is left to mend.
            _ = try MetricsLog(path: path, continuingAfter: 3) { preconditionFailure($0) }
            let again = try contents(of: path)
            precondition(again == kept)
        })

    private static func lines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
    }
}
