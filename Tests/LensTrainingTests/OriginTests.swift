import LensFormats
import LensSupport
import LensTestSupport
import LensTraining
import Testing

/// A trained model says what the model it came from said, but for its name.
@Suite struct OriginTests {
    @Test func keepsWhatTrainingDoesNotChange() throws {
        try withTemporaryFolder { folder in
            let base = folder + "/Base-1.5"
            try Folders.create(base)
            for name in ["config.json", "model.safetensors"] {
                try writeBytes(contents(fixture("llama") + "/" + name), base + "/" + name)
            }
            let config = String(decoding: contents(base + "/config.json"), as: UTF8.self)
            let members = "\"our_own\": [1, 2], "
            let start = try #require(config.firstIndex(of: "{"))
            let text = config[...start] + members + config[config.index(after: start)...]
            try writeBytes(Array(text.utf8), base + "/config.json")
            let generation = Array(#"{"eos_token_id": [2, 3], "temperature": 0.5}"#.utf8)
            try writeBytes(generation, base + "/generation_config.json")

            var settings = try shortRun(folder, output: "out")
            settings.model = base
            settings.steps = 1
            settings.scheme = "uniform"
            settings.scorerContext = nil
            settings.export = .gguf
            let (_, error) = train(settings)
            #expect(error == nil)
            let model = folder + "/out/model"
            #expect(contents(model + "/generation_config.json") == generation)
            let written = try JSONValue.parse(contents(model + "/config.json"), path: "config.json")
            #expect(written["our_own"] == [1, 2])
            let gguf = try GGUFFile(path: folder + "/out/model.gguf").metadata
            #expect(gguf.string("general.name") == "out/model")
            #expect(gguf["general.sampling.temp"] == .float32(0.5))
        }
    }
}
