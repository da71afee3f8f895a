import LensSupport

/// Reads `tokenizer.json` of the `tokenizers` library, with its meaning of each component.
///
/// A component that would change ids and is not supported is an error that names it; nothing is ignored.
enum HuggingFaceTokenizerReader {
    static func read(_ bytes: [UInt8], configuration: [UInt8]?, path: String) throws(LensError) -> TokenizerDefinition {
        let root = try JSONValue.parse(bytes, path: path, uniqueKeys: false)
        guard let model = root["model"] else {
            throw .data("\(path): not a tokenizer.json: it has no \"model\".")
        }
        var reader = HuggingFaceReader(path: path)
        try reader.readModel(model)
        try reader.readAddedTokens(root["added_tokens"])
        let normalizer = try HuggingFaceNormalizer.read(root["normalizer"], path)
        let preTokenizer = try HuggingFacePreTokenizer.read(root["pre_tokenizer"], path)
        var definition = try reader.definition(normalizer, preTokenizer)
        try HuggingFacePostProcessor.checkDecoder(root["decoder"], path)
        let hasTemplate = try HuggingFacePostProcessor.read(root["post_processor"], &definition, path)
        if let configuration {
            try readConfiguration(configuration, &definition, hasTemplate: hasTemplate, path)
        }
        return definition
    }

    /// `tokenizer_config.json`: names of BOS, EOS and padding, the chat template.
    private static func readConfiguration(
        _ bytes: [UInt8], _ definition: inout TokenizerDefinition, hasTemplate: Bool, _ path: String
    ) throws(LensError) {
        let root = try JSONValue.parse(bytes, path: "tokenizer_config.json beside \(path)", uniqueKeys: false)
        var ids = PieceTable(capacity: definition.pieces.count)
        for (id, piece) in definition.pieces.enumerated() where !piece.isEmpty { _ = ids.add(piece, id: Int32(id)) }
        func token(_ key: String) -> Int32? {
            // A name, or an added token with its name as content.
            guard let name = root[key]?.bytes ?? root[key]?["content"]?.bytes else { return nil }
            let id = ids.id(of: name)
            return id < 0 ? nil : id
        }
        // What the post-processor puts around text is BOS and EOS, whatever the names are given to.
        if !definition.addsBOS { definition.bosToken = token("bos_token") ?? definition.bosToken }
        if !definition.addsEOS { definition.eosToken = token("eos_token") ?? definition.eosToken }
        definition.paddingToken = token("pad_token") ?? definition.paddingToken
        definition.namedUnknownToken = token("unk_token")
        definition.chatTemplate = root["chat_template"]?.bytes
        // The template of the post-processor decides where there is one.
        guard !hasTemplate else { return }
        if root["add_bos_token"]?.bool == true, definition.bosToken != nil { definition.addsBOS = true }
        if root["add_eos_token"]?.bool == true, definition.eosToken != nil { definition.addsEOS = true }
    }
}

/// Collects the parts of a tokenizer.json.
struct HuggingFaceReader {
    let path: String
    private var pieces: [[UInt8]] = []
    private var isHole: [Bool] = []
    private var merges: [Merge] = []
    private var addedTokens: [AddedToken] = []
    private var unknownToken: [UInt8]?
    private var ignoresMerges = false
    private var fallsBackToBytes = false
    private var fusesUnknown = false

    init(path: String) { self.path = path }

