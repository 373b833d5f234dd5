import errno
import json
import os

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, ImageCms

from conversion.__main__ import main
from conversion.apply.apply import RenderOptions, apply
from conversion.apply.effect import EFFECTS, choose_effect, draw_effect, resolve_options
from conversion.apply.photo import apply_to_photo
from conversion.apply.predictor import open_predictor
from conversion.apply.results import RECORD_FILE
from conversion.commands.use import EFFECT_NAMES
from training.data.photos import read_mask
from training.student import effects
from training.student.contract import Contract
from training.student.errors import BadInput, OutOfSpace
from training.student.postprocess import postprocess
from training.student.preprocess import preprocess


@pytest.fixture
def photos(scene, tmp_path):
    """A folder of two photos of one name, and more that can go wrong."""
    folder = tmp_path / "photos"
    for part in ("monday", "tuesday"):
        (folder / part).mkdir(parents=True)
    for number, path in enumerate(
        (folder / "monday" / "a.jpg", folder / "monday" / "a.png", folder / "tuesday" / "a.jpg")
    ):
        Image.fromarray(scene(61 + number, 83, number)).save(path)
    return folder


@pytest.mark.parametrize(
    "name", ["student.onnx", "student-fp32.tflite", "student-fp16.mlpackage", "student.safetensors"]
)
def test_every_kind_of_artefact_gives_the_mask_of_the_post_processing(artefacts, scene, tmp_path, name):
    source = tmp_path / "photo.png"
    Image.fromarray(scene(61, 83)).save(source)

    summary = apply(artefacts / name, [source], tmp_path / "out", RenderOptions("mask"))

    predictor = open_predictor(artefacts / name)
    expected = postprocess(predictor.runner(preprocess(scene(61, 83), predictor.contract)), predictor.contract, 61, 83)
    assert (summary.made, summary.faults) == ({"photo": 1}, [])
    assert np.array_equal(read_mask(tmp_path / "out" / "photo-mask.png", size=(61, 83), classes=1), expected)
    assert name == "student.safetensors" or 0 < expected.mean() < 0.5


def test_the_opening_and_the_threshold_can_be_replaced(artefacts):
    found = open_predictor(artefacts / "student.onnx", opening=5, threshold=7.5).contract

    assert (found.open, found.threshold) == (5, 7.5)
    with pytest.raises(BadInput, match="odd"):
        open_predictor(artefacts / "student.onnx", opening=4)
    with pytest.raises(BadInput, match="binary"):
        open_predictor(artefacts / "classes.onnx", opening=3)


def test_an_artefact_without_a_contract_or_of_another_is_refused(artefacts, tmp_path):
    import onnx

    model = onnx.load(str(artefacts / "student.onnx"))
    onnx.helper.set_model_props(model, {"pocketmask.contract": Contract(16, 48, 4, ("bright",)).to_json()})
    onnx.save(model, str(tmp_path / "other.onnx"))
    del model.metadata_props[:]
    onnx.save(model, str(tmp_path / "none.onnx"))

    with pytest.raises(BadInput, match="does not take the input of its contract"):
        open_predictor(tmp_path / "other.onnx")
    with pytest.raises(BadInput, match="has no contract"):
        open_predictor(tmp_path / "none.onnx")


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("rows", [40, 1600])
def test_bands_draw_what_the_reference_draws_at_once(scene, predictor, effect, rows):
    photo = np.random.default_rng(0).integers(0, 256, (rows, 64, 3), np.uint8)
    photo[:, 20:40, 0] = 255
    mask = predictor.mask(photo)
    colour = "#204060" if effect == "background" else None
    options = resolve_options(predictor.contract, effect, feather=2, blur=9, background=colour)

    at_once = {
        "mask": lambda: 255 * mask,
        "overlay": lambda: effects.overlay(photo, mask, 1),
        "cut-out": lambda: effects.cut_out(photo, mask, 2),
        "blur": lambda: effects.blurred_background(photo, mask, 2, 9),
        "background": lambda: effects.composed(
            photo, np.full_like(photo, (0x20, 0x40, 0x60)), effects.alpha(photo, mask, 2)
        ),
    }[effect]()
    assert np.array_equal(draw_effect(EFFECTS[effect], photo, mask, options), at_once)


