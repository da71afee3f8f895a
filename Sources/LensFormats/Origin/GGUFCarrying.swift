import LensSupport

/// The metadata of a GGUF file that is written, with what its model's origin says.
struct GGUFCarrying {
    private let configuration: ModelConfiguration
    private let origin: ModelOrigin
    private let path: String
    private(set) var entries: [(String, GGUFHeaderWriter.Value)] = []
    /// What the file has no place for: one paragraph each.
    private(set) var warnings: [String] = []

    /// - Parameters:
    ///   - general: keys that do not depend on the architecture, `description` those that do, `tokenizer` the rest, as
    ///     they are of a model without an origin.
    init(
        _ configuration: ModelConfiguration, origin: ModelOrigin, path: String, general: [(String, GGUFValue)],
        description: [(String, GGUFValue)], tokenizer: [(String, GGUFValue)]
    ) {
        self.configuration = configuration
        self.origin = origin
        self.path = path
        switch origin.content {
        case .gguf(let content): carry(content, general, description, tokenizer)
        case .huggingFace(let content): carry(content, general, description, tokenizer)
        case .none: entries = (general + description + tokenizer).map { ($0.0, .value($0.1)) }
        }
    }

    // MARK: From GGUF

    /// Every key of the origin as it was, but for those whose value is another now.
    private mutating func carry(
        _ content: GGUFOrigin, _ general: [(String, GGUFValue)], _ description: [(String, GGUFValue)],
        _ tokenizer: [(String, GGUFValue)]
    ) {
        var new = general + changed(description)
        let dropped = droppedRopeKeys
        if origin.keepsTokenizer {
            // Lists that the vocabulary's padding made longer.
            let own = Set(content.pairs.map(\.key))
            for (key, value) in tokenizer where !own.contains(key) || value.count != nil && isPadded(key, content) {
                if own.contains(key) || isEssential(key, own) { new.append((key, value)) }
            }
        } else {
            new += tokenizer
        }
        let replaced = Dictionary(new, uniquingKeysWith: { first, _ in first })
        var written: Set<String> = []
        for (key, bytes) in content.pairs {
            if let value = replaced[key] {
                entries.append((key, .value(value)))
                written.insert(key)
                continue
            }
            let isForeign = !origin.keepsTokenizer && key.hasPrefix("tokenizer.")
            if isForeign || dropped.contains(where: key.hasPrefix) || GGUFOrigin.describesFile(key) { continue }
            entries.append((key, .encoded(bytes)))
        }
        for (key, value) in new where written.insert(key).inserted { entries.append((key, .value(value))) }
    }

    /// The lists of one entry a token are shorter in the origin than the vocabulary.
    private func isPadded(_ key: String, _ content: GGUFOrigin) -> Bool {
        guard ["tokenizer.ggml.tokens", "tokenizer.ggml.token_type", "tokenizer.ggml.scores"].contains(key),
            let bytes = content.pairs.first(where: { $0.key == key })?.bytes, bytes.count >= 16
        else { return false }
        // The array's type and its elements' come before its count.
        return bytes.littleEndian(UInt64.self, at: 8) < UInt64(configuration.vocabularySize)
    }

    /// A file without a tokenizer must say so; ids that only the configuration knows are for those without one too.
    private func isEssential(_ key: String, _ own: Set<String>) -> Bool {
        key == "tokenizer.ggml.model" || !own.contains("tokenizer.ggml.model")
    }

    /// The keys of the architecture whose values the origin's configuration does not give.
    private func changed(_ description: [(String, GGUFValue)]) -> [(String, GGUFValue)] {
        guard let before = before else { return description }
        let changesRope = !droppedRopeKeys.isEmpty
        return description.filter { key, value in
            before[key] != value || changesRope && key.contains(".rope.scaling.")
        }
    }

    private var before: [String: GGUFValue]? {
        guard let configuration = origin.configuration,
            let writer = try? GGUFConfigurationWriter(configuration, path: path)
        else { return nil }
        return Dictionary(writer.metadata, uniquingKeysWith: { first, _ in first })
    }

    /// Beginnings of the keys of a rotary scaling that is another now.
    private var droppedRopeKeys: [String] {
        guard let old = origin.configuration else { return [] }
        let isSame =
            old.ropeScaling == configuration.ropeScaling && old.ropeAttentionFactor == configuration.ropeAttentionFactor
            // An original context that is not written is the context.
            && (old.ropeScaling == .none || old.contextLength == configuration.contextLength)
        let architecture = configuration.family.rawValue
        return isSame ? [] : ["\(architecture).rope.scaling.", "\(architecture).rope.scale_linear"]
    }

