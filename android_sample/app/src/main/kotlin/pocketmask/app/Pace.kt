package pocketmask.app

private const val KEPT = 30

/** How long the last frames took, and how often they came. */
class Pace {
    private val times = ArrayDeque<Times>()
    private val ends = ArrayDeque<Long>()

    /** @param now nanoseconds of a clock that only goes forward, when the frame was done. */
    fun add(frame: Times, now: Long) {
        times.addLast(frame)
        ends.addLast(now)
        if (times.size > KEPT) times.removeFirst()
        if (ends.size > KEPT) ends.removeFirst()
    }

    /** Medians of the last frames, in milliseconds. */
    fun median(): Times = Times(
        model = percentile(times.map { it.model }, 50),
        whole = percentile(times.map { it.whole }, 50),
    )

    /** Frames a second; 0 until there are two. */
    fun framesPerSecond(): Double = if (ends.size < 2) 0.0 else (ends.size - 1) * 1e9 / (ends.last() - ends.first())
}

/**
 * Of one frame, in milliseconds.
 *
 * @property model the model alone: input written, run, logits read.
 * @property whole from the frame's pixels to what is shown.
 */
data class Times(val model: Double, val whole: Double)

/** The smallest value that [share] % of them do not exceed: the nearest-rank percentile. */
fun percentile(values: List<Double>, share: Int): Double {
    require(values.isNotEmpty()) { "no values to take a percentile of" }
    return values.sorted()[(values.size * share + 99) / 100 - 1]
}