def test_a_background_covers_whatever_the_photo_s_shape(predictor, tmp_path):
    """Red, green, blue from top to bottom; a wide photo shows the middle alone."""
    stripes = np.zeros((90, 30, 3), np.uint8)
    for channel in range(3):
        stripes[30 * channel : 30 * channel + 30, :, channel] = 255
    Image.fromarray(stripes).save(tmp_path / "stripes.png")
    options = resolve_options(predictor.contract, "background", background=str(tmp_path / "stripes.png"))
    photo = np.zeros((20, 60, 3), np.uint8)

    picture = draw_effect(EFFECTS["background"], photo, np.zeros((20, 60), np.uint8), options)

    assert (picture[..., 1] > 200).all()


def test_an_effect_on_several_classes_needs_to_know_what_to_keep(artefacts, scene):
    contract = open_predictor(artefacts / "classes.onnx").contract

    with pytest.raises(BadInput, match="--foreground one of red, green"):
        resolve_options(contract, "blur")
    with pytest.raises(BadInput, match="unknown class 'blue'; the artefact has red, green"):
        resolve_options(contract, "blur", foreground=["blue"])
    kept = resolve_options(contract, "cut-out", foreground=["green"]).foreground_mask(np.array([[0, 1, 255]], np.uint8))
    assert kept.tolist() == [[0, 1, 0]]


def test_a_rotated_photo_comes_out_upright_without_its_metadata(artefacts, scene, tmp_path):
    exif = Image.Exif()
    exif[0x112], exif[0x10F] = 6, "a maker"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    stored = np.ascontiguousarray(np.rot90(scene()))
    Image.fromarray(stored).save(tmp_path / "photo.png", exif=exif, icc_profile=profile)

    apply(artefacts / "student.onnx", [tmp_path / "photo.png"], tmp_path / "out", RenderOptions("overlay"))

    predictor = open_predictor(artefacts / "student.onnx")
    with Image.open(tmp_path / "out" / "photo-overlay.png") as made:
        assert np.array_equal(np.array(made), effects.overlay(scene(), predictor.mask(scene()), 1))
        assert "icc_profile" not in made.info
        assert not made.getexif()


def test_photos_of_one_name_do_not_meet_and_a_second_run_makes_nothing(artefacts, photos, tmp_path):
    out = tmp_path / "out"
    given = [photos / "monday" / "a.jpg", photos / "monday" / "a.png", photos / "tuesday" / "a.jpg"]

    first = apply(artefacts / "student.onnx", given, out, RenderOptions("mask"))
    made = {path.name: path.read_bytes() for path in out.iterdir()}
    second = apply(artefacts / "student.onnx", given[::-1], out, RenderOptions("mask"))

    assert set(made) == {"a-mask.png", "a-mask-2.png", "a-mask-3.png", RECORD_FILE}
    assert len(set(made.values())) == 4
    assert first.made == {"photo": 3}
    assert (second.made, second.kept) == ({}, 3)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == made
    assert "3 results kept" in str(second)


def test_other_settings_replace_results_but_never_what_somebody_changed(artefacts, photos, tmp_path):
    out = tmp_path / "out"
    apply(artefacts / "student.onnx", [photos], out, RenderOptions("mask"))
    mended = out / "tuesday" / "a-mask.png"
    mended.write_bytes(mended.read_bytes() + b"mended")

    summary = apply(artefacts / "student.onnx", [photos], out, RenderOptions("mask", threshold=50.0))

    assert (summary.made, summary.replaced) == ({"photo": 3}, 2)
    assert mended.read_bytes().endswith(b"mended")
    assert (out / "tuesday" / "a-mask-2.png").exists()


