"""Each hop of a trained student, from torch to every phone artefact, on photos it was not taught with."""

import pytest

from conversion.artefact import manifest
from conversion.artefact.kinds import DEFAULTS, KINDS
from conversion.artefact.metadata import CONTRACT_KEY
from conversion.coreml.package import read_metadata as coreml_metadata
from conversion.gate.backends import BACKENDS
from conversion.gate.drift import read_budgets
from conversion.runtimes.runner import why_unavailable
from conversion.tflite.metadata import read_metadata as tflite_metadata
from training.student.contract import Contract

# Those in fewer bits are held to account in test_variants.
HOPS = [hop for hop in read_budgets()[1] if KINDS[BACKENDS[hop.candidate].kind].precision in ("exported", *DEFAULTS)]


@pytest.mark.parametrize("hop", HOPS, ids=str)
def test_a_hop_stays_within_its_budget(verified, hop):
    if reason := why_unavailable(BACKENDS[hop.candidate].runtime):
        assert verified.parity.unproven[hop.candidate] == reason
        pytest.skip(reason)

    result = next(result for result in verified.parity.hops if result.hop == hop)

    assert not result.breaches


def test_the_student_is_trained_enough_for_its_masks_to_mean_something(verified):
    assert verified.parity.teacher_iou["torch"] > 0.6


def test_no_candidate_equals_its_reference_bit_for_bit_where_drift_is_expected(verified):
    for result in verified.parity.hops:
        if result.hop.budget == "fp16":
            assert result.drift.max_error > 0


def test_every_artefact_that_was_compared_is_marked_as_passed(verified):
    listed = manifest.read(verified.run.export)

    assert {artefact.gate for artefact in listed.artefacts.values()} == {"passed"}
    assert all(artefact.partitions == 1 for artefact in listed.artefacts.values() if artefact.target == "tflite")


def test_every_phone_artefact_carries_the_contract_inside(verified):
    folder = verified.run.export

    for precision in ("fp32", "fp16"):
        for read, suffix in ((tflite_metadata, "tflite"), (coreml_metadata, "mlpackage")):
            found = read(folder / f"student-{precision}.{suffix}")[CONTRACT_KEY]
            assert Contract.from_json(found) == verified.contract
