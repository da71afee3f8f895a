import LensFormats
import LensSupport
import LensTestSupport
import Testing

/// Against the `gguf` package, see Fixtures/make_fixtures.py.
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

    @Test(arguments: TensorType.allCases.filter(\.isWritable))
    func quantizesAsReference(_ type: TensorType) throws {
        let file = try SafetensorsFile(path: fixture("quantization.safetensors"))
        #expect(try quantize(type, file.floats("source")) == file.uint8s("\(type.name).quantized"))
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
            var elements = randomFloats(64, seed: 3)
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
