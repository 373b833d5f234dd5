import sys
from fractions import Fraction

import numpy as np
import pytest

from conversion.apply.codecs import CODECS
from conversion.apply.effect import EFFECTS, EffectOptions, draw_effect
from conversion.apply.predictor import open_predictor
from conversion.apply.video import apply_to_video
from training.student.effects import overlay, smoothed
from training.student.errors import BadInput
from training.student.postprocess import postprocess

OPTIONS = EffectOptions(("bright",), (1,))


@pytest.fixture
def clip(film, scene, tmp_path):
    """Ten frames at uneven times, stored on their side, with sound."""
    ticks = [0, 20, 60, 80, 100, 160, 180, 200, 220, 300]
    return film(tmp_path / "clip.mov", [scene(step=step) for step in range(10)], ticks=ticks, rotated=True)


def applied(source, effect, predictor, tmp_path, **settings):
    target = tmp_path / f"made{CODECS[EFFECTS[effect].codec].suffix}"
    report = apply_to_video(source, target, predictor, EFFECTS[effect], settings.pop("options", OPTIONS), **settings)
    return target, report


def test_masks_of_a_video_are_those_of_its_frames_upright_to_the_bit(clip, predictor, watch, tmp_path):
    made, report = applied(clip, "mask", predictor, tmp_path)

    upright = [np.rot90(frame, -1) for frame in watch(clip).frames]
    assert (report.frames, report.broken, report.notes) == (10, 0, [])
    found = watch(made, "gray")
    assert found.rotations == {0}
    for frame, mask in zip(upright, found.frames, strict=True):
        assert np.array_equal(mask, 255 * predictor.mask(np.ascontiguousarray(frame)))
    assert 0 < found.frames[0].mean() < 128


@pytest.mark.parametrize("effect", ["overlay", "blur"])
def test_an_effect_on_a_video_is_the_photo_s_but_for_compression(clip, predictor, watch, tmp_path, effect):
    made, _ = applied(clip, effect, predictor, tmp_path)

    for frame, picture in zip(watch(clip).frames, watch(made).frames, strict=True):
        photo = np.ascontiguousarray(np.rot90(frame, -1))
        expected = draw_effect(EFFECTS[effect], photo, predictor.mask(photo), OPTIONS)
        assert picture.shape == expected.shape
        assert np.abs(picture.astype(int) - expected).mean() < 4


def test_times_and_sound_stay_what_they_were(clip, predictor, watch, tmp_path):
    made, _ = applied(clip, "overlay", predictor, tmp_path)

    before, after = watch(clip), watch(made)
    assert after.times == before.times
    assert after.sound == before.sound
    assert len(after.sound) > 10


def test_transparency_is_kept_in_a_video(clip, predictor, watch, tmp_path):
    made, _ = applied(clip, "cut-out", predictor, tmp_path, options=EffectOptions(("bright",), (1,), feather=0))

    photo = np.ascontiguousarray(np.rot90(watch(clip).frames[4], -1))
    found = watch(made, "rgba").frames[4][..., 3]
    assert np.abs(found.astype(int) - 255 * predictor.mask(photo)).max() <= 2


def test_sound_that_the_codec_cannot_copy_becomes_aac_and_is_reported(film, scene, predictor, watch, tmp_path):
    source = film(tmp_path / "clip.mkv", [scene()] * 5, sound="pcm_s16le")

    made, report = applied(source, "overlay", predictor, tmp_path)

    assert watch(made).codecs == ["h264", "aac"]
    assert report.notes == ["sound was pcm_s16le, now AAC"]


def test_a_frame_rate_leaves_frames_out_and_spaces_the_others_evenly(film, scene, predictor, watch, tmp_path):
    source = film(tmp_path / "clip.mp4", [scene(step=step) for step in range(12)], sound=None)

    made, report = applied(source, "overlay", predictor, tmp_path, frame_rate=10)

    assert report.frames == 4
    assert watch(made).times == [Fraction(number, 10) for number in range(4)]


@pytest.mark.parametrize(("side", "shape"), [(48, (36, 48)), (1000, (72, 96))])
def test_the_biggest_side_shrinks_and_never_enlarges(film, scene, predictor, watch, tmp_path, side, shape):
    source = film(tmp_path / "clip.mp4", [scene()] * 3, sound=None)

    made, _ = applied(source, "mask", predictor, tmp_path, biggest_side=side)

    assert watch(made, "gray").frames[0].shape == shape


def test_odd_sizes_lose_a_row_and_a_column_where_the_codec_needs_even_ones(film, scene, predictor, watch, tmp_path):
    source = film(tmp_path / "clip.mkv", [scene(61, 83)] * 2, codec="ffv1", pixels="bgr0", sound=None)

    assert watch(applied(source, "overlay", predictor, tmp_path)[0]).frames[0].shape[:2] == (60, 82)
    assert watch(applied(source, "mask", predictor, tmp_path)[0]).frames[0].shape[:2] == (61, 83)


