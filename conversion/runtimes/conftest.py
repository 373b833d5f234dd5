"""Small model files, and how to spoil one."""

from pathlib import Path

import onnx
import pytest

from conversion.source.graph import read_graph
from conversion.tflite.emitter import emit

NETWORK = """<ir_version: 8, opset_import: ["": 18]>
net (float[1,3,16,24] image) => (float[1,1,8,12] logits)
<float[4,3,3,3] w = {%s}, float[4,1,3,3] d = {%s}, float[1,8,1,1] p = {%s},
 float half = {0.5}, float low = {0.0}, float high = {6.0}> {
  a = Conv <pads=[1,1,1,1], strides=[2,2]> (image, w)
  b = Clip (a, low, high)
  c = Conv <pads=[1,1,1,1], group=4> (b, d)
  s = Sub (c, half)
  t = Add (s, b)
  u = Concat <axis=1> (t, c)
  logits = Conv (u, p)
}"""


def network() -> onnx.ModelProto:
    """A network with the operators that students have."""
    numbers = (", ".join(f"{((7 * place) % 11 - 5) / 20:g}" for place in range(count)) for count in (108, 36, 8))
    return onnx.parser.parse_model(NETWORK % tuple(numbers))


@pytest.fixture(scope="session")
def small_model() -> bytes:
    """As a float16 TFLite file, whose weights are widened by DEQUANTIZE."""
    return emit(read_graph(network()), precision="fp16", metadata={})


@pytest.fixture(scope="session")
def small_tflite(small_model: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same on disk."""
    path = tmp_path_factory.mktemp("model") / "small.tflite"
    path.write_bytes(small_model)
    return path
