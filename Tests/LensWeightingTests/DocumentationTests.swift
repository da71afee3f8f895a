import LensSupport
import LensTestSupport
import LensWeighting
import Testing

@Suite struct SchemeDocumentation {
    @Test func everySchemeIsExplainedWithItsKeys() throws {
        let page = try Documentation("schemes.md")
        #expect(page.entries(under: "| scheme | key (default)") == WeightingScheme.forms.map(\.name))
        for form in WeightingScheme.forms where form.name != "pipeline" {
            let cell = try #require(page.row(of: form.name)?.split(separator: "|").dropFirst().first)
            #expect(Documentation.code(cell) == form.keys, "\(form.name)")
        }
        let pipeline = try #require(WeightingScheme.forms.first { $0.name == "pipeline" })
        #expect(page.entries(under: "| key | values (default)") == pipeline.keys)
    }

    /// `dense` alone is `dense:lambda=0.75`, if the page says `lambda` (0.75).
    @Test func defaultsAreThoseOfTheCode() throws {
        let page = try Documentation("schemes.md")
        for form in WeightingScheme.forms where form.name != "pipeline" {
            let cell = String(try #require(page.row(of: form.name)?.split(separator: "|").dropFirst().first))
            let described = try WeightingScheme(form.name).description
            for key in form.keys {
                let written = try #require(cell.split(separator: "`\(key)` (").last?.prefix { $0 != " " && $0 != ")" })
                let expected =
                    written == "none" ? !described.contains("\(key)=") : described.contains("\(key)=\(written)")
                #expect(expected, "\(form.name): the page says \(key) (\(written)), the code \(described)")
            }
        }
    }

    @Test func whatIsSaidToBeTheSameIs() throws {
        let dense = try WeightingScheme("dense:lambda=0.75")
        let long = try WeightingScheme("longce:gamma=5")
        let text = try Documentation("schemes.md").text
        for (scheme, spec) in [
            (dense, "pipeline:transforms=absolute,interpolation=0.75"),
            (long, "pipeline:transforms=minus+exp,truncation=5,normalization=none"),
        ] {
            #expect(text.contains("`\(spec)`"))
            var generators = (SeededGenerator(seed: 1), SeededGenerator(seed: 1))
            let losses: ([Float], [Float]) = ([1, 2, 0.5], [2, 1.5, 3])
            let named = try scheme.weights(long: losses.0, short: losses.1, generator: &generators.0)
            let spelled = try WeightingScheme(spec).weights(long: losses.0, short: losses.1, generator: &generators.1)
            #expect(named == spelled)
        }
    }
}
