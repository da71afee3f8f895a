// Training from values in memory: nothing is read but the model, nothing written but the result.
import Foundation
import LongLens

func run(model path: String, output: String, steps: Int) throws(LensError) {
    let start = try Pretrained.load(path: path)
    guard let tokenizer = start.tokenizer else { throw .missing("\(path) carries no tokenizer.") }

    // Documents whose facts are stated early and asked for late.
    var generator = try RecallDocumentGenerator(words: 1200, seed: 1)
    let documents = (0..<8).map { _ in
        let document = generator.next()
        return Document(id: document.id, content: .text(Array(document.text.utf8)))
    }
    let model = try TrainableModel(copying: start.model)
    var options = Trainer.Options(contextLength: 512)
    options.steps = steps
    options.warmup = 1
    options.learningRate = 1e-4
    try Trainer.run(
        model: model, documents: documents, encoder: try DocumentEncoder(tokenizer), scheme: .dense(lambda: 0.5),
        scorer: try OwnScorer(model, context: 128), options: options
    ) { step in
        print("step \(step.step): loss \(step.loss), nll \(step.nll), \(Int(step.tokensPerSecond)) tokens/s")
    }

    let trained = Pretrained(model: model.freeze(), tokenizer: tokenizer, path: path, origin: start.origin)
    for note in try trained.saveHuggingFace(to: output) { print("note: \(note)") }
    let again = try Pretrained.load(path: output)
    guard again.model.fingerprint == trained.model.fingerprint else {
        throw .data("\(output) does not hold what was written to it.")
    }
    print("wrote \(output): \(again.model.configuration.parameterCount) parameters")
}

let arguments = CommandLine.arguments
guard arguments.count == 3 || arguments.count == 4, let steps = Int(arguments.count == 4 ? arguments[3] : "3") else {
    print("usage: train MODEL OUTPUT [STEPS]")
    exit(64)
}
do throws(LensError) {
    try run(model: arguments[1], output: arguments[2], steps: steps)
} catch {
    print("train: \(error.message)")
    exit(error.kind.rawValue)
}
