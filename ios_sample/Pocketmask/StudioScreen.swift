import PhotosUI
import SegPost
import SwiftUI
import UniformTypeIdentifiers

/// The picture with its mask, what to do with it, and how fast it goes.
struct StudioScreen: View {
    @StateObject private var studio = Studio()
    @Environment(\.scenePhase) private var phase
    @State private var pick: PhotosPickerItem?
    @State private var isOpeningFile = false
    @State private var isTesting = false

    var body: some View {
        NavigationStack {
            VStack(spacing: 8) {
                if let complaint = studio.complaint {
                    Complaint(text: complaint, dismiss: studio.dismissComplaint)
                }
                if let opened = studio.opened {
                    picture
                    ReadoutLine(pace: studio.pace, opened: opened)
                    EffectPicker(settings: $studio.settings, contract: opened.contract)
                    sources
                } else if studio.isOpening {
                    ProgressView("Compiling the model for this device")
                } else {
                    HowToGetOne()
                }
            }
            .padding(8)
            .navigationTitle("Pocketmask")
            .toolbar {
                ToolbarItem(placement: .automatic) { menu }
            }
        }
        .task { await studio.run() }
        .onChange(of: phase) { phase in
            // Inactive is but a pulled curtain, such as the question for the camera itself.
            if phase == .active { studio.resume() } else if phase == .background { studio.pause() }
        }
        .onChange(of: pick) { pick in
            guard let pick else { return }
            studio.show(photo: { try await pick.loadTransferable(type: Data.self) })
        }
        // A package is a folder to systems that do not know its type.
        .fileImporter(isPresented: $isOpeningFile, allowedContentTypes: [.package, .folder, .data]) { result in
            studio.open(file: result)
        }
        .sheet(isPresented: $isTesting, onDismiss: { studio.resume() }) {
            if let opened = studio.opened { SelfTestScreen(artefact: opened.artefact, unit: opened.unit) }
        }
    }

    private var picture: some View {
        ZStack {
            Color.gray.opacity(0.2)
            if let image = studio.image {
                Image(decorative: image, scale: 1).resizable().scaledToFit()
            } else {
                ProgressView()
            }
        }
        .frame(maxWidth: .infinity, maxHeight: .infinity)
    }

    private var sources: some View {
        HStack(spacing: 16) {
            Button("Back") { studio.show(.back) }
            Button("Front") { studio.show(.front) }
            PhotosPicker("Photo", selection: $pick, matching: .images)
            Button("Keep") { studio.keep() }
            if let file = studio.sharedFile { ShareLink("Share", item: file) }
        }
    }

    private var menu: some View {
        Menu("Model") {
            ForEach(studio.shelf) { artefact in
                Button(artefact.title) { studio.open(artefact) }
            }
            Button("Open from Files…") { isOpeningFile = true }
            Picker("Run on", selection: $studio.unit) {
                ForEach(ComputeUnit.allCases) { Text($0.rawValue).tag($0) }
            }
            Toggle("Smooth video", isOn: $studio.settings.isSmooth)
            if studio.opened != nil {
                Button("Self-test") {
                    studio.pause()
                    isTesting = true
                }
            }
        }
    }
}

private struct EffectPicker: View {
    @Binding var settings: Settings
    let contract: Contract

    var body: some View {
        HStack {
            Picker("Effect", selection: $settings.effect) {
                ForEach(Effect.allCases) { Text($0.rawValue).tag($0) }
            }
            .pickerStyle(.segmented)
            if !contract.isBinary && (settings.effect == .blur || settings.effect == .cutOut) {
                Picker("Keep", selection: $settings.subject) {
                    ForEach(contract.classes.indices, id: \.self) { Text(contract.classes[$0]).tag($0) }
                }
            }
        }
    }
}

private struct ReadoutLine: View {
    let pace: Pace
    let opened: Studio.Opened

    var body: some View {
        VStack {
            Text("\(ms(\.total)) ms: \(ms(\.preprocess)) in, \(ms(\.model)) model, \(ms(\.postprocess)) mask, \(ms(\.draw)) drawing")
            Text("\(String(format: "%.0f", pace.framesPerSecond)) frames/s · \(opened.unit.rawValue) · \(opened.contract.summary)")
        }
        .font(.caption.monospacedDigit())
    }

    private func ms(_ step: (Times) -> Double) -> String {
        String(format: "%.1f", pace.median(step))
    }
}

private struct Complaint: View {
    let text: String
    let dismiss: @MainActor () -> Void

    var body: some View {
        HStack(alignment: .top) {
            Text(text).font(.callout).textSelection(.enabled)
            Spacer()
            Button("OK", action: dismiss)
        }
        .padding(8)
        .background(Color.yellow.opacity(0.3))
    }
}

/// What is shown while there is no model.
private struct HowToGetOne: View {
    var body: some View {
        VStack(alignment: .leading, spacing: 12) {
            Text("No model yet").font(.headline)
            Text("1. On your computer, in the repository: make mobile DATA=my_pairs")
            Text("2. Then: make apps RUN=runs/mobile-my_pairs, and run this app again.")
            Text("Or open a .mlpackage of this project from Files: Model, Open from Files.")
        }
        .frame(maxWidth: .infinity, maxHeight: .infinity)
    }
}
