import CLensReference
import CLongLens
import LensKernels
import LensTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite struct OptimizerTests {
    /// Made with PyTorch 2.15:
    /// `torch.optim.AdamW([p], lr=1e-2, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)`, one `step()` a gradient.
    private enum Torch {
        static let settings = AdamWSettings(
            learningRate: 1e-2, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1)
        static let start: [Float] = [0.5, -1.25, 3.0, 1e-3, -0.75, 100.0, 0.0]
        static let gradients: [[Float]] = [
            [0.1, -0.2, 0.3, 0.0, 1e-6, -5.0, 2.0],
            [0.4, 0.1, -0.3, 1e-9, -1e-6, 5.0, -2.0],
            [-0.7, 0.3, 0.05, 2e-9, 3e-6, 0.5, 1e3],
        ]
        static let parameters: [[Double]] = [
            [
                0.4895000159740448, -1.2387499809265137, 2.986999988555908, 0.000999000039882958,
                -0.7591509819030762, 99.91000366210938, -0.010000000707805157,
            ],
            [
                0.48026320338249207, -1.2348276376724243, 2.98453950881958, 0.0005068568862043321,
                -0.7578707337379456, 99.8095703125, -0.009463685564696789,
            ],
            [
                0.4817834794521332, -1.2374516725540161, 2.9812064170837402, -0.00043920171447098255,
                -0.7625899910926819, 99.70889282226562, -0.0156853087246418,
            ],
        ]
        static let firstMoments = [
            -0.02590000070631504, 0.02280000038444996, 0.0022999995853751898, 2.8999999623913197e-10,
            2.910000205247343e-07, 0.0950000062584877, 99.98200225830078,
        ]
        static let secondMoments = [
            0.032551251351833344, 0.006780000403523445, 0.00846125092357397, 2.4749998729895543e-19,
            5.426250269426058e-13, 2.328125, 50000.37109375,
        ]
    }

    @Test func agreesWithPyTorch() throws {
        try onEveryRuntime { runtime, name in
            let p = try Matrix(rows: 1, columns: 7, Torch.start)
            let m = try Matrix(rows: 1, columns: 7), v = try Matrix(rows: 1, columns: 7)
            for (step, gradient) in Torch.gradients.enumerated() {
                // Given at twice its size and halved by the scale, which is exact.
                let g = try Matrix(rows: 1, columns: 7, gradient.map { 2 * $0 })
                try runtime.adamW(
                    parameters: p, gradients: g, firstMoments: m, secondMoments: v, settings: Torch.settings,
                    step: step + 1, gradientScale: 0.5)
                // PyTorch rounds a parameter three times a step, these kernels once.
                expectClose(
                    p.array, Torch.parameters[step],
                    within: { 3 * Double(step + 1) * unitRoundoff * (abs(Double(Torch.start[$0])) + 0.02) },
                    "\(name), step \(step + 1)")
            }
            let scale = { (i: Int) in Torch.gradients.map { Double(abs($0[i])) }.max() ?? 0 }
            expectClose(m.array, Torch.firstMoments, within: { 8 * unitRoundoff * scale($0) }, name)
            expectClose(v.array, Torch.secondMoments, within: { 8 * unitRoundoff * Torch.secondMoments[$0] }, name)
        }
    }

    @Test func agreesWithDoublePrecisionAtBoundaries() throws {
        let settings = AdamWSettings(learningRate: 3e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.05)
        let step = 5
        let native = lens_adamw_settings(
            learning_rate: settings.learningRate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.05,
            gradient_scale: 0.25, correction1: 1 - pow(0.9, Double(step)), correction2: 1 - pow(0.999, Double(step)))
        try onEveryInstructionSet { context, atStart, name in
            for count in boundaryLengths {
                let p = randomFloats(count, seed: 1), g = randomFloats(count, seed: 2)
                let m = randomFloats(count, seed: 3, scale: 0.1), v = randomFloats(count, seed: 4).map { $0 * $0 }
                let a = GuardedBuffer(p, atStart: atStart), b = GuardedBuffer(g, atStart: atStart)
                let c = GuardedBuffer(m, atStart: atStart), d = GuardedBuffer(v, atStart: atStart)
                unsafe withPointers(a, b, c, d) { p, g, m, v in
                    unsafe context.run { unsafe lens_adamw($0, count, native, g, m, v, p) }
                }
                var expected = p.doubles, moments = m.doubles, squares = v.doubles
                unsafe reference_adamw(
                    count, step, 3e-4, 0.9, 0.999, 1e-8, 0.05, g.map { 0.25 * Double($0) }, &moments, &squares,
                    &expected)
                let what = "\(name) \(count)"
                expectClose(c.array, moments, within: { _ in 4 * unitRoundoff }, what)
                expectClose(d.array, squares, within: { 4 * unitRoundoff * squares[$0] }, what)
                expectClose(
                    a.array, expected,
                    within: {
                        unitRoundoff * abs(Double(p[$0])) + 20 * unitRoundoff * abs(expected[$0] - Double(p[$0]))
                    },
                    what)
                #expect(b.array == g, "gradients stay")
            }
        }
    }

    @Test func aTinyDecayIsNotLostInRounding() throws {
        // learningRate * weightDecay = 2e-7, of the size of the spacing of floats below 1.
        let count = 4096, p = randomFloats(count, seed: 5)
        try onEveryRuntime { runtime, name in
            let parameters = try Matrix(rows: 1, columns: count, p), zeros = try Matrix(rows: 1, columns: count)
            let m = try Matrix(rows: 1, columns: count), v = try Matrix(rows: 1, columns: count)
            try runtime.adamW(
                parameters: parameters, gradients: zeros, firstMoments: m, secondMoments: v,
                settings: AdamWSettings(learningRate: 2e-5, weightDecay: 0.01), step: 1)
            let before = p.reduce(0.0) { $0 + Double(abs($1)) }
            let after = parameters.array.reduce(0.0) { $0 + Double(abs($1)) }
            #expect(abs((before - after) / before - 2e-7) <= 2e-8, "\(name)")
        }
    }

    @Test func bitsDoNotDependOnThreads() throws {
        let count = 100_001
        let p = randomFloats(count, seed: 6), g = randomFloats(count, seed: 7)
        try expectSameBitsForAnyThreadCount("adamw") { runtime in
            let parameters = try Matrix(rows: 1, columns: count, p),
                gradients = try Matrix(rows: 1, columns: count, g)
            let m = try Matrix(rows: 1, columns: count), v = try Matrix(rows: 1, columns: count)
            for step in 1...2 {
                try runtime.adamW(
                    parameters: parameters, gradients: gradients, firstMoments: m, secondMoments: v,
                    settings: AdamWSettings(), step: step)
            }
            return [parameters.array, m.array, v.array]
        }
    }
}
