import Dispatch

/// Milliseconds since it was made, or since the last lap.
struct Stopwatch {
    private var start = DispatchTime.now().uptimeNanoseconds

    mutating func lap() -> Double {
        let now = DispatchTime.now().uptimeNanoseconds
        defer { start = now }
        return Double(now - start) / 1e6
    }
}

/// The share of `values` that are no larger: 0.5 gives the median; 0 where there are none.
func quantile(_ values: [Double], _ share: Double) -> Double {
    let sorted = values.sorted()
    guard let last = sorted.indices.last else { return 0 }
    return sorted[min(last, Int(Double(sorted.count) * share))]
}

/// Milliseconds that the steps of one photo took.
struct Times: Equatable, Sendable {
    var preprocess = 0.0, model = 0.0, postprocess = 0.0, draw = 0.0

    var total: Double { preprocess + model + postprocess + draw }
}

/// What the screen says of speed: of the last frames, so that it follows a phone that grows warm.
struct Pace: Equatable, Sendable {
    static let frames = 60

    private var times = [Times]()
    private var arrivals = [UInt64]()

    mutating func add(_ time: Times, now: UInt64 = DispatchTime.now().uptimeNanoseconds) {
        times = Array((times + [time]).suffix(Self.frames))
        arrivals = Array((arrivals + [now]).suffix(Self.frames))
    }

    /// The median milliseconds of one step.
    func median(_ step: (Times) -> Double) -> Double {
        quantile(times.map(step), 0.5)
    }

    /// 0 until there are two frames.
    var framesPerSecond: Double {
        guard let first = arrivals.first, let last = arrivals.last, last > first else { return 0 }
        return Double(arrivals.count - 1) / (Double(last - first) / 1e9)
    }
}
