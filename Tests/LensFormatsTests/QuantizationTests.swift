import LensFormats
import LensKernels
import LensSupport
import LensTestSupport
import Testing

/// Against the `gguf` package and llama.cpp, see Fixtures/make_fixtures.py and make_llama_cpp_fixtures.py.
@Suite struct QuantizationTests {
    private func dequantize(_ type: TensorType, _ bytes: [UInt8]) throws -> [Float] {
        let count = bytes.count / type.blockBytes * type.blockElements
        // Blocks end where the mapped memory ends: reading one byte too many would end the test.
        let source = GuardedBuffer(bytes), destination = GuardedBuffer<Float>(count: count)
        unsafe withPointers(source, destination) { source, destination in
            unsafe type.dequantize(
                UnsafeRawBufferPointer(start: source, count: bytes.count),
                into: UnsafeMutableBufferPointer(start: destination, count: count))
        }
        return destination.array
    }

    private func quantize(_ type: TensorType, _ elements: [Float]) throws -> [UInt8] {
        let size = try #require(type.byteCount(of: elements.count))
        let source = GuardedBuffer(elements), destination = GuardedBuffer<UInt8>(count: size)
        unsafe withPointers(source, destination) { source, destination in
            unsafe type.quantize(
                UnsafeBufferPointer(start: source, count: elements.count),
                into: UnsafeMutableRawBufferPointer(start: destination, count: size))
        }
        return destination.array
    }

    @Test(arguments: TensorType.allCases)
    func dequantizesAsReference(_ type: TensorType) throws {
        let file = try SafetensorsFile(path: fixture("quantization.safetensors"))
        let expected = try file.floats("\(type.name).dequantized")
        let found = try dequantize(type, file.uint8s("\(type.name).bytes"))
        #expect(found.count == expected.count)
        // Where scales are infinite or NaN, the fixture has NaN.
        let wrong = zip(found, expected).filter { a, b in
            b.isNaN ? a.isFinite : a.bitPattern != b.bitPattern
        }
        #expect(wrong.isEmpty, "\(wrong.count) elements differ")
    }

    static let searched: [TensorType] = [.q4_K, .q5_K, .q6_K]
    static let rounded = TensorType.allCases.filter { $0.isWritable && !searched.contains($0) }

    @Test(arguments: rounded)
    func quantizesAsReference(_ type: TensorType) throws {
        let file = try SafetensorsFile(path: fixture("quantization.safetensors"))
        #expect(try quantize(type, file.floats("source")) == file.uint8s("\(type.name).quantized"))
    }

    @Test(arguments: rounded.filter { $0.blockElements > 1 })
    func quantizesAsLlamaCpp(_ type: TensorType) throws {
        let file = try SafetensorsFile(path: fixture("llama-cpp-blocks.safetensors"))
        #expect(try quantize(type, file.floats("source")) == file.uint8s("\(type.name).quantized"))
    }

    /// Rows in an order of their own, by any number of threads: the bytes of each alone.
    @Test(arguments: TensorType.allCases.filter(\.isWritable))
    func rowsAreEncodedAlone(_ type: TensorType) throws {
        let (rows, columns) = (37, 512)
        let elements = randomFloats(rows * columns, seed: 12), order = (0..<rows).map { $0 * 5 % rows }
        let expected = try order.flatMap { try quantize(type, Array(elements[$0 * columns..<($0 + 1) * columns])) }
        for threads in [1, 2, 5] {
            let runtime = try Runtime(threads: threads)
            var bytes = [UInt8](repeating: 0, count: expected.count)
            try unsafe elements.withUnsafeBufferPointer { elements in
                try unsafe bytes.withUnsafeMutableBytes { bytes in
                    try unsafe runtime.quantize(elements, rows: order, columns: columns, as: type, into: bytes)
                }
            }
            #expect(bytes == expected, "\(threads) threads")
        }
    }

    @Test(arguments: searched)
    func dequantizesWhatLlamaCppWrites(_ type: TensorType) throws {
        let file = try SafetensorsFile(path: fixture("llama-cpp-blocks.safetensors"))
        let found = try dequantize(type, file.uint8s("\(type.name).quantized"))
        #expect(found.map(\.bitPattern) == (try file.floats("\(type.name).dequantized")).map(\.bitPattern))
    }

    /// Scales are searched for the least weighted error: for no kind of row must llama.cpp's search, which has the same
    /// weights, find better ones; nor in all for the least plain error.
    @Test(arguments: searched)
    func errsNoMoreThanLlamaCpp(_ type: TensorType) throws {
        let file = try SafetensorsFile(path: fixture("llama-cpp-blocks.safetensors"))
        let source = try file.floats("source"), theirs = try file.floats("\(type.name).dequantized")
        let ours = try dequantize(type, quantize(type, source))
        /// Sums of squared differences over groups of 32, weighted and plain.
        func errors(_ found: [Float], _ range: Range<Int>) -> (weighted: Double, plain: Double) {
            var weighted = 0.0, plain = 0.0
            for group in stride(from: range.lowerBound, to: range.upperBound, by: 32) {
                let squares = source[group..<group + 32].reduce(0) { $0 + Double($1) * Double($1) }
                for index in group..<group + 32 {
                    let x = Double(source[index]), square = (Double(found[index]) - x) * (Double(found[index]) - x)
                    plain += square
                    weighted += (type == .q6_K ? x * x : (squares / 32).squareRoot() + abs(x)) * square
                }
            }
            return (weighted, plain)
        }
        for row in stride(from: 0, to: source.count, by: 512) {
            let own = errors(ours, row..<row + 512).weighted, other = errors(theirs, row..<row + 512).weighted
            #expect(own <= other * (1 + 1e-6), "row \(row / 512): \(own / other)")
        }
        #expect(errors(ours, source.indices).plain <= errors(theirs, source.indices).plain)
    }

