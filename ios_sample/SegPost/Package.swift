// swift-tools-version: 5.9
import PackageDescription

let package = Package(
    name: "SegPost",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [
        .library(name: "SegPost", targets: ["SegPost"]),
        .executable(name: "segpost-command", targets: ["Command"]),
    ],
    targets: [
        .target(name: "SegPost"),
        .executableTarget(name: "Command", dependencies: ["SegPost"]),
        .testTarget(name: "SegPostTests", dependencies: ["SegPost"]),
    ]
)
