import LensKernels
import LensSupport

/// `config.json` and the files beside it that are written, with what the model's origin says.
struct HuggingFaceCarrying {
    let configuration: ModelConfiguration
    let origin: ModelOrigin
    let type: TensorType
    /// The folder, for messages.
    let path: String

    /// Keys that together say how positions rotate.
    private static let ropeKeys = [
        "rope_theta", "rope_scaling", "rope_parameters", "original_max_position_embeddings",
    ]

    // MARK: config.json

    /// The text of `config.json`: the origin's, but for the keys whose value is another now.
    func text() throws(LensError) -> [UInt8] {
        let new = try HuggingFaceConfigurationWriter.members(configuration, type: type, path: path)
        switch origin.content {
        case .huggingFace(let content):
            let old = origin.configuration.flatMap {
                try? HuggingFaceConfigurationWriter.members($0, type: type, path: path)
            }
            let text = merged(content.members, old: old ?? [], new: new)
            let again = try? HuggingFaceConfigurationReader.read(text, path: path)
            return again == configuration ? text : merged(content.members, old: [], new: new)
        case .gguf(let content):
            var members = new.map { JSONMember($0.0, $0.1) }
            let ends = endTokens(content)
            if ends.count > 1 { set("eos_token_id", .array(ends.map(JSONValue.integer)), in: &members) }
            return JSONValue.object(members).prettyText
        case .none: return try HuggingFaceConfigurationWriter.text(configuration, type: type, path: path)
        }
    }

    private func merged(
        _ original: [JSONMember], old: [(String, JSONValue)], new: [(String, JSONValue)]
    ) -> [UInt8] {
        var members = original
        var changed = new.filter { key, value in old.first { $0.0 == key }?.1 != value }
        let changesContext = changed.contains { $0.0 == "max_position_embeddings" }
        // What a scaling does not say of its original context is the context.
        if changed.contains(where: { HuggingFaceCarrying.ropeKeys.contains($0.0) })
            || changesContext && origin.configuration?.ropeScaling != RopeScaling.none
        {
            members.removeAll { HuggingFaceCarrying.ropeKeys.contains($0.name) }
            changed += new.filter { entry in
                HuggingFaceCarrying.ropeKeys.contains(entry.0) && !changed.contains { $0.0 == entry.0 }
            }
        }
        for (key, value) in changed { set(key, value, in: &members) }
        let typeKeys = ["torch_dtype", "dtype"].filter { key in members.contains { $0.name == key } }
        for key in typeKeys.isEmpty ? ["torch_dtype"] : typeKeys {
            if let value = new.first(where: { $0.0 == "torch_dtype" })?.1 { set(key, value, in: &members) }
        }
        return JSONValue.object(members).prettyText
    }

    private func set(_ key: String, _ value: JSONValue, in members: inout [JSONMember]) {
        let member = JSONMember(key, value)
        if let index = members.lastIndex(where: { $0.name == key }) {
            members[index] = member
        } else {
            members.append(member)
        }
    }

    // MARK: Files beside it

    /// The origin's files, without those that `written` holds.
    func files(beside written: [ExtraFile]) -> [ExtraFile] {
        let names = written.map(\.name)
        switch origin.content {
        case .huggingFace(let content): return content.files.filter { !names.contains($0.name) }
        case .gguf(let content):
            guard let text = generation(content) else { return [] }
            return [ExtraFile(name: "generation_config.json", bytes: text)]
        case .none: return []
        }
    }

    /// What is left out: one paragraph each.
    var warnings: [String] {
        switch origin.content {
        case .none: return []
        case .huggingFace(let content):
            guard !content.skipped.isEmpty else { return [] }
            return [
                "\(path): \(content.skipped.joined(separator: ", ")) of the original folder are not carried over. Copy "
                    + "them yourself."
            ]
        case .gguf(let content):
            let left = content.pairs.map(\.key).filter { key in
                !GGUFOrigin.describesFile(key) && !HuggingFaceCarrying.placed.contains(key)
                    && (key.hasPrefix("general.") && !key.hasPrefix("general.sampling.")
                        || key.hasPrefix("tokenizer.") && origin.keepsTokenizer)
            }
            guard !left.isEmpty else { return [] }
            return [
                "\(path): a Hugging Face folder has no place for \(left.joined(separator: ", ")) of the GGUF file. Write "
                    + "what you need of them into a README.md beside the model."
            ]
        }
    }

    /// GGUF keys that the files of a folder say in their own way.
    private static let placed =
        ["architecture", "type", "name", "size_label"].map { "general.\($0)" }
        + [
            "model", "pre", "tokens", "token_type", "scores", "merges", "bos_token_id", "eos_token_id", "eot_token_id",
            "eom_token_id", "unknown_token_id", "padding_token_id", "add_bos_token", "add_eos_token",
            "add_space_prefix",
        ].map { "tokenizer.ggml.\($0)" } + ["tokenizer.chat_template", "tokenizer.huggingface.json"]

    /// The tokens that end generation.
    private func endTokens(_ content: GGUFOrigin) -> [Int] {
        var ends = configuration.eosToken.map { [Int($0)] } ?? []
        guard origin.keepsTokenizer else { return ends }
        for token in content.furtherEndTokens
        where token >= 0 && token < configuration.vocabularySize && !ends.contains(token) { ends.append(token) }
        return ends
    }

    /// `generation_config.json` where the file says more than `config.json` can; nil otherwise.
    private func generation(_ content: GGUFOrigin) -> [UInt8]? {
        let ends = endTokens(content)
        var members: [(String, JSONValue)] = []
        for (key, name) in [
            ("temp", "temperature"), ("top_p", "top_p"), ("min_p", "min_p"), ("penalty_repeat", "repetition_penalty"),
        ] {
            guard case .float32(let value) = content.scalars["general.sampling.\(key)"], value.isFinite else {
                continue
            }
            // The shortest digits that give the same fp32 number.
            members.append((name, .number(Double(value.description) ?? Double(value))))
        }
        if let value = content.scalars.integer("general.sampling.top_k") { members.append(("top_k", .integer(value))) }
        guard ends.count > 1 || !members.isEmpty else { return nil }
        if let bos = configuration.bosToken { members.insert(("bos_token_id", .integer(Int(bos))), at: 0) }
        if !ends.isEmpty { members.append(("eos_token_id", .array(ends.map(JSONValue.integer)))) }
        return JSONValue(members).prettyText
    }
}
