// swift-tools-version: 6.2
import PackageDescription

/// Apart from the library: it is built with sanitizers and with libFuzzer, which brings `main` and which not every
/// toolchain has. `scripts/fuzz` builds and runs it.
let package = Package(
    name: "longlens-fuzzing",
    platforms: [.macOS(.v15)],
    dependencies: [
        // Without OpenMP, whose runtime sanitizers do not see into.
        .package(name: "longlens", path: "../..", traits: [])
    ],
    targets: [
        .systemLibrary(name: "CLibFuzzer", path: "CLibFuzzer"),
        .executableTarget(
            name: "fuzz", dependencies: ["CLibFuzzer", .product(name: "LongLens", package: "longlens")], path: "Sources"
        ),
    ],
    swiftLanguageModes: [.v6]
)
