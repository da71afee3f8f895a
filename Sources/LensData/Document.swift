/// One document: the unit within which tokens see each other.
public struct Document: Sendable, Equatable {
    /// What a document holds.
    public enum Content: Sendable, Equatable {
        /// Valid UTF-8, not empty.
        case text([UInt8])
        /// Token ids, used exactly as given; at least one, none negative.
        case tokens([Int32])
    }

    public var id: String
    public var content: Content
    /// Where it came from, for messages: a file, or a file and line.
    public var source: String
    /// What its line of JSON says that is not read, key by key.
    package var unreadKeys: [String] = []

    /// A document; `source` is its id where none is given.
    public init(id: String, content: Content, source: String? = nil) {
        self.id = id
        self.content = content
        self.source = source ?? id
    }

    var isEmpty: Bool {
        switch content {
        case .text(let text): text.isEmpty
        case .tokens(let tokens): tokens.isEmpty
        }
    }
}
