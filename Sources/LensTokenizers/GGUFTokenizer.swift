import LensFormats
import LensSupport

/// The `tokenizer.*` keys of GGUF.
private enum Key {
    static let model = "tokenizer.ggml.model"
    static let preTokenizer = "tokenizer.ggml.pre"
    static let tokens = "tokenizer.ggml.tokens"
    static let scores = "tokenizer.ggml.scores"
    static let types = "tokenizer.ggml.token_type"
    static let merges = "tokenizer.ggml.merges"
    static let bos = "tokenizer.ggml.bos_token_id"
    static let eos = "tokenizer.ggml.eos_token_id"
    static let unknown = "tokenizer.ggml.unknown_token_id"
    static let padding = "tokenizer.ggml.padding_token_id"
    static let addsBOS = "tokenizer.ggml.add_bos_token"
    static let addsEOS = "tokenizer.ggml.add_eos_token"
    static let addsSpacePrefix = "tokenizer.ggml.add_space_prefix"
    static let chatTemplate = "tokenizer.chat_template"
    static let huggingFace = "tokenizer.huggingface.json"
}

/// Reads a tokenizer from GGUF metadata, with llama.cpp's meaning of the keys.
enum GGUFTokenizerReader {
    static func read(_ metadata: GGUFMetadata, path: String) throws(LensError) -> TokenizerDefinition {
        guard let model = metadata.string(Key.model) else {
            throw .data("\(path): \(Key.model) is missing or not a string; the file carries no tokenizer.")
        }
        guard let pieces = metadata.strings(Key.tokens) else {
            throw .data("\(path): \(Key.tokens) is missing or not an array of strings.")
        }
        let types = try types(metadata, count: pieces.count, path)
        var definition: TokenizerDefinition
        switch model {
        case "gpt2": definition = try byteLevel(metadata, pieces, types, path)
        case "llama": definition = try sentencePiece(metadata, pieces, types, path)
        default:
            throw .data(
                "\(path): \(Key.model) is \"\(model)\"; supported are \"gpt2\" (byte-level BPE) and \"llama\" (SentencePiece BPE)."
            )
        }
        try readSpecialTokens(metadata, &definition, path)
        return definition
    }

    private static func types(_ metadata: GGUFMetadata, count: Int, _ path: String) throws(LensError) -> [PieceType] {
        guard metadata[Key.types] != nil else { return [PieceType](repeating: .normal, count: count) }
        guard let numbers = metadata.integers(Key.types), numbers.count == count else {
            throw .data("\(path): \(Key.types) must be \(count) 32-bit integers, one a token.")
        }
        // 0 (undefined) and numbers not yet defined are pieces that nothing becomes.
        return numbers.map { PieceType(rawValue: $0) ?? .unused }
    }

    private static func byteLevel(
        _ metadata: GGUFMetadata, _ pieces: [[UInt8]], _ types: [PieceType], _ path: String
    ) throws(LensError) -> TokenizerDefinition {
        guard let lines = metadata.strings(Key.merges) else {
            throw .data("\(path): \(Key.merges) is missing or not an array of strings.")
        }
        let name = metadata.string(Key.preTokenizer) ?? "default"
        guard let family = GGUFPreTokenizer.named(name) else {
            if case .string(let json) = metadata[Key.huggingFace] {
                return try HuggingFaceTokenizerReader.read(
                    json, configuration: nil, path: "\(path), \(Key.huggingFace)")
            }
            let names = GGUFPreTokenizer.all.flatMap(\.names).joined(separator: ", ")
            throw .data(
                "\(path): \(Key.preTokenizer) is \"\(name)\", whose pattern is not known here; known are \(names).")
        }
        let builder = MergeBuilder(pieces)
        var merges: [Merge] = []
        merges.reserveCapacity(lines.count)
        for (index, line) in lines.enumerated() {
            guard let merge = builder.merge(line: line) else {
                throw .data(
                    "\(path): merge \(index), \"\(String(decoding: line, as: UTF8.self))\", is not two tokens of the vocabulary "
                        + "with a space between whose concatenation is a token too.")
            }
            merges.append(merge)
        }
        var definition = TokenizerDefinition(
            kind: .byteLevel, pieces: pieces, types: types, merging: .ranked(builder.firstOfEach(merges)))
        definition.preTokenizer = family.steps
        definition.preTokenizerName = name
        definition.ignoresMerges = family.ignoresMerges
        definition.addsBOS = family.addsBOS
        definition.addedTokens = AddedToken.all(pieces, types)
        if metadata[Key.preTokenizer] == nil {
            definition.warnings.append(
                "\(path): no \(Key.preTokenizer) names the pre-tokenizer (an early converter wrote the file). Text is cut "
                    + "as llama.cpp cuts it by default, which may give other tokens than the model was trained on, and worse "
                    + "losses. Convert the model again.")
        }
        return definition
    }

