import Foundation

/// Files that tests use where they are present: real models and texts outside of the repository.
public enum SharedFiles {
    /// `name` below the folder that LONGLENS_SHARED names, or below `../shared` beside the checkout.
    public static func path(_ name: String) -> String? {
        let environment = ProcessInfo.processInfo.environment["LONGLENS_SHARED"]
        let root = environment ?? FileManager.default.currentDirectoryPath + "/../shared"
        return existing(root + "/" + name)
    }

    /// A model in the cache that scripts download into.
    public static func cached(_ name: String) -> String? {
        let environment = ProcessInfo.processInfo.environment
        let cache = environment["XDG_CACHE_HOME"] ?? (environment["HOME"] ?? "") + "/.cache"
        return existing(cache + "/longlens/models/" + name)
    }

    private static func existing(_ path: String) -> String? {
        FileManager.default.fileExists(atPath: path) ? path : nil
    }
}
