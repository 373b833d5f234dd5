import numpy as np
import onnx
import pytest

RNG = np.random.default_rng(0)


def numbers(*shape):
    return RNG.uniform(0.5, 2, shape).astype(np.float32)


CONSTANTS = {
    "w": numbers(4, 4, 3, 3),
    "d": numbers(8, 1, 3, 3),
    "t": numbers(4, 3, 2, 2),
    "s": numbers(4),
    "s6": numbers(6),
    "s8": numbers(8),
    "column": numbers(1, 4, 1, 1),
    "scalar": np.float32(1.5),
    "row": numbers(1, 1, 1, 6),
    "small": numbers(4) * 1e-6,
}
NORMALISED = "BatchNormalization <epsilon = 1e-3>"


@pytest.mark.parametrize(
    "nodes",
    [
        f"c = Conv (x, w) y = {NORMALISED} (c, s, s, s, s)",
        f"c = Conv (x, w, s) y = {NORMALISED} (c, s, s, s, small)",
        f"c = Conv <group = 4> (x, d) y = {NORMALISED} (c, s8, s8, s8, s8)",
        f"c = ConvTranspose <group = 2> (x, t) y = {NORMALISED} (c, s6, s6, s6, s6)",
        "c = Conv (x, w) m = Mul (column, c) y = Add (m, scalar)",
        "c = Conv (x, w, s) y = Mul (c, scalar)",
        f"c = Conv (x, w) i = Identity (c) n = {NORMALISED} (i, s, s, s, s) y = Identity (n)",
    ],
)
def test_a_number_per_channel_becomes_part_of_the_convolution(model, read_alike, nodes):
    graph = read_alike(model(nodes, constants=CONSTANTS))

    (convolution,) = graph.nodes
    assert convolution.operator.startswith("Conv")
    assert [graph.shapes[name] for name in convolution.inputs[2:]] == [graph.shapes["y"][1:2]]


@pytest.mark.parametrize(
    "nodes",
    [
        "c = Conv (x, w) m = Mul (c, column) y = Sub (m, c)",
        "c = Conv (x, w) y = Mul (c, row)",
        "c = Conv (x, w) y = Mul (c, c)",
        "v = Relu (w) z = Mul (v, scalar) c = Conv (x, z) r = Relu (c) y = Mul (r, column)",
    ],
)
def test_what_is_no_number_per_channel_or_read_elsewhere_stays(model, read_alike, nodes):
    graph = read_alike(model(nodes, constants=CONSTANTS))

    assert "Mul" in [node.operator for node in graph.nodes]


def test_what_an_output_names_is_kept(model, read_alike):
    written = model("c = Conv (x, w) y = Mul (c, column)", constants=CONSTANTS)
    written.graph.output.append(onnx.helper.make_tensor_value_info("c", onnx.TensorProto.FLOAT, None))

    graph = read_alike(written)

    assert [node.operator for node in graph.nodes] == ["Conv", "Mul"]
    assert graph.outputs == ("y", "c")


def test_weights_are_scaled_in_double_precision(model, read_alike):
    graph = read_alike(
        model(
            f"c = Conv (x, w) y = {NORMALISED} (c, s, s, s, v)",
            constants={**CONSTANTS, "v": np.float32([1e-8, 1e8, 1, 1e-4])},
        )
    )

    scale = CONSTANTS["s"].astype(np.float64) / np.sqrt(np.float64(np.float32([1e-8, 1e8, 1, 1e-4])) + 1e-3)
    exact = CONSTANTS["w"] * scale.reshape(-1, 1, 1, 1)
    np.testing.assert_allclose(graph.constants[graph.nodes[0].inputs[1]], exact, rtol=1.5e-7)


@pytest.mark.parametrize(("blocksize", "weights"), [(2, "w"), (2, "s2d")])
def test_a_pixel_shuffle_becomes_an_order_of_the_convolution_before_it(model, read_alike, blocksize, weights):
    constants = {**CONSTANTS, "s2d": numbers(12, 4, 1, 1), "s12": numbers(12)}
    bias = ", s12" if weights == "s2d" else ""
    nodes = f'c = Conv (x, {weights}{bias}) y = DepthToSpace <blocksize = {blocksize}, mode = "CRD"> (c)'

    graph = read_alike(model(nodes, constants=constants))

    assert [node.operator for node in graph.nodes] == ["Conv", "DepthToSpace"]
    assert graph.nodes[-1].attributes["mode"] == "DCR"


def test_a_pixel_shuffle_keeps_its_mode_where_others_read_the_convolution(model, read_alike):
    constants = {"s2d": numbers(12, 4, 1, 1)}
    shuffled = 'c = Conv (x, s2d) d = DepthToSpace <blocksize = 2, mode = "CRD"> (c)'
    nodes = f"{shuffled} r = Relu (c) e = DepthToSpace <blocksize = 2> (r) y = Add (d, e)"

    graph = read_alike(model(nodes, constants=constants))

    assert [node.attributes["mode"] for node in graph.nodes if node.operator == "DepthToSpace"] == ["CRD", "DCR"]
