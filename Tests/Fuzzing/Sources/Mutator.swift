import CLibFuzzer
import LongLens

/// libFuzzer's mutations are small, and what grows without end or takes quadratic time needs much of the same: one in
/// sixteen inputs here repeats a piece, or nests a bracketed piece in itself, often enough to fill the input.
@_cdecl("LLVMFuzzerCustomMutator")
public func mutate(_ data: UnsafeMutablePointer<UInt8>, _ size: Int, _ limit: Int, _ seed: CUnsignedInt) -> Int {
    var generator = SeededGenerator(seed: UInt64(seed))
    guard size > 0, size < limit, generator.below(16) == 0 else { return LLVMFuzzerMutate(data, size, limit) }
    let input = Array(UnsafeBufferPointer(start: data, count: size))
    let grown: [UInt8]
    switch generator.below(3) {
    case 0: grown = repeated(input, in: randomRange(input, &generator), separator: [], limit, &generator)
    case 1:
        guard let piece = bracketed(input, &generator) else { return size }
        grown = repeated(input, in: piece, separator: [UInt8(ascii: ",")], limit, &generator)
    default:
        guard let outer = bracketed(input, &generator), let inner = bracketed(input, inside: outer, &generator) else {
            return size
        }
        grown = nested(input, outer, around: inner, limit, &generator)
    }
    precondition(grown.count <= limit)
    _ = UnsafeMutableBufferPointer(start: data, count: limit)[..<grown.count].update(fromContentsOf: grown)
    return grown.count
}

/// A short range of the input.
private func randomRange(_ input: [UInt8], _ generator: inout SeededGenerator) -> Range<Int> {
    let start = generator.below(input.count)
    return start..<min(input.count, start + 1 + generator.below(1 << generator.below(8)))
}

/// Copies a piece to behind itself, at most until the input is full.
private func repeated(
    _ input: [UInt8], in piece: Range<Int>, separator: [UInt8], _ limit: Int, _ generator: inout SeededGenerator
) -> [UInt8] {
    let copy = separator + input[piece]
    let times = copies((limit - input.count) / copy.count, &generator)
    return input[..<piece.upperBound] + Array(repeatElement(copy, count: times).joined()) + input[piece.upperBound...]
}

/// Puts what of `outer` is around `inner` around it again and again.
private func nested(
    _ input: [UInt8], _ outer: Range<Int>, around inner: Range<Int>, _ limit: Int, _ generator: inout SeededGenerator
) -> [UInt8] {
    let before = input[outer.lowerBound..<inner.lowerBound], after = input[inner.upperBound..<outer.upperBound]
    let times = copies((limit - input.count) / (before.count + after.count), &generator)
    return input[..<inner.lowerBound] + Array(repeatElement(before, count: times).joined()) + input[inner]
        + Array(repeatElement(after, count: times).joined()) + input[inner.upperBound...]
}

/// Few copies as often as many.
private func copies(_ most: Int, _ generator: inout SeededGenerator) -> Int {
    min(most, 1 << generator.below(17))
}

/// From a random opening bracket to the one that closes it; brackets in strings count, which only makes a worse piece.
private func bracketed(
    _ input: [UInt8], inside: Range<Int>? = nil, _ generator: inout SeededGenerator
) -> Range<Int>? {
    let range = inside.map { $0.dropFirst().dropLast() } ?? input.indices
    let openings = range.filter { input[$0] == UInt8(ascii: "{") || input[$0] == UInt8(ascii: "[") }
    guard !openings.isEmpty else { return nil }
    let start = openings[generator.below(openings.count)]
    let open = input[start], close = open + 2
    var depth = 0
    for index in start..<range.upperBound {
        if input[index] == open { depth += 1 }
        if input[index] == close { depth -= 1 }
        if depth == 0 { return start..<index + 1 }
    }
    return nil
}
