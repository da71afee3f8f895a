import LensSupport

/// The name by which records, plots and files call the model at `path`: of a folder its whole name, of a file its name
/// without .gguf or .bin.
///
/// A name that says nothing of where a model comes from (`model`, as every training calls what it writes) has the folder
/// above before it: `run1/model`. A snapshot of the Hugging Face cache is called as its repository.
package func modelName(path: String) -> String {
    let parts = path.split(separator: "/", omittingEmptySubsequences: true).filter { $0 != "." }.map(String.init)
    if let repository = repository(parts) { return repository }
    guard let last = parts.last, last != ".." else { return resolvedName(path) ?? path }
    let name = withoutEnding(last)
    guard isGeneric(name) else { return name }
    if parts.count > 1, parts[parts.count - 2] != ".." { return parts[parts.count - 2] + "/" + name }
    return resolvedName(path) ?? name
}

/// The name of the path without links and dots, where that is another one.
private func resolvedName(_ path: String) -> String? {
    guard let whole = Folders.resolved(path), whole != path, whole.count > 1 else { return nil }
    return modelName(path: whole)
}

private func withoutEnding(_ name: String) -> String {
    for ending in [".gguf", ".bin"] where name.lowercased().hasSuffix(ending) && name.count > ending.count {
        return String(name.dropLast(ending.count))
    }
    return name
}

private func isGeneric(_ name: String) -> Bool {
    let lower = name.lowercased()
    if ["model", "models", "final", "best", "last", "latest", "output", "out", "ggml-model", "checkpoint"].contains(
        lower)
    {
        return true
    }
    // Steps of a training.
    let digits = lower.split(separator: "-").last ?? ""
    return ["checkpoint-", "step-", "epoch-"].contains(where: lower.hasPrefix) && digits.allSatisfy(\.isNumber)
}

/// `models--ORGANIZATION--NAME/snapshots/REVISION` is ORGANIZATION/NAME.
private func repository(_ parts: [String]) -> String? {
    guard parts.count >= 3, parts[parts.count - 2] == "snapshots" else { return nil }
    let words = parts[parts.count - 3].split(separator: "--")
    return words.count > 1 && words[0] == "models" ? words.dropFirst().joined(separator: "/") : nil
}
