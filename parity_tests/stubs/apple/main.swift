// The app's own code, run without a phone: everything but its screens, with Core ML played back from a file.

import Foundation
import SegPost

let arguments = Array(CommandLine.arguments.dropFirst())
let folder = URL(fileURLWithPath: arguments.dropFirst().first ?? "")

/// The first model of a folder, as a tap on it in the menu opens it.
func first(in folder: URL) throws -> Artefact {
    guard let artefact = try artefacts(in: folder).first else { throw BadInput.noModel }
    return artefact
}

do {
    switch arguments.first {
    case "digest":
        print(try digest(of: folder))
    case "list":
        let (found, refusals) = bundled(in: folder)
        for artefact in found { print(artefact.title, artefact.entry?.gate ?? "no manifest") }
        for refusal in refusals { print("refused:", message(of: refusal)) }
    case "copy":
        for artefact in try await copied(from: folder) { print(artefact.title, artefact.entry?.gate ?? "no manifest") }
    case "open":
        print("opened:", try await Segmenter.open(first(in: folder), unit: .all).contract.summary)
    case "self-test":
        let report = try await selfTest(
            first(in: folder), unit: .cpu, golden: URL(fileURLWithPath: arguments[2]), device: deviceModel(),
            system: ProcessInfo.processInfo.operatingSystemVersionString, runs: 3)
        print(String(decoding: try report.json(), as: UTF8.self))
    case "turns":
        for hold in Hold.allCases {
            print(hold, orientation(of: .back, held: hold).rawValue, orientation(of: .front, held: hold).rawValue)
        }
    default:
        print("unknown command")
    }
} catch {
    print("refused:", message(of: error))
}
