"""The two apps are twins: what is the same thing in Swift and in Kotlin has the same name in both.

What one side has alone stands in a table here, each with its reason; a row that no longer holds fails too.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Where each side keeps the same part.
ROOMS = {
    "core": (
        ("ios_sample/SegPost/Sources/SegPost", "ios_sample/SegPost/Sources/Command"),
        "android_sample/core/src/main/kotlin/pocketmask/core",
    ),
    "core's tests": (
        ("ios_sample/SegPost/Tests/SegPostTests",),
        "android_sample/core/src/test/kotlin/pocketmask/core",
    ),
    "app": (("ios_sample/Pocketmask",), "android_sample/app/src/main/kotlin/pocketmask/app"),
}

FILES = {
    "core": {
        "Picture": "Swift's own; Kotlin draws into the array of packed pixels that Android's Bitmap takes",
        "Json": "Kotlin's own; Swift has Foundation's JSONDecoder",
    },
    "core's tests": {
        "Json": "of Kotlin's own reader",
    },
    "app": {
        "PocketmaskApp": "Swift's own: where a SwiftUI app begins; Android's manifest names an activity",
        "Studio": "SwiftUI keeps what a screen shows apart from the screen; an Activity is both",
        "StudioScreen": "the same",
        "MainActivity": "Android's own: Studio and StudioScreen",
        "SelfTestScreen": "a screen is a View in SwiftUI",
        "SelfTestActivity": "and an Activity on Android",
        "BadInput": "Swift's messages in one place; Kotlin writes each where it is thrown",
        "Attempt": "Kotlin has no checked errors: what may fail is caught by type here",
        "ModelFile": "LiteRT's Kotlin API reads no metadata; Core ML's does",
        "Models": "Android's assets and documents are streams, copied to a file first; iOS has files",
    },
}

TYPES = {
    "core": {
        "Orientation": "Swift's, under CGImagePropertyOrientation's names; Android's ExifInterface gives EXIF's number",
        "PixelFormat": "Swift's: Core Video hands over several formats; Android's pixels are packed",
        "Picture": FILES["core"]["Picture"],
        "Tensor": "the app's self-test decodes it in Swift; in Kotlin it is private to Golden",
        "Vectors": "the same",
        "Resizer": "Kotlin's: keeps the row that Swift's functions have on the stack",
    },
    "app": {
        **{name: why for name, why in FILES["app"].items() if name not in ("Attempt", "BadInput")},
        "Manifest": "Swift decodes it; Kotlin reads what it needs of it",
        "ComputeUnit": "Core ML's choices; LiteRT names its own, Accelerator",
        "Stopwatch": "Swift's clock; Kotlin subtracts System.nanoTime",
        "Hold": "UIKit says how a device is held; CameraX says how far a frame is turned",
        "Side": "of the camera; Kotlin has a flag, isFront",
        "Phone": "Android's Build fields together; Swift passes two texts",
    },
}

FUNCTIONS = {
    "readJson": FILES["core"]["Json"],
    "main": "Kotlin's; Swift's command line is top-level code",
}

SWIFT_TYPE = re.compile(r"^(?:public |final )*(?:struct|class|enum|actor|protocol) (\w+)", re.MULTILINE)
KOTLIN_TYPE = re.compile(r"^(?:internal |data |enum |sealed |open )*(?:class|object|interface) (\w+)", re.MULTILINE)
SWIFT_FUNCTION = re.compile(r"^public func (\w+)", re.MULTILINE)
KOTLIN_FUNCTION = re.compile(r"^(?:inline |tailrec )?fun (?:<[^>]+> )?(\w+)", re.MULTILINE)


def _texts(room):
    """Of Swift, then of Kotlin: each file's name, without what only its language asks for, and what is in it."""
    swift, kotlin = ROOMS[room]
    sides = [path for folder in swift for path in (ROOT / folder).glob("*.swift")], (ROOT / kotlin).glob("*.kt")
    for side in sides:
        # Top-level code lies in main.swift; XCTest says Tests, JUnit Test.
        yield {re.sub("Tests?$", "", path.stem[0].upper() + path.stem[1:]): path.read_text() for path in side}


def _names(pattern, texts):
    return {name for text in texts.values() for name in pattern.findall(text)}


def _alone(swift, kotlin, known):
    """What one side has alone and the table does not know; and what the table knows, and is so no more."""
    alone = swift ^ kotlin
    return {
        "only in Swift": sorted(alone & swift - set(known)),
        "only in Kotlin": sorted(alone & kotlin - set(known)),
        "no exception any more": sorted(set(known) - alone),
    }


NONE = {"only in Swift": [], "only in Kotlin": [], "no exception any more": []}


@pytest.mark.parametrize("room", ROOMS)
def test_each_file_has_its_twin(room):
    swift, kotlin = _texts(room)

    assert len(swift) > 5
    assert _alone(set(swift), set(kotlin), FILES[room]) == NONE


@pytest.mark.parametrize(("room", "some"), [("core", {"Contract", "Logits", "Mask"}), ("app", {"Segmenter", "Pace"})])
def test_each_type_has_its_twin(room, some):
    swift, kotlin = _texts(room)

    assert _names(SWIFT_TYPE, swift) > some
    assert _alone(_names(SWIFT_TYPE, swift), _names(KOTLIN_TYPE, kotlin), TYPES[room]) == NONE


def test_each_public_function_of_the_core_has_its_twin():
    swift, kotlin = _texts("core")

    assert _names(SWIFT_FUNCTION, swift) > {"preprocess", "postprocess", "overlay"}
    assert _alone(_names(SWIFT_FUNCTION, swift), _names(KOTLIN_FUNCTION, kotlin), FUNCTIONS) == NONE


@pytest.mark.parametrize(
    ("pattern", "known", "right", "wrong"),
    [
        ((SWIFT_TYPE, KOTLIN_TYPE), TYPES["core"], "struct Mask:", "struct Masque:"),
        ((SWIFT_FUNCTION, KOTLIN_FUNCTION), FUNCTIONS, "func smoothed(", "func steadied("),
    ],
)
def test_a_renamed_twin_is_seen(pattern, known, right, wrong):
    swift, kotlin = _texts("core")
    renamed = {name: text.replace(right, wrong) for name, text in swift.items()}
    assert renamed != swift

    found = _alone(_names(pattern[0], renamed), _names(pattern[1], kotlin), known)

    (new,), (old,) = found["only in Swift"], found["only in Kotlin"]
    assert new in wrong
    assert old in right
