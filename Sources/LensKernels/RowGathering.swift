/// Moving chosen rows of a matrix together, and back.
extension Matrix {
    /// Moves the given rows, ascending, to the front; what followed them is lost. The view of the rows.
    @discardableResult
    package func gatherRows(_ chosen: [Int]) -> Matrix {
        check(chosen)
        for (place, row) in chosen.enumerated() where place != row {
            unsafe (pointer + place * columns).update(from: pointer + row * columns, count: columns)
        }
        return rows(0..<chosen.count)
    }

    /// Undoes ``gatherRows(_:)``; all other rows are zeros.
    package func scatterRows(_ chosen: [Int]) {
        check(chosen)
        var end = rows
        for (place, row) in chosen.enumerated().reversed() {
            rows(row + 1..<end).fill(0)
            if place != row { unsafe (pointer + row * columns).update(from: pointer + place * columns, count: columns) }
            end = row
        }
        rows(0..<end).fill(0)
    }

    /// Copies row `chosen[i]` of `other` into row i.
    package func copyRows(_ chosen: [Int], of other: Matrix) {
        other.check(chosen)
        precondition(rows == chosen.count && columns == other.columns)
        for (place, row) in chosen.enumerated() {
            unsafe (pointer + place * columns).update(from: other.pointer + row * columns, count: columns)
        }
    }

    /// Copies row i of `other` into row `chosen[i]`.
    package func replaceRows(_ chosen: [Int], with other: Matrix) {
        check(chosen)
        precondition(other.rows == chosen.count && other.columns == columns)
        for (place, row) in chosen.enumerated() {
            unsafe (pointer + row * columns).update(from: other.pointer + place * columns, count: columns)
        }
    }

    private func check(_ chosen: [Int]) {
        precondition(zip(chosen, chosen.dropFirst()).allSatisfy(<), "rows in ascending order")
        precondition((chosen.first ?? 0) >= 0 && (chosen.last ?? -1) < rows)
    }
}
