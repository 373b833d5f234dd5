import numpy as np
import onnx
import pytest

from conversion.artefact.kinds import KINDS
from conversion.coreml import executor
from conversion.coreml.emitter import emit
from conversion.export.export import emit as write_artefact
from conversion.gate.drift import decibels
from conversion.quantisation.float16_audit import LARGEST, float16_risks, rounded_to_float16
from conversion.source.graph import read_graph
from conversion.source.reference import Reference

RNG = np.random.default_rng(0)
PHOTOS = [RNG.integers(0, 256, (8, 8, 3), np.uint8) for _ in range(2)]


def _network(nodes, **constants):
    text = f"""
        <ir_version: 8, opset_import: ["" : 18]>
        test (float[1, 3, 8, 8] image) => (float[1, 3, 8, 8] logits) {{ {nodes} }}
    """
    model = onnx.parser.parse_model(text)
    for name, value in constants.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(value), name))
    return read_graph(model)


KERNEL = RNG.normal(size=(3, 3, 3, 3)).astype(np.float32) / 100
AXES = np.int64([1, 2, 3])

HARMLESS = {
    "an ordinary layer": ("c = Conv<pads=[1,1,1,1]>(image, w) logits = HardSwish(c)", {"w": KERNEL}),
    "a mean over an image": (
        "c = Conv<pads=[1,1,1,1]>(image, w) m = ReduceMean(c, axes) logits = Sub(c, m)",
        {"w": KERNEL, "axes": AXES},
    ),
    "weights that vanish beside others": (
        "logits = Conv<pads=[1,1,1,1]>(image, w)",
        {"w": np.where(RNG.random(KERNEL.shape) < 0.5, KERNEL, np.float32(1e-9))},
    ),
}


@pytest.mark.parametrize(("nodes", "constants"), HARMLESS.values(), ids=HARMLESS)
def test_what_float16_does_not_harm_stays_float16(nodes, constants):
    assert float16_risks(_network(nodes, **constants), PHOTOS) == ()


HARMED = {
    "squares before a normalisation": (
        "x = Mul(image, gain) s = Mul(x, x) m = ReduceMean(s, axes) r = Sqrt(m) logits = Div(x, r)",
        {"gain": np.float32([8]), "axes": AXES},
        {"s": "'s' reaches 3.97e+06", "m": "'s' reaches", "r": "'m' reaches"},
    ),
    "large weights": (
        "c = Mul(image, large) logits = Mul(c, small)",
        {"large": np.float32([1e5]), "small": np.float32([1e-5])},
        {"c": "'c' reaches 2.49e+07", "logits": "'c' reaches"},
    ),
    "normalisation of large deviations": (
        "c = Mul(image, gain) logits = LayerNormalization<axis=1>(c, scale, bias)",
        {"gain": np.float32([4]), "scale": np.ones((3, 8, 8), np.float32), "bias": np.zeros((3, 8, 8), np.float32)},
        {"logits": "a sum inside it may reach"},
    ),
    "a mean whose sum is large": (
        "c = Mul(image, gain) m = ReduceMean(c, axes) logits = Sub(c, m)",
        {"gain": np.float32([4]), "axes": AXES},
        {"m": "a sum inside it may reach"},
    ),
    "a small variation on a large mean": (
        "c = Mul(image, small) d = Add(c, mean) logits = Sub(d, mean)",
        {"small": np.float32([1 / 255]), "mean": np.float32([2000])},
        {"d": "in float16 it alone takes the output to", "logits": "in float16 it alone"},
    ),
    "values too small": (
        "c = Mul(image, small) logits = Mul(c, large)",
        {"small": np.float32([1e-8]), "large": np.float32([1e4])},
        {"c": "in float16 it alone", "logits": "in float16 it alone"},
    ),
}


@pytest.mark.parametrize(("nodes", "constants", "expected"), HARMED.values(), ids=HARMED)
def test_exactly_the_operators_that_float16_harms_are_found_with_the_reason(nodes, constants, expected):
    risks = float16_risks(_network(nodes, **constants), PHOTOS)

    assert [risk.tensor for risk in risks] == list(expected)
    for risk in risks:
        assert risk.reason.startswith(expected[risk.tensor])


HEALED = {
    **{name: case[:2] for name, case in HARMED.items() if "sum" not in name and "deviations" not in name},
    "normalisation of what float16 cannot hold": (
        "c = Mul(image, gain) logits = LayerNormalization<axis=1>(c, scale, bias)",
        {**HARMED["normalisation of large deviations"][1], "gain": np.float32([1e4])},
    ),
}
"""What the executor can show: it keeps sums inside an operator in float32."""


@pytest.mark.parametrize(("nodes", "constants"), HEALED.values(), ids=HEALED)
def test_a_package_that_float16_breaks_is_healed_by_what_stays_float32(nodes, constants, tmp_path):
    source = _network(nodes, **constants)
    exact = Reference(source).trace(PHOTOS[0].transpose(2, 0, 1)[None].astype(np.float32))["logits"]
    psnr = []
    for single in ((), [risk.tensor for risk in float16_risks(source, PHOTOS)]):
        path = tmp_path / "p.mlpackage"
        emit(source, path, precision="fp16", metadata={}, single=single)
        with np.errstate(invalid="ignore"):
            error = executor.load(path).run(PHOTOS[0], rounding="fp16")["logits"].astype(np.float64) - exact
        psnr.append(decibels(span=float(np.ptp(exact)), rms=float(np.sqrt(np.mean(error**2)))))
    broken, healed = psnr

    # Written so that NaN counts as broken.
    assert not broken >= 50
    assert healed >= 50


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("coreml-fp16", {"c", "logits"}), ("coreml-fp32", set()), ("tflite-fp16", set()), ("tflite-fp32", set())],
)
def test_a_conversion_with_photos_audits_them_and_says_what_stays_float32(kind, expected, tmp_path):
    source = _network("c = Mul(image, gain) logits = Relu(c)", gain=np.float32([100]))

    artefact = write_artefact(source, KINDS[kind], tmp_path / KINDS[kind].file, None, PHOTOS)

    assert artefact.single.keys() == expected
    assert all("where float16 ends at 65504" in reason for reason in artefact.single.values())


def test_a_conversion_without_photos_audits_nothing(tmp_path):
    source = _network("c = Mul(image, gain) logits = Relu(c)", gain=np.float32([100]))

    assert write_artefact(source, KINDS["coreml-fp16"], tmp_path / "p.mlpackage", None).single == {}


def test_a_single_photo_that_reaches_far_is_enough():
    network = _network("c = Mul(image, gain) logits = Relu(c)", gain=np.float32([100]))
    dark = np.zeros((8, 8, 3), np.uint8)

    assert float16_risks(network, [dark]) == ()
    assert [risk.tensor for risk in float16_risks(network, [dark, PHOTOS[0]])] == ["c", "logits"]


def test_nan_is_at_risk():
    network = _network("n = Neg(image) c = Sqrt(n) logits = Relu(c)")

    assert {risk.tensor for risk in float16_risks(network, PHOTOS)} == {"c", "logits"}


def test_in_half_is_what_float16_holds():
    value = np.float32([1, 1 / 3, -LARGEST, 1e5, 1e-7, -1e-9, np.nan])

    found = rounded_to_float16(value)

    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [1, np.float16(1 / 3), -LARGEST, np.inf, np.float16(1e-7), 0, np.nan])
    assert rounded_to_float16(np.int64([3])).dtype == np.int64
