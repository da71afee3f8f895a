import LensSupport

/// Tells of keys in JSON lines that nothing reads: what a document says and nobody heeds is said once, or refused where it
/// decides what is learned.
struct UnreadKeys {
    /// How a run takes keys that say what each token counts.
    enum Role {
        /// Losses are measured, which no weight changes.
        case measuring
        /// They would decide what is learned.
        case training
    }

    /// What each token counts, in the documents of others and of later versions.
    private static let weighing: Set = ["weights", "roles"]
    /// What `generate` writes for `evaluate --task recall`, beside the text for all others.
    private static let generated: Set = ["facts"]
    private static let warningLimit = 3

    private let role: Role
    private var told: Set<String> = []
    private var warningCount = 0

    init(_ role: Role) { self.role = role }

    /// - Parameters:
    ///   - keys: those of a line that are not read.
    ///   - source: names the line in messages.
    ///   - warn: told of keys that did not come before, of a few lines at most.
    /// `.data` for weights in training.
    mutating func check(_ keys: [String], in source: String, warn: (String) -> Void) throws(LensError) {
        guard !keys.isEmpty else { return }
        if role == .training, let key = keys.first(where: Self.weighing.contains) {
            throw .data(
                "\(source) has \"\(key)\", which says what its tokens count, and training does not read that of documents "
                    + "yet: it would learn from all tokens alike. Remove the key if that is what you want.")
        }
        let new = keys.filter { !Self.generated.contains($0) && !told.contains($0) }
        guard !new.isEmpty, warningCount < Self.warningLimit else { return }
        told.formUnion(new)
        warningCount += 1
        let names = new.prefix(5).map { "\"\($0.prefix(40))\"" }.joined(separator: ", ") + (new.count > 5 ? ", …" : "")
        let weighs = new.contains(where: Self.weighing.contains)
        warn(
            "\(source) has \(names), which is not read here and passed over, in this line and all others"
                + (weighs ? ": losses are measured token by token, whatever each counts." : "."))
    }
}
