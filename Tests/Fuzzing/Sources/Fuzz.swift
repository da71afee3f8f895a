import LongLens

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What libFuzzer calls: it makes inputs from its seeds, and one reader is fed with them. `scripts/fuzz` is the way to
/// run it. The environment says the rest, because libFuzzer runs itself again with its own arguments alone:
///
/// - FUZZ_TARGET: the reader. Without it, the program names all and ends.
/// - FUZZ_SEEDS: a folder. The program writes the target's made seeds into it and ends.
/// - FUZZ_SCRATCH: a folder for the files that readers open.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
    _: UnsafeMutablePointer<CInt>, _: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>
) -> CInt {
    guard let name = environment("FUZZ_TARGET") else {
        for target in Target.all { print(target.name) }
        exit(0)
    }
    guard let target = Target.all.first(where: { $0.name == name }) else { fail("There is no target \(name).") }
    do {
        if let folder = environment("FUZZ_SEEDS") {
            try write(target.seeds(), to: folder)
            exit(0)
        }
        Fuzzed.current = Fuzzed(target: target, scratch: try Scratch())
    } catch { fail("\(error)") }
    return 0
}

/// What is neither a result nor a sensible error traps, which libFuzzer reports together with the input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    guard let fuzzed = Fuzzed.current else { return -1 }
    do {
        try fuzzed.target.run(Array(UnsafeBufferPointer(start: data, count: size)), fuzzed.scratch)
    } catch let error as LensError {
        precondition(!error.message.isEmpty && error.kind != .interrupted, "\(error)")
    } catch {
        preconditionFailure("not a LensError: \(error)")
    }
    return 0
}

/// The target of this process, set once before the first input.
private struct Fuzzed {
    let target: Target
    let scratch: Scratch
    nonisolated(unsafe) static var current: Fuzzed?
}

private func write(_ seeds: [[UInt8]], to folder: String) throws {
    for (index, seed) in seeds.enumerated() {
        let file = try AtomicFile(path: "\(folder)/made-\(index)")
        try file.write(seed)
        try file.commit()
    }
}

func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

private func fail(_ message: String) -> Never {
    print("fuzz: \(message)")
    exit(64)
}
