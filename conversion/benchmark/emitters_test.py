from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from conversion.artefact.kinds import KINDS
from conversion.benchmark.emitters import HEADER, measure_emitters


@pytest.mark.slow
def test_every_target_is_emitted_and_weighed_in_a_process_of_its_own(tmp_path):
    rng = np.random.default_rng(0)
    weights = {"a": rng.normal(size=(1024, 3, 1, 1)), "b": rng.normal(size=(2048, 1024, 1, 1))}
    image, logits = (
        helper.make_tensor_value_info(name, 1, (1, n, 2, 2)) for name, n in (("image", 3), ("logits", 2048))
    )
    nodes = [helper.make_node("Conv", ["image", "a"], ["x"]), helper.make_node("Conv", ["x", "b"], ["logits"])]
    constants = [numpy_helper.from_array(value.astype(np.float32), key) for key, value in weights.items()]
    body = helper.make_graph(nodes, "wide", [image], [logits], constants)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.save(model, str(tmp_path / "wide.onnx"))

    (found,) = measure_emitters(tmp_path / "wide.onnx", [KINDS["tflite-fp32"]])

    assert found.first > 0
    assert found.again > 0
    assert len(str(found).partition("  tflite")[0]) <= len(HEADER)
    if Path("/proc/self/clear_refs").exists():
        # The file itself, and LiteRT's own view of it.
        assert 1 < found.memory < 10
