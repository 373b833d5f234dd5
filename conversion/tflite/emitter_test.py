import io
import tracemalloc
import warnings

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from onnx.helper import make_node
from torch import nn

from conversion.source.graph import read_graph
from conversion.source.to_onnx import export, simplify
from conversion.tflite.emitter import emit
from conversion.tflite.metadata import read_metadata
from conversion.tflite.partitions import partitions
from training.student.contract import Contract
from training.student.errors import BadInput, ConversionRefused
from training.student.network import Architecture, Student

RNG = np.random.default_rng(0)
SIZE = (64, 96)
CONTRACT = Contract(*SIZE, 4, ("coin",))


def lively(network):
    """Statistics as training leaves them, so that no channel is dead and logits are far from zero."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean, std=0.2)
            nn.init.uniform_(layer.running_var, 0.3, 1.5)
            nn.init.uniform_(layer.weight, 0.7, 1.5)
            nn.init.normal_(layer.bias, std=0.3)
    return network.eval()


@pytest.fixture(scope="module")
def student():
    torch.manual_seed(0)
    architecture = Architecture("tu-mobilenetv3_small_100", (24, 16, 8), True, (0.5, 0.4, 0.3), (0.2, 0.2, 0.2))
    return simplify(export(lively(Student(CONTRACT, architecture)), CONTRACT))


@pytest.fixture(scope="module")
def unet():
    import segmentation_models_pytorch as smp

    torch.manual_seed(0)
    network = smp.Unet("mobilenet_v2", encoder_weights=None, decoder_channels=(64, 32, 16, 16, 8))
    return simplify(export(lively(network), CONTRACT))


def operators(converted):
    from ai_edge_litert import schema_py_generated as schema

    names = {value: name for name, value in vars(schema.BuiltinOperator).items()}
    model = schema.ModelT.InitFromPackedBuf(converted, 0)
    return [names[model.operatorCodes[op.opcodeIndex].builtinCode] for op in model.subgraphs[0].operators]


def test_a_student_gives_onnx_runtime_s_logits_in_every_runtime(student, drift):
    found = drift(student, high=255.0)

    assert {name: error for name, error in found.items() if not error <= 1e-4} == {}


def test_half_precision_rounds_weights_and_nothing_else(student, drift):
    rounded = onnx.ModelProto.FromString(student.SerializeToString())
    weights = {name for node in rounded.graph.node if node.op_type == "Conv" for name in node.input[1:]}
    for tensor in rounded.graph.initializer:
        if tensor.name in weights:
            value = numpy_helper.to_array(tensor).astype(np.float16).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))

    found = drift(rounded, precision="fp16", high=255.0)

    assert {name: error for name, error in found.items() if not error <= 1e-4} == {}
    assert emit(read_graph(rounded), precision="fp16", metadata={}) == emit(
        read_graph(student), precision="fp16", metadata={}
    )


def test_half_precision_takes_half_the_space(student):
    whole, half = (len(emit(read_graph(student), precision=precision, metadata={})) for precision in ("fp32", "fp16"))

    assert half < 0.52 * whole


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_student_is_one_partition_without_transposes(student, precision):
    converted = emit(read_graph(student), precision=precision, metadata={})

    assert partitions(converted).is_whole
    assert not {"TRANSPOSE", "RESHAPE", "RELU"} & set(operators(converted))


@pytest.mark.slow
def test_a_nearest_unet_gives_onnx_runtime_s_logits_in_one_partition(unet, drift):
    assert max(drift(unet).values()) <= 1e-4
    assert partitions(emit(read_graph(unet), metadata={})).is_whole


def plainly_exported(network):
    """By PyTorch's older exporter, as many models of others are; it takes a fraction of the time."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            (torch.zeros(1, 3, 64, 64),),
            file,
            dynamo=False,
            input_names=["image"],
            output_names=["logits"],
        )
    return onnx.load_from_string(file.getvalue())


@pytest.mark.slow
@pytest.mark.parametrize(
    "encoder",
    [
        "mobileone_s0",
        "resnet18",
        "tu-convnext_atto",
        "tu-efficientnet_lite0",
        "tu-ghostnet_050",
        "tu-repvgg_a0",
    ],
)
def test_no_cnn_moves_data_for_its_layout(encoder, drift):
    import segmentation_models_pytorch as smp

    torch.manual_seed(0)
    network = lively(smp.Unet(encoder, encoder_weights=None, decoder_channels=(16, 16, 8, 8, 8)))
    exported = plainly_exported(network)
    converted = emit(read_graph(exported), metadata={})

    assert "TRANSPOSE" not in operators(converted)
    assert partitions(converted).is_whole
    assert max(drift(exported).values()) <= 1e-4


