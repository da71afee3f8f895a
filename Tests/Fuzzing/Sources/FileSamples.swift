import LongLens

/// Files that the library reads and does not write.
extension Samples {
    private static func littleEndian<N: FixedWidthInteger>(_ number: N) -> [UInt8] {
        (0..<N.bitWidth / 8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }

    /// A GGUF file in so many parts, one after the other: the first has all metadata, each its share of the tensors.
    static func splitGGUF(parts count: Int, _ tokenizer: GGUFMetadata) throws -> [UInt8] {
        var whole: [UInt8] = [], tensors: [GGUFTensor] = []
        _ = try written { path in
            try writeGGUF(
                to: path, configuration: configuration(.llama), type: .f32, tokenizer: tokenizer, name: "m",
                parameters: zeros)
            whole = try contents(of: path)
            tensors = try GGUFFile(path: path).tensors
        }
        func string(_ text: String) -> [UInt8] { littleEndian(UInt64(text.utf8.count)) + text.utf8 }
        let firstName = string(tensors[0].name)
        let metadataEnd = whole.indices.first { whole[$0...].starts(with: firstName) } ?? 24
        let pairCount = whole[16..<24].reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        let share = (tensors.count + count - 1) / count
        return (0..<count).flatMap { number in
            let own = tensors[min(number * share, tensors.count)..<min((number + 1) * share, tensors.count)]
            // Types of values: 2 is uint16, 5 is int32.
            let split =
                string("split.no") + littleEndian(2 as UInt32) + littleEndian(UInt16(number))
                + string("split.count") + littleEndian(2 as UInt32) + littleEndian(UInt16(count))
                + string("split.tensors.count") + littleEndian(5 as UInt32) + littleEndian(Int32(tensors.count))
            var descriptions: [UInt8] = [], data: [UInt8] = []
            for tensor in own {
                data += Array(repeating: 0, count: data.count.padding(to: 32))
                descriptions += string(tensor.name) + littleEndian(UInt32(tensor.shape.count))
                descriptions += tensor.shape.reversed().flatMap { littleEndian(UInt64($0)) }
                descriptions += littleEndian(UInt32(tensor.type.rawValue)) + littleEndian(UInt64(data.count))
                data += whole[tensor.byteRange]
            }
            var header = Array("GGUF".utf8) + littleEndian(3 as UInt32) + littleEndian(UInt64(own.count))
            header += littleEndian(3 + (number == 0 ? pairCount : 0)) + split
            if number == 0 { header += whole[24..<metadataEnd] }
            header += descriptions
            return header + Array(repeating: 0, count: header.count.padding(to: 32)) + data
        }
    }

    /// A SentencePiece model: messages of a piece each (text, score, type), of the trainer and of the normalizer.
    static func sentencePiece(marksSpaces: Bool) -> [UInt8] {
        // A field's number and the kind of its value are one byte: 0 an integer, 2 bytes, 5 four bytes.
        func message(_ field: UInt8, _ bytes: [UInt8]) -> [UInt8] { [field << 3 | 2, UInt8(bytes.count)] + bytes }
        func integer(_ field: UInt8, _ value: UInt8) -> [UInt8] { [field << 3, value] }
        func piece(_ text: [UInt8], _ score: Float, _ type: UInt8) -> [UInt8] {
            message(1, message(1, text) + [2 << 3 | 5] + littleEndian(score.bitPattern) + integer(3, type))
        }
        let bytes: [[UInt8]] = [0x0A, 0x20, 0x61].map { (byte: UInt8) in
            Array("<0x\(byte < 16 ? "0" : "")\(String(byte, radix: 16, uppercase: true))>".utf8)
        }
        let types: [UInt8] = [2, 3, 3, 1, 1, 1, 1, 1]
        return zip(pieces, types).enumerated().flatMap { piece($1.0, Float(-$0), $1.1) }
            + bytes.flatMap { piece($0, 0, 6) }
            // The kind BPE and fallback to bytes, whose field's number takes two bytes.
            + message(2, integer(3, 2) + [0x98, 0x02, 1])
            + message(3, integer(3, marksSpaces ? 1 : 0) + integer(4, marksSpaces ? 0 : 1) + integer(5, 1))
    }
}

extension Int {
    fileprivate func padding(to size: Int) -> Int { (size - self % size) % size }
}
