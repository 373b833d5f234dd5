"""A network that needs no training to see something, and a picture of what it sees."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from conversion.artefact.metadata import CONTRACT_KEY
from training.student.arrays import Pixels
from training.student.contract import Contract


@pytest.fixture(scope="session")
def bright() -> Callable[[Path, Contract], Path]:
    """Writes a network that gives the mean of its red, in blocks of 4 × 4: bright is where that is above the threshold.

    Of several classes, the first is red, the second green.
    """

    def write(path: Path, contract: Contract) -> Path:
        weights = np.zeros((len(contract.classes), 3, 4, 4), np.float32)
        for channel in range(len(contract.classes)):
            weights[channel, channel] = 1 / 16
        image, logits = (helper.make_tensor_value_info(name, 1, None) for name in ("image", "logits"))
        for value, shape in ((image, (1, 3, contract.height, contract.width)), (logits, (1, *contract.logits_shape))):
            value.CopyFrom(helper.make_tensor_value_info(value.name, 1, shape))
        node = helper.make_node("Conv", ["image", "weights"], ["logits"], strides=[4, 4], kernel_shape=[4, 4])
        body = helper.make_graph([node], "bright", [image], [logits], [numpy_helper.from_array(weights, "weights")])
        model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
        helper.set_model_props(model, {CONTRACT_KEY: contract.to_json()})
        onnx.save(model, str(path))
        return path

    return write


@pytest.fixture(scope="session")
def scene() -> Callable[..., Pixels]:
    """Draws a dark picture with a bright, reddish block, which moves to the right with `step`."""

    def draw(rows: int = 72, columns: int = 96, step: int = 0) -> Pixels:
        picture = np.zeros((rows, columns, 3), np.uint8)
        picture[..., 1] = np.linspace(20, 90, columns).astype(np.uint8)
        left = columns // 8 + 4 * step
        picture[rows // 4 : rows // 2, left : left + columns // 3] = 220, 160, 120
        return picture

    return draw
