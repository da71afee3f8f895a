import CLongLens

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What the processor offers.
public enum Processor {
    /// Physical cores this process may use: affinity, simultaneous threads folded, CPU quota of its control group.
    public static var coreCount: Int { lens_core_count() }

    /// Data caches in bytes, as one core sees them; 0 where unknown.
    public static var cacheSizes: (level1: Int, level2: Int, level3: Int) {
        let sizes = lens_cache_sizes()
        return (sizes.l1_data, sizes.l2, sizes.l3)
    }

    /// The model that the processor says it is, such as "AMD EPYC (family 25, model 17)": on a virtual machine the name
    /// alone may stand for several. "unknown" where the system does not tell.
    public static let name: String = {
        let facts = firstProcessor()
        guard let name = facts["model name"] else { return "unknown" }
        guard let family = facts["cpu family"], let model = facts["model"] else { return name }
        return "\(name) (family \(family), model \(model))"
    }()

    /// What the system tells of its first processor.
    private static func firstProcessor() -> [String: String] {
        guard let file = unsafe fopen("/proc/cpuinfo", "r") else { return [:] }
        defer { unsafe fclose(file) }
        var facts: [String: String] = [:]
        var line = [CChar](repeating: 0, count: 256)
        while unsafe fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard let colon = text.firstIndex(of: ":") else {
                if facts.isEmpty { continue }
                break
            }
            let name = text[..<colon].prefix { $0 != "\t" }
            facts[String(name)] = String(text[text.index(after: colon)...].drop { $0 == " " }.prefix { $0 != "\n" })
        }
        return facts
    }
}
