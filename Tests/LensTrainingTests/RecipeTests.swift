import LensSupport
import LensTraining
import Testing

@Suite struct RecipeTests {
    private let recipe = """
        # a comment
        model: m.gguf
        data:
          - a b.txt
          - "c: d.txt"
        output: out
        context: 8k
        scheme: dense:lambda=0.75
        learning-rate: 1e-4
        shuffle: false
        """

    @Test func keysAreThoseOfTheCommandLine() throws {
        let settings = try TrainingSettings(Recipe.parse(recipe, path: "r.yaml"))
        #expect(settings.data == ["a b.txt", "c: d.txt"] && settings.learningRate == 1e-4 && !settings.shuffle)
        #expect(settings.contextLength == 8192 && settings.scheme == "dense:lambda=0.75")
    }

    @Test func theCommandLineWins() throws {
        var layer = SettingsLayer()
        layer.set(.learningRate, "0.5")
        layer.set(.data, ["z.txt"])
        let settings = try TrainingSettings(Recipe.parse(recipe, path: "r.yaml").overridden(by: layer))
        #expect(settings.learningRate == 0.5 && settings.data == ["z.txt"] && settings.model == "m.gguf")
    }

    @Test func anUnknownKeyNamesItsLine() {
        let error = lensError { _ = try Recipe.parse("model: m\nlearning_rate: 1\n", path: "r.yaml") }
        #expect(error?.kind == .data)
        #expect(error?.message.contains("r.yaml line 2") == true)
        #expect(
            error?.message.contains("learning_rate") == true
                && error?.message.contains("Did you mean learning-rate?") == true)
    }

    @Test func aWrongValueNamesItsLine() {
        let text = recipe + "\nwarmup: soon\n"
        let error = lensError { _ = try TrainingSettings(Recipe.parse(text, path: "r.yaml")) }
        #expect(error?.kind == .usage)
        #expect(error?.message.contains("r.yaml line 11, warmup") == true, "\(error?.message ?? "")")
    }

    @Test(arguments: [
        "model: [a", "- model", "model: {a: b}", "model:", "model: ~", "data:\n  - [x]", "steps: [1]",
        "model: a\nmodel: b",
        "? [a, b]\n: c", "just text", "model: \"unfinished", "\tmodel: x", "model: *nowhere",
    ])
    func malformedRecipesAreErrors(text: String) {
        let error = lensError { _ = try Recipe.parse(text, path: "r.yaml") }
        #expect(error?.kind == .data)
        #expect(error?.message.hasPrefix("r.yaml") == true, "\(error?.message ?? "no error")")
    }

    @Test func aByteOrderMarkIsPassedOver() throws {
        #expect(try TrainingSettings(Recipe.parse("\u{FEFF}" + recipe, path: "r.yaml")).model == "m.gguf")
    }

    @Test func aFewAliasesAreRead() throws {
        let text = recipe + "\nwarmup: &n 7\nsteps: *n\n"
        let settings = try TrainingSettings(Recipe.parse(text, path: "r.yaml"))
        #expect(settings.steps == 7 && settings.warmup == 7)
    }

    /// What multiplies and what nests is refused before it is parsed, with its line.
    @Test(arguments: [2, 9])
    func aliasesThatMultiplyAreRefused(width: Int) {
        let levels = (1..<40).map { level in
            "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: width).joined(separator: ",") + "]\n"
        }
        let text = "a0: &a0 [x,x]\n" + levels.joined() + "? *a39\n: 1\n"
        let error = lensError { _ = try Recipe.parse(text, path: "r.yaml") }
        #expect(error?.kind == .data && error?.message.contains("aliases") == true)
        #expect(error?.message.hasPrefix("r.yaml line \(width == 9 ? 2 : 6)") == true, "\(error?.message ?? "")")
    }

    @Test(arguments: [
        String(repeating: "[", count: 100_000), "data: " + String(repeating: "{a: ", count: 100_000),
        String(repeating: "- ", count: 100_000) + "x", String(repeating: "? ", count: 100_000) + "x",
        (0..<2000).map { String(repeating: " ", count: $0) + "a:\n" }.joined(),
        "model: m\n" + String(repeating: "-\t", count: 5000),
    ])
    func deepNestingIsRefused(text: String) {
        let error = lensError { _ = try Recipe.parse(text, path: "r.yaml") }
        #expect(error?.kind == .data && error?.message.contains("too deep") == true, "\(error?.message ?? "")")
    }

    @Test func aListIsNoSetting() {
        let error = lensError { _ = try Recipe.parse("model: m\n? [a, b]\n: c\n", path: "r.yaml") }
        #expect(error?.message.contains("r.yaml line 2") == true && error?.message.contains("plain word") == true)
    }

    @Test func anEmptyRecipeGivesNothing() throws {
        #expect(try Recipe.parse("# nothing\n", path: "r").keys.isEmpty)
    }

    @Test func aWrittenRecipeGivesTheSameSettings() throws {
        var settings = try TrainingSettings(
            options([
                .ropeScaling: "yarn:factor=4", .learningRate: "3.3e-05", .steps: "12", .memoryLimit: "8GiB", .seed: "7",
            ]))
        settings.data = ["- strange: name #1.txt", "null", "", "'q\"", "üñí.txt", " lead", "true"].filter {
            !$0.isEmpty
        }
        settings.model = "~"
        let text = try Recipe.text(settings)
        #expect(try TrainingSettings(Recipe.parse(text, path: "r.yaml")) == settings, "\(text)")
    }
}
