import CLongLens
import LensKernels
import LensSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite struct CpuTests {
    @Test func instructionSetsAreChosenByName() throws {
        #expect(InstructionSet.supported.contains(.scalar) && InstructionSet.supported.contains(.best))
        for set in InstructionSet.allCases {
            #expect(try InstructionSet.named(set.rawValue) == (set, []))
            #expect(try InstructionSet.named(set.rawValue + "-novnni") == (set, [.vnni]))
            #expect(try InstructionSet.named(set.rawValue + "-nodotprod-noi8mm") == (set, [.dotprod, .i8mm]))
            #expect(try InstructionSet.named(set.rawValue.uppercased()).set == set)
            #expect(unsafe String(cString: lens_isa_name(set.isa)) == set.rawValue)
        }
        #expect(InstructionSet.best == InstructionSet.supported.last)
    }

    @Test func aWrongNameAndALackingMachineAreToldApart() throws {
        #expect(throws: LensError.self) { try InstructionSet.named("avx2-nofma") }
        let wrong = #expect(throws: LensError.self) { try InstructionSet.named("sse9") }
        #expect(wrong?.kind == .usage && wrong?.message.contains("avx512") == true)
        // No machine runs both families.
        let lacking = try #require(InstructionSet.allCases.first { !$0.isSupported })
        let absent = #expect(throws: LensError.self) { try lacking.requireSupport() }
        #expect(absent?.kind == .machine && absent?.message.contains(lacking.rawValue) == true)
    }

    #if os(Linux) && arch(x86_64)
        /// Other tests run on what is detected: were that too little, they would pass without a look at the rest.
        @Test func whatTheSystemTellsOfItsProcessorIsDetected() throws {
            let line = try #require(try firstLine(of: "/proc/cpuinfo", startingWith: "flags"))
            let flags = Set(line.split(separator: " "))
            #expect(InstructionSet.avx2.isSupported == flags.isSuperset(of: ["avx2", "fma", "f16c"]))
            #expect(
                InstructionSet.avx512.isSupported
                    == flags.isSuperset(of: ["avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512vl", "avx512dq"]))
            #expect(!InstructionSet.neon.isSupported)
        }

        private func firstLine(of path: String, startingWith start: String) throws -> String? {
            let file = try unsafe #require(fopen(path, "r"))
            defer { unsafe fclose(file) }
            var line: UnsafeMutablePointer<CChar>?, capacity = 0
            defer { unsafe free(line) }
            while unsafe getline(&line, &capacity, file) > 0, let text = unsafe line {
                let text = unsafe String(cString: text)
                if text.hasPrefix(start) { return String(text.dropLast()) }
            }
            return nil
        }
    #endif

    @Test func theMachineIsDescribed() {
        #expect(Processor.coreCount >= 1 && Processor.coreCount <= sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let caches = Processor.cacheSizes
        #expect(caches.level1 == 0 || (4096...(16 << 20)).contains(caches.level1))
        #expect(caches.level2 == 0 || caches.level2 >= caches.level1)
    }
}

/// What the tests of kernels run on: all of them go over the instruction sets of the machine. One that it lacks shows here,
/// as a test that was skipped.
@Suite struct InstructionSetTests {
    @Test func scalarKernelsAreTested() throws { try check(.scalar) }

    @Test(.enabled(if: InstructionSet.avx2.isSupported, "this machine has no AVX2: its kernels are not tested here"))
    func avx2KernelsAreTested() throws { try check(.avx2) }

    @Test(
        .enabled(if: InstructionSet.avx512.isSupported, "this machine has no AVX-512: its kernels are not tested here"))
    func avx512KernelsAreTested() throws { try check(.avx512) }

    @Test(.enabled(if: InstructionSet.neon.isSupported, "this machine has no NEON: its kernels are not tested here"))
    func neonKernelsAreTested() throws { try check(.neon) }

    /// It is among those that tests go over, and a context of it has kernels of its own: their bits are not those of the
    /// other sets, whose sums have other widths.
    private func check(_ set: InstructionSet) throws {
        #expect(InstructionSet.supported.contains(set))
        #expect(try contexts().contains { $0.set == set })
        let bits = try InstructionSet.supported.map { other in
            let context = try Context(other, threads: 1)
            #expect(unsafe context.with { unsafe lens_context_isa($0) } == other.isa)
            let result = AttentionCase(tokens: 100, size: 40).run(context)
            return result.out + result.dk
        }
        #expect(Set(bits).count == bits.count, "two instruction sets have the same kernels")
    }
}