    private static func sentencePiece(
        _ metadata: GGUFMetadata, _ pieces: [[UInt8]], _ types: [PieceType], _ path: String
    ) throws(LensError) -> TokenizerDefinition {
        var scores = [Float](repeating: 0, count: pieces.count)
        if metadata[Key.scores] != nil {
            guard let given = metadata.floats(Key.scores), given.count == pieces.count else {
                throw .data("\(path): \(Key.scores) must be \(pieces.count) 32-bit floats, one a token.")
            }
            scores = given
        }
        var definition = TokenizerDefinition(
            kind: .sentencePiece, pieces: pieces, types: types, merging: .scored(scores))
        let prefix = try bool(metadata, Key.addsSpacePrefix, path) ?? true
        definition.normalizer = TokenizerDefinition.spaceMarking(prepends: prefix)
        definition.fallsBackToBytes = types.contains(.byte)
        definition.fusesUnknown = true
        definition.addsBOS = true
        definition.addedTokens = AddedToken.all(pieces, types)
        // llama.cpp's defaults of this model.
        definition.bosToken = pieces.count > 1 ? 1 : nil
        definition.eosToken = pieces.count > 2 ? 2 : nil
        definition.unknownToken = 0
        return definition
    }

    private static func readSpecialTokens(
        _ metadata: GGUFMetadata, _ definition: inout TokenizerDefinition, _ path: String
    ) throws(LensError) {
        if let id = try token(metadata, Key.bos, path) { definition.bosToken = id }
        if let id = try token(metadata, Key.eos, path) { definition.eosToken = id }
        if let id = try token(metadata, Key.padding, path) { definition.paddingToken = id }
        if let id = try token(metadata, Key.unknown, path) {
            definition.namedUnknownToken = id
            // Byte-level BPE leaves out bytes it has no piece for, in llama.cpp and in the tokenizers library.
            if definition.kind == .sentencePiece { definition.unknownToken = id }
        }
        if let adds = try bool(metadata, Key.addsBOS, path) { definition.addsBOS = adds }
        if try bool(metadata, Key.addsEOS, path) == true {
            definition.addsEOS = definition.eosToken != nil
            if !definition.addsEOS {
                definition.warnings.append(
                    "\(path): \(Key.addsEOS) is true, but no EOS token is given; none is added to text.")
            }
        }
        if case .string(let template) = metadata[Key.chatTemplate] { definition.chatTemplate = template }
    }

    private static func token(_ metadata: GGUFMetadata, _ key: String, _ path: String) throws(LensError) -> Int32? {
        guard metadata[key] != nil else { return nil }
        guard let id = metadata.integer(key).flatMap(Int32.init(exactly:)) else {
            throw .data("\(path): \(key) is not a token id.")
        }
        return id
    }

    private static func bool(_ metadata: GGUFMetadata, _ key: String, _ path: String) throws(LensError) -> Bool? {
        guard metadata[key] != nil else { return nil }
        guard let value = metadata.bool(key) else { throw .data("\(path): \(key) is not true or false.") }
        return value
    }
}

extension TokenizerDefinition {
    /// `▁` for each space, and one before the text.
    static func spaceMarking(prepends: Bool) -> [NormalizerStep] {
        (prepends ? [.prepend(spaceMark)] : []) + [.replace([0x20], with: spaceMark)]
    }
}

/// Writes a tokenizer as GGUF metadata.
enum GGUFTokenizerWriter {
    private static let unnamedPreTokenizer = "huggingface"

