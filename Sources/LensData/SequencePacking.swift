/// Puts whole documents into as few sequences as best-fit decreasing finds: the longest first, each where it leaves the
/// least room. The same lengths give the same sequences.
package enum SequencePacking {
    /// Which of the documents, ascending, each sequence holds; sequences in the order of their first documents.
    ///
    /// - Parameters:
    ///   - lengths: tokens of each document, from 1 to `capacity`.
    ///   - capacity: most tokens of a sequence.
    package static func sequences(of lengths: [Int], capacity: Int) -> [[Int]] {
        precondition(lengths.allSatisfy { (1...capacity).contains($0) }, "each document fits alone")
        var sequences: [[Int]] = []
        var open = OpenSequences(capacity: capacity)
        let longestFirst = lengths.indices.sorted { (lengths[$1], $0) < (lengths[$0], $1) }
        for document in longestFirst {
            let length = lengths[document]
            if let (sequence, room) = open.takeFullest(room: length) {
                sequences[sequence].append(document)
                open.add(sequence, room: room - length)
            } else {
                open.add(sequences.count, room: capacity - length)
                sequences.append([document])
            }
        }
        return sequences.map { $0.sorted() }.sorted { $0[0] < $1[0] }
    }
}

/// Sequences by the room that they have left.
private struct OpenSequences {
    private var byRoom: [[Int]]
    /// A bit for each room that a sequence has.
    private var rooms: [UInt64]

    init(capacity: Int) {
        byRoom = Array(repeating: [], count: capacity + 1)
        rooms = Array(repeating: 0, count: capacity / 64 + 1)
    }

    mutating func add(_ sequence: Int, room: Int) {
        if room == 0 { return }
        byRoom[room].append(sequence)
        rooms[room / 64] |= 1 << UInt64(room % 64)
    }

    /// Removes the sequence of the least room that suffices.
    mutating func takeFullest(room: Int) -> (sequence: Int, room: Int)? {
        var word = room / 64
        var bits = rooms[word] & ~0 << UInt64(room % 64)
        while bits == 0 {
            word += 1
            if word == rooms.count { return nil }
            bits = rooms[word]
        }
        let found = word * 64 + bits.trailingZeroBitCount
        guard let sequence = byRoom[found].popLast() else { preconditionFailure("a bit stands for a sequence") }
        if byRoom[found].isEmpty { rooms[word] &= ~(1 << UInt64(found % 64)) }
        return (sequence, found)
    }
}
