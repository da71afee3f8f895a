// swift-tools-version: 6.2
import PackageDescription

// Programs that use LongLens as a library. Yours names it by its address and a version instead of a path.
let package = Package(
    name: "examples",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "longlens", path: "..")],
    targets: ["score", "train", "embed"].map { name in
        .executableTarget(name: name, dependencies: [.product(name: "LongLens", package: "longlens")])
    },
    swiftLanguageModes: [.v6])
