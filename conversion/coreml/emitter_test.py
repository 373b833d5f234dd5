import cv2
import numpy as np
import onnx
import pytest
import torch

from conversion.coreml import executor, package
from conversion.coreml.conftest import Network
from conversion.coreml.emitter import emit
from conversion.source import to_onnx
from conversion.source.graph import read_graph
from training.student.contract import Contract
from training.student.errors import BadInput, ConversionRefused
from training.student.network import Architecture, Student

RNG = np.random.default_rng(1)


def weights(*shape):
    return RNG.normal(size=shape).astype(np.float32) / 255


CONSTANTS = {
    "dense": weights(4, 3, 3, 3),
    "even": weights(4, 3, 4, 2),
    "four": weights(4, 4, 1, 1),
    "depthwise": weights(6, 1, 3, 3),
    "bias": weights(4) * 100,
    "six": np.float32(6),
    "zero": np.float32(0),
    "low": np.float32(20),
    "high": np.float32(200.5),
    "row": weights(10) + 1,
    "channels": weights(3) + 1,
    "var": abs(weights(3)) * 1e-3,
    "none": np.zeros(0, np.float32),
    "twice": np.float32([1, 1, 2, 2]),
    "thrice": np.float32([1, 1, 3, 2]),
    "odd": np.float32([1, 1, 1.5, 1.5]),
    "half": np.float32([1, 1, 0.5, 0.5]),
    "uneven": np.int64([1, 3, 17, 23]),
    "same": np.int64([1, 3, 12, 10]),
    "axes": np.int64([2, 3]),
    "channel": np.int64([1]),
    "pads": np.int64([0, 1, 2, 0, 0, 0, 1, 3]),
    "image_pads": np.int64([2, 0, 1, 3]),
    "fill": np.float32(7.5),
}

SUPPORTED = {
    "conv": "Conv<pads=[1,1,1,1]>(image, dense, bias)",
    "conv without bias": "Conv<strides=[2,1]>(image, dense)",
    "conv padded unevenly": "Conv<pads=[0,1,1,2], strides=[2,2]>(image, dense)",
    "conv dilated": "Conv<dilations=[2,3], pads=[2,3,2,3]>(image, dense)",
    "conv grouped": "Conv<group=3, pads=[1,1,1,1]>(image, depthwise)",
    "conv same upper": "Conv<auto_pad='SAME_UPPER', strides=[2,3]>(image, even)",
    "conv same lower": "Conv<auto_pad='SAME_LOWER', strides=[2,3]>(image, even)",
    "conv valid": "Conv<auto_pad='VALID'>(image, even)",
    "identity": "Identity(image)",
    "relu": "Relu(centred)",
    "relu6": "Clip(centred, zero, six)",
    "clip": "Clip(image, low, high)",
    "clip below": "Clip(image, low)",
    "clip above": "Clip(image, , high)",
    "clip nowhere": "Clip(image)",
    "hard swish": "HardSwish(small)",
    "hard sigmoid": "HardSigmoid<alpha=0.3>(small)",
    "sigmoid": "Sigmoid(small)",
    "softmax": "Softmax<axis=1>(small)",
    "constant first": "Sub(high, image)",
    "broadcast row": "Mul(image, row)",
    "division": "Div(image, row)",
    "two tensors": "Add(image, small)",
    "concat": "Concat<axis=-2>(image, small)",
    "max pool": "MaxPool<kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]>(centred)",
    "max pool uneven": "MaxPool<kernel_shape=[3,2], strides=[2,2], pads=[0,1,2,0]>(centred)",
    "max pool ceil": "MaxPool<kernel_shape=[3,3], strides=[2,2], ceil_mode=1>(centred)",
    "max pool same": "MaxPool<kernel_shape=[2,3], strides=[2,2], auto_pad='SAME_UPPER'>(centred)",
    "average pool": "AveragePool<kernel_shape=[2,2], strides=[2,2]>(image)",
    "average pool padded": "AveragePool<kernel_shape=[3,3], pads=[1,0,1,2]>(image)",
    "average pool counting": "AveragePool<kernel_shape=[3,3], pads=[1,0,1,2], count_include_pad=1>(image)",
    "average pool ceil": "AveragePool<kernel_shape=[3,3], strides=[2,2], ceil_mode=1, pads=[1,0,1,0]>(image)",
    "global average": "GlobalAveragePool(image)",
    "mean": "ReduceMean<keepdims=1>(image, axes)",
    "mean of everything": "ReduceMean(image)",
    "batch normalisation": "BatchNormalization(image, channels, channels, channels, var)",
    "pad": "Pad(image, pads, fill)",
    "pad some axes": "Pad(image, image_pads, , axes)",
    "pad reflected": "Pad<mode='reflect'>(image, image_pads, , axes)",
    "pad edge": "Pad<mode='edge'>(image, image_pads, , axes)",
    "half pixel": "Resize<mode='linear'>(image, , twice)",
    "half pixel to a size": "Resize<mode='linear'>(image, , , uneven)",
    "half pixel shrinking": "Resize<mode='linear'>(image, , half)",
    "half pixel of torch": "Resize<mode='linear', coordinate_transformation_mode='pytorch_half_pixel'>(image, , odd)",
    "half pixel even": "Resize<mode='linear', coordinate_transformation_mode='half_pixel_symmetric'>(image, , odd)",
    "asymmetric": "Resize<mode='linear', coordinate_transformation_mode='asymmetric'>(image, , odd)",
    "align corners": "Resize<mode='linear', coordinate_transformation_mode='align_corners'>(image, , , uneven)",
    "nearest by default": "Resize(image, , thrice)",
    "nearest": "Resize<coordinate_transformation_mode='asymmetric', nearest_mode='floor'>(image, , thrice)",
    "no resize": "Resize<mode='linear'>(image, , , same)",
}
PREPARED = {"centred": "centred = Sub(image, high)", "small": "centred = Sub(image, high) small = Div(centred, low)"}