    /// What of a definition the metadata cannot say, so that the file gives other tokens: a paragraph each.
    static func losses(_ definition: TokenizerDefinition) -> [String] {
        var losses: [String] = []
        let spaces = TokenizerDefinition.spaceMarking(prepends: true)
        let marksSpaces = definition.kind == .sentencePiece
        let lost = definition.normalizer.filter { !(marksSpaces && spaces.contains($0)) }
        if !lost.isEmpty, definition.preTokenizerIsNamed {
            let names = lost.map(HuggingFaceNormalizer.name).joined(separator: ", ")
            losses.append(
                "GGUF has no place for the tokenizer's normalizer (\(names)): from the file, texts that it changes give other "
                    + "tokens than from tokenizer.json. Normalize them first.")
        }
        if definition.addedTokens.contains(where: { $0.stripsLeft || $0.stripsRight || $0.isSingleWord }),
            definition.preTokenizerIsNamed
        {
            losses.append(
                "GGUF has no place for lstrip, rstrip and single_word of the tokenizer's added tokens: blanks and letters "
                    + "beside them give other tokens than from tokenizer.json.")
        }
        guard definition.kind == .byteLevel, definition.preTokenizerName == nil else { return losses }
        guard let written = GGUFPreTokenizer.forWriting(definition) else {
            return losses + [
                "GGUF has no name for the tokenizer's pre-tokenizer: \(Key.preTokenizer) is `\(unnamedPreTokenizer)`, and "
                    + "tokenizer.json goes along in \(Key.huggingFace). LongLens reads that; llama.cpp refuses the file."
            ]
        }
        if let loss = written.loss {
            losses.append("The pre-tokenizer goes into GGUF as \(Key.preTokenizer) = `\(written.name)`: \(loss).")
        }
        return losses
    }

    /// `tokenizerJSON` goes in whole where GGUF has no name for the pre-tokenizer.
    static func metadata(_ definition: TokenizerDefinition, tokenizerJSON: [UInt8]?) -> GGUFMetadata {
        var metadata = GGUFMetadata()
        metadata[Key.tokens] = .strings(
            definition.pieces.enumerated().map { id, piece in piece.isEmpty ? Array("[EMPTY_\(id)]".utf8) : piece })
        metadata[Key.types] = .int32s(definition.types.map(\.rawValue))
        switch definition.kind {
        case .byteLevel:
            metadata[Key.model] = .string(Array("gpt2".utf8))
            writePreTokenizer(definition, tokenizerJSON, &metadata)
            if case .ranked(let merges) = definition.merging {
                metadata[Key.merges] = .strings(
                    merges.map { definition.pieces[Int($0.left)] + [0x20] + definition.pieces[Int($0.right)] })
            }
        case .sentencePiece:
            metadata[Key.model] = .string(Array("llama".utf8))
            metadata[Key.preTokenizer] = .string(Array("default".utf8))
            metadata[Key.scores] = .float32s(scores(definition))
        }
        metadata[Key.addsSpacePrefix] = .bool(definition.prependsSpace != .never)
        metadata[Key.addsBOS] = .bool(definition.addsBOS)
        metadata[Key.addsEOS] = .bool(definition.addsEOS)
        let tokens = [
            (Key.bos, definition.bosToken), (Key.eos, definition.eosToken),
            (Key.unknown, definition.unknownToken ?? definition.namedUnknownToken),
            (Key.padding, definition.paddingToken),
        ]
        for (key, id) in tokens { if let id { metadata[key] = .uint32(UInt32(bitPattern: id)) } }
        if let template = definition.chatTemplate { metadata[Key.chatTemplate] = .string(template) }
        return metadata
    }

    private static func writePreTokenizer(
        _ definition: TokenizerDefinition, _ tokenizerJSON: [UInt8]?, _ metadata: inout GGUFMetadata
    ) {
        // An unknown name makes other readers refuse the file rather than cut words at the wrong places.
        let name =
            definition.preTokenizerName ?? GGUFPreTokenizer.forWriting(definition)?.name ?? unnamedPreTokenizer
        metadata[Key.preTokenizer] = .string(Array(name.utf8))
        if GGUFPreTokenizer.named(name) == nil, let tokenizerJSON {
            metadata[Key.huggingFace] = .string(tokenizerJSON)
        }
    }

    /// The scores of the pieces; of ranked merges, minus the rank of the first merge that makes the piece.
    private static func scores(_ definition: TokenizerDefinition) -> [Float] {
        switch definition.merging {
        case .scored(let scores): return scores
        case .ranked(let merges):
            var scores = [Float](repeating: 0, count: definition.pieces.count)
            var isMade = [Bool](repeating: false, count: definition.pieces.count)
            var rank: Float = 0
            for merge in merges where !isMade[Int(merge.result)] {
                isMade[Int(merge.result)] = true
                scores[Int(merge.result)] = -rank
                rank += 1
            }
            return scores
        }
    }
}
