import SwiftUI

@main
struct PocketmaskApp: App {
    var body: some Scene {
        WindowGroup { StudioScreen() }
    }
}
