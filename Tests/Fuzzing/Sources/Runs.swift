import LongLens

extension Target {
    /// What a checkpoint says of itself: after a zero byte `checksums` as it is, otherwise `state.json` with the right
    /// checksums.
    static let checkpoint = Target(
        name: "checkpoint",
        run: { input, scratch in
            for folder in ["checkpoints", "checkpoints/step-1"] { scratch.makeFolder(folder) }
            var files = ["model", "first_moment", "second_moment"].map { ("\($0).safetensors", [UInt8]()) }
            files.append(("state.json", input.first == 0 ? [] : input))
            for (name, bytes) in files { _ = scratch.write("checkpoints/step-1/\(name)", bytes) }
            let list = files.map { "\(checksum($0.1)) \($0.1.count) \($0.0)\n" }.joined()
            let checksums =
                input.first == 0 ? input.dropFirst() : Array((list + checksum(Array(list.utf8)) + "\n").utf8)[...]
            _ = scratch.write("checkpoints/step-1/checksums", checksums)
            let state = try CheckpointStore(path: scratch.path + "/checkpoints", keep: 1).verify(1)
            precondition(state.step == 1)
        })

    private static func checksum(_ bytes: [UInt8]) -> String {
        var sum = Checksum()
        bytes.withUnsafeBytes { sum.update($0) }
        return sum.hexadecimal
    }

    /// The metrics of a run that goes on after its third update.
    static let metrics = Target(
        name: "metrics",
        run: { input, scratch in
            let path = scratch.write("metrics.jsonl", input)
            _ = try MetricsLog(path: path, continuingAfter: 3)
            let kept = try contents(of: path)
            precondition(input.starts(with: kept) && (kept.isEmpty || kept.last == 0x0A))
        })
}
