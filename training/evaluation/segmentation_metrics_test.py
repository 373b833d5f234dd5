import numpy as np
import pytest

from training.evaluation.mean_iou import MeanIoU
from training.evaluation.segmentation_metrics import MEASURES, SegmentationMetrics
from training.student.contract import Contract
from training.student.metrics import IGNORED, photo_boundary_iou, photo_dice, photo_iou

STREET = ("sky", "road", "car")


def masks(count, values):
    rng = np.random.default_rng(0)
    return [tuple(rng.choice(np.array(values, np.uint8), (2, 12, 15))) for _ in range(count)]


def measured(pairs, classes):
    metrics = SegmentationMetrics(classes)
    for number, (reference, candidate) in enumerate(pairs):
        metrics.add(str(number), reference=reference, candidate=candidate)
    return metrics


@pytest.mark.parametrize(("classes", "values"), [(("coin",), (0, 1)), (STREET, (0, 1, 2))])
def test_means_over_photos_are_the_means_of_what_each_photo_has(classes, values):
    pairs = masks(5, values)

    found = measured(pairs, classes).measures()

    for name, measure in (("iou", photo_iou), ("dice", photo_dice), ("boundary_iou", photo_boundary_iou)):
        each = [measure(reference=one, candidate=other, classes=len(classes)) for one, other in pairs]
        assert found[name].value == pytest.approx(np.mean(each))
        assert found[name].low <= found[name].value <= found[name].high
    assert list(found) == list(MEASURES)


def test_pixels_together_are_those_of_one_long_photo():
    pairs = masks(4, (0, 1))
    reference, candidate = (np.concatenate(side) for side in zip(*pairs, strict=True))
    hit, drawn, said = (reference & candidate).sum(), reference.sum(), candidate.sum()

    found = measured(pairs, ("coin",)).measures()

    assert found["dataset_iou"].value == pytest.approx(hit / (drawn + said - hit))
    assert found["dataset_dice"].value == pytest.approx(2 * hit / (drawn + said))
    assert found["precision"].value == pytest.approx(hit / said)
    assert found["recall"].value == pytest.approx(hit / drawn)


def test_a_class_that_is_never_said_has_no_precision_and_one_that_is_nowhere_no_figure():
    reference = np.array([[0, 0, 1, IGNORED]], np.uint8)

    found = measured([(reference, np.zeros_like(reference))], STREET)

    by_class = found.by_class()
    assert {key: value.value for key, value in by_class["road"].items()} == dict.fromkeys(by_class["road"], 0)
    assert by_class["sky"]["precision"].value == pytest.approx(2 / 3)
    assert np.isnan(by_class["car"]["iou"].value)
    assert found.measures()["recall"].value == pytest.approx((1 + 0) / 2)
    assert found.confusion.tolist() == [[2, 0, 0], [1, 0, 0], [0, 0, 0]]


def test_a_photo_and_a_mask_without_the_thing_agree_and_have_no_precision():
    row = SegmentationMetrics(("coin",)).add(
        "a", reference=np.zeros((4, 4), np.uint8), candidate=np.zeros((4, 4), np.uint8)
    )

    assert row.iou == row.dice == row.boundary_iou == 1
    assert np.isnan([row.precision, row.recall]).all()


@pytest.mark.parametrize(("classes", "channels"), [(("coin",), 1), (STREET, 3)])
def test_the_one_figure_is_that_of_validation(classes, channels):
    contract = Contract(32, 32, 4, classes)
    mean_iou, metrics = MeanIoU(contract), SegmentationMetrics(classes)
    rng = np.random.default_rng(0)
    for name in "abc":
        logits = rng.normal(size=(channels, 8, 8)).astype(np.float32)
        mask = rng.integers(0, max(2, channels), (8, 8), np.uint8)
        mean_iou.add(name, logits, mask)
        said = (logits[0] > 0).astype(np.uint8) if channels == 1 else logits.argmax(axis=0).astype(np.uint8)
        metrics.add(name, reference=mask, candidate=said)

    assert metrics.headline(np.ones(3)) == pytest.approx(mean_iou.compute().mean)