    /// Half a step at most, were scales exact; they have 6 bits (8 in Q6_K), so that the ends may be cut by some more.
    @Test(arguments: searched)
    func staysWithinSteps(_ type: TensorType) throws {
        let steps: Float = type == .q4_K ? 15 : type == .q5_K ? 31 : 63
        for (seed, offset) in [(1, 0), (2, 0.5), (3, -3)] as [(UInt64, Float)] {
            let source = randomFloats(2048, seed: seed).map { $0 + offset }
            let found = try dequantize(type, quantize(type, source))
            for block in stride(from: 0, to: source.count, by: 256) {
                let elements = source[block..<block + 256]
                let low = min(0, elements.min() ?? 0), high = max(0, elements.max() ?? 0)
                let range = type == .q6_K ? 2 * max(high, -low) : high - low
                for index in block..<block + 256 {
                    #expect(abs(found[index] - source[index]) <= 1.5 * range / steps, "element \(index)")
                }
            }
        }
    }

    @Test(arguments: searched)
    func keepsZerosAndConstants(_ type: TensorType) throws {
        for value in [Float(0), -2, 0.5] {
            let found = try dequantize(type, quantize(type, [Float](repeating: value, count: 512)))
            #expect(found.allSatisfy { abs($0 - value) <= abs(value) / 1000 }, "\(value)")
        }
        // Numbers smaller than half of fp16's smallest scale.
        let tiny = randomFloats(256, seed: 9).map { $0 * 1e-7 }
        let found = try dequantize(type, quantize(type, tiny))
        let largest = tiny.map(abs).max() ?? 0
        #expect(zip(found, tiny).allSatisfy { abs($0 - $1) <= largest })
    }

    /// Float16 of the standard library is the reference (on machines that have it).
    #if !(os(macOS) && arch(x86_64))
        @Test func everyHalf() throws {
            let halves = (0..<UInt32(65536)).map { UInt16($0) }
            let floats = try dequantize(.f16, halves.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] })
            for (half, float) in zip(halves, floats) {
                let expected = Float(Float16(bitPattern: half))
                #expect(float.bitPattern == expected.bitPattern || float.isNaN && expected.isNaN, "half \(half)")
            }
            let again = try quantize(.f16, floats)
            for half in halves where !floats[Int(half)].isNaN {
                let bits = UInt16(again[2 * Int(half)]) | UInt16(again[2 * Int(half) + 1]) << 8
                #expect(bits == half)
            }
        }

        @Test func roundsToNearestEvenHalf() throws {
            var elements: [Float] = [
                65519.99, 65520, 1e30, -1e30, .infinity, -.infinity, 0, -0.0, 0x1p-25, 0x1.8p-24,
                .leastNonzeroMagnitude,
            ]
            var generator = SeededGenerator(seed: 5)
            for exponent in -30...17 {
                for _ in 0..<50 {
                    elements.append(
                        Float.random(in: 1..<2, using: &generator)
                            * Float(sign: .plus, exponent: exponent, significand: 1))
                    // A tie between two halves.
                    let half = Float16.random(in: 1..<2, using: &generator)
                    elements.append(
                        (Float(half) + Float(half.nextUp)) / 2 * Float(sign: .minus, exponent: exponent, significand: 1)
                    )
                }
            }
            elements += [Float](repeating: 1, count: elements.count % 2)
            let bytes = try quantize(.f16, elements)
            for (index, element) in elements.enumerated() {
                let bits = UInt16(bytes[2 * index]) | UInt16(bytes[2 * index + 1]) << 8
                #expect(bits == Float16(element).bitPattern, "\(element)")
            }
        }
    #endif

    @Test func keepsNaN() throws {
        // A payload in the bits that the shorter types drop.
        let hidden = Float(bitPattern: 0x7f80_0001)
        for type in [TensorType.f32, .f16, .bf16] {
            let back = try dequantize(type, quantize(type, [hidden, -hidden]))
            #expect(back.allSatisfy { $0.isNaN }, "\(type)")
        }
    }

    /// Numbers that are not finite have no block representation; converting them must not be undefined.
    @Test(arguments: TensorType.allCases.filter { $0.isWritable && $0.blockElements > 1 })
    func survivesNonFinite(_ type: TensorType) throws {
        for value in [Float.nan, .infinity, -.infinity, .leastNonzeroMagnitude, .greatestFiniteMagnitude] {
            var elements = randomFloats(256, seed: 3)
            elements[5] = value
            elements[40] = -value
            _ = try dequantize(type, quantize(type, elements))
        }
    }

    @Test func sizes() {
        #expect(TensorType.q4_1.byteCount(of: 64) == 40)
        #expect(TensorType.q4_1.byteCount(of: 65) == nil)
        #expect(TensorType.q6_K.byteCount(of: 512) == 420)
        #expect(TensorType.f32.byteCount(of: .max) == nil)
        #expect(TensorType.f16.byteCount(of: -2) == nil)
        #expect(TensorType(name: "q8_0") == .q8_0)
        #expect(TensorType(name: "Q4_k") == .q4_K)
        #expect(TensorType(name: "q9") == nil)
    }
}
