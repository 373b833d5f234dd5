import itertools

import numpy as np
import onnxruntime
import pytest

from conversion.coreml import executor
from conversion.coreml.emitter import emit
from conversion.source import sampling
from conversion.source.graph import read_graph

X = np.random.default_rng(5).normal(size=(1, 2, 6, 5)).astype(np.float32)
CONSTANTS = {
    "grow": np.float32([1, 1, 2, 3]),
    "shrink": np.float32([1, 1, 0.5, 0.4]),
    "odd": np.float32([1, 1, 1.4, 0.7]),
    "size": np.int64([1, 2, 9, 4]),
    "channels": np.float32([1, 2, 1, 1]),
    "twelve_by_five": np.int64([12, 5]),
    "size_of_two": np.int64([8, 7]),
}
CASES = {
    **{
        f"nearest {rule} {rounding} {scales}":
            f"Resize<coordinate_transformation_mode='{rule}', nearest_mode='{rounding}'>(x, , {scales})"
        for (rule, rounding), scales in itertools.product(
            [
                ("half_pixel", "round_prefer_floor"),
                ("asymmetric", "floor"),
                ("asymmetric", "ceil"),
                ("pytorch_half_pixel", "round_prefer_ceil"),
            ],
            ["grow", "shrink", "odd"],
        )
    },
    **{
        f"{mode} {rule}": f"Resize<mode='{mode}', coordinate_transformation_mode='{rule}'>(x, , , size)"
        for mode, rule in itertools.product(["linear", "cubic"], sampling.RULES)
    },
    **{
        f"{mode} {rule} by a scale": f"Resize<mode='{mode}', coordinate_transformation_mode='{rule}'>(x, , odd)"
        for mode, rule in itertools.product(["linear", "cubic"], ["asymmetric", "half_pixel_symmetric"])
    },
    "cubic of another sharpness": "Resize<mode='cubic', cubic_coeff_a=-0.5>(x, , odd)",
    "cubic inside alone": "Resize<mode='cubic', exclude_outside=1>(x, , odd)",
    "linear antialias": "Resize<mode='linear', antialias=1>(x, , shrink)",
    "cubic antialias": "Resize<mode='cubic', antialias=1>(x, , shrink)",
    "nearest channels": "Resize<coordinate_transformation_mode='asymmetric', nearest_mode='floor'>(x, , channels)",
    "linear of two axes": "Resize<mode='linear'>(flat, , , size_of_two)",
}  # fmt: skip
PRELUDE = "flat = Reshape(x, twelve_by_five)"


@pytest.fixture(scope="module")
def model(together):
    return together(CASES.values(), {"x": X}, CONSTANTS, PRELUDE)


@pytest.fixture(scope="module")
def expected(model):
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": X})


@pytest.fixture(scope="module")
def found(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("resizes") / "p.mlpackage"
    emit(read_graph(model), path, precision="fp32", metadata={}, image=False)
    program = executor.load(path)
    return program, list(program.evaluate({"x": X}, rounding="fp32").values())


@pytest.mark.parametrize("number", range(len(CASES)), ids=list(CASES))
def test_a_resize_means_what_onnx_runtime_computes(number, found, expected):
    _, results = found

    assert results[number].shape == expected[number].shape
    np.testing.assert_allclose(results[number], expected[number], atol=2e-5)


def test_each_resize_is_the_operator_of_mil_that_says_it_most_directly(found):
    program, _ = found
    writers = {output.name: step.operator for step in program.steps for output in step.outputs}
    written = {case: writers[f"case_{number}"] for number, case in enumerate(CASES)}

    assert written["nearest asymmetric floor grow"] == "upsample_nearest_neighbor"
    assert written["nearest asymmetric floor odd"] == "gather"
    assert written["linear half_pixel"] == written["linear align_corners"] == "resize_bilinear"
    assert written["cubic half_pixel"] == written["linear asymmetric by a scale"] == "matmul"