    // MARK: From Hugging Face

    private mutating func carry(
        _ content: HuggingFaceOrigin, _ general: [(String, GGUFValue)], _ description: [(String, GGUFValue)],
        _ tokenizer: [(String, GGUFValue)]
    ) {
        var tokenizer = Dictionary(tokenizer, uniquingKeysWith: { first, _ in first })
        var general = general, left: [String] = []
        addEndTokens(content, &tokenizer)
        let template = "tokenizer.chat_template"
        if let file = content.file("chat_template.jinja"), tokenizer[template] == nil {
            tokenizer[template] = .string(file.bytes)
        }
        if let license = content.license { general.append(("general.license", .string(Array(license.utf8)))) }
        let sampling = GGUFCarrying.sampling(content.generation)
        general += sampling.pairs
        if !sampling.left.isEmpty { left.append("\(sampling.left.joined(separator: ", ")) of generation_config.json") }
        left += content.skipped
        left += content.files.map(\.name).filter { SideFiles.isPaper($0) && !$0.lowercased().hasPrefix("readme") }
        if !left.isEmpty {
            warnings.append(
                "\(path): a GGUF file has no place for \(left.joined(separator: "; ")). Keep them beside it.")
        }
        let sorted = tokenizer.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        entries = (general + description + sorted).map { ($0.0, .value($0.1)) }
    }

    /// GGUF has three tokens that end generation: of the text, of a turn, of a message.
    private mutating func addEndTokens(_ content: HuggingFaceOrigin, _ tokenizer: inout [String: GGUFValue]) {
        let eos = tokenizer["tokenizer.ggml.eos_token_id"]?.integer
        var left: [Int] = []
        for token in content.endTokens where token != eos && token >= 0 && token < configuration.vocabularySize {
            var text = ""
            if case .strings(let pieces) = tokenizer["tokenizer.ggml.tokens"], token < pieces.count {
                text = String(decoding: pieces[token], as: UTF8.self)
            }
            let turn = "tokenizer.ggml.eot_token_id", message = "tokenizer.ggml.eom_token_id"
            let keys = text.contains("eom") ? [message, turn] : [turn, message]
            if keys.contains(where: { tokenizer[$0]?.integer == token }) { continue }
            if let key = keys.first(where: { tokenizer[$0] == nil }) {
                tokenizer[key] = .uint32(UInt32(token))
            } else {
                left.append(token)
            }
        }
        if !left.isEmpty {
            warnings.append(
                "\(path): a GGUF file has a place for three tokens that end generation; "
                    + "\(left.map(String.init).joined(separator: ", ")) of `eos_token_id` are left out.")
        }
    }

    /// The settings of generation that GGUF has keys for, and the names of the others.
    private static func sampling(_ generation: JSONValue?) -> (pairs: [(String, GGUFValue)], left: [String]) {
        let floats = [
            "temperature": "temp", "top_p": "top_p", "min_p": "min_p", "repetition_penalty": "penalty_repeat",
        ]
        let known = [
            "bos_token_id", "eos_token_id", "pad_token_id", "do_sample", "transformers_version",
            // How transformers runs a model, not how the model is to be run; it writes them into every folder.
            "use_cache", "output_attentions", "output_hidden_states", "output_scores", "return_dict_in_generate",
        ]
        var pairs: [(String, GGUFValue)] = [], left: [String] = []
        for member in generation?.members ?? [] where !known.contains(member.name) && !member.name.hasPrefix("_") {
            if let key = floats[member.name], let value = member.value.number {
                pairs.append(("general.sampling.\(key)", .float32(Float(value))))
            } else if member.name == "top_k", let value = member.value.integer, let value = Int32(exactly: value) {
                pairs.append(("general.sampling.top_k", .int32(value)))
            } else if member.value != .null {
                left.append(member.name)
            }
        }
        return (pairs, left)
    }
}

extension HuggingFaceOrigin {
    /// The license that the model card names, from the `license:` line of its front matter.
    var license: String? {
        guard let card = file("README.md") else { return nil }
        let lines = card.bytes.prefix(1 << 16).split(separator: 0x0A, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard let first = lines.first, first.hasPrefix("---") else { return nil }
        for line in lines.dropFirst() {
            if line.hasPrefix("---") { return nil }
            guard line.hasPrefix("license:") else { continue }
            let quotes: Set<Character> = [" ", "\t", "\r", "\"", "'"]
            let value = line.dropFirst("license:".count).drop(while: quotes.contains)
            let license = String(value.reversed().drop(while: quotes.contains).reversed())
            return license.isEmpty ? nil : license
        }
        return nil
    }
}
