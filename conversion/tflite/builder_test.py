import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx.helper import make_node

from conversion.source.graph import read_graph
from conversion.tflite.emitter import emit
from conversion.tflite.interpreter import open_interpreter

RNG = np.random.default_rng(0)
SIZES = (4, 6, 5)


def operators(model):
    interpreter = open_interpreter(emit(read_graph(model), metadata={}), reference_kernels=True)
    return [node["op_name"] for node in interpreter._get_ops_details()]


class Chain:
    """A model of one operator after another, drawn at random; every tensor has rank 4."""

    def __init__(self, draw):
        self.draw, self.nodes, self.constants = draw, [], {}
        self.shape, self.tensor, self.earlier = (1, *SIZES), "image", []

    def add(self, operator, shape, *inputs, **attributes):
        name = f"t{len(self.nodes)}"
        self.earlier.append((self.tensor, self.shape))
        self.nodes.append(make_node(operator, [self.tensor, *inputs], [name], **attributes))
        self.tensor, self.shape = name, shape

    def constant(self, value):
        name = f"c{len(self.constants)}"
        self.constants[name] = value
        return name

    def axis(self):
        return self.draw(st.integers(0, 3))


def transpose(chain):
    order = chain.draw(st.permutations(range(4)))
    chain.add("Transpose", tuple(chain.shape[axis] for axis in order), perm=order)


def reshape(chain):
    sizes = chain.draw(st.permutations(chain.shape))
    chain.add("Reshape", tuple(sizes), chain.constant(list(sizes)))


def activate(chain):
    chain.add("Sigmoid", chain.shape)


def convolve(chain):
    channels = chain.shape[1]
    kernel = chain.constant(RNG.normal(size=(channels, channels, 1, 1)) / channels)
    chain.add("Conv", chain.shape, kernel)


def normalise(chain):
    chain.add("Softmax", chain.shape, axis=chain.axis())


def reduce(chain):
    axis = chain.axis()
    shape = tuple(1 if i == axis else size for i, size in enumerate(chain.shape))
    chain.add("ReduceMax", shape, chain.constant([axis]))


def shift(chain):
    shape = tuple(chain.draw(st.sampled_from((1, size))) for size in chain.shape)
    chain.add("Add", chain.shape, chain.constant(RNG.normal(size=shape)))


def join(chain):
    axis = chain.axis()
    fitting = [
        name
        for name, shape in [*chain.earlier, (chain.tensor, chain.shape)]
        if all(i == axis or size == chain.shape[i] for i, size in enumerate(shape))
    ]
    other = chain.draw(st.sampled_from(fitting))
    sizes = dict([*chain.earlier, (chain.tensor, chain.shape)])
    shape = tuple(size + sizes[other][axis] * (i == axis) for i, size in enumerate(chain.shape))
    chain.add("Concat", shape, other, axis=axis)


def multiply(chain):
    kernel = chain.constant(RNG.normal(size=(chain.shape[-1], 3)) / chain.shape[-1])
    chain.add("MatMul", (*chain.shape[:-1], 3), kernel)


def attend(chain):
    other = f"t{len(chain.nodes)}"
    chain.nodes.append(make_node("Transpose", [chain.tensor], [other], perm=[0, 1, 3, 2]))
    chain.add("MatMul", (*chain.shape[:-1], chain.shape[-2]), other)


STEPS = (transpose, reshape, activate, convolve, normalise, reduce, shift, join, multiply, attend)


@st.composite
def chains(draw):
    chain = Chain(draw)
    for step in draw(st.lists(st.sampled_from(STEPS), min_size=2, max_size=7)):
        step(chain)
    chain.nodes[-1].output[0] = "logits"
    return chain


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(chain=chains())
def test_whatever_the_orders_of_axes_the_numbers_are_onnx_runtime_s(model, drift, chain):
    small = model(chain.nodes, (1, *SIZES), **chain.constants)

    # Softmaxes leave results close together, which rounding errs by; a value at a wrong place errs by their range.
    assert max(drift(small, high=1.0).values()) < 1e-3


SWAP = {"perm": [0, 2, 3, 1]}
BACK = {"perm": [0, 3, 1, 2]}
POINTWISE = RNG.normal(size=(4, 4, 1, 1))


def test_transposes_around_what_needs_no_order_cancel(model):
    nodes = [
        make_node("Conv", ["image", "w"], ["a"]),
        make_node("Transpose", ["a"], ["b"], **SWAP),
        make_node("MatMul", ["b", "m"], ["c"]),
        make_node("Softmax", ["c"], ["d"], axis=-1),
        make_node("Transpose", ["d"], ["e"], **BACK),
        make_node("Conv", ["e", "w"], ["logits"]),
    ]

    assert operators(model(nodes, w=POINTWISE, m=RNG.normal(size=(4, 4)))) == [
        "CONV_2D",
        "FULLY_CONNECTED",
        "SOFTMAX",
        "CONV_2D",
    ]


def test_two_readers_of_one_order_share_the_move(model):
    nodes = [
        make_node("Softmax", ["image"], ["a"], axis=2),
        make_node("Softmax", ["image"], ["b"], axis=2),
        make_node("Add", ["a", "b"], ["logits"]),
    ]

    assert operators(model(nodes)) == ["TRANSPOSE", "SOFTMAX", "SOFTMAX", "ADD", "TRANSPOSE"]


def test_the_smaller_operand_is_the_one_that_moves(model):
    nodes = [
        make_node("ReduceMax", ["image", "axes"], ["a"]),
        make_node("Transpose", ["a"], ["b"], perm=[0, 1, 3, 2]),
        make_node("Mul", ["b", "image"], ["logits"]),
    ]

    assert operators(model(nodes, (1, 4, 6, 6), axes=[1])) == ["REDUCE_MAX", "TRANSPOSE", "MUL"]


def test_an_output_that_is_an_input_is_a_tensor_of_its_own(model, drift):
    assert operators(model([make_node("Identity", ["image"], ["logits"])])) == ["RESHAPE"]
    assert max(drift(model([make_node("Identity", ["image"], ["logits"])])).values()) == 0
