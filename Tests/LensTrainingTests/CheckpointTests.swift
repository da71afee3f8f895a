import LensFormats
import LensKernels
import LensModels
import LensSupport
import LensTestSupport
import LensTraining
import Testing

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A new, empty folder for one test.
func temporaryFolder() throws -> String {
    let path = NSTemporaryFolder.path + "/longlens-training-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
}

enum NSTemporaryFolder {
    static let path = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
}

func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }

func contents(_ path: String) -> [UInt8] { FileManager.default.contents(atPath: path).map { Array($0) } ?? [] }

func names(_ path: String) -> [String] { (try? FileManager.default.contentsOfDirectory(atPath: path))?.sorted() ?? [] }

func writeBytes(_ bytes: [UInt8], _ path: String) throws { try Data(bytes).write(to: URL(filePath: path)) }

/// Two layers, 64 tokens: a step takes milliseconds.
var tinyConfiguration: ModelConfiguration {
    var configuration = ModelConfiguration(
        vocabularySize: 64, hiddenSize: 32, feedForwardSize: 48, layerCount: 2, headCount: 4, keyValueHeadCount: 2,
        headDimension: 8, contextLength: 128)
    configuration.tiedEmbeddings = true
    return configuration
}

/// A state of random tensors, after `step` updates.
func randomState(seed: UInt64) throws -> TrainingState {
    let state = try TrainingState(ParameterStore(tinyConfiguration))
    for (i, store) in [state.parameters, state.firstMoment, state.secondMoment].enumerated() {
        for (j, description) in store.descriptions.enumerated() {
            let tensor = store[description.name]
            let values = randomFloats(tensor.count, seed: seed &* 1000 + UInt64(i * 100 + j))
            for (k, value) in values.enumerated() { tensor[k / tensor.columns, k % tensor.columns] = value }
        }
    }
    return state
}

func bits(_ state: TrainingState) -> [[UInt32]] {
    [state.parameters, state.firstMoment, state.secondMoment].map { $0.all.array.map(\.bitPattern) }
}

func checkpointState(_ step: Int) -> CheckpointState {
    CheckpointState(
        step: step, steps: 100, instructionSet: "scalar", settings: ["seed": "1", "context": "64"], data: "d",
        model: "m", scorer: "self")
}