def test_smoothing_follows_its_formula_and_stops_at_a_cut(film, scene, artefacts, watch, tmp_path):
    flicker = [scene(step=0), scene(step=3), scene(step=0), 255 - scene(step=0), scene(step=0)]
    source = film(tmp_path / "clip.mkv", flicker, codec="ffv1", pixels="bgr0", sound=None)
    predictor = open_predictor(artefacts / "student.onnx")

    smooth = watch(applied(source, "mask", predictor, tmp_path, smooth=0.4)[0], "gray").frames
    plain = watch(applied(source, "mask", predictor, tmp_path)[0], "gray").frames

    drawn = None
    for number, frame in enumerate(flicker):
        # The negative differs by far more than a step of the block does: a cut, before it and after.
        drawn = smoothed(None if number in (0, 3, 4) else drawn, predictor.logits(frame), 0.4)
        assert np.array_equal(smooth[number], 255 * postprocess(drawn, predictor.contract, 72, 96))
    assert (plain[0] != plain[1]).sum() > (smooth[0] != smooth[1]).sum()
    assert np.array_equal(smooth[4], plain[4])


def test_a_broken_frame_is_reported_and_the_rest_goes_on(film, scene, predictor, watch, tmp_path):
    source = film(tmp_path / "clip.mkv", [scene(step=step) for step in range(8)], codec="ffv1", pixels="bgr0")
    stored = bytearray(source.read_bytes())
    whole = watch(source)
    # The header of the fourth frame's packet: what follows it cannot be decoded.
    packet = _packets(source)[3]
    at = stored.index(packet)
    stored[at : at + len(packet)] = b"\xff" * len(packet)
    source.write_bytes(stored)

    made, report = applied(source, "mask", predictor, tmp_path)

    assert (report.frames, report.broken) == (7, 1)
    assert report.notes == ["1 broken frame left out"]
    expected = [255 * predictor.mask(frame) for number, frame in enumerate(whole.frames) if number != 3]
    assert all(np.array_equal(one, other) for one, other in zip(watch(made, "gray").frames, expected, strict=True))


@pytest.mark.parametrize("content", [b"", b"no video", b"\x1aE\xdf\xa3" + b"\0" * 500])
def test_what_is_no_video_is_refused_by_name(predictor, tmp_path, content):
    source = tmp_path / "clip.mkv"
    source.write_bytes(content)

    with pytest.raises(BadInput, match=r"clip\.mkv"):
        applied(source, "overlay", predictor, tmp_path)


def test_a_video_with_sound_alone_is_refused(film, scene, predictor, tmp_path):
    import av

    source = tmp_path / "clip.mp4"
    with av.open(str(source), "w") as made:
        tone = made.add_stream("aac", rate=44100, layout="mono")
        heard = av.AudioFrame.from_ndarray(np.zeros((1, 4410), np.int16), format="s16", layout="mono")
        heard.sample_rate = 44100
        made.mux(tone.encode(heard))
        made.mux(tone.encode())

    with pytest.raises(BadInput, match="no pictures"):
        applied(source, "overlay", predictor, tmp_path)


def test_several_classes_are_drawn_in_their_colours_and_masked_by_index(film, scene, artefacts, watch, tmp_path):
    source = film(tmp_path / "clip.mkv", [scene()] * 2, codec="ffv1", pixels="bgr0", sound=None)
    predictor = open_predictor(artefacts / "classes.onnx")
    options = EffectOptions(predictor.contract.classes, ())

    masks = watch(applied(source, "mask", predictor, tmp_path, options=options)[0], "gray").frames
    pictures = watch(applied(source, "overlay", predictor, tmp_path, options=options)[0]).frames

    assert set(np.unique(masks[0])) == {0, 1}
    assert np.abs(pictures[0].astype(int) - overlay(scene(), masks[0], 2)).mean() < 6


def test_without_pyav_a_video_ends_with_the_line_that_installs_it(clip, predictor, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)

    with pytest.raises(BadInput, match=r"needs av, which is not installed; run .*video"):
        applied(clip, "overlay", predictor, tmp_path)


def _packets(path):
    import av

    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
def test_every_rotated_or_mirrored_video_comes_out_upright(scene, predictor, watch, tmp_path, degrees, mirrored):
    """Rotated counter-clockwise by the angle, then mirrored, as FFmpeg defines its display matrix."""
    import av

    source = tmp_path / "clip.mov"
    with av.open(str(source), "w") as made:
        video = made.add_stream("libx264", rate=30, options={"crf": "4"})
        video.width, video.height, video.pix_fmt = 96, 72, "yuv420p"
        video.set_display_rotation(degrees, hflip=mirrored)
        for packet in (*video.encode(av.VideoFrame.from_ndarray(scene(), format="rgb24")), *video.encode()):
            made.mux(packet)
    shown = np.rot90(watch(source).frames[0], degrees // 90)
    shown = np.ascontiguousarray(shown[:, ::-1] if mirrored else shown)

    made, _ = applied(source, "mask", predictor, tmp_path)

    assert np.array_equal(watch(made, "gray").frames[0], 255 * predictor.mask(shown))


def test_memory_does_not_grow_with_the_frames(film, scene, predictor, tmp_path):
    """Garbage collection is off, so frames that only it can free would all be alive at once."""
    import gc

    import av

    source = film(tmp_path / "clip.mp4", [scene(step=number % 10) for number in range(60)], sound=None)
    gc.collect()
    gc.disable()
    try:
        applied(source, "overlay", predictor, tmp_path)
        alive = sum(type(one) is av.VideoFrame for one in gc.get_objects())
    finally:
        gc.enable()

    assert alive < 10
