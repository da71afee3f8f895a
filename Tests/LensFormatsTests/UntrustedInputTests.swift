import LensFormats
import LensSupport
import LensTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Damaged files of every format: a typed error or a valid model, never a crash, a hang or a huge allocation.
@Suite struct UntrustedInputTests {
    /// One valid model, and its file that is damaged.
    enum Target: String, CaseIterable, Sendable {
        case gguf, llama2c, configuration, index, shard
    }

    /// A copy of a valid model whose one file can be rewritten quickly.
    private final class Victim {
        let folder: TemporaryFolder
        let modelPath: String
        let damagedPath: String
        let original: [UInt8]

        init(_ target: Target) throws {
            folder = try TemporaryFolder()
            switch target {
            case .gguf:
                modelPath = folder.file("m.gguf")
                damagedPath = modelPath
                original = try contents(of: fixture("tiny-llama.gguf"))
            case .llama2c:
                var configuration = ModelConfiguration(
                    vocabularySize: 8, hiddenSize: 8, feedForwardSize: 4, layerCount: 1, headCount: 2,
                    keyValueHeadCount: 1, headDimension: 4, contextLength: 4)
                configuration.bosToken = 1
                configuration.eosToken = 2
                modelPath = folder.file("m.bin")
                damagedPath = modelPath
                let model = RandomModel(configuration)
                try unsafe writeLlama2C(to: modelPath, configuration: configuration, parameters: model.read)
                original = try contents(of: modelPath)
            case .configuration, .index, .shard:
                modelPath = folder.path
                for name in TemporaryFolder.names(fixture("tiny-llama")) {
                    _ = try folder.write(name, contents(of: fixture("tiny-llama/" + name)))
                }
                damagedPath = folder.file(
                    target == .configuration
                        ? "config.json"
                        : target == .index ? "model.safetensors.index.json" : "model-00001-of-00002.safetensors")
                original = try contents(of: damagedPath)
            }
        }

        /// True where the model could be opened and read whole.
        func survives(_ damaged: ArraySlice<UInt8>) throws -> Bool {
            // Not atomic: a flush to the disk for each of thousands of files would take minutes.
            guard let file = unsafe fopen(damagedPath, "w") else {
                Issue.record("cannot open \(damagedPath)")
                return false
            }
            let written = unsafe damaged.withUnsafeBytes { bytes in
                unsafe bytes.isEmpty ? 0 : fwrite(bytes.baseAddress, 1, bytes.count, file)
            }
            let closed = unsafe fclose(file)
            if closed != 0 || written != damaged.count { Issue.record("cannot write \(damagedPath)") }
            do throws(LensError) {
                _ = try readAll(openModel(path: modelPath))
                return true
            } catch {
                // The macros are too slow for each of tens of thousands of files.
                if ![.data, .missing, .io].contains(error.kind) || error.message.isEmpty { Issue.record(error) }
                return false
            }
        }
    }

    private static func peakBytes() -> Int {
        var usage = rusage()
        #if canImport(Glibc)
            _ = unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
            return usage.ru_maxrss * 1024
        #else
            _ = unsafe getrusage(RUSAGE_SELF, &usage)
            return usage.ru_maxrss
        #endif
    }

    @Test(arguments: Target.allCases)
    func everyTruncation(_ target: Target) throws {
        let victim = try Victim(target)
        #expect(try victim.survives(victim.original[...]))
        for count in 0..<victim.original.count {
            let survived = try victim.survives(victim.original[..<count])
            // Only space after the JSON, or padding after the last tensor, may be missing.
            let rest = victim.original[count...]
            if survived && !rest.allSatisfy({ $0 == 0 || $0 == 0x0A }) {
                Issue.record("\(target) survives being cut to \(count) bytes")
            }
        }
    }

    /// Numbers that break arithmetic which is not checked.
    private static let extremes: [UInt64] = [
        0, 1, 0x7F, 0xFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 32, 1 << 40, 1 << 61, 1 << 62, 1 << 63, .max,
        .max - 31, .max / 2, .max / 3, .max / 4 + 1,
    ]

    private static let fragments = [
        "1e999", "-1", "0", "9223372036854775807", "99999999999999999999", "1.5", "null", "true", "[", "]", "{", "}",
        "\"", ",", ":", "[[[[[[[[", "\\u0000", "\\ud800", "\"a\":", "-", "2147483648", "4294967297",
    ]

    private func damage(_ bytes: inout [UInt8], _ generator: inout SeededGenerator) {
        // Most of the damage goes to the header, where structure is.
        let end = generator.below(4) == 0 ? bytes.count : min(bytes.count, [28, 512, 2048][generator.below(3)])
        let position = generator.below(max(1, end))
        guard position < bytes.count else { return }
        switch generator.below(6) {
        case 0, 1: bytes[position] ^= 1 << UInt8(generator.below(8))
        case 2: bytes[position] = UInt8(generator.below(256))
        case 3:
            let number = UntrustedInputTests.extremes[generator.below(UntrustedInputTests.extremes.count)]
            for byte in 0..<[1, 2, 4, 8][generator.below(4)] where position + byte < bytes.count {
                bytes[position + byte] = UInt8(truncatingIfNeeded: number >> UInt64(8 * byte))
            }
        case 4:
            let fragment = UntrustedInputTests.fragments[generator.below(UntrustedInputTests.fragments.count)]
            let replaced = position..<min(bytes.count, position + generator.below(6))
            bytes.replaceSubrange(replaced, with: Array(fragment.utf8))
        default:
            let other = generator.below(bytes.count)
            let count = min(generator.below(16), bytes.count - max(position, other))
            bytes.replaceSubrange(position..<position + count, with: Array(bytes[other..<other + count]))
        }
    }

    @Test(arguments: Target.allCases)
    func randomDamage(_ target: Target) throws {
        let victim = try Victim(target)
        var survivors = 0
        let rounds = 2000
        let before = UntrustedInputTests.peakBytes()
        for seed in 0..<rounds {
            var generator = SeededGenerator(seed: UInt64(seed), stream: 77)
            var bytes = victim.original
            for _ in 0...generator.below(3) { damage(&bytes, &generator) }
            if try victim.survives(bytes[...]) { survivors += 1 }
        }
        // The damage is neither always harmless nor always fatal, so both outcomes are exercised.
        #expect(survivors > rounds / 100 && survivors < rounds * 99 / 100, "\(target): \(survivors)")
        // Files of a few kilobytes; the rest is room for tests that run at the same time.
        #expect(UntrustedInputTests.peakBytes() - before < 1 << 30)
    }

    @Test func deepJSONInEveryPlace() throws {
        let deep = String(repeating: "[", count: 100_000)
        for target in [Target.configuration, .index] {
            let victim = try Victim(target)
            #expect(try !victim.survives(Array(deep.utf8)[...]))
            #expect(try !victim.survives(Array("{\"a\":\(deep)".utf8)[...]))
        }
        let victim = try Victim(.shard)
        let text = Array("{\"a\":\(deep)}".utf8)
        let size = (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) }
        #expect(try !victim.survives((size + text)[...]))
    }

    /// A configuration that asks for many layers must not cost memory before the tensors are counted.
    @Test func manyLayersWithoutTensors() throws {
        let victim = try Victim(.configuration)
        let text = String(decoding: victim.original, as: UTF8.self)
        for layers in ["4096", "1000000000", "9223372036854775807"] {
            let damaged = text.replacing("\"num_hidden_layers\": 1", with: "\"num_hidden_layers\": \(layers)")
            #expect(damaged != text)
            #expect(try !victim.survives(Array(damaged.utf8)[...]))
        }
    }
}
