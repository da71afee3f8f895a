import LensFormats
import LensKernels
import LensModels
import LensSupport
import LensTestSupport
import Testing

extension ModelTests {
    /// What is counted of a step, and that a machine's rates make seconds of all of it.
    @Suite struct StepCostTests {
        private static let products: [WorkKind] = [
            .attentionMaps, .attentionMapsInput, .attentionMapsWeight, .feedForwardMaps, .feedForwardMapsInput,
            .feedForwardMapsWeight, .headLosses, .headLogits, .headGradients,
        ]

        private static func configuration(layers: Int = 7) -> ModelConfiguration {
            ModelConfiguration(
                vocabularySize: 64, hiddenSize: 20, feedForwardSize: 36, layerCount: layers, headCount: 4,
                keyValueHeadCount: 2, headDimension: 6, contextLength: 512)
        }

        private func cost(
            _ policy: RecomputePolicy = .fastest, layers: Int = 7, length: Int = 100, weighted: Double = 1
        ) -> StepCost {
            StepCost(Self.configuration(layers: layers), length: length, recompute: policy, weighted: weighted)
        }

        private func all(_ cost: StepCost) -> WorkAmount { cost.forward + cost.backward }

        /// One layer's forward: products of the attention, 2 · 20 · (24 + 12) for each token, and of the feed-forward part,
        /// 3 · 20 · 36; pairs of tokens, times 24.
        private func layer(_ length: Double) -> (attention: Double, feedForward: Double, pairs: Double) {
            (length * 1440, length * 2160, length * length * 12)
        }

        @Test func nothingIsComputedTwiceByTheFastestPolicy() {
            let work = all(cost())
            // The last token predicts nothing.
            let head = 3.0 * 20 * 64
            let products = Self.products.reduce(0) { $0 + work[$1] }
            let attention = 7 * layer(100).pairs
            #expect(work[.attention] == attention && work[.attentionBackward] == attention)
            let flops = 2 * (products + head) + 14 * attention
            #expect(flops == Arithmetic.trainingFlops(Self.configuration(), length: 100))
            #expect(work[.headLosses] == 0)
        }

        @Test func layersCountAlike() {
            for policy in [RecomputePolicy.all(.input), .all(.attention), .all(.projections), .all(.everything)] {
                // The last layer is a case of its own.
                let (one, two, four) = (
                    all(cost(policy, layers: 1)), all(cost(policy, layers: 2)), all(cost(policy, layers: 4))
                )
                for kind in WorkKind.allCases {
                    let (first, others) = (two[kind] - one[kind], four[kind] - two[kind])
                    #expect(others == 2 * first, "\(kind) of \(policy)")
                }
            }
        }

        @Test func eachLevelComputesAgainWhatItDoesNotKeep() {
            let (attention, feedForward, pairs) = layer(100)
            func work(_ retention: Retention) -> WorkAmount { cost(.all(retention)).backward }
            // The last layer's forward is still there, but gate and up, which are in blocks.
            #expect(work(.input)[.attention] == 6 * pairs && work(.attention)[.attention] == 0)
            #expect(work(.attention)[.attentionMaps] == 6 * attention && work(.projections)[.attentionMaps] == 0)
            #expect(work(.projections)[.feedForwardMaps] == 7 * feedForward * 2 / 3)
            #expect(work(.everything)[.feedForwardMaps] == 0)
            #expect(work(.everything)[.headLogits] == 99 * 20 * 64)
            for retention in Retention.allCases {
                #expect(work(retention)[.feedForwardMapsWeight] == 7 * feedForward)
                #expect(work(retention)[.attentionMapsInput] == 7 * attention)
                #expect(work(retention)[.attentionBackward] == 7 * pairs)
            }
        }

        @Test func policiesTakeLessAndLessTime() {
            let rates = MachineRates(Dictionary(uniqueKeysWithValues: WorkKind.allCases.map { ($0, 1) }))
            let policies = RecomputePolicy.leanestFirst(layerCount: 7)
            // Of the segments the leanest is not the slowest.
            let kept = policies.filter { !$0.description.hasPrefix("the ") }
            let seconds = kept.map { rates.seconds(all(cost($0))) }
            #expect(seconds.count > 20)
            // What is kept of the last layer changes nothing at two levels.
            #expect(seconds == seconds.sorted(by: >) && Set(seconds).count == seconds.count - 2)
        }

        @Test func segmentsComputeTheirLayersOnceMore() throws {
            let policies = RecomputePolicy.leanestFirst(layerCount: 7)
            let pairsOfLayers = try #require(policies.first { $0.description == "the input of every 2nd layer" })
            // Of the last segment, layer 6, nothing is computed again; of the three others the first layer.
            let (segments, inputs) = (cost(pairsOfLayers), cost(.all(.input)))
            #expect(segments.forward == inputs.forward)
            let (attention, feedForward, pairs) = layer(100)
            for (kind, amount) in [
                (WorkKind.attentionMaps, attention), (.feedForwardMaps, feedForward), (.attention, pairs),
            ] {
                let more: Double = segments.backward[kind] - inputs.backward[kind]
                #expect(more == 3 * amount, "\(kind)")
            }
            #expect(segments.backward[.attentionBackward] == inputs.backward[.attentionBackward])
        }

        @Test func tokensWithoutAWeightCostNothingInTheHead() {
            let (whole, fifth) = (cost(.all(.input)), cost(.all(.input), weighted: 0.2))
            #expect(fifth.forward == whole.forward)
            #expect(abs(fifth.backward[.headGradients] - 0.2 * whole.backward[.headGradients]) < 1e-6)
            let saved = whole.backward[.feedForwardMapsWeight] - fifth.backward[.feedForwardMapsWeight]
            #expect(abs(saved - 0.8 * layer(100).feedForward) < 1e-6)
        }

        @Test func windowsLimitTheAttention() throws {
            var configuration = Self.configuration()
            configuration.slidingWindow = 10
            let work = StepCost(configuration, length: 100, recompute: .fastest).forward
            let pairs = Double(7 * (100 * 100 - 90 * 90) / 2 * 24)
            #expect(work[.attention] == pairs)
        }

        /// Rates are there for all that a pass does, also where there are norms of heads and nothing but a few tokens.
        @Test(arguments: [2, 70]) func measuredRatesMakeSecondsOfEverything(length: Int) throws {
            for norms in [false, true] {
                var configuration = Self.configuration()
                configuration.queryKeyNorm = norms
                let runtime = try Runtime(threads: 2)
                let rates = try MachineRates(measuring: .f32(configuration), length: length, trains: true, on: runtime)
                #expect(rates.measuredSeconds > 0 && rates.measuredSeconds < 60)
                for kind in WorkKind.allCases {
                    var amount = WorkAmount()
                    amount[kind] = 1e6
                    let seconds = rates.seconds(amount)
                    #expect(seconds > 0 && seconds < 3600, "\(kind)")
                    #expect(abs(rates.seconds(amount.times(2)) - 2 * seconds) < 1e-9 * seconds)
                }
            }
        }
    }
}
