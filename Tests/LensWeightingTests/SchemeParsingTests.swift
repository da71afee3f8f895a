import LensSupport
import LensWeighting
import Testing

@Suite struct SchemeValues {
    static let values: [(value: @Sendable () throws -> WeightingScheme, spec: String)] = [
        ({ .uniform }, "uniform"), ({ try .dense() }, "dense"), ({ try .dense(lambda: 0.1) }, "dense:lambda=0.1"),
        ({ try .sparse(kappa: 1e-7) }, "sparse:kappa=1e-7"), ({ try .longCE(gamma: 2.5) }, "longce:gamma=2.5"),
        ({ try .ppmi() }, "ppmi"), ({ try .ppmi(shift: 2, kappa: 0.3) }, "ppmi:shift=2,kappa=0.3"),
        ({ try .npmi(kappa: 0.3) }, "npmi:kappa=0.3"), ({ try .rho() }, "rho"), ({ .longFilter }, "longfilter"),
        ({ try .exact(EffectiveContext(tau: 64)) }, "exact:tau=64"), ({ try .pipeline(Pipeline()) }, "pipeline"),
        (
            {
                try .pipeline(
                    Pipeline(
                        comparison: .quotient, transforms: [.minus, .shift(2), .exp, .max, .absolute], truncation: 5,
                        sparsification: 0.2, normalization: .softmax, interpolation: 0.5))
            },
            "pipeline:comparison=quotient,transforms=minus+shift:2+exp+max+absolute,truncation=5,sparsification=0.2,"
                + "normalization=softmax,interpolation=0.5"
        ),
    ]

    @Test(arguments: values.indices) func areTheSchemesOfTheirSpecifications(index: Int) throws {
        let (value, spec) = Self.values[index]
        #expect(try value() == WeightingScheme(spec))
    }

    @Test func outsideTheirRangeAreErrors() {
        let wrong: [() throws -> WeightingScheme] = [
            { try .dense(lambda: 1.5) }, { try .dense(lambda: .nan) }, { try .sparse(kappa: 0) },
            { try .sparse(kappa: .infinity) }, { try .longCE(gamma: -1) }, { try .ppmi(shift: 0) },
            { try .rho(kappa: 2) }, { try .exact(EffectiveContext(tau: 0)) },
            { try .pipeline(Pipeline(normalization: .none, interpolation: 0.5)) },
            { try .pipeline(Pipeline(transforms: [.shift(-1)])) },
        ]
        for make in wrong {
            let error = #expect(throws: LensError.self) { try make() }
            #expect(error?.kind == .usage)
        }
    }
}

@Suite struct SchemeParsing {
    @Test(arguments: [
        ("uniform", "uniform"), ("dense", "dense:lambda=0.75"), ("dense:lambda=1", "dense:lambda=1"),
        ("sparse", "sparse:kappa=0.2"), ("sparse:kappa=1e-2", "sparse:kappa=0.01"),
        ("longce:gamma=5.0", "longce:gamma=5"),
        ("ppmi:kappa=0.3,shift=2", "ppmi:shift=2,kappa=0.3"), ("npmi", "npmi:shift=1"), ("rho", "rho:kappa=0.6"),
        ("longfilter", "longfilter"), ("exact:tau=2048", "exact:alpha=0.15,gamma=0.5,tau=2048"),
        ("pipeline", "pipeline:comparison=difference,normalization=l1"),
        (
            "pipeline:transforms=minus+shift=2+max,interpolation=0.5,sparsification=0.2,truncation=5,comparison=quotient",
            "pipeline:comparison=quotient,transforms=minus+shift:2+max,truncation=5,sparsification=0.2,"
                + "normalization=l1,interpolation=0.5"
        ),
    ]) func canonicalSpelling(spec: String, canonical: String) throws {
        let scheme = try WeightingScheme(spec)
        #expect(scheme.description == canonical)
        #expect(try WeightingScheme(canonical) == scheme)
    }

    @Test(arguments: [
        ("", "uniform, dense"), ("Dense", "uniform, dense"), ("dense ", "uniform, dense"),
        ("dense:", "key=value"), ("dense:lambda", "key=value"), ("dense:lambda=", "key=value"),
        ("dense:lambda=0.5,", "key=value"), ("dense:kappa=0.5", "takes lambda"),
        ("uniform:lambda=1", "takes no settings"),
        ("dense:lambda=0.5,lambda=0.5", "twice"), ("dense:lambda=1.01", "from 0 to 1"),
        ("dense:lambda=-0.1", "from 0 to 1"),
        ("dense:lambda=nan", "from 0 to 1"), ("dense:lambda=0x1p-1", "from 0 to 1"),
        ("dense:lambda=abc", "from 0 to 1"),
        ("dense:lambda= 0.5", "from 0 to 1"), ("sparse:kappa=1.5", "at most 1"), ("sparse:kappa=0", "above 0"),
        ("sparse:kappa=inf", "above 0"), ("longce:gamma=0", "above 0"), ("longce:gamma=-5", "above 0"),
        ("longce:gamma=1e999", "above 0"), ("ppmi:shift=0", "above 0"), ("ppmi:shift=-1", "above 0"),
        ("npmi:kappa=2", "at most 1"), ("rho:kappa=", "key=value"), ("longfilter:gamma=1", "takes no settings"),
        ("exact:tau=0", "whole number"), ("exact:tau=10.5", "whole number"), ("exact:alpha=0", "above 0"),
        ("exact:gamma=-1", "above 0"), ("exact:tau=1e300", "whole number"),
        ("pipeline:comparison=ratio", "difference, quotient"), ("pipeline:normalization=l2", "l1, softmax, none"),
        ("pipeline:transforms=sqrt", "absolute, minus, exp, max"), ("pipeline:transforms=minus++exp", "transform"),
        ("pipeline:transforms=shift", "shift:S"), ("pipeline:transforms=shift:0", "above 0"),
        ("pipeline:transforms=minus:1", "transform"), ("pipeline:truncation=0", "above 0"),
        ("pipeline:sparsification=0", "above 0"), ("pipeline:interpolation=2", "from 0 to 1"),
        ("pipeline:normalization=none,interpolation=0.5", "no effect"),
    ]) func wrongSpecificationsAreExplained(spec: String, hint: String) {
        let error = #expect(throws: LensError.self) { try WeightingScheme(spec) }
        #expect(error?.kind == .usage)
        #expect(error?.message.contains(hint) == true, "\(error?.message ?? "")")
    }

    @Test func onlySomeSchemesNeedShortLosses() throws {
        for spec in ["uniform", "exact"] { #expect(try WeightingScheme(spec).shortLosses == .none) }
        for spec in ["dense", "sparse", "longce", "ppmi", "npmi", "rho", "longfilter", "pipeline"] {
            #expect(try WeightingScheme(spec).shortLosses == .required)
        }
    }

    @Test func schemesWithoutEffectAreErrors() throws {
        #expect(throws: LensError.self) { try WeightingScheme("exact:tau=1024").check(predictions: 1023) }
        try WeightingScheme("exact:tau=1024").check(predictions: 1024)
        #expect(throws: LensError.self) { try WeightingScheme("exact:tau=1000").check(predictions: 1023) }
        #expect(throws: LensError.self) { try WeightingScheme("sparse:kappa=0.01").check(predictions: 99) }
        try WeightingScheme("sparse:kappa=0.01").check(predictions: 100)
        try WeightingScheme("uniform").check(predictions: 1)
    }
}
