import LensSupport

/// Text that comes in bytes and goes in whole characters, up to the first of some texts at which it ends.
///
/// What may be the beginning of a character, or of a text to stop at, waits until it is known. Bytes that are no UTF-8
/// become U+FFFD.
package struct TextStream {
    private let stops: [[UInt8]]
    private var waiting: [UInt8] = []
    /// The text that it ended at, which is not given.
    package private(set) var stop: String?

    /// - Parameter stops: none of them empty.
    package init(stops: [String]) { self.stops = stops.map { Array($0.utf8) } }

    /// Takes bytes and gives what is certain by now; nothing more after a stop.
    package mutating func add(_ bytes: [UInt8]) -> String {
        guard stop == nil else { return "" }
        waiting += bytes
        if let (start, text) = firstStop {
            stop = String(decoding: text, as: UTF8.self)
            return take(start)
        }
        return take(waiting.count - max(begunStop, begunCharacter))
    }

    /// What waits at the end of the text.
    package mutating func finish() -> String { stop == nil ? take(waiting.count) : "" }

    private mutating func take(_ count: Int) -> String {
        defer { waiting.removeFirst(count) }
        return String(decoding: waiting.prefix(count), as: UTF8.self)
    }

    /// The earliest one, the longest of those that begin there.
    private var firstStop: (start: Int, text: [UInt8])? {
        for start in waiting.indices {
            let here = stops.filter { waiting[start...].starts(with: $0) }
            if let longest = here.max(by: { $0.count < $1.count }) { return (start, longest) }
        }
        return nil
    }

    /// How many of the last bytes are the beginning of a text to stop at.
    private var begunStop: Int {
        let longest = stops.map { $0.count - 1 }.max() ?? 0
        return (0...min(longest, waiting.count)).reversed().first { count in
            stops.contains { $0.count > count && $0.starts(with: waiting.suffix(count)) }
        } ?? 0
    }

    /// How many of the last bytes are the beginning of a character: at most 3, and such as may become one.
    private var begunCharacter: Int {
        for count in 1...3 where count <= waiting.count {
            let tail = waiting.suffix(count), lead = tail[tail.startIndex]
            if lead & 0xC0 == 0x80 { continue }
            let length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1
            guard length > count else { return 0 }
            // Whether any bytes make it a character: it is, if with the right last ones it is one.
            return [0x80, 0x90, 0xA0].contains { (byte: UInt8) in
                let second: [UInt8] = count == 1 ? [byte] : []
                let rest = [UInt8](repeating: 0x80, count: length - count - second.count)
                return firstInvalidUTF8((Array(tail) + second + rest)[...]) == nil
            } ? count : 0
        }
        return 0
    }
}
