from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from training.data.photos import read_photo
from training.student.errors import BadInput
from training.teacher.detectors import DETECTORS
from training.teacher.phrases import parse_phrases
from training.teacher.proposals import Boxes, Proposals
from training.teacher.segmenters import SEGMENTERS
from training.teacher.teachers import TEACHERS

# Random networks: whatever they draw is taken as it is.
ALL = {"floor": 0, "threshold": 0, "nms": 1, "consistency": 0, "fragment": 0, "hole": 0, "most": 6}
ENTRY = TEACHERS["grounded-sam"]


@pytest.fixture(scope="module")
def teacher(saved):
    @cache
    def look(detector, segmenter, phrases, arithmetic):
        options = ENTRY.options()(detector=saved(detector), segmenter=saved(segmenter), arithmetic=arithmetic, **ALL)
        return ENTRY.build(options, parse_phrases(phrases), device="cpu")

    def make(detector="owlv2", segmenter="sam", phrases=("coin",), arithmetic="fp32", **options):
        made = look(detector, segmenter, phrases, arithmetic)
        made.settings = ENTRY.options()(**(made.settings.model_dump() | ALL | options))
        return made

    return make


def photo(rows, columns, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (rows, columns, 3), np.uint8)


def painted(proposals, index, which):
    canvas = np.zeros(proposals.size, np.uint8)
    proposals.masks[index][which].paint(canvas, 1)
    return canvas > 0


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("segmenter", SEGMENTERS)
def test_detectors_and_segmenters_go_together(teacher, detector, segmenter):
    ours = teacher(detector, segmenter)
    given = photo(50, 90)

    findings = ours.look([given])[0]
    decision = ours.decide(findings)

    assert findings.size == decision.mask.shape == (50, 90)
    assert decision.mask.dtype == np.uint8
    assert set(np.unique(decision.mask)) == {0, 1}
    assert all(array.dtype != object for array in findings.arrays.values())
    assert {name.partition("/")[0] for name in ours.weights} == {"detector", "segmenter"}


@pytest.mark.parametrize("kind", [*DETECTORS, *SEGMENTERS])
@pytest.mark.parametrize(("colour", "channel"), [((255, 0, 0), 0), ((0, 255, 0), 1), ((0, 0, 255), 2)])
def test_colours_reach_each_network_in_its_own_channel(teacher, kind, colour, channel):
    ours = teacher(detector=kind) if kind in DETECTORS else teacher(segmenter=kind)
    half = ours._detector if kind in DETECTORS else ours._segmenter
    first = next(
        one for one in half.model.network.modules() if isinstance(one, torch.nn.Conv2d) and one.in_channels == 3
    )
    reached = []
    handle = first.register_forward_pre_hook(lambda _, inputs: reached.append(inputs[0]))
    given = [np.full((40, 40, 3), colour, np.uint8)]
    if kind in DETECTORS:
        half.look(given)
    else:
        half.look(given, [Boxes(np.array([[0, 0, 9, 9]], np.float32), np.ones((1, 1), np.float32))])
    handle.remove()

    image = half.model.processor.image_processor
    seen = reached[0][0].permute(1, 2, 0) * torch.tensor(image.image_std) + torch.tensor(image.image_mean)

    expected = torch.zeros(3)
    expected[channel] = 1
    torch.testing.assert_close(seen[20, 20], expected, atol=1e-5, rtol=0)


def test_all_instances_go_into_the_mask_and_each_with_its_best_mask_holes_and_all(teacher):
    ours = teacher()
    findings = ours.look([photo(50, 90)])[0]
    proposals = Proposals.from_findings(findings)

    decision = ours.decide(findings)

    assert len(decision.instances) > 1
    best = proposals.mask_scores.argmax(axis=1)
    union = np.any([painted(proposals, index, which) for index, which in enumerate(best)], axis=0)
    np.testing.assert_array_equal(decision.mask > 0, union)
    assert 0 < decision.mask.mean() < 1


def test_several_phrases_make_several_classes(teacher):
    ours = teacher(phrases=("coin", "note=bank note,medal"))
    findings = ours.look([photo(50, 90)])[0]

    decision = ours.decide(findings)

    assert findings.arrays["box_scores"].shape[1] == 2
    assert set(np.unique(decision.mask)) - {0} == {one.phrase + 1 for one in decision.instances}


def test_a_photo_where_nothing_is_found_is_a_negative(teacher):
    ours = teacher(threshold=1)
    decision = ours.decide(ours.look([photo(50, 90)])[0])

    assert not decision.mask.any()
    assert decision.instances == ()
    assert not decision.undecided


def test_a_batch_decides_as_each_photo_alone(teacher):
    ours = teacher("grounding-dino", "sam2")
    photos = [photo(50, 90, 0), photo(90, 40, 1), photo(50, 90, 2)]

    for given, findings in zip(photos, ours.look(photos), strict=True):
        together, alone = ours.decide(findings), ours.decide(ours.look([given])[0])
        assert (together.mask != alone.mask).mean() < 1e-3
        assert len(together.instances) == len(alone.instances)


@pytest.mark.parametrize("arithmetic", ["fp32", "bf16"])
@pytest.mark.parametrize("detector", DETECTORS)
def test_both_arithmetics_run(teacher, detector, arithmetic):
    ours = teacher(detector, "sam", arithmetic=arithmetic)
    findings = ours.look([photo(40, 60)])[0]

    assert findings.arrays["boxes"].dtype == np.float32
    assert np.isfinite(findings.arrays["box_scores"]).all()
    assert len(findings.arrays["boxes"]) > 0


def test_a_photo_turned_by_its_exif_gets_its_boxes_and_mask_upright(teacher, tmp_path):
    upright = photo(40, 80)
    exif = Image.Exif()
    exif[0x0112] = 6  # To be turned by a quarter clockwise.
    Image.fromarray(np.rot90(upright)).save(tmp_path / "turned.png", exif=exif)

    ours = teacher()
    turned, straight = (ours.look([one])[0] for one in (read_photo(tmp_path / "turned.png"), upright))

    assert turned.size == (40, 80)
    np.testing.assert_array_equal(turned.arrays["boxes"], straight.arrays["boxes"])
    np.testing.assert_array_equal(turned.arrays["bits"], straight.arrays["bits"])


def test_only_what_looking_reads_is_left_out_of_the_deciding_options():
    options = ENTRY.options()

    assert options.model_fields.keys() - options.decide_only == {
        "detector",
        "segmenter",
        "adapter",
        "arithmetic",
        "floor",
        "most",
    }


def test_a_threshold_below_the_floor_is_refused():
    with pytest.raises(ValidationError, match=r"threshold=0\.05 is below floor=0\.1"):
        ENTRY.options()(threshold=0.05)


def test_weights_are_read_from_a_folder_that_holds_both(saved, tmp_path):
    (tmp_path / "detector").symlink_to(saved("owlv2"))
    with pytest.raises(BadInput, match=r"segmenter is not a folder; expected .* to hold detector and segmenter"):
        ENTRY.build(ENTRY.options()(), parse_phrases(["coin"]), str(tmp_path), "cpu")
    (tmp_path / "segmenter").symlink_to(saved("sam2"))

    ours = ENTRY.build(ENTRY.options()(floor=0, threshold=0), parse_phrases(["coin"]), str(tmp_path), "cpu")

    assert Path(ours.weights["segmenter"]) == tmp_path / "segmenter"
    assert ours.decide(ours.look([photo(20, 30)])[0]).mask.shape == (20, 30)
