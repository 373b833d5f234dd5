import numpy as np
import pytest
from onnx import helper, numpy_helper

from conversion.latency import peak_megabytes
from conversion.source.graph import read_graph
from conversion.tflite.emitter import emit


def network(side, channels):
    """A convolution of 3 × 3."""
    weight = numpy_helper.from_array(np.full((channels, 3, 3, 3), 0.1, np.float32), "weight")
    image, logits = (
        helper.make_tensor_value_info(name, 1, (1, n, side, side)) for name, n in (("image", 3), ("logits", channels))
    )
    node = helper.make_node("Conv", ["image", "weight"], ["logits"], pads=[1, 1, 1, 1])
    graph = helper.make_graph([node], "net", [image], [logits], [weight])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


@pytest.fixture
def saved(tmp_path):
    def write(side, suffix, channels):
        path = tmp_path / f"{side}{suffix}"
        model = network(side, channels)
        path.write_bytes(model.SerializeToString() if suffix == ".onnx" else emit(read_graph(model), metadata={}))
        return path

    return write


@pytest.mark.parametrize("suffix", [".tflite", ".onnx"])
def test_the_peak_holds_what_the_network_makes(saved, suffix):
    # 64 channels of 512 × 512 are 67 MB.
    small, large = (peak_megabytes(saved(side, suffix, channels=64)) for side in (16, 512))

    assert small is not None
    assert small < 20 < 60 < large < 1000
