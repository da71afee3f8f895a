import LensSupport
import LensTestSupport
import LensTraining
import Testing

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

@Suite struct TrainingDocumentation {
    @Test func everySettingIsARecipeKey() throws {
        let keys = try Documentation("recipes.md").entries(under: "| key | value (default)")
        #expect(keys == SettingKey.allCases.map(\.rawValue))
    }

    @Test func defaultsAreThoseOfTheCode() throws {
        let page = try Documentation("recipes.md")
        let settings = TrainingSettings(model: "m", data: ["d"], output: "o", contextLength: 8, scheme: "uniform")
        for (key, values) in settings.entries where ![.model, .data, .output, .context, .scheme].contains(key) {
            let row = try #require(page.row(of: key.rawValue))
            let value = try #require(row.split(separator: "|").dropFirst().first)
            let written = try #require(value.split(separator: "(").last?.prefix { $0 != ")" })
            #expect(
                written == values[0] || Double(written) == Double(values[0]) && Double(written) != nil,
                "\(key.rawValue): the page says \(written), the code \(values[0])")
        }
    }

    @Test func everyMetricIsExplained() throws {
        let metrics = StepMetrics(
            step: 1, loss: 1, nll: 1, weightStandardDeviation: 1, weightNonzero: 1, gradientNorm: 1, learningRate: 1,
            tokens: 1, stepSeconds: 1, tokensPerSecond: 1, peakResidentBytes: 1)
        // In the order of the line, which a dictionary would lose: strings that a colon follows are its keys.
        let names = metrics.json.split(separator: "\"").enumerated().filter { $0.offset % 2 == 1 }.map {
            String($0.element)
        }
        #expect(try Documentation("metrics.md").entries(under: "| field | meaning |") == names)
    }

    @Test func everyFieldOfACheckpointIsExplained() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let settings = try shortRun(folder, output: "out")
        #expect(train(settings).error == nil)
        let path = settings.output + "/checkpoints/step-6/state.json"
        let state = try JSONValue.parse(contents(path), path: path)
        let fields = try #require(state.members).map(\.name)
        // What is there inside an update, and after a change, only.
        #expect(
            Set(try Documentation("runs.md").entries(under: "| field | meaning |"))
                == Set(fields).union(["partial", "changes"]))
        #expect(state["format"]?.integer == CheckpointState.currentFormat)
    }

    @Test func theExampleIsARecipe() throws {
        let page = try Documentation("recipes.md").text
        let example = try #require(page.split(separator: "```yaml\n").dropFirst().first?.split(separator: "```").first)
        _ = try TrainingSettings(Recipe.parse(String(example), path: "docs/recipes.md"))
    }
}
