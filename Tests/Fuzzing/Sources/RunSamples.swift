import LongLens

/// What runs leave in their output.
extension Samples {
    static let scoreSettings = ScoreSettings([("--context", "8"), ("--compute", "f32")])

    /// The records of a run of scoring with `scoreSettings`.
    static let resumable = [("a", 0, [1, 2, 3]), ("a", 1, [4, 5]), ("b", 0, Array(7...18))].map {
        (document: String, sequence: Int, tokens: [Int32]) in
        ScoreRecord(
            document: document, sequence: sequence, tokens: tokens, nll: tokens.dropFirst().map { Float($0) / 4 },
            context: 8, stride: 4, model: "m")
    }

    /// The journal of a run that was stopped after two records and the first window of the third.
    static func journal() throws -> [UInt8] {
        try written(".partial") { path in
            let output = try ScoreOutput(path: path, format: .jsonl, settings: scoreSettings) { _ in }
            for record in resumable.prefix(2) { try output.write(record) }
            let last = resumable[2]
            let sequence = TokenSequence(document: last.document, index: last.sequence, tokens: last.tokens)
            _ = try output.record(of: sequence, context: 8, stride: 4, model: "m")
            try output.keep(Array(last.nll.prefix(7)))
            _ = output.stop()
        }
    }

    static func metrics(step: Int) -> String {
        StepMetrics(
            step: step, loss: 2.5, nll: 2.25, weightStandardDeviation: 0.5, weightNonzero: 1, gradientNorm: 1.5,
            learningRate: 1e-4, tokens: 8, stepSeconds: 0.25, tokensPerSecond: 32, peakResidentBytes: 1 << 20
        ).json
    }

    /// Checkpoints after and inside the first update, as the target of that name takes them.
    static func checkpoints() throws -> [[UInt8]] {
        let state = #""format":2,"steps":2,"instructionSet":"avx2","settings":{},"data":"0","model":"0","scorer":"""#
        let partial = #""sequences":1,"loss":2,"nll":2,"weightStandardDeviation":0,"weightNonzero":1,"seconds":1"#
        let parameters = try ParameterStore(configuration(.llama))
        let tensors = try written { path in
            let writer = try SafetensorsWriter(
                path: path,
                tensors: parameters.descriptions.map {
                    SafetensorsDescription(name: $0.name, dataType: .float32, shape: $0.shape)
                })
            for tensor in writer.order {
                let zeros = [UInt8](repeating: 0, count: tensor.byteCount)
                try zeros.withUnsafeBytes { try writer.write(tensor.name, $0) }
            }
            try writer.commit()
        }
        return [("\(state),\"step\":1", "step-1"), ("\(state),\"step\":0,\"partial\":{\(partial)}", "step-0+1")].map {
            (state: String, folder: String) in
            Array("{\(state)}\0\0\(folder)\0".utf8) + Header.unsized(tensors)
        }
    }
}
