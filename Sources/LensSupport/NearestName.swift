/// The one of `names` that `text` was probably meant to be: the same but for case, the one that it begins, or the one
/// a slip of the keyboard away. Nil where none is near enough, or two are equally near.
package func nearestName(to text: String, among names: some Sequence<String>) -> String? {
    // A text this long is no misspelt name, and comparing it would take long.
    guard !text.isEmpty, text.utf8.count <= 64 else { return nil }
    let typed = text.lowercased()
    let begun = typed.count >= 3 ? names.filter { $0.lowercased().hasPrefix(typed) } : []
    if begun.count == 1 { return begun[0] }
    let near = names.map { (name: $0, distance: slips(from: typed, to: $0.lowercased())) }
        .filter { $0.distance <= max(1, min(typed.count, $0.name.count) / 3) }
    guard let least = near.map(\.distance).min() else { return nil }
    let nearest = Set(near.filter { $0.distance == least }.map(\.name))
    return nearest.count == 1 ? nearest.first : nil
}

/// ` Did you mean NAME?`, with the space before it, to end a message with; empty where no name is near.
package func suggestion(for text: String, among names: some Sequence<String>) -> String {
    nearestName(to: text, among: names).map { " Did you mean \($0)?" } ?? ""
}

/// Characters inserted, left out, replaced, or swapped with their neighbour (optimal string alignment).
private func slips(from a: String, to b: String) -> Int {
    let (a, b) = (Array(a), Array(b))
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for (i, x) in a.enumerated() {
        var row = [i + 1]
        for (j, y) in b.enumerated() {
            var least = min(last[j] + (x == y ? 0 : 1), last[j + 1] + 1, row[j] + 1)
            if i > 0, j > 0, x == b[j - 1], a[i - 1] == y { least = min(least, beforeLast[j - 1] + 1) }
            row.append(least)
        }
        (beforeLast, last) = (last, row)
    }
    return last[b.count]
}