@pytest.mark.parametrize("node", SUPPORTED.values(), ids=SUPPORTED)
def test_an_operator_means_what_onnx_runtime_computes(node, network, image, tmp_path):
    prepared = next((nodes for name, nodes in PREPARED.items() if name in node), "")
    built = network(f"{prepared} logits = {node}", CONSTANTS)
    reference = built.reference(image)

    logits = executor.load(built.emit(tmp_path / "p.mlpackage")).run(image, rounding="fp32")["logits"]

    assert logits.shape == reference.shape
    # Apart from single samples ONNX Runtime and torch differ in the order of sums and in float32 positions.
    np.testing.assert_allclose(logits, reference, rtol=1e-5, atol=1e-5 * np.abs(reference).max())


REFUSED = {
    "unknown operator": ("logits = Hardmax(image)", "no Core ML form of Hardmax.*known are Abs"),
    "crop": (
        "logits = Resize<mode='linear', coordinate_transformation_mode='tf_crop_and_resize'>(image, low_roi, twice)",
        "coordinate_transformation_mode tf_crop_and_resize; use one of half_pixel",
    ),
    "channels resized": (
        "logits = Resize<mode='linear'>(image, , channels_too)",
        r"\(1, 3, 12, 10\) to \(1, 6, 12, 10\)",
    ),
    "pool dilated": (
        "logits = MaxPool<kernel_shape=[2,2], dilations=[2,2]>(image)",
        r"dilations \[2, 2\]; use dilation 1",
    ),
    "weights computed": ("logits = Conv(image, image)", "input 1 'image' that is computed; make it a constant"),
    "pad wrapped": ("logits = Pad<mode='wrap'>(image, image_pads, , axes)", "mode wrap; use constant, reflect, edge"),
    "pad cropping": (
        "logits = Pad(image, crop, , axes)",
        r"negative pads \[0, 0, -1, 0.*use|negative pads.*crop with Slice",
    ),
    "channels mirrored": ("logits = Pad<mode='reflect'>(image, one_one, , channel)", "reflect pads.*last two axes"),
    "training": (
        "logits, _mean, _variance = BatchNormalization<training_mode=1>(image, channels, channels, channels, var)",
        "training_mode 1; export the model in evaluation mode",
    ),
}


