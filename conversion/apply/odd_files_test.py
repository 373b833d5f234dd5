"""One photo, one video or one name never costs the folder: what cannot be used is named, the others are done."""

import os
import signal
import struct

import numpy as np
import pytest
from PIL import Image

from conversion.__main__ import main
from conversion.apply.apply import RenderOptions, apply
from conversion.apply.results import LONGEST_NAME, RECORD_FILE

ODD_NAMES = [
    b"caf\xe9.png",
    b"y" * 247 + b".png",
    "é".encode() * 120 + b".png",
    "a\u2028b.png".encode(),
    "a\u0085b.png".encode(),
    b"a\nb.png",
    b"a\x1b[31mb.png",
    b"concat:a.png",
    b"-rf.png",
    b" .png",
]


@pytest.fixture(autouse=True)
def ends():
    """A command that waits for a pipe would wait for ever."""
    signal.alarm(60)
    yield
    signal.alarm(0)


@pytest.fixture
def folder(tmp_path, scene):
    (tmp_path / "photos").mkdir()
    Image.fromarray(scene()).save(tmp_path / "photos" / "z-good.png")
    return tmp_path / "photos"


def run(artefacts, folder, out, **options):
    return apply(artefacts / "student.onnx", [folder], out, RenderOptions("mask", **options))


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_photo_of_any_name_is_done_and_kept_by_the_next_run(artefacts, folder, tmp_path, name):
    good = (folder / "z-good.png").read_bytes()
    with open(os.path.join(os.fsencode(folder), name), "wb") as file:  # noqa: PTH118, PTH123 (bytes)
        file.write(good)

    first, second = (run(artefacts, folder, tmp_path / "out") for _ in range(2))

    assert (first.made, first.faults) == ({"photo": 2}, [])
    assert (second.made, second.kept, second.faults) == ({}, 2, [])
    results = [path.name for path in (tmp_path / "out").glob("*.png")]
    assert len(results) == 2
    assert all(len(result.encode()) <= LONGEST_NAME + 20 and "\x1b" not in result for result in results)
    assert (tmp_path / "out" / RECORD_FILE).read_bytes().isascii()


def test_names_that_become_alike_do_not_share_a_result(artefacts, folder, tmp_path):
    good = (folder / "z-good.png").read_bytes()
    for name in (b"a\nb.png", b"a\tb.png", b"a_b.png", b"caf\xe9.png", b"caf\xe8.png"):
        with open(os.path.join(os.fsencode(folder), name), "wb") as file:  # noqa: PTH118, PTH123 (bytes)
            file.write(good)

    assert run(artefacts, folder, tmp_path / "out").made == {"photo": 6}
    assert len(list((tmp_path / "out").glob("*.png"))) == 6


def test_photos_of_two_folders_with_one_name_have_a_result_each(artefacts, folder, tmp_path, scene):
    (tmp_path / "more").mkdir()
    Image.fromarray(scene()).save(tmp_path / "more" / "z-good.png")
    options = RenderOptions("mask")

    made = apply(artefacts / "student.onnx", [folder, tmp_path / "more"], tmp_path / "out", options)

    assert made.made == {"photo": 2}
    assert apply(artefacts / "student.onnx", [tmp_path / "more", folder], tmp_path / "out", options).kept == 2


def fifo(path):
    os.mkfifo(path)


def device(path):
    path.symlink_to("/dev/zero")


def broken_link(path):
    path.symlink_to("nowhere")


def circle(path):
    path.symlink_to(path)


def empty(path):
    path.touch()


def torn(path):
    path.write_bytes((path.parent / "z-good.png").read_bytes()[:99])


def bomb(path):
    """A header of 65535 × 65535 pixels, and nothing behind it."""
    data = struct.pack(">IIBBBBB", 65535, 65535, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + data + b"\0\0\0\0")


