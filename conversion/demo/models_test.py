import numpy as np
import pytest

from conversion.demo.conftest import NAMES
from conversion.demo.difference_map import FLIPPED, HIGHER, LOWER, draw_difference_map
from conversion.demo.models import STUDENT, example_photos, open_models, run_model
from training.run import Run
from training.student.contract import Contract
from training.student.errors import BadInput


def test_the_student_comes_first_and_what_is_broken_is_named(run):
    found = open_models(run)

    assert [model.name for model in found.models] == [STUDENT, *NAMES]
    assert [model.gate for model in found.models] == ["", "passed", "passed", "breached"]
    assert len(found.faults) == 1
    assert found.faults[0].startswith("tflite-int8: ")
    assert example_photos(run) == []


def test_logits_are_the_runner_s_own_and_are_timed(run, scene):
    found = open_models(run)

    inferences = [run_model(model, scene()) for model in found.named(["tflite-fp32", "onnx"])]

    assert [inference.model.name for inference in inferences] == ["onnx", "tflite-fp32"]
    for inference in inferences:
        assert np.array_equal(inference.logits, inference.model.predictor.logits(scene()))
        assert inference.seconds > 0


def test_a_run_without_an_export_says_how_to_make_one(tmp_path):
    with pytest.raises(BadInput, match="nothing has been exported"):
        open_models(Run(tmp_path))


def test_differences_are_coloured_by_their_sign_and_flips_are_thickened():
    contract, photo = Contract(8, 8, 1, ("thing",)), np.full((8, 8, 3), 90, np.uint8)
    reference = np.full((1, 8, 8), -2, np.float32)
    candidate = reference.copy()
    candidate[0, :, 7] += 0.05
    candidate[0, 7, :] -= 0.05
    candidate[0, 1, 1] = 1

    found = draw_difference_map(photo, reference=reference, candidate=candidate, contract=contract, magnification=100)

    assert tuple(found.picture[4, 7]) == HIGHER
    assert tuple(found.picture[7, 4]) == LOWER
    assert (found.picture[:4, :4] == FLIPPED).all()
    assert len(np.unique(found.picture[4:7, 4:7])) == 1
    assert (found.largest, found.flips, found.iou) == (3.0, 1 / 64, 0.0)
    faint = draw_difference_map(photo, reference=reference, candidate=candidate, contract=contract, magnification=1)
    assert tuple(faint.picture[4, 7]) != HIGHER


def test_of_several_classes_the_one_that_changes_most_is_shown():
    contract, photo = Contract(4, 4, 1, ("a", "b")), np.zeros((4, 4, 3), np.uint8)
    reference = np.zeros((2, 4, 4), np.float32)
    reference[0] = 1
    candidate = reference.copy()
    candidate[1] -= 0.5
    candidate[0] += 0.1

    found = draw_difference_map(photo, reference=reference, candidate=candidate, contract=contract, magnification=100)

    assert (found.picture == LOWER).all()
    assert (found.flips, found.iou) == (0.0, 1.0)
