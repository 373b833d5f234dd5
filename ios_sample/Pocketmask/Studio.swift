import Combine
import CoreGraphics
import Foundation
import SegPost
import UIKit

/// What the screens show and ask for. It decides nothing about pixels and does nothing slow: that is `Pipeline`'s.
@MainActor
final class Studio: ObservableObject {
    enum Source: Equatable {
        case camera(Side), photo
    }

    /// The model in use; none of these changes without the others.
    struct Opened: Equatable {
        let artefact: Artefact
        let contract: Contract
        let unit: ComputeUnit
    }

    /// The folder that `make apps` fills, as it was copied into the app.
    static let models = (Bundle.main.resourceURL ?? Bundle.main.bundleURL).appendingPathComponent("Models")

    @Published private(set) var shelf = [Artefact]()
    @Published private(set) var opened: Opened?
    @Published private(set) var image: CGImage?
    @Published private(set) var pace = Pace()
    /// Why what was asked for is not shown; for the user.
    @Published private(set) var complaint: String?
    @Published private(set) var isOpening = false
    @Published private(set) var source = Source.camera(.back)
    @Published private(set) var sharedFile: URL?
    /// Asked for; what is in use is `opened`'s, which stays where this one is refused.
    @Published var unit = ComputeUnit.all { didSet { if unit != oldValue, let opened { open(opened.artefact) } } }
    @Published var settings = Settings() { didSet { pipeline.set(settings) } }

    let pipeline: Pipeline
    private let camera: Camera
    private var hold = Hold.bottom
    /// Which request to open a model is the last: earlier ones, which may end later, are not shown.
    private var request = 0
    /// Starts a camera or loads a photo; whoever asks next cancels it.
    private var switching: Task<Void, Never>?

    init() {
        let pipeline = Pipeline()
        self.pipeline = pipeline
        camera = Camera(queue: pipeline.queue) { frame, side in pipeline.receive(frame, from: side) }
    }

    /// Lists the models that came with the app, opens the first, and shows whatever the pipeline makes; never returns.
    func run() async {
        let (found, refusals) = bundled(in: Self.models)
        shelf = found
        complaint = refusals.first.map { message(of: $0) }
        if let first = found.first { open(first) }
        for await result in pipeline.shown {
            show(result)
        }
    }

    func open(_ artefact: Artefact) {
        request += 1
        let request = request, unit = unit
        isOpening = true
        Task {
            let result: Result<Segmenter, any Error>
            do { result = .success(try await Segmenter.open(artefact, unit: unit)) } catch { result = .failure(error) }
            guard request == self.request else { return }
            isOpening = false
            switch result {
            case .success(let segmenter):
                let contract = segmenter.contract
                pipeline.use(segmenter)
                opened = Opened(artefact: artefact, contract: contract, unit: unit)
                settings.subject = contract.isBinary ? 1 : min(settings.subject, contract.classes.count - 1)
                pace = Pace()
                complaint = artefact.entry.flatMap { entry in
                    entry.gate == "passed" ? nil : "This model is \(entry.gate): it has not passed its parity gate."
                }
                if case .camera(let side) = source { show(side) }
            case .failure(let error):
                complain(of: error)
            }
        }
    }

    /// A package, or a folder with a manifest, that was picked in Files.
    func open(file result: Result<URL, any Error>) {
        Task {
            do {
                let found = try await copied(from: result.get())
                shelf += found
                if let first = found.first { open(first) }
            } catch { complain(of: error) }
        }
    }

    func show(_ side: Side) {
        source = .camera(side)
        pipeline.set(photo: nil)
        pace = Pace()
        switching?.cancel()
        switching = Task {
            do { try await camera.start(side) } catch { complain(of: error) }
        }
    }

    /// - Parameter load: Gives the bytes of a picked photo; nil where the library has none.
    func show(photo load: @escaping @Sendable () async throws -> Data?) {
        source = .photo
        camera.stop()
        pace = Pace()
        switching?.cancel()
        switching = Task {
            do {
                let file = try await load()
                try Task.checkCancellation()
                guard let file else { throw BadInput.noPhoto(reason: "the library gave no bytes for it") }
                pipeline.set(photo: file)
            } catch { complain(of: error) }
        }
    }

    /// The camera rests while nobody sees it, and while the self-test takes times.
    func pause() {
        if case .camera = source { switching?.cancel() }
        camera.stop()
    }

    func resume() {
        if opened != nil, case .camera(let side) = source { show(side) }
    }

    /// Writes what is on the screen now as a PNG, for the share sheet.
    func keep() {
        guard let image else { return }
        let shown = Shown(image: image, times: Times())
        Task {
            do { sharedFile = try await written(shown) } catch { complain(of: error) }
        }
    }

    func dismissComplaint() {
        complaint = nil
    }

    private func complain(of error: any Error) {
        // What was cancelled is no longer wanted; its end is no news.
        if !(error is CancellationError) { complaint = message(of: error) }
    }

    private func show(_ result: Result<Shown, any Error>) {
        switch result {
        case .success(let shown):
            image = shown.image
            pace.add(shown.times)
        case .failure(let error):
            complain(of: error)
        }
        turn()
    }

    /// SwiftUI has no event for a turned interface; asking with each frame follows it within one.
    private func turn() {
        let scene = UIApplication.shared.connectedScenes.first as? UIWindowScene
        let now: Hold
        switch scene?.interfaceOrientation {
        case .landscapeRight: now = .right
        case .landscapeLeft: now = .left
        case .portraitUpsideDown: now = .top
        default: now = .bottom
        }
        if now != hold {
            hold = now
            pipeline.set(now)
        }
    }
}

/// Off the main actor: a PNG of 12 megapixels takes a second.
private func written(_ shown: Shown) async throws -> URL {
    try write(shown.image, named: "pocketmask")
}

/// Where copies of picked models lie; the first of a launch finds it empty.
private let inbox: URL = {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("Inbox")
    try? FileManager.default.removeItem(at: folder)
    return folder
}()

/// The models in a package, or in a folder with a manifest, that was picked in Files. They are copied, off the main actor,
/// since access to what was picked ends with this call.
///
/// - Throws: `BadInput`: there is no model in it; `BadInput.manifest`; or what the file system says.
func copied(from url: URL) async throws -> [Artefact] {
    let isScoped = url.startAccessingSecurityScopedResource()
    defer { if isScoped { url.stopAccessingSecurityScopedResource() } }
    let files = FileManager.default
    let folder = inbox.appendingPathComponent(UUID().uuidString)
    let copy = folder.appendingPathComponent(url.lastPathComponent)
    do {
        try files.createDirectory(at: folder, withIntermediateDirectories: true)
        // Coordinated, so that a file in the cloud is fetched first, and one that is being written is waited for.
        var refused: NSError?
        var done = Result<Void, any Error>.success(())
        NSFileCoordinator().coordinate(readingItemAt: url, options: [], error: &refused) { source in
            done = Result { try files.copyItem(at: source, to: copy) }
        }
        if let refused { throw refused }
        try done.get()
        let found = try artefacts(in: isModel(copy) ? folder : copy)
        guard !found.isEmpty else {
            throw BadInput("\(url.lastPathComponent) holds no Core ML model; pick a .mlpackage, or a folder with one in it")
        }
        return found
    } catch {
        try? files.removeItem(at: folder)
        throw error
    }
}
