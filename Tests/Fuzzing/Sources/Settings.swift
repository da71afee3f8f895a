import LongLens

extension Target {
    /// A recipe, the settings that it gives, and the recipe that these give.
    static let recipe = Target(
        name: "recipe",
        run: { input, scratch in
            let layer = try Recipe.read(path: scratch.write("r.yaml", input))
            let settings = try TrainingSettings(layer)
            let again = try TrainingSettings(Recipe.parse(Recipe.text(settings), path: "again"))
            var same = settings
            same.resume = false
            precondition(again == same, "the recipe of \(settings) gives \(again)")
        })

    /// What the command line takes as one string: a scheme, a rotary scaling, counts of tokens and bytes.
    static let options = Target(
        name: "options",
        run: { input, _ in
            let text = String(decoding: input, as: UTF8.self)
            if let bytes = parseByteCount(text) { _ = describeByteCount(bytes) }
            if let count = parseTokenCount(text) { try attempt { try scheme("exact:tau=\(count)") } }
            try attempt {
                var configuration = Samples.configuration(.llama)
                configuration.ropeScaling = try RopeOption.parse(text, contextLength: 4096, trainedFor: 2048)
                use(configuration)
            }
            try attempt { try scheme(text) }
        })

    private static func scheme(_ text: String) throws {
        let scheme = try WeightingScheme(text)
        let again = try WeightingScheme(scheme.description)
        precondition(again == scheme, "\(text) is not \(scheme.description)")
        for selfScored in [false, true] { try attempt { _ = try scheme.checkTraining(selfScored: selfScored) } }
        for long: [Float] in [[], [0], [1, 2, 3, 0.5], [0, 0, 0], [.greatestFiniteMagnitude, 1], [.infinity, .nan]] {
            var generator = SeededGenerator(seed: 1)
            let weights = try scheme.weights(long: long, short: long.reversed(), generator: &generator)
            precondition(weights.count == long.count)
            try attempt { try scheme.check(predictions: long.count) }
        }
    }
}
