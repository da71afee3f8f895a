import LensSupport
import Testing

@Suite struct NearestNames {
    static let commands = ["inspect", "tokenize", "detokenize", "score", "train", "plan", "quantize", "convert"]

    @Test(arguments: [
        ("trian", "train"), ("scroe", "score"), ("Score", "score"), ("tokenise", "tokenize"), ("quantise", "quantize"),
        ("inspekt", "inspect"), ("conv", "convert"), ("pln", "plan"), ("plann", "plan"),
    ])
    func slipsAreFound(_ typed: String, _ meant: String) {
        #expect(nearestName(to: typed, among: Self.commands) == meant)
        #expect(suggestion(for: typed, among: Self.commands) == " Did you mean \(meant)?")
    }

    @Test(arguments: ["", "x", "brain surgery", "evaluate", String(repeating: "train", count: 1_000_000)])
    func whatIsNotNearIsNotSuggested(_ typed: String) {
        #expect(nearestName(to: typed, among: Self.commands) == nil)
        #expect(suggestion(for: typed, among: Self.commands) == "")
    }

    @Test func twoEquallyNearAreNoAnswer() {
        #expect(nearestName(to: "q5_2", among: ["q5_0", "q5_1", "q8_0"]) == nil)
        #expect(nearestName(to: "beta", among: ["beta1", "beta2"]) == nil)
        #expect(nearestName(to: "bet1", among: ["beta1", "beta2"]) == "beta1")
    }
}
