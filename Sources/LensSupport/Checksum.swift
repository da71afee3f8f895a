/// XXH64 (the published xxHash specification, seed 0): tells a damaged file from a whole one at the speed of the disk.
/// Not meant against someone who wants two files to agree.
package struct Checksum: Sendable {
    private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
    private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
    private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
    private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

    private var a = prime1 &+ prime2
    private var b = prime2
    private var c: UInt64 = 0
    private var d = 0 &- prime1
    private var count: UInt64 = 0
    /// Fewer than 32 bytes that no stripe has taken yet.
    private var pending: [UInt8] = []

    package init() { pending.reserveCapacity(32) }

    /// Takes more bytes; how they are divided over calls makes no difference.
    @unsafe package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        count &+= UInt64(bytes.count)
        var position = 0
        if !pending.isEmpty {
            position = min(32 - pending.count, bytes.count)
            unsafe pending.append(contentsOf: bytes[..<position])
            guard pending.count == 32 else { return }
            let stripe = pending
            _ = unsafe stripe.withUnsafeBytes { unsafe stripes($0, from: 0) }
            pending.removeAll(keepingCapacity: true)
        }
        position = unsafe stripes(bytes, from: position)
        unsafe pending.append(contentsOf: bytes[position...])
    }

    package mutating func update(_ text: String) { unsafe Array(text.utf8).withUnsafeBytes { unsafe update($0) } }

    // The four lanes live in locals: the loop is the whole cost of a checkpoint's checksum.
    private mutating func stripes(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var (a, b, c, d) = (a, b, c, d)
        var i = start
        while i + 32 <= bytes.count {
            unsafe a = Self.round(a, Self.word(bytes, i))
            unsafe b = Self.round(b, Self.word(bytes, i + 8))
            unsafe c = Self.round(c, Self.word(bytes, i + 16))
            unsafe d = Self.round(d, Self.word(bytes, i + 24))
            i += 32
        }
        (self.a, self.b, self.c, self.d) = (a, b, c, d)
        return i
    }

    @inline(__always)
    private static func word(_ bytes: UnsafeRawBufferPointer, _ i: Int) -> UInt64 {
        UInt64(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: i, as: UInt64.self))
    }

    @inline(__always)
    private static func round(_ lane: UInt64, _ word: UInt64) -> UInt64 {
        rotated(lane &+ word &* prime2, 31) &* prime1
    }

    @inline(__always)
    private static func rotated(_ x: UInt64, _ by: UInt64) -> UInt64 { x &<< by | x &>> (64 - by) }

    /// The checksum of everything given so far.
    package var value: UInt64 {
        var hash = count < 32 ? Self.prime5 : merged
        hash &+= count
        var i = 0
        unsafe pending.withUnsafeBytes { bytes in
            while i + 8 <= bytes.count {
                unsafe hash ^= Self.round(0, Self.word(bytes, i))
                hash = Self.rotated(hash, 27) &* Self.prime1 &+ Self.prime4
                i += 8
            }
            if i + 4 <= bytes.count {
                let half = UInt32(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: i, as: UInt32.self))
                hash ^= UInt64(half) &* Self.prime1
                hash = Self.rotated(hash, 23) &* Self.prime2 &+ Self.prime3
                i += 4
            }
        }
        for byte in pending[i...] {
            hash ^= UInt64(byte) &* Self.prime5
            hash = Self.rotated(hash, 11) &* Self.prime1
        }
        hash = (hash ^ hash &>> 33) &* Self.prime2
        hash = (hash ^ hash &>> 29) &* Self.prime3
        return hash ^ hash &>> 32
    }

    private var merged: UInt64 {
        var hash = Self.rotated(a, 1) &+ Self.rotated(b, 7) &+ Self.rotated(c, 12) &+ Self.rotated(d, 18)
        for lane in [a, b, c, d] { hash = (hash ^ Self.round(0, lane)) &* Self.prime1 &+ Self.prime4 }
        return hash
    }

    /// 16 hexadecimal digits.
    package var hexadecimal: String { digits(value, atLeast: 16, radix: 16) }

    /// The checksum of a whole file, read in blocks: mapping it would count gigabytes as the process's memory.
    package static func file(_ path: String) throws(LensError) -> (checksum: String, byteCount: Int) {
        let input = try InputFile(regular: path)
        var sum = Checksum()
        while case let block = try input.chunk(1 << 20), !block.isEmpty {
            unsafe block.withUnsafeBytes { unsafe sum.update($0) }
        }
        return (sum.hexadecimal, Int(sum.count))
    }

    /// The checksum of a short text.
    package static func text(_ text: String) -> String { bytes(Array(text.utf8)[...]) }

    /// The checksum of a few bytes.
    package static func bytes(_ bytes: ArraySlice<UInt8>) -> String {
        var sum = Checksum()
        unsafe bytes.withUnsafeBytes { unsafe sum.update($0) }
        return sum.hexadecimal
    }
}
