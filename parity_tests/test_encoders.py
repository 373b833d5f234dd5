"""What the support table says is so; every stride and decoder converts, runs whole, and computes the same."""

from dataclasses import replace

import pytest

from conversion.benchmark.encoders import (
    DOCUMENT,
    FLOATS,
    MEASURED,
    as_markdown,
    measure_encoder,
    measure_encoders,
    randomised_student,
)
from training.student.contract import Contract
from training.student.encoders import ENCODERS
from training.student.network import Architecture
from training.student.normalisation import NEUTRAL
from training.student.support import read_support

pytestmark = pytest.mark.slow

WIDTHS = (32, 24, 16, 16, 16)

# One of each kind: padding by SAME and by hand, gates, ghosts, merged branches, layer normalisation, attention.
SAMPLED = ("mobilenet_v2", "tu-mobilenetv3_small_100", "tu-ghostnet_100", "tu-repvgg_a0", "tu-convnext_atto", "mit_b0")


def _check(contract: Contract, architecture: Architecture) -> None:
    for kind, outcome in measure_encoder(randomised_student(contract, architecture), contract, FLOATS).items():
        assert outcome.status == "validated", f"{kind}: {outcome.reason}"
        assert outcome.partitions in (None, 1), kind


def test_every_encoder_was_measured_in_every_kind():
    table = read_support()

    assert list(table) == list(ENCODERS)
    assert all(set(row) == set(MEASURED) for row in table.values())


def test_the_document_shows_the_table():
    assert DOCUMENT.read_text() == as_markdown(read_support())


@pytest.mark.parametrize(
    ("encoder", "kinds"),
    [*((encoder, FLOATS) for encoder in SAMPLED), ("tu-mobilenetv3_small_050", ("tflite-int8", "coreml-w8"))],
)
def test_the_table_tells_the_truth(encoder, kinds):
    told, found = read_support()[encoder], measure_encoders([encoder], kinds)[encoder]

    for kind in kinds:
        assert (found[kind].status, found[kind].partitions) == (told[kind].status, told[kind].partitions), kind
        assert found[kind].outside == told[kind].outside


@pytest.mark.parametrize("stride", [1, 2, 8])
def test_a_stride_converts_and_runs_in_one_partition(stride):
    architecture = Architecture("tu-mobilenetv3_small_100", WIDTHS, True, NEUTRAL, NEUTRAL)
    _check(Contract(64, 96, stride, ("thing",)), architecture)


def test_a_stride_at_which_the_encoder_has_no_features_converts_too():
    _check(Contract(64, 96, 2, ("thing",)), Architecture("tu-fastvit_t8", WIDTHS, True, NEUTRAL, NEUTRAL))


def test_several_classes_and_a_dense_decoder_convert():
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    architecture = Architecture("tu-mobilenetv2_050", WIDTHS, False, mean, std)
    _check(Contract(64, 96, 4, ("sky", "road", "tree")), architecture)


def test_a_shallow_narrow_encoder_and_an_mlp_decoder_convert():
    architecture = Architecture(
        "tu-mobilenetv2_100", WIDTHS, True, NEUTRAL, NEUTRAL, depth=4, width_multiplier=(1, 0.5, 0.25)
    )
    _check(Contract(80, 96, 2, ("thing",)), architecture)
    _check(Contract(64, 96, 4, ("sky", "road")), replace(architecture, depth=5, decoder_type="mlp"))