@pytest.mark.parametrize(("nodes", "message"), REFUSED.values(), ids=REFUSED)
def test_what_core_ml_cannot_express_is_refused_by_name(nodes, message, network, tmp_path):
    extra = {
        "low_roi": np.float32([0, 0, 0, 0, 1, 1, 1, 1]),
        "fraction": np.float32([1, 1, 1.35, 1.35]),
        "channels_too": np.float32([1, 2, 1, 1]),
        "crop": np.int64([0, -1, 0, 0]),
        "one_one": np.int64([1, 1]),
    }
    built = network(nodes, {**CONSTANTS, **extra})

    with pytest.raises(ConversionRefused, match=message):
        built.emit(tmp_path / "p.mlpackage")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ("float[1, 4, 8, 8] x", r"'x': \(1, 4, 8, 8\)\}, float32; expected one RGB image"),
        ("int32[1, 3, 8, 8] x", r"'x': \(1, 3, 8, 8\)\}, int32; .*H, W\), float32"),
        ("float[1, 3, 8, 8] x, float[1, 3, 8, 8] z", "expected one RGB image"),
    ],
    ids=["four channels", "whole numbers", "two images"],
)
def test_an_input_that_is_no_rgb_image_is_refused(declared, message, tmp_path):
    kind, axes = declared.split("[")[0], declared.split("[")[1].split("]")[0]
    model = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : 18]> g ({declared}) => ({kind}[{axes}] y) {{ y = Mul(x, x) }}'
    )

    with pytest.raises(ConversionRefused, match=message):
        Network(model).emit(tmp_path / "p.mlpackage")


def test_names_that_core_ml_does_not_allow_are_mended(network, image, tmp_path):
    built = network("logits = Relu(image)")
    built.model.graph.node[0].output[0] = built.model.graph.output[0].name = "9/logits:0"

    outputs = executor.load(built.emit(tmp_path / "p.mlpackage")).run(image, rounding="fp32")

    assert list(outputs) == ["_9_logits_0"]


def test_the_same_graph_gives_the_same_bytes(network, tmp_path):
    built = network("c = Conv(image, dense)  logits = HardSwish(c)", CONSTANTS)

    one, other = (
        built.emit(tmp_path / name / "p.mlpackage", "fp16", {"b": "1", "a": "2", "c": "3"}) for name in ("one", "other")
    )

    files = [path.relative_to(one) for path in sorted(one.rglob("*")) if path.is_file()]
    assert len(files) == 3
    assert all((one / file).read_bytes() == (other / file).read_bytes() for file in files)


def test_the_package_says_what_it_takes_and_gives(network, tmp_path):
    path = network("logits = Conv(image, dense)", CONSTANTS).emit(tmp_path / "p.mlpackage", "fp16", {"contract": "{}"})

    specification = package.read_specification(path)

    (entry,), (result,) = specification.description.input, specification.description.output
    assert (entry.name, entry.type.imageType.height, entry.type.imageType.width) == ("image", 12, 10)
    assert entry.type.imageType.colorSpace == entry.type.imageType.RGB
    assert (result.name, list(result.type.multiArrayType.shape)) == ("logits", [1, 4, 10, 8])
    assert result.type.multiArrayType.dataType == result.type.multiArrayType.FLOAT32
    assert specification.specificationVersion == 6, "iOS 15, the first with ML programs"
    assert entry.shortDescription
    assert executor.read_metadata(path)["contract"] == "{}"
    assert "conversion_date" not in str(executor.read_metadata(path))


def test_another_precision_or_suffix_is_refused(network, tmp_path):
    built = network("logits = Relu(image)")

    with pytest.raises(BadInput, match=r"must end in \.mlpackage"):
        built.emit(tmp_path / "p.mlmodel")
    with pytest.raises(BadInput, match=r"unknown precision 'int8'.*fp32 or fp16"):
        built.emit(tmp_path / "p.mlpackage", "int8")


BORDERS = {
    "a scalar": ("ReduceSum<keepdims=0>(x)", r"'case_0' is float32 of shape \(\).*1 to 5 axes"),
    "six axes": ("Reshape(x, six)", r"'case_0' is float32 of shape \(1, 1, 1, 1, 2, 3\)"),
    "another width": ("Cast<to=11>(x)", "'case_0' is float64.*hold float32, int32, int64, bool"),
}


@pytest.mark.parametrize(("expression", "message"), BORDERS.values(), ids=BORDERS)
def test_an_output_that_core_ml_does_not_have_is_refused(expression, message, together, tmp_path):
    model = together([expression], {"x": np.ones((2, 3), np.float32)}, {"six": np.int64([1, 1, 1, 1, 2, 3])})

    with pytest.raises(ConversionRefused, match=message):
        emit(read_graph(model), tmp_path / "p.mlpackage", precision="fp32", metadata={}, image=False)