@pytest.mark.slow
def test_segformer_moves_data_only_between_the_heads_of_its_attention(drift):
    import segmentation_models_pytorch as smp

    torch.manual_seed(0)
    exported = plainly_exported(smp.Segformer("mit_b0", encoder_weights=None))
    converted = emit(read_graph(exported), metadata={})

    # Of its 8 attentions 6 have several heads: query, key, value and result each go from places to heads or back.
    assert operators(converted).count("TRANSPOSE") == 6 * 4
    assert partitions(converted).is_whole
    assert max(drift(exported).values()) <= 1e-4


def test_emitting_takes_little_more_memory_than_the_weights(unet):
    graph = read_graph(unet)
    weights = sum(value.nbytes for value in graph.constants.values())
    emit(graph, metadata={})

    tracemalloc.start()
    emit(graph, metadata={})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    # With the graph's own, four times in all.
    assert peak < 3 * weights + 2**21


def test_input_and_output_keep_their_names_and_are_channels_last(student):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=emit(read_graph(student), metadata={}))

    given, made = interpreter.get_input_details(), interpreter.get_output_details()
    assert [(tensor["name"], tensor["shape"].tolist(), tensor["dtype"]) for tensor in given + made] == [
        ("image", [1, *SIZE, 3], np.float32),
        ("logits", [1, SIZE[0] // 4, SIZE[1] // 4, 1], np.float32),
    ]
    assert interpreter.get_signature_list() == {"serving_default": {"inputs": ["image"], "outputs": ["logits"]}}


def test_the_same_graph_gives_the_same_bytes(student):
    first, second = (emit(read_graph(student), precision="fp16", metadata={"b": "1", "a": "2"}) for _ in range(2))
    reordered = emit(read_graph(student), precision="fp16", metadata={"a": "2", "b": "1"})

    assert first == second == reordered


def test_every_buffer_lies_where_vector_loads_want_it(student):
    from ai_edge_litert import schema_py_generated as schema

    converted = emit(read_graph(student), precision="fp16", metadata={"odd": "x" * 13})
    whole = np.frombuffer(converted, np.uint8)
    model = schema.Model.GetRootAs(converted, 0)

    buffers = [model.Buffers(i) for i in range(model.BuffersLength())]
    starts = [
        buffer.DataAsNumpy().__array_interface__["data"][0] - whole.__array_interface__["data"][0]
        for buffer in buffers
        if buffer.DataLength()
    ]
    assert len(starts) > 100
    assert {start % 16 for start in starts} == {0}
    assert schema.Model.ModelBufferHasIdentifier(converted, 0)


def test_metadata_comes_back(model, tmp_path):
    texts = {"contract": '{"colour": "rgb"}', "empty": "", "licence": "© Pocketmask"}
    converted = emit(read_graph(model([make_node("Relu", ["image"], ["logits"])])), metadata=texts)
    (tmp_path / "small.tflite").write_bytes(converted)

    assert read_metadata(converted) == texts
    assert read_metadata(tmp_path / "small.tflite") == texts


def test_equal_constants_are_stored_once(model):
    shared = RNG.normal(size=(4, 4, 32, 32))
    nodes = [
        make_node("Conv", ["image", "one"], ["a"], auto_pad="SAME_UPPER"),
        make_node("Conv", ["a", "other"], ["logits"], auto_pad="SAME_UPPER"),
    ]

    converted = emit(read_graph(model(nodes, one=shared, other=shared.copy())), metadata={})

    assert len(converted) < 1.5 * shared.size * 4


def test_no_operator_asks_for_a_later_version_than_it_needs(student, unet):
    from ai_edge_litert import schema_py_generated as schema

    versions = {}
    names = {value: name for name, value in vars(schema.BuiltinOperator).items()}
    for network in (student, unet):
        model = schema.ModelT.InitFromPackedBuf(emit(read_graph(network), precision="fp16", metadata={}), 0)
        versions |= {names[code.builtinCode]: code.version for code in model.operatorCodes}

    assert {name: version for name, version in versions.items() if version > 1} == {
        "DEQUANTIZE": 3,
        "RESIZE_BILINEAR": 3,
    }


def test_a_weight_beyond_half_precision_is_refused(model):
    small = model([make_node("Conv", ["image", "w"], ["logits"])], w=np.full((1, 4, 1, 1), 1e5))

    with pytest.raises(ConversionRefused, match=r"'w' in float16.*100000.*use precision fp32"):
        emit(read_graph(small), precision="fp16", metadata={})


def test_an_unknown_precision_lists_the_known_ones(model):
    with pytest.raises(BadInput, match="unknown precision 'int4'; expected one of fp32, fp16"):
        emit(read_graph(model([make_node("Relu", ["image"], ["logits"])])), precision="int4", metadata={})
