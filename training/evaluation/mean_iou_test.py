import numpy as np
import pytest
import torch
from PIL import Image

from training.data.pairs import Pairs, read_pairs
from training.data.photos import read_mask
from training.evaluation.mean_iou import IoUResult, MeanIoU, measure_iou
from training.student.checkpoint import Checkpoint
from training.student.contract import Contract
from training.student.errors import BadInput
from training.student.metrics import IGNORED
from training.student.network import Architecture, Student

ARCHITECTURE = Architecture("tu-mobilenetv3_small_100", (8, 8, 8), True, (0.5,) * 3, (0.5,) * 3)


def always(*logits, classes=("foreground",)):
    """A student that says the same of every pixel."""
    contract = Contract(64, 64, 4, classes)
    student = Student(contract, ARCHITECTURE).eval()
    with torch.no_grad():
        student.head.weight.zero_()
        student.head.bias.copy_(torch.tensor(logits))
    return Checkpoint(student, contract, ARCHITECTURE, {})


def test_a_student_that_sees_discs_everywhere_is_as_good_as_they_are_large(discs):
    shares = {pair.name: read_mask(pair.mask, size=(96, 96), classes=1).mean() for pair in discs.pairs}

    found = measure_iou(always(1.0), discs)

    assert found.by_photo == pytest.approx(shares)
    assert found.mean == pytest.approx(np.mean(list(shares.values())))
    assert found.photos == 12
    smallest = sorted(shares, key=lambda name: shares[name])
    assert [name for name, _ in found.worst(3)] == smallest[:3]


def test_a_student_that_sees_nothing_is_worth_nothing(discs):
    assert measure_iou(always(-1.0), discs).mean == 0


def test_several_classes_count_alike_however_small(tmp_path):
    for part in ("photos", "masks"):
        (tmp_path / part).mkdir()
    (tmp_path / "classes.txt").write_text("sky\nroad\ncar\n")
    mask = np.zeros((40, 40), np.uint8)
    mask[30:] = 1
    mask[:10] = IGNORED
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(tmp_path / "photos" / "a.png")
    Image.fromarray(mask).save(tmp_path / "masks" / "a.png")

    found = measure_iou(always(1.0, 0.0, 0.0, classes=("sky", "road", "car")), read_pairs(tmp_path))

    # Sky is right on 20 of 30 judged rows, road on none; of cars there are none.
    assert found.mean == pytest.approx((20 / 30 + 0) / 2)
    assert found.by_photo == {"a": pytest.approx((20 / 30 + 0) / 2)}


def test_where_nothing_was_judged_nothing_is_wrong():
    mean_iou = MeanIoU(Contract(32, 32, 4, ("sky", "road")))

    mean_iou.add("a", np.zeros((2, 8, 8), np.float32), np.full((9, 9), IGNORED, np.uint8))

    assert mean_iou.compute() == IoUResult(1.0, {"a": 1.0})


def test_binary_masks_are_judged_whatever_their_one_class_is_called(discs):
    assert discs.classes == ("foreground",)

    assert measure_iou(always(1.0, classes=("coin",)), discs) == measure_iou(always(1.0), discs)


@pytest.mark.parametrize("classes", [("sky", "road"), ("road", "sky"), ("disc",)])
def test_other_classes_are_refused_by_name(discs, classes):
    there = Pairs(discs.folder, ("sky", "car"), discs.pairs)

    with pytest.raises(BadInput, match=f"has the classes sky, car, the student knows {', '.join(classes)}"):
        measure_iou(always(*(0.0 for _ in classes), classes=classes), there)
