import LensSupport

/// The small files of a Hugging Face folder that describe a model beside `config.json` and the weights.
enum SideFiles {
    /// Files that go with the tokenizer: of no use beside another one.
    static let tokenizerNames = [
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
        "vocab.txt", "merges.txt", "tokenizer.model", "chat_template.jinja", "chat_template.json",
    ]

    /// Bytes of one file, and of all together, that are carried.
    private static let fileLimit = 1 << 25, totalLimit = 1 << 27

    /// Files of these endings and names; data, weights and the state of trainings are not among them.
    private static let endings = [".json", ".jinja", ".md", ".model", ".py"]
    private static let templateFolder = "additional_chat_templates"
    private static let names = ["vocab.txt", "merges.txt"]
    private static let papers = ["license", "licence", "notice", "copying", "use_policy", "readme"]
    private static let others = [
        "config.json", "adapter_config.json", "trainer_state.json", "training_args.json", SafetensorsShards.indexName,
    ]

    /// Reads the files that go with the model, without the tokenizer's where `keepsTokenizer` is false. `skipped` are
    /// the names of those that are too large, or folders.
    static func read(
        _ folder: String, keepsTokenizer: Bool
    ) throws(LensError) -> (files: [ExtraFile], skipped: [String]) {
        var files: [ExtraFile] = [], skipped: [String] = [], total = 0
        for name in try Folders.names(in: folder) {
            if name == templateFolder { skipped.append(name) }
            guard isCarried(name), Folders.isFile(folder + "/" + name) else { continue }
            if !keepsTokenizer && tokenizerNames.contains(name) { continue }
            // The tokenizer keeps these itself.
            if name == "tokenizer.json" || name == "tokenizer_config.json" { continue }
            let path = folder + "/" + name
            guard let count = FileStatus(path)?.byteCount, count <= min(fileLimit, totalLimit - total) else {
                skipped.append(name)
                continue
            }
            total += count
            files.append(ExtraFile(name: name, bytes: try readSmallFile(path, limit: fileLimit)))
        }
        return (files, skipped)
    }

    /// Whether a file of a model folder describes that model: beside another one it would mislead.
    static func belongsToModel(_ name: String) -> Bool {
        name.hasSuffix(".safetensors") || name.hasSuffix(".safetensors.index.json") || tokenizerNames.contains(name)
            || name == "generation_config.json" || Adapter.isFile(name)
    }

    /// A license, a notice or a model card.
    static func isPaper(_ name: String) -> Bool {
        let lower = name.lowercased()
        return papers.contains { lower.hasPrefix($0) }
    }

    private static func isCarried(_ name: String) -> Bool {
        if name.hasPrefix(".") || others.contains(name) || name.hasSuffix(".index.json") { return false }
        return isPaper(name) || names.contains(name) || endings.contains { name.hasSuffix($0) }
    }
}
