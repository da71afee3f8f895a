import Foundation

/// A page of the reference in `docs/`, and the first cells of its tables.
public struct Documentation {
    public let text: String

    public init(_ name: String, file: String = #filePath) throws {
        let root = URL(filePath: file).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        text = try String(contentsOf: root.appending(path: "docs/\(name)"), encoding: .utf8)
    }

    /// The code in the first cells of the rows of the table under this head (`| key | value | …`, its first columns):
    /// of the rows `` | `bos` | … | `` and `` | `linear`, `dynamic` | … | ``, bos, linear and dynamic.
    public func entries(under head: String) -> [String] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let start = lines.firstIndex(where: { $0.hasPrefix(head) }) else { return [] }
        let rows = lines[(start + 1)...].prefix { $0.hasPrefix("|") }.dropFirst()
        return rows.flatMap { row in Self.code(row.split(separator: "|").first ?? "") }
    }

    /// The row of this entry, in any table.
    public func row(of entry: String) -> String? {
        text.split(separator: "\n").first { $0.hasPrefix("| `\(entry)`") }.map(String.init)
    }

    /// What stands between backquotes.
    public static func code(_ text: some StringProtocol) -> [String] {
        text.split(separator: "`", omittingEmptySubsequences: false).enumerated()
            .filter { $0.offset % 2 == 1 }.map { String($0.element) }
    }
}