INSIDE = {
    "another width": ("Cast<to=1>(wide)", "wide = Cast<to=11>(x)", "export the model in float32"),
    "whole numbers divided": ("Div(n, two)", "", "division of int64; cast to float and use Floor"),
    "the last of equals": ("ArgMax<select_last_index=1>(x)", "", "select_last_index 1; use 0"),
    "too many axes in use": ("Reshape(more, flat)", "six = Reshape(x, six_axes) more = Neg(six)", "at most 5 axes"),
    "six axes that all move":
        ("Reshape(more, flat)", "six = Reshape(y, twos) more = Transpose(six)", r"perm \[5, 4, 3, 2, 1, 0\] of"),
}  # fmt: skip


@pytest.mark.parametrize(("expression", "prelude", "message"), INSIDE.values(), ids=INSIDE)
def test_a_tensor_that_core_ml_does_not_have_is_refused(expression, prelude, message, together, tmp_path):
    inputs = {"x": np.ones((2, 3), np.float32), "y": np.ones(64, np.float32), "n": np.ones(3, np.int64)}
    constants = {
        "two": np.int64(2),
        "six_axes": np.int64([1, 1, 1, 1, 2, 3]),
        "twos": np.int64([2] * 6),
        "flat": np.int64([-1]),
    }
    model = together([expression], inputs, constants, prelude.replace(") ", ")\n"))

    with pytest.raises(ConversionRefused, match=message):
        emit(read_graph(model), tmp_path / "p.mlpackage", precision="fp32", metadata={}, image=False)


def test_a_tensor_may_be_called_like_a_constant_of_an_operator(network, image, tmp_path):
    built = network("logits_y = Relu(image)  logits = Mul(logits_y, six)", CONSTANTS)

    logits = executor.load(built.emit(tmp_path / "p.mlpackage")).run(image, rounding="fp32")["logits"]

    np.testing.assert_array_equal(logits, built.reference(image))


def test_each_operator_reads_and_writes_its_own_precision(network, tmp_path):
    """Casts stand at the borders alone: of the image, and of the logits."""
    path = network("c = Conv(image, dense)  r = Relu(c)  logits = Conv(r, four)", CONSTANTS).emit(
        tmp_path / "p.mlpackage", "fp16"
    )

    steps = executor.load(path).steps

    assert [step.operator for step in steps] == ["cast", "conv", "relu", "conv", "cast"]


def blobs(seed):
    """Colours that vary as slowly as a photo's; white noise averages to the same grey everywhere."""
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 8, 3), np.uint8)
    return cv2.resize(coarse, (64, 96), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="module", params=["tu-mobilenetv3_small_100", "resnet18"])
def student(request):
    """An untrained student whose statistics are those of its own activations, so that its logits are not all alike."""
    torch.manual_seed(0)
    contract = Contract(96, 64, 4, ("coin", "hand"))
    architecture = Architecture(
        encoder=request.param,
        decoder=(32, 24, 16),
        separable=True,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    )
    built = Student(contract, architecture)
    for module in built.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.2)
    with torch.no_grad():
        built.train()(torch.from_numpy(np.stack([blobs(seed) for seed in range(4)])).permute(0, 3, 1, 2).float())
    return Network(to_onnx.simplify(to_onnx.export(built, contract)))


@pytest.fixture
def photo():
    return blobs(9)


@pytest.mark.slow
def test_a_students_fp32_package_is_the_student(student, photo, tmp_path):
    reference = student.reference(photo)

    program = executor.load(student.emit(tmp_path / "p.mlpackage"))
    logits = program.run(photo, rounding="fp32")["logits"]

    assert np.ptp(reference) > 1
    assert np.abs(logits - reference).max() <= 1e-4 * np.ptp(reference)


@pytest.mark.slow
def test_a_students_fp16_package_stays_within_50_db(student, photo, tmp_path):
    reference = student.reference(photo)

    program = executor.load(student.emit(tmp_path / "p.mlpackage", "fp16"))
    logits = program.run(photo, rounding="fp16")["logits"]

    psnr = 10 * np.log10(np.ptp(reference) ** 2 / np.mean((logits - reference).astype(np.float64) ** 2))
    assert psnr >= 50
    assert np.array_equal(logits, logits.astype(np.float16))
    assert [step.operator for step in program.steps].count("cast") == 2, "of the image and of the logits, no others"
