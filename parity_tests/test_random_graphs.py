"""Random small graphs compute in each target what ONNX Runtime computes."""

import os
from functools import partial

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st

from conversion.conformance.targets import GRAPH_RUNNERS, run_tflite
from conversion.source.as_onnx import as_onnx
from conversion.source.graph import read_graph
from parity_tests.sketch import Sketch
from parity_tests.steps import STEPS

EXAMPLES = int(os.environ.get("RANDOM_GRAPHS", "30"))
"""For each runtime, the same every time; `RANDOM_GRAPHS=1000` searches that many new ones."""


def onnx_runtime(model, inputs):
    names = [value.name for value in model.graph.output]
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return dict(zip(names, session.run(names, inputs), strict=True))


RUNTIMES = {
    "typed graph": lambda read, inputs: onnx_runtime(as_onnx(read), inputs),
    **GRAPH_RUNNERS,
    "XNNPACK": partial(run_tflite, reference_kernels=False),
}


@st.composite
def models(draw) -> onnx.ModelProto:
    """Of up to ten operators."""
    sketch = Sketch(draw)
    for accepts, step in draw(st.lists(st.sampled_from(STEPS), min_size=6, max_size=12)):
        if tensors := sketch.tensors(accepts):
            step(sketch, sketch.one_of(tensors))
    return sketch.model()


@pytest.mark.parametrize("runtime", RUNTIMES)
@settings(
    max_examples=EXAMPLES,
    derandomize="RANDOM_GRAPHS" not in os.environ,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
)
@given(model=models().filter(lambda model: model.graph.node))
def test_a_random_graph_computes_the_same(runtime, model):
    note(onnx.printer.to_text(model))
    shape = [size.dim_value for size in model.graph.input[0].type.tensor_type.shape.dim]
    inputs = {"x": np.random.default_rng(1).normal(size=shape).astype(np.float32)}
    expected = onnx_runtime(model, inputs)

    found = RUNTIMES[runtime](read_graph(model), inputs)

    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].shape == value.shape, name
        drift = np.abs(found[name].astype(np.float64) - value).max()
        assert drift <= 1e-4 * max(np.abs(value).max(), 1e-2), f"{name} is off by {drift:.3g}"