def test_neither_inputs_nor_other_peoples_files_are_ever_written_to(artefacts, photos):
    """Results beside the inputs, twice; a result given as an input; a file of the very name of a result."""
    (photos / "monday" / "a-overlay.jpg").write_bytes(b"somebody's")
    before = {path: path.read_bytes() for path in photos.rglob("*") if path.is_file()}

    for _ in range(2):
        summary = apply(artefacts / "student.onnx", [photos], photos, RenderOptions("overlay"))
    chained = apply(artefacts / "student.onnx", [photos / "tuesday" / "a-overlay.jpg"], photos, RenderOptions("blur"))

    assert {path: path.read_bytes() for path in before} == before
    assert (summary.kept, chained.made) == (3, {"photo": 1})
    made = {path.relative_to(photos).as_posix() for path in photos.rglob("*") if path.is_file()} - {RECORD_FILE}
    names = {path.relative_to(photos).as_posix() for path in before}
    assert made - names == {
        *("monday/a-overlay-2.jpg", "monday/a-overlay.png", "tuesday/a-overlay.jpg", "a-overlay-blur.jpg"),
    }


def test_what_cannot_be_used_is_named_and_the_rest_goes_on(artefacts, photos, film, scene, tmp_path):
    Image.new("CMYK", (8, 8)).save(photos / "print.jpg")
    Image.fromarray(np.full((8, 8), 1000, np.uint16)).save(photos / "deep.png")
    (photos / "cut.jpg").write_bytes((photos / "monday" / "a.jpg").read_bytes()[:200])
    (photos / "clip.mp4").write_bytes(b"no video")
    (photos / "notes.txt").write_text("notes")
    film(photos / "good.mp4", [scene()] * 2)

    result = CliRunner().invoke(
        main,
        [
            "apply",
            str(artefacts / "student.onnx"),
            str(photos),
            str(tmp_path / "absent.jpg"),
            "--out",
            str(tmp_path / "out"),
        ],
    )

    assert result.exit_code == 0
    named = [line for line in result.stderr.splitlines() if line.startswith("left out:")]
    assert len(named) == 5
    for name in (
        "print.jpg is CMYK",
        "deep.png is 16-bit",
        "cut.jpg is damaged",
        "clip.mp4",
        "absent.jpg does not exist",
    ):
        assert any(name in line for line in named)
    assert "3 photos, 1 video, 2 frames made" in result.stdout.replace("1 video, 3 photos", "3 photos, 1 video")
    assert "neither photo nor video by suffix: 1 .txt" in result.stdout
    assert not list((tmp_path / "out").rglob(".*"))


def test_nothing_usable_ends_with_exit_code_2(artefacts, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"")

    result = CliRunner().invoke(
        main, ["apply", str(artefacts / "student.onnx"), str(tmp_path / "photo.jpg"), "--out", str(tmp_path / "out")]
    )

    assert result.exit_code == 2
    assert "there is no usable photo or video" in result.stderr


def test_a_record_cut_short_is_read_as_far_as_it_goes(artefacts, photos, tmp_path):
    out = tmp_path / "out"
    apply(artefacts / "student.onnx", [photos], out, RenderOptions("mask"))
    record = (out / RECORD_FILE).read_text().splitlines()
    assert set(json.loads(record[0])) == {"result", "result_sha256", "source", "source_sha256", "made_by"}

    (out / RECORD_FILE).write_text("\n".join(record)[:-30])
    assert apply(artefacts / "student.onnx", [photos], out, RenderOptions("mask")).kept == 2

    (out / RECORD_FILE).write_text("{}\n" + "\n".join(record))
    with pytest.raises(BadInput, match="line 1, is not what it should be"):
        apply(artefacts / "student.onnx", [photos], out, RenderOptions("mask"))


