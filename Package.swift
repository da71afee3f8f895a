// swift-tools-version: 6.2
import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .strictMemorySafety(),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("ExistentialAny"),
]

/// The OpenMP runtime to link: Debian's libomp-dev installs `libiomp5.so` on the default path.
let openMPLibrary = Context.environment["LONGLENS_OMP_LIBRARY"] ?? "iomp5"

/// How `scripts/standalone` links a program that is one file: the C library is in it too, and the Swift runtime does not look
/// for its own folder (CSources/CLensSystem/start.c).
let oneFile: [LinkerSetting] =
    Context.environment["LONGLENS_STANDALONE"] == nil
    ? []
    : [.unsafeFlags(["-static-executable", "-Xlinker", "--wrap=swift_copyAuxiliaryExecutablePath"])]

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")

func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], fixtures: Bool = false) -> Target {
    .testTarget(
        name: name, dependencies: dependencies + ["LensTestSupport"],
        resources: fixtures ? [.copy("Fixtures")] : [], swiftSettings: swiftSettings)
}

let package = Package(
    name: "longlens",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "LongLens", targets: ["LongLens"]),
        .executable(name: "longlens", targets: ["LongLensCLI"]),
        .executable(name: "longlens-edge", targets: ["LongLensEdge"]),
    ],
    traits: [
        .trait(name: "OpenMP", description: "Threads by OpenMP; without it a small pthread pool."),
        .default(enabledTraits: ["OpenMP"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    ],
    targets: [
        .target(
            name: "CLongLens", path: "CSources/CLongLens", exclude: ["src/reference"], publicHeadersPath: "include",
            cSettings: [
                .headerSearchPath("src"),
                // SwiftPM compiles C with -O0 in debug, -O2 or -Os in release; the kernels need -O3 in all of them.
                // Multiply-adds are written where they are meant, so that plain C gives the same bits on every processor.
                .unsafeFlags(["-O3", "-ffp-contract=off"]),
                // There is no other way to ask for OpenMP.
                .unsafeFlags(["-fopenmp"], .when(platforms: [.linux], traits: ["OpenMP"])),
                .define("LONGLENS_OPENMP", .when(platforms: [.linux], traits: ["OpenMP"])),
                .define("NDEBUG", .when(configuration: .release)),
                .define("_GNU_SOURCE", .when(platforms: [.linux])),
                .enableWarning("all"), .enableWarning("extra"),
            ],
            linkerSettings: [
                .linkedLibrary("m", .when(platforms: [.linux])),
                .linkedLibrary(openMPLibrary, .when(platforms: [.linux], traits: ["OpenMP"])),
            ]),
        .systemLibrary(
            name: "CPCRE2", path: "CSources/CPCRE2", pkgConfig: "libpcre2-8",
            providers: [.apt(["libpcre2-dev"]), .brew(["pcre2"])]),
        .systemLibrary(
            name: "CZlib", path: "CSources/CZlib", pkgConfig: "zlib",
            providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
        .systemLibrary(
            name: "CZstd", path: "CSources/CZstd", pkgConfig: "libzstd",
            providers: [.apt(["libzstd-dev"]), .brew(["zstd"])]),

        // Calls of the system that Swift cannot make, and code that runs in signal handlers.
        .target(
            name: "CLensSystem", path: "CSources/CLensSystem",
            cSettings: [
                .define("_GNU_SOURCE", .when(platforms: [.linux])), .enableWarning("all"), .enableWarning("extra"),
            ]),

        // The library in C: its public header, and what needs nothing but it.
        .target(
            name: "CLibLongLens", path: "CSources/liblonglens",
            cSettings: [.enableWarning("all"), .enableWarning("extra")]),

        library("LensSupport", ["CLensSystem"]),
        library("LensKernels", ["CLongLens", "LensSupport"]),
        library("LensFormats", ["LensKernels", "LensSupport"]),
        library("LensTokenizers", ["CPCRE2", "LensFormats", "LensSupport"]),
        library("LensWeighting", ["LensSupport"]),
        library("LensModels", ["LensTokenizers", "LensFormats", "LensKernels", "LensSupport"]),
        library(
            "LensGeneration", ["LensModels", "LensTokenizers", "LensFormats", "LensKernels", "LensSupport"]),
        library("LensData", ["CZlib", "CZstd", "LensTokenizers", "LensSupport"]),
        library(
            "LensScoring",
            [
                "LensData", "LensModels", "LensWeighting", "LensTokenizers", "LensFormats", "LensKernels",
                "LensSupport",
            ]),
        library(
            "LensTraining",
            [
                "LensScoring", "LensData", "LensModels", "LensWeighting", "LensTokenizers", "LensFormats",
                "LensKernels", "LensSupport", yams,
            ]),
        library(
            "LongLens",
            [
                "LensTraining", "LensScoring", "LensData", "LensGeneration", "LensModels", "LensWeighting",
                "LensTokenizers",
                "LensFormats", "LensKernels", "LensSupport",
            ]),
        library(
            "LongLensC",
            [
                "CLibLongLens", "LensScoring", "LensData", "LensModels", "LensWeighting", "LensTokenizers",
                "LensFormats", "LensKernels", "LensSupport",
            ]),
        library(
            "LensCommands",
            [
                "LensScoring", "LensData", "LensGeneration", "LensModels", "LensWeighting", "LensTokenizers",
                "LensFormats",
                "LensKernels", "LensSupport", "CLensSystem", argumentParser, logging,
            ]),
        .executableTarget(
            name: "LongLensCLI", dependencies: ["LensCommands", "LongLens", "LensSupport", argumentParser, logging],
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "LongLensEdge", dependencies: ["LensCommands", "LensSupport", argumentParser],
            swiftSettings: swiftSettings, linkerSettings: oneFile),

        // Whole operations in plain loops, beside the kernels that compute them; only tests are linked to it.
        .target(
            name: "CLensReference", path: "CSources/CLongLens/src/reference",
            cSettings: [.enableWarning("all"), .enableWarning("extra")],
            linkerSettings: [.linkedLibrary("m", .when(platforms: [.linux]))]),
        .target(
            name: "LensTestSupport", dependencies: ["LensFormats", "LensSupport"], path: "Tests/LensTestSupport",
            swiftSettings: swiftSettings),
        tests("LensSupportTests", ["LensSupport"]),
        tests("LensKernelsTests", ["CLensReference", "CLongLens", "LensKernels", "LensSupport"]),
        tests("LensFormatsTests", ["LensFormats", "LensKernels", "LensSupport"], fixtures: true),
        tests("LensTokenizersTests", ["LensTokenizers", "LensFormats", "LensSupport"], fixtures: true),
        tests("LensWeightingTests", ["LensWeighting", "LensSupport"], fixtures: true),
        tests(
            "LensModelsTests", ["LensModels", "LensTokenizers", "LensFormats", "LensKernels", "LensSupport"],
            fixtures: true),
        tests("LensGenerationTests", ["LensGeneration", "LensModels", "LensTokenizers", "LensSupport"]),
        tests("LensDataTests", ["LensData", "LensTokenizers", "LensFormats", "LensSupport"]),
        tests(
            "LensScoringTests",
            ["LensScoring", "LensData", "LensModels", "LensWeighting", "LensFormats", "LensSupport"],
            fixtures: true),
        tests(
            "LensTrainingTests",
            [
                "LensTraining", "LensScoring", "LensData", "LensModels", "LensWeighting", "LensFormats", "LensKernels",
                "LensSupport",
            ]),
    ],
    swiftLanguageModes: [.v6], cLanguageStandard: .c17
)

// The library in C is one file with all that it needs in it, which takes flags that no manifest can give: `scripts/standalone`
// asks for it.
if Context.environment["LONGLENS_STANDALONE"] != nil {
    package.products.append(.library(name: "liblonglens", type: .dynamic, targets: ["LongLensC"]))
}

// The fuzzing harness is built with sanitizers and with libFuzzer, which brings `main` and which not every toolchain has:
// `scripts/fuzz` asks for it.
if Context.environment["LONGLENS_FUZZING"] != nil {
    package.targets += [
        .systemLibrary(name: "CLibFuzzer", path: "Tests/Fuzzing/CLibFuzzer"),
        .executableTarget(
            name: "fuzz", dependencies: ["CLibFuzzer", "LensKernels", "LongLens"], path: "Tests/Fuzzing/Sources"),
    ]
}
