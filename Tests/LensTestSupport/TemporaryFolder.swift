import Foundation

/// A new empty folder, removed with everything in it when its last reference goes.
public final class TemporaryFolder {
    public let path: String

    public init() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "longlens-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        path = folder.path()
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of a file in the folder, which need not be there.
    public func file(_ name: String) -> String { path + "/" + name }

    /// Writes a file, making the folders above it, and returns its path.
    @discardableResult public func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let url = URL(filePath: file(name))
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
        return file(name)
    }

    @discardableResult public func write(_ name: String, _ text: String) throws -> String {
        try write(name, Array(text.utf8))
    }

    /// The names in a folder, sorted; none where there is no folder.
    public static func names(_ path: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: path))?.sorted() ?? []
    }
}

/// Calls `body` with the path of a new empty folder, which goes away afterwards whatever happens.
public func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = try TemporaryFolder()
    return try withExtendedLifetime(folder) { try body(folder.path) }
}
