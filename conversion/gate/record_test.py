import math
import shutil
from dataclasses import replace

import pytest
import yaml

from conversion.gate.drift import BUDGETS, Drift, Hop, breaches, read_budgets
from conversion.gate.parity import HopResult, Parity
from conversion.gate.record import record

DRIFT = Drift(0.5, 0.25, 1.5e-6, 41.25, 0.00123, 3, 0.99, -0.002, 0.004)
HOPS = [
    HopResult(Hop("onnx", "tflite-fp32", "fp32"), DRIFT, []),
    HopResult(Hop("onnx", "tflite-int8", "int8"), replace(DRIFT, psnr=math.inf), []),
]
PARITY = Parity(["a", "b"], HOPS, {}, {}, {}, [])


@pytest.fixture
def budgets(tmp_path):
    return shutil.copy(BUDGETS, tmp_path / "budgets.yaml")


def test_what_was_measured_is_recorded_in_the_terms_of_each_budget(budgets):
    record(PARITY, "mobile", budgets)

    assert yaml.safe_load(budgets.read_text())["measured"] == {
        "run": "mobile",
        "photos": 2,
        "hops": {
            "onnx → tflite-fp32": {"relative_error": 1.5e-6, "decided_flips": 3},
            "onnx → tflite-int8": {"psnr": math.inf, "flips": 0.00123, "iou_change": -0.002, "worst_change": 0.004},
        },
    }


def test_budgets_hops_and_comments_stay_and_a_second_record_replaces_the_first(budgets):
    before = budgets.read_text()
    record(PARITY, "first", budgets)
    record(PARITY, "second", budgets)

    after = budgets.read_text()
    assert after.startswith(before.partition("\n# What each hop last did")[0])
    assert "first" not in after
    assert read_budgets(budgets) == read_budgets()


def test_what_was_last_measured_lies_within_its_budget():
    budgets, hops = read_budgets()
    recorded = yaml.safe_load(BUDGETS.read_text())["measured"]["hops"]
    by_name = {str(hop): budgets[hop.budget] for hop in hops}

    assert recorded
    for name, figures in recorded.items():
        assert not breaches(replace(DRIFT, **figures), by_name[name]), name
