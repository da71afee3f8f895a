import CLongLens
import LensKernels
import LensSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension KernelTests {
    @Suite struct CpuTests {
        typealias InstructionSet = LensKernels.InstructionSet

        @Test func instructionSetsAreChosenByName() throws {
            defer { lens_isa_use(lens_isa_best()) }
            #expect(InstructionSet.supported.contains(.scalar) && InstructionSet.supported.contains(.best))
            for set in InstructionSet.supported {
                try InstructionSet.use(named: set.rawValue)
                #expect(InstructionSet.current == set)
            }
            #expect(unsafe String(cString: lens_isa_name(LENS_ISA_AVX2)) == "avx2")
        }

        @Test func aWrongNameAndALackingMachineAreToldApart() throws {
            let before = InstructionSet.current
            #expect { try InstructionSet.use(named: "sse9") } throws: { error in
                let error = error as? LensError
                return error?.kind == .usage && error?.message.contains("avx512") == true
            }
            let lacking = try #require(InstructionSet.allCases.first { !$0.isSupported })
            #expect { try InstructionSet.use(named: lacking.rawValue) } throws: { error in
                (error as? LensError)?.kind == .machine
            }
            #expect(InstructionSet.current == before)
        }

        @Test func theEnvironmentIsObeyed() throws {
            defer {
                unsafe unsetenv("LONGLENS_ISA")
                lens_isa_use(lens_isa_best())
            }
            unsafe setenv("LONGLENS_ISA", "scalar", 1)
            try InstructionSet.applyEnvironment()
            #expect(InstructionSet.current == .scalar)
            unsafe setenv("LONGLENS_ISA", "", 1)
            try InstructionSet.applyEnvironment()
            #expect(InstructionSet.current == .scalar)
            unsafe setenv("LONGLENS_ISA", "vax", 1)
            #expect { try InstructionSet.applyEnvironment() } throws: { error in
                (error as? LensError)?.message.contains("LONGLENS_ISA") == true
            }
        }

        @Test func theMachineIsDescribed() {
            #expect(Threads.coreCount >= 1 && Threads.coreCount <= sysconf(Int32(_SC_NPROCESSORS_ONLN)))
            let caches = Processor.cacheSizes
            #expect(caches.level1 == 0 || (4096...(16 << 20)).contains(caches.level1))
            #expect(caches.level2 == 0 || caches.level2 >= caches.level1)
        }
    }
}
