import LensSupport

/// Adapters (LoRA and others of the library peft) in a model folder: they are told, and never applied.
enum Adapter {
    private static let configurationName = "adapter_config.json"

    static func isFile(_ name: String) -> Bool { name == configurationName || name.hasPrefix("adapter_model.") }

    /// The warning where an adapter lies beside a model.
    static func warning(_ folder: String) throws(LensError) -> String? {
        let found = try Folders.names(in: folder).filter(isFile)
        guard !found.isEmpty else { return nil }
        return
            "\(folder) holds an adapter (\(found.joined(separator: ", "))) beside the model: the adapter is not applied, "
            + "the model is used without it. Merge it first, with `merge_and_unload()` of peft, if it is wanted."
    }

    /// The error where there is nothing but an adapter.
    static func alone(_ folder: String) -> LensError {
        let path = folder + "/" + configurationName
        var base = "its base model"
        if let bytes = try? readSmallFile(path, limit: 1 << 20),
            let name = try? JSONValue.parse(bytes, path: path)["base_model_name_or_path"]?.string
        {
            base = "its base model \(name.prefix(200))"
        }
        return .missing(
            "\(folder) holds only an adapter, not a model. Merge it into \(base), with `merge_and_unload()` of peft, and "
                + "give the folder of the merged model.")
    }
}
