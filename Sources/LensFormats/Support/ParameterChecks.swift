import LensSupport

/// Checks that a file stores exactly the parameters of a model, each in its shape.
struct ParameterChecks {
    let configuration: ModelConfiguration
    /// The file or folder, for messages.
    let path: String
    /// The name in the file of the parameter of a Hugging Face name.
    let storedName: (String) -> String

    /// `shape(name)` is what is stored under a file's name; `stored` are all those names.
    func check(stored: [String], shape: (String) -> [Int]?) throws(LensError) {
        // Only as many layers as there are tensors for: a damaged count must not make a long list.
        guard configuration.layerCount <= stored.count else {
            throw .data(
                "\(path): the configuration says \(configuration.layerCount) layers, but there are only "
                    + "\(stored.count) tensors.")
        }
        var wanted: Set<String> = []
        for parameter in configuration.parameters {
            let name = storedName(parameter.name)
            guard let found = shape(name) else {
                throw .data(
                    "\(path): the tensor `\(name)` is missing; the configuration asks for it with the shape "
                        + "\(parameter.shape).")
            }
            guard found == parameter.shape else {
                throw .data("\(path): the tensor `\(name)` has the shape \(found); \(parameter.shape) was expected.")
            }
            wanted.insert(name)
        }
        let extra = stored.filter { !wanted.contains($0) && !isHarmless($0) }.sorted()
        if let first = extra.first {
            let others = extra.count == 1 ? "" : " (and \(extra.count - 1) more)"
            throw .data(
                "\(path): the tensor `\(first)`\(others) is no part of a \(configuration.family.rawValue) model with "
                    + "this configuration, so the model would not compute what it was trained for.")
        }
    }

    /// Buffers that old exporters stored, rotary factors that are part of the configuration, and a tied head.
    private func isHarmless(_ name: String) -> Bool {
        name.hasSuffix(".rotary_emb.inv_freq") || name.hasPrefix("rope_freqs.") || name.hasPrefix("rope_factors_")
            || (configuration.tiedEmbeddings && name == storedName("lm_head.weight"))
    }

    /// The parameter of a name, which must be one of the model's.
    static func unknown(_ name: String, _ path: String) -> LensError {
        .data("\(path): the model has no parameter `\(name)`.")
    }
}
