import LensSupport
import LensWeighting
import Testing

@Suite struct SchemeSenseTests {
    private func check(_ spec: String, selfScored: Bool = false) throws -> [String] {
        try WeightingScheme(spec).checkTraining(selfScored: selfScored)
    }

    @Test(arguments: [
        "uniform", "dense", "sparse", "longce", "ppmi", "npmi", "longfilter", "exact", "rho",
        "pipeline:transforms=absolute", "pipeline:transforms=minus+exp", "pipeline:transforms=minus+max",
        "pipeline:normalization=softmax", "pipeline:sparsification=0.5", "pipeline:comparison=quotient",
        "pipeline:transforms=minus+absolute,truncation=3", "pipeline:transforms=absolute+shift:0.5",
    ])
    func whatMakesSensePasses(spec: String) throws {
        #expect(try check(spec) == [])
    }

    @Test(arguments: [
        "pipeline", "pipeline:transforms=minus", "pipeline:transforms=shift:2", "pipeline:transforms=absolute+minus",
        "pipeline:truncation=5", "pipeline:normalization=none", "pipeline:interpolation=0.5",
        "pipeline:comparison=quotient,transforms=minus",
    ])
    func weightsWithoutALowerBoundAreRefused(spec: String) {
        let error = #expect(throws: LensError.self) { _ = try check(spec) }
        #expect(error?.kind == .usage && error?.message.contains("negative weights") == true)
    }

    @Test(arguments: [
        "pipeline:transforms=absolute+shift:2", "pipeline:transforms=exp+shift:2",
        "pipeline:comparison=quotient,transforms=shift:3",
    ])
    func weightsALittleBelowZeroAreDoubtful(spec: String) throws {
        #expect(try check(spec).count == 1)
    }

    @Test func excessLossNeedsAReference() throws {
        let error = #expect(throws: LensError.self) { _ = try check("rho:kappa=0.5", selfScored: true) }
        #expect(error?.kind == .usage && error?.message.contains("--scorer") == true)
        #expect(try check("pipeline:sparsification=0.5", selfScored: true).count == 1)
        #expect(try check("sparse", selfScored: true) == [])
    }
}
