#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Memory as the system counts it.
package enum SystemMemory {
    /// Bytes that this process may still take without swapping: what the kernel calls available, or what is left of
    /// the limits of its control group, address space (`ulimit -v`) and data (`ulimit -d`), whichever is least.
    package static var available: Int {
        var least = meminfo("MemAvailable") ?? physical
        for folder in controlGroups() {
            if let left = room(in: folder) { least = min(least, max(left, 0)) }
        }
        for (limit, used) in [(addressSpace, "VmSize"), (data, "VmData")] {
            guard let limit = softLimit(limit) else { continue }
            least = min(least, max(limit - (amount(used, in: "/proc/self/status") ?? 0) - addressesBesides, 0))
        }
        return least
    }

    /// Addresses that a process takes beside the memory it fills: stacks, the heaps of threads, alignment.
    private static let addressesBesides = (96 << 20) + sysconf(Int32(_SC_NPROCESSORS_ONLN)) * (8 << 20)

    /// Bytes of this process that are in memory now.
    package static var resident: Int { amount("VmRSS", in: "/proc/self/status") ?? peakResident }

    #if canImport(Glibc)
        private static let addressSpace = Int32(RLIMIT_AS.rawValue), data = Int32(RLIMIT_DATA.rawValue)
    #else
        private static let addressSpace = RLIMIT_AS, data = RLIMIT_DATA
    #endif

    private static func softLimit(_ kind: Int32) -> Int? {
        var limit = rlimit()
        guard unsafe getrlimit(kind, &limit) == 0, limit.rlim_cur != rlim_t.max else { return nil }
        return Int(exactly: limit.rlim_cur)
    }

    /// The most memory that the process has had, in bytes.
    package static var peakResident: Int {
        var usage = rusage()
        #if canImport(Glibc)
            let who = Int32(RUSAGE_SELF.rawValue)
        #else
            let who = RUSAGE_SELF
        #endif
        guard unsafe getrusage(who, &usage) == 0 else { return 0 }
        #if os(Linux)
            return usage.ru_maxrss * 1024
        #else
            return usage.ru_maxrss
        #endif
    }

    private static var physical: Int { sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)) }

    private static func meminfo(_ key: String) -> Int? { amount(key, in: "/proc/meminfo") }

    // A line such as "VmSize:    1234 kB".
    private static func amount(_ key: String, in path: String) -> Int? {
        guard let text = read(path) else { return nil }
        for line in text.split(separator: "\n") where line.hasPrefix(key + ":") {
            return line.split(whereSeparator: { $0 == " " || $0 == ":" || $0 == "\t" }).dropFirst().first.flatMap {
                Int($0)
            }.map {
                $0 * 1024
            }
        }
        return nil
    }

    // The process's own group and every group above it: each may have a limit (cgroup version 2; version 1 where the
    // memory controller is mounted apart).
    private static func controlGroups() -> [String] {
        var folders: [String] = []
        for line in read("/proc/self/cgroup")?.split(separator: "\n") ?? [] {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let root: String
            switch fields[1] {
            case "": root = "/sys/fs/cgroup"
            case "memory": root = "/sys/fs/cgroup/memory"
            default: continue
            }
            var path = Substring(fields[2])
            while true {
                folders.append(root + (path == "/" ? "" : path))
                guard let slash = path.lastIndex(of: "/"), path != "/", !path.isEmpty else { break }
                path = path[..<slash]
            }
        }
        return folders
    }

    private static func room(in folder: String) -> Int? {
        for (limit, usage) in [("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")] {
            guard let limit = number(folder + "/" + limit), let usage = number(folder + "/" + usage) else { continue }
            // Page cache counts as use, and is given back when asked for.
            return limit - usage + (inactiveFile(folder + "/memory.stat") ?? 0)
        }
        return nil
    }

    private static func inactiveFile(_ path: String) -> Int? {
        for line in read(path)?.split(separator: "\n") ?? [] {
            let fields = line.split(separator: " ")
            if fields.count == 2 && (fields[0] == "inactive_file" || fields[0] == "total_inactive_file") {
                return Int(fields[1])
            }
        }
        return nil
    }

    private static func number(_ path: String) -> Int? {
        read(path).flatMap { Int($0.filter { !$0.isWhitespace }) }
    }

    // Files of /proc and /sys have no size beforehand.
    private static func read(_ path: String) -> String? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { closeOnce(descriptor) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 4096)
        while bytes.count < 1 << 20 {
            let count = unsafe block.withUnsafeMutableBytes { unsafe posixRead(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { break }
            bytes.append(contentsOf: block[..<count])
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

// Inside the type, `read` is the method.
private func posixRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    unsafe read(descriptor, buffer, count)
}
