import Foundation
import SegPost
import SwiftUI
import UIKit

/// Whether this device computes what the repository computed, and how fast; the report as a file to share.
struct SelfTestScreen: View {
    let artefact: Artefact
    let unit: ComputeUnit
    @State private var report: Report? = nil
    @State private var file: URL? = nil
    @State private var complaint: String? = nil

    var body: some View {
        VStack(alignment: .leading, spacing: 12) {
            Text("Self-test of \(artefact.title)").font(.headline)
            if let complaint {
                Text(complaint).textSelection(.enabled)
            } else if let report {
                Text(report.holds ? "This device computes what the repository computed." : "Out of budget; see below.")
                ForEach(lines(report), id: \.self) { Text($0).font(.callout.monospacedDigit()) }
                if let file { ShareLink("Share the report", item: file) }
            } else {
                ProgressView("The recorded photo fifty times, then the golden vectors")
            }
            Spacer()
        }
        .padding(16)
        .task { await run() }
    }

    @MainActor
    private func run() async {
        do {
            let system = "\(UIDevice.current.systemName) \(UIDevice.current.systemVersion)"
            let found = try await selfTest(
                artefact, unit: unit, golden: Studio.models.appendingPathComponent("golden"), device: deviceModel(),
                system: system)
            let documents = FileManager.default.urls(for: .documentDirectory, in: .userDomainMask)
            let target = (documents.first ?? FileManager.default.temporaryDirectory)
                .appendingPathComponent("self-test-\(found.model)-\(found.artefact).json")
            try found.json().write(to: target, options: .atomic)
            report = found
            file = target
        } catch is CancellationError {
            // The sheet was closed; there is no one to tell.
        } catch {
            complaint = message(of: error)
        }
    }

    private func lines(_ report: Report) -> [String] {
        let golden = report.golden.map { replay in
            replay.holds
                ? "\(replay.file): \(replay.vectors) vectors agree to the bit"
                : "\(replay.file): \(replay.failed.joined(separator: ", ")) differ"
        }
        let drift = report.drift
        let decibels = drift.psnr.map { String(format: "%.0f dB", $0) } ?? "equal"
        return golden + [
            String(format: "mask: %.4f %% of %d pixels flip", drift.flips * 100, drift.pixels),
            String(format: "logits: largest difference %.4f, ", drift.error) + decibels,
            String(format: "%.1f ms median, %.1f ms at the ninetieth percentile", report.ms.p50, report.ms.p90),
            "\(report.device), \(report.system), \(report.runtime) on \(report.unit)",
        ]
    }
}