    mutating func readModel(_ model: JSONValue) throws(LensError) {
        // Files of old versions leave the type out.
        let type = model["type"]?.string ?? "BPE"
        guard type == "BPE" else {
            throw .data("\(path): the model is of type \(type); supported is BPE.")
        }
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            if let text = model[key]?.string, !text.isEmpty {
                throw .data("\(path): model.\(key) is \"\(text)\", which is not supported; it must be absent.")
            }
        }
        if let dropout = model["dropout"]?.number, dropout != 0 {
            throw .data("\(path): model.dropout is \(dropout): the ids would be random. It must be absent.")
        }
        guard let vocabulary = model["vocab"]?.members else {
            throw .data("\(path): model.vocab is missing or not an object of tokens and ids.")
        }
        try readVocabulary(vocabulary)
        ignoresMerges = model["ignore_merges"]?.bool ?? false
        fallsBackToBytes = model["byte_fallback"]?.bool ?? false
        fusesUnknown = model["fuse_unk"]?.bool ?? false
        unknownToken = model["unk_token"]?.bytes
        guard let list = model["merges"]?.array else {
            throw .data("\(path): model.merges is missing or not an array.")
        }
        try readMerges(list)
    }

    /// Ids may have holes, but not so many that a small file asks for much memory.
    private func check(_ id: Int?, count: Int, _ name: [UInt8]) throws(LensError) -> Int {
        guard let id, id >= 0, id < count * 4 + 65536 else {
            throw .data(
                "\(path): token \"\(String(decoding: name, as: UTF8.self))\" has id \(id.map(String.init) ?? "that is no integer"), "
                    + "far outside a vocabulary of \(count) tokens.")
        }
        return id
    }

    private mutating func readVocabulary(_ vocabulary: [JSONMember]) throws(LensError) {
        for token in vocabulary {
            let id = try check(token.value.integer, count: vocabulary.count, token.key)
            try place(token.key, at: id)
        }
    }

    private mutating func place(_ name: [UInt8], at id: Int) throws(LensError) {
        if id >= pieces.count {
            isHole.append(contentsOf: repeatElement(true, count: id + 1 - pieces.count))
            pieces.append(contentsOf: repeatElement([], count: id + 1 - pieces.count))
        }
        guard isHole[id] else {
            throw .data(
                "\(path): \"\(String(decoding: pieces[id], as: UTF8.self))\" and \"\(String(decoding: name, as: UTF8.self))\" "
                    + "both have id \(id).")
        }
        pieces[id] = name
        isHole[id] = false
    }

    private mutating func readMerges(_ list: [JSONValue]) throws(LensError) {
        let builder = MergeBuilder(pieces)
        merges.reserveCapacity(list.count)
        for (index, item) in list.enumerated() {
            var merge: Merge?
            switch item {
            case .string(let line): merge = builder.merge(line: line)
            case .array(let pair) where pair.count == 2:
                if let left = pair[0].bytes, let right = pair[1].bytes { merge = builder.merge(left[...], right[...]) }
            default: break
            }
            guard let merge else {
                throw .data(
                    "\(path): merge \(index) is not two tokens of the vocabulary whose concatenation is a token too "
                        + "(as \"left right\" or [\"left\", \"right\"]).")
            }
            merges.append(merge)
        }
    }

    mutating func readAddedTokens(_ value: JSONValue?) throws(LensError) {
        guard let value else { return }
        guard let list = value.array else { throw .data("\(path): added_tokens is not an array.") }
        var ids = PieceTable(capacity: pieces.count + list.count)
        for (id, piece) in pieces.enumerated() where !piece.isEmpty { _ = ids.add(piece, id: Int32(id)) }
        let count = pieces.count + list.count
        for (index, item) in list.enumerated() {
            guard let content = item["content"]?.bytes, !content.isEmpty else {
                throw .data("\(path): added token \(index) has no content.")
            }
            let name = String(decoding: content, as: UTF8.self)
            let id = try check(item["id"]?.integer, count: count, content)
            if let known = ids.add(content, id: Int32(id)) {
                guard known == id else {
                    throw .data("\(path): added token \"\(name)\" has id \(id), but the vocabulary gives it \(known).")
                }
            } else {
                try place(content, at: id)
            }
            let isSpecial = item["special"]?.bool ?? false
            addedTokens.append(
                AddedToken(
                    id: Int32(id), content: content, isSpecial: isSpecial, stripsLeft: item["lstrip"]?.bool ?? false,
                    stripsRight: item["rstrip"]?.bool ?? false, isNormalized: item["normalized"]?.bool ?? !isSpecial,
                    isSingleWord: item["single_word"]?.bool ?? false))
        }
    }

    func definition(
        _ normalizer: [NormalizerStep], _ preTokenizer: [PreTokenizerStep]
    ) throws(LensError) -> TokenizerDefinition {
        var isByteLevel = false
        for case .byteLevel in preTokenizer { isByteLevel = true }
        var hasMetaspace = false
        for case .metaspace in preTokenizer { hasMetaspace = true }
        let marksSpaces = hasMetaspace || normalizer.contains(.replace([0x20], with: TokenizerDefinition.spaceMark))
        guard isByteLevel != marksSpaces else {
            throw .data(
                "\(path): neither byte-level (pre_tokenizer ByteLevel) nor SentencePiece (Metaspace, or a normalizer that "
                    + "replaces spaces by ▁); other kinds of BPE are not supported.")
        }
        if marksSpaces, ignoresMerges { throw .data("\(path): model.ignore_merges is supported with ByteLevel only.") }
        var definition = TokenizerDefinition(
            kind: isByteLevel ? .byteLevel : .sentencePiece, pieces: pieces, types: types(isByteLevel),
            merging: .ranked(merges))
        definition.addedTokens = addedTokens
        definition.normalizer = normalizer
        definition.preTokenizer = preTokenizer
        definition.ignoresMerges = ignoresMerges
        definition.fallsBackToBytes = fallsBackToBytes
        definition.fusesUnknown = fusesUnknown
        if let unknownToken {
            guard let id = pieces.firstIndex(of: unknownToken) else {
                throw .data(
                    "\(path): model.unk_token \"\(String(decoding: unknownToken, as: UTF8.self))\" is not in the vocabulary."
                )
            }
            definition.unknownToken = Int32(id)
        }
        return definition
    }

    private func types(_ isByteLevel: Bool) -> [PieceType] {
        var types = pieces.indices.map { id -> PieceType in
            if isHole[id] { return .unused }
            return fallsBackToBytes && !isByteLevel && TokenizerDefinition.byte(spelledBy: pieces[id]) != nil
                ? .byte : .normal
        }
        for token in addedTokens { types[Int(token.id)] = token.isSpecial ? .control : .userDefined }
        if !isByteLevel, let unknownToken, let id = pieces.firstIndex(of: unknownToken) { types[id] = .unknown }
        return types
    }
}
