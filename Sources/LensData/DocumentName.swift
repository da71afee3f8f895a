/// The name of an input while it is being told from the others: the last parts of its path.
struct DocumentName {
    private var components: [Substring]
    private var parts: Int
    private let isAbsolute: Bool

    /// The last `parts` parts of a path.
    init(path: String, parts: Int) {
        components = path.split(separator: "/")
        self.parts = min(parts, components.count)
        isAbsolute = path.hasPrefix("/")
    }

    /// A name that has no longer form.
    init(whole: String) {
        components = [whole[...]]
        parts = 1
        isAbsolute = false
    }

    var text: String {
        (isAbsolute && parts == components.count ? "/" : "") + components.suffix(parts).joined(separator: "/")
    }

    /// The names as text, no two of them equal: those that would be take more of their paths, and a number where even
    /// the paths are the same.
    static func unique(_ names: [DocumentName]) -> [String] {
        var names = names
        while true {
            var counts: [String: Int] = [:]
            for name in names { counts[name.text, default: 0] += 1 }
            var grew = false
            for index in names.indices where counts[names[index].text, default: 0] > 1 {
                if names[index].parts < names[index].components.count {
                    names[index].parts += 1
                    grew = true
                }
            }
            if !grew { break }
        }
        var taken: Set<String> = []
        let texts = names.map(\.text)
        let all = Set(texts)
        return texts.map { text in
            var id = text
            var number = 2
            while !taken.insert(id).inserted {
                repeat {
                    id = "\(text)#\(number)"
                    number += 1
                } while all.contains(id)
            }
            return id
        }
    }
}
