import LensFormats
import LensKernels
import LensModels
import LensTestSupport
import LensTraining
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The published formula in double precision, one element at a time.
private struct ReferenceAdamW {
    var p: [Double]
    var m: [Double]
    var v: [Double]

    mutating func update(_ gradient: [Double], step: Int, rate: Double, decay: Double, scale: Double, _ o: AdamW) {
        for i in p.indices {
            let g = gradient[i] * scale
            m[i] = o.beta1 * m[i] + (1 - o.beta1) * g
            v[i] = o.beta2 * v[i] + (1 - o.beta2) * g * g
            let first = m[i] / (1 - pow(o.beta1, Double(step)))
            let second = v[i] / (1 - pow(o.beta2, Double(step)))
            p[i] -= rate * (first / (second.squareRoot() + o.epsilon) + decay * p[i])
        }
    }
}

@Suite struct OptimizerTests {
    @Test(arguments: [0.0, 1.0, 1e9])
    func fiveUpdatesFollowTheFormula(clip: Double) throws {
        let state = try TrainingState(ParameterStore(tinyConfiguration))
        let gradients = try ParameterStore(tinyConfiguration)
        let optimizer = AdamW(beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, clip: clip)
        var references: [String: ReferenceAdamW] = [:]
        for (i, description) in state.parameters.descriptions.enumerated() {
            let tensor = state.parameters[description.name]
            fill(tensor, randomFloats(tensor.count, seed: UInt64(i)))
            let zeros = [Double](repeating: 0, count: tensor.count)
            references[description.name] = ReferenceAdamW(p: tensor.array.map(Double.init), m: zeros, v: zeros)
        }
        for step in 1...5 {
            for (i, description) in gradients.descriptions.enumerated() {
                fill(
                    gradients[description.name],
                    randomFloats(description.count, seed: UInt64(1000 * step + i), scale: 0.3))
            }
            let squares = gradients.descriptions.reduce(0.0) { sum, description in
                gradients[description.name].array.reduce(sum) { $0 + Double($1) * Double($1) }
            }
            let norm = try AdamW.norm(gradients, on: .shared)
            #expect(abs(norm - squares.squareRoot()) < 1e-6 * norm)
            let scale = clip > 0 && norm > clip ? clip / (norm + 1e-6) : 1
            #expect(optimizer.clipScale(norm: norm) == scale)
            try optimizer.update(
                state, gradients: gradients, norm: norm, learningRate: 0.01 * Double(step), on: .shared)
            for description in gradients.descriptions {
                references[description.name]?.update(
                    gradients[description.name].array.map(Double.init), step: step, rate: 0.01 * Double(step),
                    decay: description.shape.count > 1 ? 0.1 : 0, scale: scale, optimizer)
            }
        }
        #expect(state.step == 5)
        for (name, reference) in references {
            let error = zip(state.parameters[name].array, reference.p).map { abs(Double($0) - $1) }.max() ?? 1
            #expect(error < 2e-6, "\(name)")
        }
    }

    private func fill(_ tensor: Matrix, _ values: [Float]) {
        for (k, value) in values.enumerated() { tensor[k / tensor.columns, k % tensor.columns] = value }
    }
}
