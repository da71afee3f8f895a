/// Hashing of byte strings, seeded per process so that no file can be built to collide.
enum ByteHash {
    static let seed = UInt64.random(in: .min ... .max) | 1

    @inline(__always)
    private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }

    @inline(__always)
    static func hash(_ bytes: Span<UInt8>, seed: UInt64) -> UInt64 {
        let raw = unsafe bytes.bytes
        let count = raw.byteCount
        var state = seed ^ UInt64(truncatingIfNeeded: count) &* 0x9E37_79B9_7F4A_7C15
        var offset = 0
        // The loads stay inside the span: each takes 8, 4 or 1 bytes of what is left.
        while count - offset >= 8 {
            let word = unsafe raw.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self)
            state = fold(state ^ word, 0xA076_1D64_78BD_642F)
            offset += 8
        }
        var tail: UInt64 = 0
        if count - offset >= 4 {
            tail = UInt64(unsafe raw.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt32.self))
            offset += 4
        }
        while offset < count {
            tail = tail << 8 | UInt64(bytes[offset])
            offset += 1
        }
        return fold(state ^ tail, 0xE703_7ED1_A0B4_28DB ^ seed)
    }

    @inline(__always)
    static func hash(_ key: UInt64, seed: UInt64) -> UInt64 { fold(key ^ seed, 0x9E37_79B9_7F4A_7C15) }
}

extension Span where Element == UInt8 {
    @inline(__always)
    func equals(_ other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        for index in 0..<count where self[index] != other[index] { return false }
        return true
    }
}

/// Ids by piece: open addressing over one array of all pieces' bytes.
struct PieceTable: Sendable {
    private var bytes: [UInt8] = []
    private var starts: [Int] = [0]
    private var ids: [Int32] = []
    private var slots: [Int32]
    private let seed = ByteHash.seed

    /// `capacity`: how many pieces will be added at most.
    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        slots = [Int32](repeating: -1, count: size)
    }

    /// Adds a piece and returns nil, or leaves the table as it is and returns the id that the piece has already.
    mutating func add(_ piece: [UInt8], id: Int32) -> Int32? {
        var slot = Int(truncatingIfNeeded: ByteHash.hash(piece.span, seed: seed)) & (slots.count - 1)
        while slots[slot] >= 0 {
            if matches(Int(slots[slot]), piece.span) { return ids[Int(slots[slot])] }
            slot = (slot + 1) & (slots.count - 1)
        }
        precondition(ids.count * 2 < slots.count, "more pieces than announced")
        slots[slot] = Int32(ids.count)
        ids.append(id)
        bytes.append(contentsOf: piece)
        starts.append(bytes.count)
        return nil
    }

    /// The id of a piece, or -1.
    @inline(__always)
    func id(of piece: Span<UInt8>) -> Int32 {
        var slot = Int(truncatingIfNeeded: ByteHash.hash(piece, seed: seed)) & (slots.count - 1)
        while slots[slot] >= 0 {
            let index = Int(slots[slot])
            if matches(index, piece) { return ids[index] }
            slot = (slot + 1) & (slots.count - 1)
        }
        return -1
    }

    func id(of piece: [UInt8]) -> Int32 { id(of: piece.span) }

    @inline(__always)
    private func matches(_ index: Int, _ piece: Span<UInt8>) -> Bool {
        bytes.span.extracting(starts[index]..<starts[index + 1]).equals(piece)
    }
}

/// Merges by their two parts: open addressing on the pair of ids.
struct PairTable: Sendable {
    /// No such merge.
    static let none = UInt64.max
    private static let free = UInt64.max
    private var keys: [UInt64]
    private var values: [UInt64]
    private(set) var count = 0
    private let seed = ByteHash.seed

    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        keys = [UInt64](repeating: Self.free, count: size)
        values = [UInt64](repeating: Self.none, count: size)
    }

    @inline(__always)
    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    /// Stores rank and result of a merge. Of the same pair given twice, the first counts unless `replacing`.
    mutating func add(left: Int32, right: Int32, rank: UInt32, result: Int32, replacing: Bool = false) {
        let key = Self.key(left, right)
        var slot = Int(truncatingIfNeeded: ByteHash.hash(key, seed: seed)) & (keys.count - 1)
        while keys[slot] != Self.free, keys[slot] != key { slot = (slot + 1) & (keys.count - 1) }
        if keys[slot] == key, !replacing { return }
        if keys[slot] == Self.free { count += 1 }
        precondition(count * 2 <= keys.count, "more merges than announced")
        keys[slot] = key
        values[slot] = UInt64(rank) << 32 | UInt64(UInt32(bitPattern: result))
    }

    /// Rank (high half) and result (low half) of a pair, or `none`.
    @inline(__always)
    func merge(_ left: Int32, _ right: Int32) -> UInt64 {
        let key = Self.key(left, right)
        var slot = Int(truncatingIfNeeded: ByteHash.hash(key, seed: seed)) & (keys.count - 1)
        while true {
            if keys[slot] == key { return values[slot] }
            if keys[slot] == Self.free { return Self.none }
            slot = (slot + 1) & (keys.count - 1)
        }
    }
}
