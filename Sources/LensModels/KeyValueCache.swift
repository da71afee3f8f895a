import LensFormats
import LensKernels
import LensSupport

/// The keys and values of the tokens that a model has seen, so that what follows need not compute them again.
///
/// Memory for `capacity` tokens is taken at once. Keys are kept rotated, each at its position; a ``GenerationPass`` adds
/// to the end. What several continuations share is computed once: ``truncate(to:)`` goes back to it, ``copy(from:count:)``
/// takes it over. For one task at a time.
public final class KeyValueCache {
    public let configuration: ModelConfiguration
    /// Most tokens that it holds.
    public let capacity: Int
    /// The tokens whose keys and values it holds.
    public private(set) var tokens: [Int32] = []
    let frequencies: RotaryFrequencies
    /// Of each layer [capacity, key/value heads * head dimension].
    private let keys, values: [Matrix]

    /// An empty cache. `.machine` when there is no memory for it, `.usage` without room for a token.
    ///
    /// - Parameters:
    ///   - capacity: most tokens that it holds: of the prompt, and of what follows.
    ///   - rotaryLength: the length of sequence for which rotary frequencies that depend on it are taken (`dynamic` and
    ///     `longrope` scalings); they stay the same however many tokens come. Nil takes the capacity.
    public init(
        _ configuration: ModelConfiguration, capacity: Int, rotaryLength: Int? = nil
    ) throws(LensError) {
        guard capacity > 0 else { throw .usage("A cache needs room for at least 1 token, not \(capacity).") }
        let byteCount = Self.byteCount(configuration, capacity: capacity), free = SystemMemory.available
        guard byteCount <= free else {
            throw .machine(
                "Keys and values of \(capacity) tokens take \(describeByteCount(byteCount)) of memory under this model, "
                    + "and \(describeByteCount(free)) are free.")
        }
        self.configuration = configuration
        self.capacity = capacity
        frequencies = RotaryFrequencies(configuration, length: rotaryLength ?? capacity)
        let arena = try Arena(byteCount: byteCount)
        (keys, values) = Self.take(configuration, capacity, arena)
    }

    private static func take(
        _ configuration: ModelConfiguration, _ capacity: Int, _ arena: Arena
    ) -> (keys: [Matrix], values: [Matrix]) {
        let columns = configuration.keyValueHeadCount * configuration.headDimension
        func take(_ name: String) -> [Matrix] {
            (0..<configuration.layerCount).map { _ in arena.take(name, rows: capacity, columns: columns) }
        }
        return (take("cached keys"), take("cached values"))
    }

    /// Bytes of such a cache: layers x tokens x key/value heads x head dimension, twice, in fp32.
    public static func byteCount(_ configuration: ModelConfiguration, capacity: Int) -> Int {
        let arena = Arena.measuring()
        _ = take(configuration, capacity, arena)
        return arena.byteCount
    }

    /// How many tokens it holds.
    public var count: Int { tokens.count }

    /// How many more it has room for.
    public var room: Int { capacity - tokens.count }

    /// Forgets all but the first `count` tokens; nothing where it has no more.
    public func truncate(to count: Int) {
        precondition(count >= 0, "fewer than no tokens")
        if count < tokens.count { tokens.removeLast(tokens.count - count) }
    }

    /// Becomes what `other` is with its first `count` tokens, or all: the start of another continuation of the same text.
    ///
    /// `.usage` for the cache of another model, or with other rotary frequencies, and for more tokens than there are or than
    /// there is room for.
    public func copy(from other: KeyValueCache, count: Int? = nil) throws(LensError) {
        let count = count ?? other.count
        guard other.configuration == configuration, other.frequencies == frequencies else {
            throw .usage("A cache cannot take over keys of another model, or of another length of sequence.")
        }
        guard (0...other.count).contains(count), count <= capacity else {
            throw .usage(
                "\(count) tokens of a cache that holds \(other.count) were asked for, by one with room for \(capacity)."
            )
        }
        if other === self { return truncate(to: count) }
        for (own, given) in zip(keys + values, other.keys + other.values) {
            own.rows(0..<count).copy(from: given.rows(0..<count))
        }
        tokens = Array(other.tokens.prefix(count))
    }

    /// How many of the first tokens of `sequence` it begins with: what need not be computed again.
    public func commonPrefixCount(with sequence: [Int32]) -> Int {
        zip(tokens, sequence).prefix { $0 == $1 }.count
    }

    /// The rows that the next `length` tokens of a layer get, and all rows up to theirs.
    func rows(layer: Int, next length: Int) -> (new: KeysAndValues, all: KeysAndValues) {
        precondition(length <= room)
        func part(_ range: Range<Int>) -> KeysAndValues {
            KeysAndValues(keys: keys[layer].rows(range), values: values[layer].rows(range))
        }
        return (part(count..<count + length), part(0..<count + length))
    }

    /// The rows of these tokens are filled in all layers.
    func append(_ new: ArraySlice<Int32>) { tokens += new }
}

/// Keys and values of some tokens in one layer: [tokens, key/value heads * head dimension] each.
struct KeysAndValues {
    let keys, values: Matrix
}
