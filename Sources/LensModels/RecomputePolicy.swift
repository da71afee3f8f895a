/// What is kept of one layer's forward for its backward, from the least to the most; the rest is computed again.
/// Normed inputs are never kept: computing them again costs no product.
public enum Retention: String, Sendable, CaseIterable, Codable, Comparable {
    /// The layer's input alone: the least memory.
    case input
    /// And the attention's output and log-sum-exp: no attention is computed twice.
    case attention
    /// And queries, keys, values and the residual stream between the two parts: only gate and up are computed twice.
    case projections
    /// And gate and up: no product of a layer is computed twice.
    case everything

    var next: Retention? { Self.allCases.first { $0 > self } }

    public static func < (a: Retention, b: Retention) -> Bool { a.level < b.level }

    private var level: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// What the inputs of layers are kept in for the backward.
public enum LayerInputType: String, Sendable, CaseIterable {
    /// As they are.
    case f32
    /// Half the memory, and gradients that are not exact: the backward starts from rounded inputs. Losses are exact.
    case bf16
}

/// What a training pass keeps: the inputs of its layers, and where; of all layers the same, or of the first few one level
/// more; and the logits, or not.
///
/// Gradients have the same bits under every policy with inputs in fp32.
public struct RecomputePolicy: Sendable, Equatable {
    /// Where the inputs of layers are.
    package enum Inputs: Sendable, Equatable {
        case memory
        /// In a file, written behind the forward and read ahead of the backward.
        case file
        /// In memory, of each so many layers that of the first; the backward computes the others again.
        case segments(of: Int)
    }

    package let inputs: Inputs
    package let inputType: LayerInputType
    /// What is kept of every layer.
    package let base: Retention
    /// Of so many first layers the next level is kept.
    package let raisedLayers: Int
    /// Whether the head finds its logits again, T x vocabulary, instead of computing them twice.
    package let keepsLogits: Bool

    private init(
        base: Retention, raisedLayers: Int = 0, inputs: Inputs = .memory, inputType: LayerInputType = .f32,
        keepsLogits: Bool = false
    ) {
        self.base = base
        self.raisedLayers = raisedLayers
        self.inputs = inputs
        self.inputType = inputType
        self.keepsLogits = keepsLogits
    }

    /// The same of all layers.
    public static func all(_ retention: Retention) -> RecomputePolicy { RecomputePolicy(base: retention) }

    /// No product is computed twice.
    public static let fastest = RecomputePolicy(base: .everything, keepsLogits: true)

    /// Every policy for `layerCount` layers, from the leanest to the fastest: each keeps at least as much as the one before.
    /// Logits come last: a byte of them saves as much arithmetic as one of gate and up.
    ///
    /// - Parameters:
    ///   - spills: whether a file may be used. The disk works beside the arithmetic, so that memory does more for
    ///     speed where it keeps a layer from being computed again than where it holds inputs.
    ///   - inputType: of bf16, nothing but inputs is kept of a layer: what is computed from exact ones does not go with
    ///     what is computed again from rounded ones. So gradients have the same bits under all of these policies, too.
    package static func leanestFirst(
        layerCount: Int, spills: Bool = false, inputType: LayerInputType = .f32
    ) -> [RecomputePolicy] {
        // The inputs of the first layer and the last go nowhere.
        let spills = spills && layerCount > 2
        guard inputType == .f32 else {
            return (spills ? [.file] : []).map { RecomputePolicy(base: .input, inputs: $0, inputType: inputType) }
                + [false, true].map { RecomputePolicy(base: .input, inputType: inputType, keepsLogits: $0) }
        }
        let inputs = spills ? Inputs.file : .memory
        let levels = Retention.allCases.flatMap { level in
            (0..<(level.next == nil ? 1 : layerCount)).map {
                RecomputePolicy(base: level, raisedLayers: $0, inputs: inputs)
            }
        }
        return (spills ? [] : segments(layerCount: layerCount)) + levels + (spills ? [.all(.everything)] : [])
            + [fastest]
    }

    /// The segments that take less memory than shorter ones, the leanest first.
    private static func segments(layerCount: Int) -> [RecomputePolicy] {
        var least = layerCount
        var policies: [RecomputePolicy] = []
        for length in stride(from: 2, through: layerCount, by: 1) {
            let inputs = Inputs.segments(of: length)
            let count = inputs.bufferCount(layerCount: layerCount)
            guard count < least else { continue }
            least = count
            policies.append(RecomputePolicy(base: .input, inputs: inputs))
        }
        return policies.reversed()
    }

    /// Whether a pass needs a file.
    package var spills: Bool { inputs == .file }

    package func retention(of layer: Int) -> Retention { layer < raisedLayers ? base.next ?? base : base }
}

extension RecomputePolicy.Inputs {
    /// Matrices [T, hidden] for the residual stream before each layer and after the last one, in fp32.
    func bufferCount(layerCount: Int) -> Int {
        switch self {
        case .memory: layerCount
        case .file: 2
        case .segments(let length): layerCount / length + length - 1
        }
    }

    /// The first layer of the segment of a layer, from whose input those behind it can be computed; 0 where there are none.
    func segment(of layer: Int) -> Int {
        if case .segments(let length) = self { layer / length * length } else { 0 }
    }
}

extension RecomputePolicy: CustomStringConvertible {
    /// Such as "everything and logits", "projections, everything in 12 layers" or "the input of every 5th layer".
    public var description: String {
        if case .segments(let length) = inputs {
            let ordinal = length == 2 ? "2nd" : length == 3 ? "3rd" : "\(length)th"
            return "the \(base.rawValue) of every \(ordinal) layer"
        }
        var text = base.rawValue
        if raisedLayers > 0, let next = base.next { text += ", \(next.rawValue) in \(raisedLayers) layers" }
        if keepsLogits { text += " and logits" }
        let places = [inputs == .file ? "on disk" : nil, inputType == .bf16 ? "in bf16" : nil].compactMap { $0 }
        if !places.isEmpty { text += "; layer inputs \(places.joined(separator: " "))" }
        return text
    }
}