@pytest.mark.parametrize("make", [fifo, device, broken_link, circle, empty, torn, bomb])
@pytest.mark.parametrize("suffix", [".jpg", ".mp4"])
def test_what_is_no_photo_or_video_is_named_and_the_others_are_done(artefacts, folder, tmp_path, make, suffix):
    make(folder / f"a{suffix}")

    summary = run(artefacts, folder, tmp_path / "out")

    assert summary.made == {"photo": 1}
    assert len(summary.faults) == 1
    assert str(folder / f"a{suffix}") in summary.faults[0]
    given = apply(
        artefacts / "student.onnx", [folder / f"a{suffix}", folder], tmp_path / "other", RenderOptions("mask")
    )
    assert given.made == {"photo": 1}


def test_a_name_is_told_in_one_line_that_no_terminal_obeys(artefacts, folder, tmp_path, run_command):
    (folder / "a\x1b]0;x\nb\udce9.png").touch()

    done = run_command(["apply", artefacts / "student.onnx", folder, "--out", tmp_path / "out"])

    assert done.exit_code == 0
    assert [line for line in done.stderr.splitlines() if "left out" in line] == [
        f"left out: {folder}/a\\x1b]0;x\\nb\\udce9.png is empty (0 bytes); copy it again"
    ]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("value", [b"\0" * 8, b"\xff" * 8, b"\0\0\0\0\0\0\0\1"])
def test_an_odd_tag_beside_the_orientation_costs_nothing(artefacts, folder, tmp_path, scene, value):
    photo = scene()
    for kind in range(14):
        # Two entries of a TIFF: the orientation 6, and a rational, a date or whatever else with odd numbers.
        odd = struct.pack("<HHI", 0x9286, kind, 3) + value[:4]
        entries = struct.pack("<HHII", 0x0112, 3, 1, 6) + odd
        exif = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 2) + entries + b"\0\0\0\0"
        Image.fromarray(photo).save(folder / f"odd-{kind}.jpg", exif=exif)

    summary = run(artefacts, folder, tmp_path / "out")

    assert summary.faults == []
    for kind in range(14):
        with Image.open(tmp_path / "out" / f"odd-{kind}-mask.png") as mask:
            assert mask.size == photo.shape[:2]


def test_the_background_and_the_model_are_never_written_to(artefacts, folder, tmp_path, scene):
    out = tmp_path / "out"
    out.mkdir()
    background = out / "z-good-background.png"
    Image.fromarray(np.flip(scene(), 1)).save(background)
    before = background.read_bytes()

    for _ in range(2):
        summary = apply(
            artefacts / "student.onnx", [folder], out, RenderOptions("background", background=str(background))
        )
        assert summary.faults == []

    assert background.read_bytes() == before
    assert (out / "z-good-background-2.png").is_file()


def with_title(path):
    """Give a video a title of Latin-1, where its metadata has the encoder's name."""
    data = path.read_bytes()
    assert data.count(b"Lavf") == 1
    path.write_bytes(data.replace(b"Lavf", b"caf\xe9"))


@pytest.mark.parametrize("name", [b"caf\xe9.mp4", b"a\nb.mp4", "a\u2028.mp4".encode(), b"pipe:0.mp4"])
def test_a_video_of_any_name_and_title_is_done(artefacts, film, scene, tmp_path, monkeypatch, name):
    pytest.importorskip("av")
    source = film(tmp_path / "film.mp4", [scene()] * 3)
    with_title(source)
    (tmp_path / "videos").mkdir()
    monkeypatch.chdir(tmp_path / "videos")
    os.rename(os.fsencode(source), os.path.join(os.fsencode(tmp_path / "videos"), name))  # noqa: PTH104, PTH118

    summary = run(artefacts, type(source)("."), tmp_path / "out")

    assert (summary.made, summary.faults) == ({"video": 1}, [])


def test_a_playlist_that_is_called_a_video_reaches_nothing_beyond_it(artefacts, folder, tmp_path):
    pytest.importorskip("av")
    (folder / "a.mp4").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/x.ts\n")

    summary = run(artefacts, folder, tmp_path / "out")

    assert summary.made == {"photo": 1}
    assert len(summary.faults) == 1


@pytest.fixture
def run_command():
    from click.testing import CliRunner

    return lambda arguments: CliRunner().invoke(main, list(map(str, arguments)))
