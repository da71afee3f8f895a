import LensSupport

/// The files of a model that llama.cpp's `llama-gguf-split` cut: PREFIX-00001-of-00003.gguf and so on.
///
/// The first holds all metadata; every one has `split.no` (from 0), `split.count` and `split.tensors.count`.
enum GGUFSplit {
    /// The paths of all parts of the model of which `path` is one, in their order; `path` alone where it is whole.
    static func paths(of path: String, _ metadata: GGUFMetadata) throws(LensError) -> [String] {
        guard metadata["split.count"] != nil else { return [path] }
        guard let count = metadata.integer("split.count"), count >= 0, count <= Int(UInt16.max),
            let number = metadata.integer("split.no"), number >= 0, number < max(count, 1)
        else { throw .data("\(path): `split.no` and `split.count` must say which part of how many the file is.") }
        if count < 2 { return [path] }
        let ending = ending(number, of: count)
        guard path.hasSuffix(ending) else {
            throw .data(
                "\(path) is part \(number + 1) of \(count) of a split model, and its name must end in \(ending), so that "
                    + "the others are found. Give it that name, or merge the parts with `llama-gguf-split --merge`.")
        }
        let prefix = String(path.dropLast(ending.count))
        let paths = (0..<count).map { prefix + GGUFSplit.ending($0, of: count) }
        let missing = paths.filter { $0 != path && !Folders.entryExists($0) }
        if let first = missing.first {
            let others = missing.count == 1 ? "" : " and \(missing.count - 1) more"
            throw .missing(
                "\(path) is part \(number + 1) of \(count) of a split model; of the others \(first)\(others) "
                    + "\(missing.count == 1 ? "is" : "are") missing. Fetch all parts into one folder.")
        }
        return paths
    }

    /// Checks that `metadata` is of part `number` of `count`.
    static func check(_ path: String, _ metadata: GGUFMetadata, number: Int, of count: Int) throws(LensError) {
        guard metadata.integer("split.no") == number, metadata.integer("split.count") == count else {
            throw .data("\(path) is not part \(number + 1) of \(count), as its name says. Fetch all parts again.")
        }
    }

    private static func ending(_ number: Int, of count: Int) -> String {
        "-\(digits(number + 1, atLeast: 5))-of-\(digits(count, atLeast: 5)).gguf"
    }
}
