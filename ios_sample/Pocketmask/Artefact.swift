import CryptoKit
import Foundation
import SegPost

/// Under this name every artefact carries its contract, among what Core ML calls creator-defined metadata.
let contractKey = "pocketmask.contract"

/// A model as it lies on the device, and what the manifest beside it says of it.
struct Artefact: Identifiable, Equatable, Sendable {
    /// Of a .mlpackage folder or a .mlmodel file.
    let url: URL
    /// The folder it lies in, which is named like its run, and its own name.
    let title: String
    /// nil where no manifest lies beside it, as when a package alone is opened from Files: then there is no digest to
    /// hold it to, and the contract inside it is all that is known.
    let entry: Manifest.Entry?
    /// As the manifest has it.
    let contract: Contract?

    var id: URL { url }

    /// Whether the file is the one that its manifest lists; nothing to say where there is no manifest.
    ///
    /// - Throws: `BadInput.missing`, `BadInput.digest`, or what the file system says.
    func check() throws {
        let name = url.lastPathComponent
        guard FileManager.default.fileExists(atPath: url.path) else { throw BadInput.missing(file: name) }
        guard let entry else { return }
        let found = try digest(of: url)
        guard found == entry.sha256 else { throw BadInput.digest(file: name, found: found, expected: entry.sha256) }
    }
}

/// `manifest.json`, as `make apps` and `make export-coreml` write it; of its fields those that matter here.
struct Manifest: Decodable, Sendable {
    struct Entry: Decodable, Equatable, Sendable {
        let target: String
        let precision: String
        let file: String
        let sha256: String
        /// `passed`, `breached` or `unverified`.
        let gate: String
    }

    static let file = "manifest.json"
    static let schema = 1

    let contract: Contract
    let artefacts: [String: Entry]

    private struct Header: Decodable {
        let schema: Int
    }

    /// - Throws: `BadInput.manifest`: damaged, of another schema, or naming a file that does not lie beside it.
    static func read(_ url: URL) throws -> Manifest {
        do {
            let data = try Data(contentsOf: url)
            let schema = try JSONDecoder().decode(Header.self, from: data).schema
            guard schema == Self.schema else {
                throw BadInput("it has schema \(schema), this version of the app reads \(Self.schema)")
            }
            let manifest = try JSONDecoder().decode(Manifest.self, from: data)
            for entry in manifest.artefacts.values where entry.file.contains("/") || ["", ".", ".."].contains(entry.file) {
                throw BadInput("it names \"\(entry.file)\", which is not a file beside it")
            }
            return manifest
        } catch {
            let name = url.deletingLastPathComponent().lastPathComponent + "/" + file
            throw BadInput.manifest(file: name, reason: (error as? BadInput)?.description ?? "\(error)")
        }
    }
}

/// The Core ML models of a folder: those that its manifest lists, or, without one, every package in it.
///
/// - Throws: `BadInput.manifest`.
func artefacts(in folder: URL) throws -> [Artefact] {
    let listing = folder.appendingPathComponent(Manifest.file)
    guard FileManager.default.fileExists(atPath: listing.path) else {
        return contents(of: folder).filter(isModel).map {
            Artefact(url: $0, title: $0.lastPathComponent, entry: nil, contract: nil)
        }
    }
    let manifest = try Manifest.read(listing)
    return manifest.artefacts.values.filter { $0.target == "coreml" }.sorted { $0.file < $1.file }.map { entry in
        Artefact(
            url: folder.appendingPathComponent(entry.file), title: "\(folder.lastPathComponent)/\(entry.file)",
            entry: entry, contract: manifest.contract)
    }
}

/// The models that came with the app, by `make apps` or by hand, and what is wrong with those that cannot be listed.
func bundled(in models: URL) -> (artefacts: [Artefact], refusals: [BadInput]) {
    var found = [Artefact](), refusals = [BadInput]()
    for folder in [models] + contents(of: models).filter({ $0.hasDirectoryPath && !isModel($0) }) {
        do { found += try artefacts(in: folder) } catch let refusal as BadInput { refusals.append(refusal) } catch {
            refusals.append(.manifest(file: folder.lastPathComponent, reason: "\(error)"))
        }
    }
    return (found, refusals)
}

/// Compiled packages are not among them: what Xcode has compiled is no longer the file that was verified.
func isModel(_ url: URL) -> Bool {
    ["mlpackage", "mlmodel"].contains(url.pathExtension)
}

private func contents(of folder: URL) -> [URL] {
    let found = try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: [.isDirectoryKey])
    return (found ?? []).sorted { $0.lastPathComponent < $1.lastPathComponent }
}

/// sha256 of a file; of a folder, over the relative paths and the digests of its files, in order, as Python
/// has it.
func digest(of url: URL) throws -> String {
    var isFolder = ObjCBool(false)
    _ = FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder)
    guard isFolder.boolValue else { return hexadecimal(SHA256.hash(data: try mapped(url))) }
    var files = [String]()
    let walk = FileManager.default.enumerator(atPath: url.path)
    while let path = walk?.nextObject() as? String {
        if walk?.fileAttributes?[.type] as? FileAttributeType == .typeRegular { files.append(path) }
    }
    // By folder before name: "a/b" comes before "a.b", though "." comes before "/".
    let parts = files.map { $0.split(separator: "/") }
    var total = SHA256()
    for path in parts.sorted(by: { $0.lexicographicallyPrecedes($1) }).map({ $0.joined(separator: "/") }) {
        total.update(data: Data(path.utf8) + [0])
        total.update(data: Data(SHA256.hash(data: try mapped(url.appendingPathComponent(path)))))
    }
    return hexadecimal(total.finalize())
}

private func mapped(_ url: URL) throws -> Data {
    try Data(contentsOf: url, options: .mappedIfSafe)
}

private func hexadecimal(_ digest: SHA256.Digest) -> String {
    digest.map { String(format: "%02x", $0) }.joined()
}