def test_a_record_torn_anywhere_in_its_last_line_loses_that_line_alone(artefacts, scene, tmp_path):
    folder, out = tmp_path / "fotos", tmp_path / "out"
    folder.mkdir()
    for name in ("früh", "spät"):
        Image.fromarray(scene()).save(folder / f"{name}.png")
    apply(artefacts / "student.onnx", [folder], out, RenderOptions("mask"))
    whole = (out / RECORD_FILE).read_bytes()
    last = whole.index(b"\n") + 1
    umlaut = whole.rindex(b"\\u00e4")

    for torn in (last + 1, umlaut + 1, len(whole) - 1):
        (out / RECORD_FILE).write_bytes(whole[:torn])
        (out / "spät-mask.png").unlink(missing_ok=True)
        summary = apply(artefacts / "student.onnx", [folder], out, RenderOptions("mask"))
        assert (summary.made, summary.kept, summary.faults) == ({"photo": 1}, 1, [])
        assert (out / RECORD_FILE).read_bytes() == whole
        assert apply(artefacts / "student.onnx", [folder], out, RenderOptions("mask")).kept == 2


@pytest.mark.parametrize("options", [RenderOptions("mask"), RenderOptions("mask", threshold=50.0)])
def test_a_kill_between_the_record_and_the_result_makes_no_second_result(artefacts, photos, tmp_path, options):
    """Neither of a first result nor of one that replaces another."""
    out = tmp_path / "out"
    apply(artefacts / "student.onnx", [photos], out, RenderOptions("mask"))
    before = {path: path.read_bytes() for path in out.rglob("*.png")}
    apply(artefacts / "student.onnx", [photos], out, options)
    for path, content in before.items():
        path.unlink() if options.threshold is None else path.write_bytes(content)

    summary = apply(artefacts / "student.onnx", [photos], out, options)

    assert (summary.made, summary.kept) == ({"photo": 3}, 0)
    assert set(out.rglob("*.png")) == set(before)


def test_a_disk_that_fills_up_stops_the_folder_and_keeps_what_is_done(artefacts, photos, tmp_path, monkeypatch):
    out, written = tmp_path / "out", []

    def fill_up(source, target, *options):
        written.append(source)
        if len(written) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        apply_to_photo(source, target, *options)

    monkeypatch.setattr("conversion.apply.apply.apply_to_photo", fill_up)
    with pytest.raises(OutOfSpace, match=r"no space left to write .*a-mask.*; 1 result made before are kept"):
        apply(artefacts / "student.onnx", [photos], out, RenderOptions("mask"))

    assert len(written) == 2
    summary = apply(artefacts / "student.onnx", [photos], out, RenderOptions("mask"))
    assert (summary.made, summary.kept) == ({"photo": 2}, 1)


@pytest.mark.parametrize("error", [MemoryError("array of 9 GB"), RuntimeError("[ONNXRuntimeError] : bad allocation")])
def test_a_photo_for_which_memory_does_not_suffice_is_named_and_the_rest_is_done(
    artefacts, photos, tmp_path, monkeypatch, error
):
    def run_out(source, *options):
        if source.name == "a.png":
            raise error
        apply_to_photo(source, *options)

    monkeypatch.setattr("conversion.apply.apply.apply_to_photo", run_out)
    summary = apply(artefacts / "student.onnx", [photos], tmp_path / "out", RenderOptions("mask"))

    assert summary.made == {"photo": 2}
    assert [("a.png" in fault, "memory" in fault) for fault in summary.faults] == [(True, True)]


def test_a_folder_that_another_process_writes_to_is_refused(artefacts, photos, tmp_path, claimed_elsewhere):
    claimed_elsewhere(tmp_path / "out")

    with pytest.raises(BadInput, match=r"out is in use by process \d+; wait"):
        apply(artefacts / "student.onnx", [photos], tmp_path / "out", RenderOptions("mask"))


def test_effect_and_background_go_together():
    assert choose_effect(None, None) == "overlay"
    assert choose_effect(None, "white") == "background"
    assert choose_effect("blur", None) == "blur"
    for effect, background in (("background", None), ("blur", "white")):
        with pytest.raises(BadInput, match="background"):
            choose_effect(effect, background)
    assert list(EFFECTS) == list(EFFECT_NAMES)
