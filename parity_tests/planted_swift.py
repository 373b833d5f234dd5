"""Errors that the iOS sample could have: the file, what stands in it, what could, and how it is found out.

Those of `ARITHMETIC` compile, and golden vectors must find them: the fourth entry is one that fails by this error
and by no other of its build. Those of `TYPES` must not compile: the fourth entry is what the compiler says. Those of
`PROJECT` stand in the Xcode project, and are for its check to find.
"""

from collections.abc import Mapping
from pathlib import Path

ARITHMETIC = {
    "geometry and colour": {
        "no_half_pixel": (
            "Resize",
            "(Double(index) + 0.5) * Double(source) / Double(target) - 0.5",
            "Double(index) * Double(source) / Double(target)",
            "resize: down by 29",
        ),
        "a_frame_that_erodes": ("Opening", "rows[start + word] : ~0", "rows[start + word] : 0", "postprocess: open 3"),
        "bgr": ("Photo", "var red: Int { self == .bgra ? 2 : 0 }", "var red: Int { 2 }", "overlay: one pixel"),
        "blurred_once": (
            "Effects",
            "blurred(blurred(photo, behind: cover, radius), behind",
            "blurred(photo, behind",
            "background: radius 1",
        ),
    },
    "arithmetic": {
        "fused": ("Resize", "{ a + (b - a) * t }", "{ a.addingProduct(b - a, t) }", "smooth: rate 0.3"),
        "at_the_threshold": ("Postprocess", "> threshold ? 1", ">= threshold ? 1", "postprocess: at threshold 0.3"),
        "last_of_equals": (
            "Postprocess",
            "= logit > largest[column]",
            "= logit >= largest[column]",
            "postprocess: classes, tied",
        ),
        "closing": (
            "Opening",
            "    bits.erode(by: spans)\n    bits.invert()\n" * 2,
            "    bits.invert()\n    bits.erode(by: spans)\n" * 2,
            "postprocess: open 3",
        ),
    },
}
"""By what is built at once: a build takes longer than all vectors, and no error here hides another."""

TYPES = {
    "a_member_that_core_ml_lacks": (
        "Segmenter",
        "MLModel.load(contentsOf:",
        "MLModel.load(from:",
        "incorrect argument label",
    ),
    "a_member_that_segpost_lacks": (
        "Segmenter",
        "== contract.logitsShape[...]",
        "== contract.outputShape[...]",
        "outputShape",
    ),
    "an_argument_of_another_type": ("Camera", "isVideoMirrored = false", "isVideoMirrored = 0", "as a boolean"),
    "a_value_that_is_never_used": (
        "Effect",
        "    switch settings",
        "    let unused = 1\n    switch settings",
        "never used",
    ),
    "a_screen_changed_off_the_main_actor": (
        "Studio",
        'named: "pocketmask"',
        "named: UIDevice.current.systemName",
        "not marked with 'await'",
    ),
    "an_error_that_nobody_handles": ("Studio", "try done.get()", "done.get()", "not marked with 'try'"),
}

PROJECT = {
    "a_file_of_no_reference": (
        "fileRef = A00000000000000000000011",
        "fileRef = A000000000000000000000FF",
        "leads nowhere",
    ),
    "a_package_left_out": (
        'A00000000000000000000070 /* XCLocalSwiftPackageReference "SegPost" */,',
        "",
        "nothing leads to",
    ),
    "a_folder_misspelled": (
        "path = Pocketmask; sourceTree",
        "path = Pocketmusk; sourceTree",
        "Pocketmusk is not there",
    ),
    "a_package_misspelled": ("relativePath = SegPost", "relativePath = SegPast", "SegPast is not there"),
    "models_misspelled": ("path = Models;", "path = Modules;", "Modules is not there"),
    "a_list_misspelled": ("INFOPLIST_FILE = Info.plist", "INFOPLIST_FILE = Into.plist", "Into.plist is not there"),
    "a_setting_that_xcode_drops": (
        "INFOPLIST_KEY_CFBundleDisplayName",
        "INFOPLIST_KEY_UIFileSharingEnabled",
        "not among the settings",
    ),
}


def plant(errors: Mapping[str, tuple[str, str, str, str]], folder: Path) -> dict[str, int]:
    """Put errors into the sources of a folder; the line of each, counted once all are there."""
    for error, (name, right, wrong, _) in errors.items():
        file = folder / f"{name}.swift"
        text = file.read_text(encoding="utf-8")
        assert text.count(right) == 1, f"{error}: {name}.swift no longer has {right!r} once"
        file.write_text(text.replace(right, wrong), encoding="utf-8")
    lines = {}
    for error, (name, _, wrong, _) in errors.items():
        before, _, after = (folder / f"{name}.swift").read_text(encoding="utf-8").partition(wrong)
        assert after, f"{error}: another error has taken {wrong!r} out of {name}.swift"
        lines[error] = before.count("\n") + 1
    return lines