@Suite struct CheckpointTests {
    @Test func aRoundTripKeepsEveryBit() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let store = CheckpointStore(path: folder + "/checkpoints", keep: 2)
        let saved = try randomState(seed: 1)
        try store.save(checkpointState(7), saved)
        let loaded = try TrainingState(ParameterStore(tinyConfiguration))
        let state = try #require(try store.newest(warn: { Issue.record("warning: \($0)") }))
        #expect(state == checkpointState(7))
        try store.load(state.step, into: loaded)
        #expect(bits(loaded) == bits(saved) && loaded.step == 7)
    }

    @Test func theLastAreKept() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let store = CheckpointStore(path: folder, keep: 2)
        let tensors = try randomState(seed: 2)
        for step in [5, 10, 15, 100] { try store.save(checkpointState(step), tensors) }
        #expect(names(folder) == ["step-100", "step-15"])
        #expect(CheckpointStore.steps(in: folder) == [15, 100])
    }

    @Test func leftoversAreRemoved() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let store = CheckpointStore(path: folder, keep: 2)
        try store.save(checkpointState(3), randomState(seed: 3))
        for name in ["step-4.part", "step-2.old.part"] {
            try FileManager.default.createDirectory(atPath: folder + "/" + name, withIntermediateDirectories: true)
            try writeBytes([1, 2, 3], folder + "/" + name + "/model.safetensors")
        }
        #expect(CheckpointStore.steps(in: folder) == [3])
        store.removeLeftovers()
        #expect(names(folder) == ["step-3"])
    }

    /// A dangling link in the place of a checkpoint, a file, or a folder of something else: none is in its way.
    @Test(arguments: ["dangling", "file", "folder"])
    func whatStandsInItsPlaceDoesNotBlockACheckpoint(what: String) throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let store = CheckpointStore(path: folder, keep: 2)
        let place = folder + "/step-4"
        switch what {
        case "dangling": try FileManager.default.createSymbolicLink(atPath: place, withDestinationPath: "/nowhere/else")
        case "file": try writeBytes([1, 2, 3], place)
        default: try FileManager.default.createDirectory(atPath: place + "/x", withIntermediateDirectories: true)
        }
        try store.save(checkpointState(4), randomState(seed: 3))
        #expect(try store.verify(4) == checkpointState(4))
        #expect(names(folder) == ["step-4"])
    }

    /// The checksums are of the bytes as they were written: they equal those of the files, and are taken without reading.
    @Test func checksumsAreThoseOfTheFiles() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let store = CheckpointStore(path: folder, keep: 2)
        try store.save(checkpointState(3), randomState(seed: 3))
        let lines = String(decoding: contents(folder + "/step-3/checksums"), as: UTF8.self).split(separator: "\n")
        #expect(lines.count == 5)
        for line in lines.dropLast() {
            let fields = line.split(separator: " ")
            let bytes = contents("\(folder)/step-3/\(fields[2])")
            var sum = Checksum()
            unsafe bytes.withUnsafeBytes { unsafe sum.update($0) }
            #expect(fields[0] == sum.hexadecimal && Int(fields[1]) == bytes.count)
        }
    }

    static let files = [
        "model.safetensors", "first_moment.safetensors", "second_moment.safetensors", "state.json", "checksums",
    ]

    /// Every file, damaged in each way, makes the run fall back to the checkpoint before it.
    @Test(arguments: files, ["flip first", "flip middle", "flip last", "truncate", "lengthen", "empty", "remove"])
    func damageIsNoticed(file: String, damage: String) throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let store = CheckpointStore(path: folder, keep: 3)
        let good = try randomState(seed: 4)
        try store.save(checkpointState(5), good)
        try store.save(checkpointState(10), randomState(seed: 5))
        let path = "\(folder)/step-10/\(file)"
        var bytes = contents(path)
        #expect(!bytes.isEmpty)
        switch damage {
        case "flip first": bytes[0] ^= 1
        case "flip middle": bytes[bytes.count / 2] ^= 0x10
        case "flip last": bytes[bytes.count - 1] ^= 0x80
        case "truncate": bytes.removeLast(1)
        case "lengthen": bytes.append(0)
        default: bytes = []
        }
        try writeBytes(bytes, path)
        if damage == "remove" { remove(path) }
        var warnings: [String] = []
        let state = try #require(try store.newest { warnings.append($0) })
        #expect(state.step == 5)
        #expect(
            warnings.count == 1 && warnings.first?.contains("step-10") == true
                && warnings.first?.contains("step 5") == true)
        let loaded = try TrainingState(ParameterStore(tinyConfiguration))
        try store.load(state.step, into: loaded)
        #expect(bits(loaded) == bits(good))
        #expect(lensError { _ = try store.verify(10) }?.kind == .data)
        // The damaged one neither counts among those kept nor stands in the way of its step.
        try store.save(checkpointState(6), good)
        #expect(CheckpointStore.steps(in: folder) == [5, 6, 10])
        try store.save(checkpointState(10), good)
        #expect(try store.verify(10) == checkpointState(10))
    }

    @Test func noWholeCheckpointIsAnError() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let store = CheckpointStore(path: folder, keep: 2)
        #expect(try store.newest(warn: { _ in }) == nil)
        try store.save(checkpointState(1), randomState(seed: 6))
        remove(folder + "/step-1/state.json")
        let error = lensError { _ = try store.newest(warn: { _ in }) }
        #expect(error?.kind == .data && error?.message.contains("state.json") == true)
    }

    @Test func aRenamedCheckpointIsNoticed() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let store = CheckpointStore(path: folder, keep: 2)
        try store.save(checkpointState(1), randomState(seed: 6))
        try FileManager.default.moveItem(atPath: folder + "/step-1", toPath: folder + "/step-9")
        #expect(lensError { _ = try store.verify(9) }?.message.contains("renamed") == true)
    }

    /// A disk that is full, by the limit on a file's size in a process of its own.
    @Test func aFullDiskLeavesTheLastCheckpointWhole() async {
        await #expect(processExitsWith: .success) {
            let folder = try temporaryFolder()
            defer { remove(folder) }
            let store = CheckpointStore(path: folder, keep: 1)
            let good = try randomState(seed: 8)
            try store.save(checkpointState(5), good)
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 10_000, rlim_max: 10_000)
            #if canImport(Glibc)
                let resource = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
            #else
                let resource = RLIMIT_FSIZE
            #endif
            #expect(unsafe setrlimit(resource, &limit) == 0)
            let error = lensError { try store.save(checkpointState(6), randomState(seed: 9)) }
            #expect(error?.kind == .io && error?.message.contains("step 5 is whole") == true)
            #expect(names(folder) == ["step-5"])
            let loaded = try TrainingState(ParameterStore(tinyConfiguration))
            #expect(try store.newest(warn: { _ in })?.step == 5)
            try store.load(5, into: loaded)
            #expect(bits(loaded) == bits(good))
        }
    }
}

@Suite struct ChecksumTests {
    /// Published values of XXH64 with seed 0.
    @Test(arguments: [
        ("", "ef46db3751d8e999"), ("a", "d24ec4f1a98c6e5b"), ("abc", "44bc2cf5ad770999"),
        ("xxhash", "32dd38952c4bc720"),
        ("Nobody inspects the spammish repetition", "fbcea83c8a378bf1"),
    ])
    func publishedValues(text: String, expected: String) {
        var sum = Checksum()
        sum.update(text)
        #expect(sum.hexadecimal == expected)
    }

    @Test func divisionOverCallsMakesNoDifference() {
        let text = (0..<40).map { "piece \($0) " }.joined()
        var whole = Checksum()
        whole.update(text)
        for size in [1, 3, 31, 32, 33, 64, 100] {
            var sum = Checksum()
            var rest = Substring(text)
            while !rest.isEmpty {
                sum.update(String(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            #expect(sum.value == whole.value, "pieces of \(size)")
        }
    }
}
