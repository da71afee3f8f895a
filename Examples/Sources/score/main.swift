// The loss of each token of a text under a short context and under all of it, and where they differ most.
import Foundation
import LongLens

func run(model path: String, text: [UInt8], context: Int) throws(LensError) {
    let pretrained = try Pretrained.load(path: path)
    for warning in pretrained.warnings { print("note: \(warning)") }
    guard let tokenizer = pretrained.tokenizer else { throw .missing("\(path) carries no tokenizer.") }
    let tokens = try tokenizer.encode(text)

    let short = try ModelScorer(pretrained.model, context: context).losses(of: tokens)
    let long = try InferencePass(pretrained.model, contextLength: max(tokens.count, 1)).losses(tokens)
    guard !long.isEmpty else { throw .data("The text has fewer than two tokens: there is nothing to predict.") }

    func mean(_ losses: [Float]) -> Float { losses.reduce(0, +) / Float(losses.count) }
    print("\(tokens.count) tokens: mean loss \(mean(short)) under \(context) tokens, \(mean(long)) under all of them")

    // Token i + 1 is what prediction i is of.
    let gains = zip(short, long).map { $0 - $1 }
    for prediction in gains.indices.sorted(by: { gains[$0] > gains[$1] }).prefix(10) {
        let spelled = String(decoding: tokenizer.bytes(of: tokens[prediction + 1]) ?? [], as: UTF8.self)
        print("token \(prediction + 1) \"\(spelled)\": \(short[prediction]) -> \(long[prediction])")
    }

    // The weights with which training would learn from this text.
    var generator = SeededGenerator(seed: 0)
    let weights = try WeightingScheme.sparse(kappa: 0.2).weights(long: long, short: short, generator: &generator)
    print("sparse:kappa=0.2 keeps \(weights.count { $0 > 0 }) of \(weights.count) predictions")
}

let arguments = CommandLine.arguments
guard arguments.count == 3 || arguments.count == 4, let context = Int(arguments.count == 4 ? arguments[3] : "128")
else {
    print("usage: score MODEL FILE [CONTEXT]")
    exit(64)
}
do {
    try run(model: arguments[1], text: Array(Data(contentsOf: URL(filePath: arguments[2]))), context: context)
} catch let error as LensError {
    print("score: \(error.message)")
    exit(error.kind.rawValue)
}
