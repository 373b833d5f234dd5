"""Errors that the Android sample could have: the file, what stands in it, what could, and how it is found out.

Those of `ARITHMETIC` compile, and golden vectors must find them: the fourth entry is one that fails. Those of `TYPES`
and `WARNINGS` must not compile, and those of `RESOURCES` must not link: the fourth entry is what the compiler or aapt2
says.
"""

from collections.abc import Mapping

ARITHMETIC = {
    "no_half_pixel": (
        "Resize",
        "((i + 0.5) * source) / target - 0.5",
        "i * source.toDouble() / target",
        "resize: down by 29",
    ),
    "columns_before_rows": (
        "Resize",
        "blended[x] = values[top] + (values[bottom] - values[top]) * t",
        "blended[x] = values[top] * (1 - t) + values[bottom] * t",
        "resize: up, odd",
    ),
    "cut_off": ("Preprocess", "+ 0.5f).toInt()", ").toInt()", "preprocess: up, odd"),
    "bgr": ("Preprocess", "put(index++,", "put(index++ / 3 * 3 + shift / 8,", "preprocess: one pixel"),
    "at_the_threshold": ("Postprocess", "row[x] > threshold", "row[x] >= threshold", "postprocess: at threshold 0.3"),
    "last_of_equals": ("Postprocess", "row[x] > largest[x]", "row[x] >= largest[x]", "postprocess: classes, tied"),
    "open_forgotten": ("Postprocess", "contract.open > 1", "contract.open > 99", "postprocess: open 3"),
    "tint_cut_off": ("Effects", "4 * colour + 5) / 10", "4 * colour) / 10", "overlay: one row"),
    "blurred_once": ("Effects", "repeat(2)", "repeat(1)", "background: radius 1"),
    "rate_of_doubles": (
        "Effects",
        "previous.values[i] + (logits.values[i] - previous.values[i]) * weight",
        "(previous.values[i] + (logits.values[i] - previous.values[i]) * rate).toFloat() + weight * 0",
        "smooth: rate 0.3",
    ),
}

TYPES = {
    "a_member_that_litert_lacks": ("Segmenter", "readFloat()", "readUInt8()", "readUInt8"),
    "a_member_that_camerax_lacks": ("Camera", "STRATEGY_KEEP_ONLY_LATEST", "STRATEGY_KEEP_LATEST", "KEEP_LATEST"),
    "arguments_in_another_order": ("Photos", "(it, null, options)", "(it, options, null)", "mismatch"),
    "a_document_without_content": ("Models", ' ?: throw IOException("$document has no content")', "", "mismatch"),
    "a_resource_that_is_not_there": ("MainActivity", "R.layout.main", "R.layout.mian", "mian"),
    "an_effect_left_out": ("Effect", "    Effect.CUT_OUT -> cutOut", "    // cutOut", "exhaustive"),
}

WARNINGS = {
    "a_value_that_is_never_used": (
        "Pace",
        "times.addLast(frame)",
        "val unused = 1\n        times.addLast(frame)",
        "variable is unused",
    ),
}
"""Apart from `TYPES`: where there are errors, the compiler does not come to these."""

RESOURCES = {
    "a_string_misspelled": ("res/layout/main.xml", "@string/save", "@string/sav", "string/sav"),
    "an_attribute_misspelled": ("res/layout/main.xml", "android:scaleType", "android:scaleTyp", "scaleTyp"),
    "a_style_that_is_not_there": ("res/layout/self_test.xml", "@style/Verb", "@style/Noun", "style/Noun"),
    "a_theme_that_is_not_there": (
        "res/values/themes.xml",
        "Theme.Material.NoActionBar",
        "Theme.Immaterial",
        "Immaterial",
    ),
    "an_export_misspelled": ("AndroidManifest.xml", "android:exported", "android:exportd", "exportd"),
    "an_icon_misspelled": ("AndroidManifest.xml", "@drawable/icon", "@drawable/icn", "drawable/icn"),
}

# What leads to an error in another file; all else is taken from the module itself, or compiling took minutes.
_PATH = ("Golden", "Main")


def packages(core: Mapping[str, str]) -> dict[str, str]:
    """Each error of `ARITHMETIC` as a package of its own, among the sources of the module `core`."""
    made = {}
    for error, (file, right, wrong, _) in ARITHMETIC.items():
        for name in (file, *_PATH):
            text = core[f"core/src/main/kotlin/pocketmask/core/{name}.kt"]
            if name == file:
                assert text.count(right) == 1, f"{error}: {file}.kt no longer has {right!r} once"
                text = text.replace(right, wrong)
            made[f"planted/{error}/{name}.kt"] = _moved(text, "core", error)
    return made


def files(app: Mapping[str, str]) -> dict[str, str]:
    """Each error of `TYPES` as a package of one file, among the sources of the app."""
    made = {}
    for error, (file, right, wrong, _) in TYPES.items():
        text = app[f"app/src/main/kotlin/pocketmask/app/{file}.kt"]
        assert right in text, f"{error}: {file}.kt no longer has {right!r}"
        made[f"planted/{error}/{file}.kt"] = _moved(text.replace(right, wrong, 1), "app", error)
    return made


def _moved(text: str, module: str, error: str) -> str:
    own = f"package pocketmask.{module}\n"
    assert own in text
    return text.replace(own, f"package planted.{error}\n\nimport pocketmask.{module}.*\n", 1)
