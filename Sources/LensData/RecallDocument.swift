import LensSupport

/// A generated document in which facts are stated early and asked for much later.
///
/// It measures how well a model uses its context: the loss of an asked value, by its distance to the statement.
public struct RecallDocument: Codable, Equatable, Sendable {
    /// Byte ranges of the value in the text, `[start, end)`: where it is stated, and where it is asked for.
    public struct Fact: Codable, Equatable, Sendable {
        public let stated: [Int]
        public let asked: [Int]
    }

    public let id: String
    public let text: String
    public let facts: [Fact]
}

/// Writes recall documents from a small grammar. The same seed gives the same documents.
public struct RecallDocumentGenerator: Sendable {
    /// Words of a document; the last sentence is finished.
    public let words: Int
    /// Share of statements among the sentences that are no questions.
    public let density: Double
    /// How often each fact is asked for.
    public let repeats: Int
    private var generator: SeededGenerator
    private var made = 0

    /// `.usage` for a density outside of 0 to 1, and for fewer than 1 repeat.
    public init(words: Int, density: Double = 0.35, repeats: Int = 1, seed: UInt64) throws(LensError) {
        guard density >= 0 && density <= 1 else { throw .usage("A share of statements of \(density) cannot be.") }
        guard repeats >= 1 else { throw .usage("Facts cannot be asked for \(repeats) times.") }
        self.words = max(words, 64)
        self.density = density
        self.repeats = repeats
        generator = SeededGenerator(seed: seed)
    }

    /// The next document: plain sentences, among them statements "In the register, NAME A B." and later "From the
    /// register, NAME A B.", where A B can be known from the statement alone. The name stands right before the value,
    /// so that a small model can learn the lookup. The distance between the two is log-uniform in words: short and
    /// long distances are asked alike.
    public mutating func next() -> RecallDocument {
        var text = ""
        var position = 0
        var facts: [RecallDocument.Fact] = []
        var pending: [(due: Int, name: String, value: String, stated: [Int], times: Int)] = []
        var names = Self.names
        generator.shuffle(&names)
        while position < words {
            let start = text.endIndex
            if let due = pending.firstIndex(where: { $0.due <= position }) {
                var fact = pending.remove(at: due)
                text += "From the register, \(fact.name) "
                facts.append(.init(stated: fact.stated, asked: append(fact.value, to: &text)))
                text += ".\n"
                fact.times -= 1
                fact.due = position + distance(atMost: words - position)
                if fact.times > 0 { pending.append(fact) }
            } else if generator.unit() < density, let name = names.popLast() {
                let value = "\(pick(Self.colours)) \(pick(Self.things))"
                text += "In the register, \(name) "
                let stated = append(value, to: &text)
                text += ".\n"
                pending.append((position + distance(atMost: words - position), name, value, stated, repeats))
            } else {
                text += sentence() + (generator.below(7) == 0 ? "\n" : " ")
            }
            position += text[start...].split(whereSeparator: \.isWhitespace).count
        }
        made += 1
        return RecallDocument(id: "recall-\(made)", text: text, facts: facts)
    }

    /// Words from a statement to its question, log-uniform by octaves from one sentence to `limit`.
    private mutating func distance(atMost limit: Int) -> Int {
        let shortest = 6
        let octaves = max(limit / shortest, 1).bitWidth - max(limit / shortest, 1).leadingZeroBitCount
        let start = shortest << generator.below(octaves)
        return min(start + generator.below(start), max(limit, shortest))
    }

    private func append(_ value: String, to text: inout String) -> [Int] {
        let start = text.utf8.count
        text += value
        return [start, text.utf8.count]
    }

    private mutating func pick(_ list: [String]) -> String { list[generator.below(list.count)] }

    private mutating func sentence() -> String {
        switch generator.below(4) {
        case 0: "The \(pick(Self.people)) \(pick(Self.verbs)) the \(pick(Self.places)) \(pick(Self.times))."
        case 1: "A \(pick(Self.qualities)) \(pick(Self.people)) \(pick(Self.verbs)) the \(pick(Self.places))."
        case 2:
            "\(pick(Self.times).capitalizedFirst) the \(pick(Self.people)) and the \(pick(Self.people)) \(pick(Self.verbs)) a \(pick(Self.qualities)) \(pick(Self.places))."
        default: "Near the \(pick(Self.places)) there was a \(pick(Self.qualities)) \(pick(Self.people))."
        }
    }

    private static let colours = [
        "red", "blue", "green", "white", "black", "golden", "silver", "brown", "grey", "purple", "crimson", "pale",
        "dark", "bright", "little", "great",
    ]
    private static let things = [
        "horse", "river", "candle", "letter", "garden", "window", "stone", "feather", "lamp", "bottle", "mirror",
        "ship",
        "flower", "hammer", "crown", "basket", "mountain", "ribbon", "table", "ring", "sword", "apple", "cloud", "book",
    ]
    private static let people = [
        "baker", "captain", "doctor", "farmer", "teacher", "soldier", "servant", "merchant", "sailor", "priest",
        "widow",
        "stranger", "painter", "judge", "boy", "lady",
    ]
    private static let verbs = [
        "left", "found", "remembered", "passed", "watched", "described", "crossed", "visited", "painted", "sold",
        "entered", "guarded",
    ]
    private static let places = [
        "market", "church", "bridge", "forest", "harbour", "village", "castle", "mill", "road", "island", "tower",
        "field", "square", "inn", "valley", "house",
    ]
    private static let qualities = [
        "quiet", "cold", "old", "broad", "narrow", "strange", "poor", "proud", "cheerful", "silent", "famous", "weary",
    ]
    private static let times = [
        "in the morning", "at night", "after the storm", "before dinner", "in winter", "on Sunday", "at last",
        "without a word", "for the first time", "long ago",
    ]
    /// Short, so that a small vocabulary has a token for each.
    private static let names = [
        "Anna", "Peter", "Mary", "John", "Emma", "Henry", "Lucy", "Sonia", "Clara", "Nina", "Alice", "Frank", "Helen",
        "Rosa", "Simon", "Agnes", "Bruno", "Cecil", "Diana", "Edgar", "Flora", "Isaac", "Julia", "Karl", "Laura",
        "Olga", "Ralph", "Doris", "Hilda", "Ivan", "Louis", "James", "Otto", "Susan", "Vera", "Adela", "David",
        "Felix", "Gerda", "Hugo", "Irene", "Jacob", "Klara", "Nora", "Oscar", "Paula", "Sarah", "Wanda", "Emil",
        "Jonas", "Lydia", "Ada", "Alma", "Bella", "Boris", "Carl", "Elsa", "Erik", "Fanny", "Greta", "Igor", "Lena",
        "Oleg", "Viola",
    ]
}

extension String {
    fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
