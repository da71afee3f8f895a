import Foundation

/// Files that tests use where they are present: real models and texts outside of the repository. A test that needs one
/// says so with `.enabled(if:)`.
public enum SharedFiles {
    /// The small trained model that is a part of the repository.
    public static let recallModel = checkout().appending(path: "models/recall-1m").path()

    private static func checkout(file: String = #filePath) -> URL {
        URL(filePath: file).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    }

    /// `name` below the folder that LONGLENS_SHARED names, or below `../shared` beside the checkout.
    public static func path(_ name: String) -> String? {
        let beside = checkout().deletingLastPathComponent().appending(path: "shared").path()
        return existing((ProcessInfo.processInfo.environment["LONGLENS_SHARED"] ?? beside) + "/" + name)
    }

    /// A model in the cache that scripts download into.
    public static func cached(_ name: String) -> String? {
        let environment = ProcessInfo.processInfo.environment
        let cache = environment["XDG_CACHE_HOME"] ?? (environment["HOME"] ?? "") + "/.cache"
        return existing(cache + "/longlens/models/" + name)
    }

    /// The text files below a folder, by full path.
    public static func texts(below folder: String) -> [String] {
        let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return names.filter { $0.hasSuffix(".txt") }.map { folder + "/" + $0 }.sorted()
    }

    private static func existing(_ path: String) -> String? {
        FileManager.default.fileExists(atPath: path) ? path : nil
    }
}
