import LensSupport

/// Writes `tokenizer.json` and `tokenizer_config.json`.
enum HuggingFaceTokenizerWriter {
    static func tokenizer(_ definition: TokenizerDefinition, path: String) throws(LensError) -> [UInt8] {
        for (id, piece) in definition.pieces.enumerated() where !UTF8Scan.isValid(piece) {
            throw .data("\(path): token \(id) is not UTF-8, so it cannot be written to tokenizer.json.")
        }
        let root: JSONValue = [
            "version": "1.0", "truncation": .null, "padding": .null,
            "added_tokens": .array(definition.addedTokens.sorted { $0.id < $1.id }.map(addedToken)),
            "normalizer": normalizer(definition), "pre_tokenizer": preTokenizer(definition),
            "post_processor": postProcessor(definition), "decoder": decoder(definition), "model": model(definition),
        ]
        return root.compactText + "\n".utf8
    }

    private static func addedToken(_ token: AddedToken) -> JSONValue {
        [
            "id": .integer(Int(token.id)), "content": .string(token.content), "single_word": .bool(token.isSingleWord),
            "lstrip": .bool(token.stripsLeft), "rstrip": .bool(token.stripsRight),
            "normalized": .bool(token.isNormalized),
            "special": .bool(token.isSpecial),
        ]
    }

    private static func sequence(_ items: [JSONValue], _ key: String) -> JSONValue {
        switch items.count {
        case 0: .null
        case 1: items[0]
        default: ["type": "Sequence", key: .array(items)]
        }
    }

    private static func normalizer(_ definition: TokenizerDefinition) -> JSONValue {
        sequence(definition.normalizer.map(HuggingFaceNormalizer.write), "normalizers")
    }

    private static func preTokenizer(_ definition: TokenizerDefinition) -> JSONValue {
        sequence(definition.preTokenizer.map(HuggingFacePreTokenizer.write), "pretokenizers")
    }

    private static func postProcessor(_ definition: TokenizerDefinition) -> JSONValue {
        guard definition.addsBOS || definition.addsEOS else { return .null }
        var single: [JSONValue] = []
        var special: [JSONMember] = []
        func add(_ id: Int32) {
            let name = definition.pieces[Int(id)]
            single.append(["SpecialToken": ["id": .string(name), "type_id": 0]])
            if !special.contains(where: { $0.key == name }) {
                let token: JSONValue = ["id": .string(name), "ids": [.integer(Int(id))], "tokens": [.string(name)]]
                special.append(JSONMember(key: name, value: token))
            }
        }
        if definition.addsBOS, let bos = definition.bosToken { add(bos) }
        single.append(["Sequence": ["id": "A", "type_id": 0]])
        if definition.addsEOS, let eos = definition.eosToken { add(eos) }
        return [
            "type": "TemplateProcessing", "single": .array(single),
            "pair": .array([["Sequence": ["id": "A", "type_id": 0]], ["Sequence": ["id": "B", "type_id": 1]]]),
            "special_tokens": .object(special),
        ]
    }

    private static func decoder(_ definition: TokenizerDefinition) -> JSONValue {
        switch definition.kind {
        case .byteLevel:
            return ["type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true]
        case .sentencePiece:
            var steps: [JSONValue] = [
                ["type": "Replace", "pattern": ["String": .string(TokenizerDefinition.spaceMark)], "content": " "],
                ["type": "ByteFallback"], ["type": "Fuse"],
            ]
            if definition.prependsSpace != .never {
                steps.append(["type": "Strip", "content": " ", "start": 1, "stop": 0])
            }
            return ["type": "Sequence", "decoders": .array(steps)]
        }
    }

    private static func model(_ definition: TokenizerDefinition) -> JSONValue {
        let vocabulary = definition.pieces.enumerated().map { id, piece in
            JSONMember(key: piece.isEmpty ? Array("[EMPTY_\(id)]".utf8) : piece, value: .integer(id))
        }
        let merges = definition.rankedMerges().map { merge -> JSONValue in
            [.string(definition.pieces[Int(merge.left)]), .string(definition.pieces[Int(merge.right)])]
        }
        return [
            "type": "BPE", "dropout": .null,
            "unk_token": definition.unknownToken.map { .string(definition.pieces[Int($0)]) } ?? .null,
            "continuing_subword_prefix": .null, "end_of_word_suffix": .null, "fuse_unk": .bool(definition.fusesUnknown),
            "byte_fallback": .bool(definition.fallsBackToBytes), "ignore_merges": .bool(definition.ignoresMerges),
            "vocab": .object(vocabulary), "merges": .array(merges),
        ]
    }

    /// What `transformers` needs beside tokenizer.json.
    static func configuration(_ definition: TokenizerDefinition) -> [UInt8] {
        var members: [(String, JSONValue)] = [
            ("tokenizer_class", "PreTrainedTokenizerFast"), ("clean_up_tokenization_spaces", false),
            ("add_bos_token", .bool(definition.addsBOS)), ("add_eos_token", .bool(definition.addsEOS)),
        ]
        let tokens = [
            ("bos_token", definition.bosToken), ("eos_token", definition.eosToken),
            ("unk_token", definition.unknownToken ?? definition.namedUnknownToken),
            ("pad_token", definition.paddingToken),
        ]
        for (key, id) in tokens {
            guard let id, UTF8Scan.isValid(definition.pieces[Int(id)]) else { continue }
            members.append((key, .string(definition.pieces[Int(id)])))
        }
        if let template = definition.chatTemplate, UTF8Scan.isValid(template) {
            members.append(("chat_template", .string(template)))
        }
        return JSONValue(members).compactText + "\n".utf8
    }
}

extension TokenizerDefinition {
    /// The merges in order of rank; of a scored vocabulary, every way to make each piece of two, the highest score
    /// first, the ways of one piece ordered by the ids of their parts (as `transformers` converts such models).
    func rankedMerges() -> [Merge] {
        switch merging {
        case .ranked(let merges): return merges
        case .scored(let scores):
            let builder = MergeBuilder(pieces)
            var merges: [Merge] = []
            let order = pieces.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }
            for id in order where isMergeable(id) {
                let piece = pieces[id]
                var ways: [Merge] = []
                for end in UTF8Scan.characterEnds(piece).dropLast() {
                    guard let merge = builder.merge(piece[..<end], piece[end...]) else { continue }
                    if isMergeable(Int(merge.left)), isMergeable(Int(merge.right)) { ways.append(merge) }
                }
                merges += ways.sorted { ($0.left, $0.right) < ($1.left, $1.right) }
            }
            return merges
        }
    }
}
