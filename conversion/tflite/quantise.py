"""Smaller and faster TFLite files made from a float32 one by ai-edge-quantizer."""

import contextlib
import io
import re
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conversion.tflite import mediapipe
from conversion.tflite.interpreter import native_stderr_closed, open_interpreter
from conversion.tflite.packing import expose_tensors, pack

Ranges = Mapping[str, Any]
"""The range of each tensor of a file, by name, in ai-edge-quantizer's form."""

DARKEST, BRIGHTEST = 0, 255
"""The smallest and largest pixel value. Fixed, not measured, so that 8 bits hold a raw pixel unchanged."""


def _w8(recipe: Any, q: Any) -> None:
    """Dense kernels are stored and computed in int8; depthwise ones stay float16.

    Depthwise kernels hold few weights, lose accuracy in int8, and run slowly in mixed types.
    """
    recipe.add_dynamic_config(".*", q.TFLOperationName.ALL_SUPPORTED, num_bits=8)
    recipe.add_weight_only_config(
        ".*", q.TFLOperationName.DEPTHWISE_CONV_2D, num_bits=16, algorithm_key=_FLOAT16
    )  # fmt: skip


def _int8(recipe: Any, q: Any) -> None:
    """Everything in int8, except the input (uint8, as cameras give it) and the logits (float32)."""
    recipe.add_static_config(".*", q.TFLOperationName.ALL_SUPPORTED, activation_num_bits=8, weight_num_bits=8)
    unsigned = q.TensorQuantizationConfig(num_bits=8, symmetric=False, dtype=q.TensorDataType.UINT)
    weights = q.TensorQuantizationConfig(num_bits=8, symmetric=True, granularity=q.QuantGranularity.CHANNELWISE)
    entry = q.OpQuantizationConfig(unsigned, weights, compute_precision=q.ComputePrecision.INTEGER)
    recipe.add_quantization_config(".*", q.TFLOperationName.INPUT, entry)
    recipe.add_quantization_config(".*", q.TFLOperationName.OUTPUT, algorithm_key=_FLOAT32)


def _int16(recipe: Any, q: Any) -> None:
    """Weights in int8, activations in int16; input and logits stay float32, since no kernel makes int16 of bytes."""
    recipe.add_static_config(".*", q.TFLOperationName.ALL_SUPPORTED, activation_num_bits=16, weight_num_bits=8)
    for end in (q.TFLOperationName.INPUT, q.TFLOperationName.OUTPUT):
        recipe.add_quantization_config(".*", end, algorithm_key=_FLOAT32)


_FLOAT16, _FLOAT32 = "float_casting", "no_quantize"
_RULES: Mapping[str, Callable[[Any, Any], None]] = MappingProxyType({"w8": _w8, "int8": _int8, "int16": _int16})
_LEVELS: Mapping[str, int] = MappingProxyType({"int8": 2**8 - 1, "int16": 2**16 - 1})
"""Quantisation steps of an activation, by precision; only precisions that need calibrated ranges."""


def needs_ranges(precision: str) -> bool:
    """Whether a precision stores activations, so that it has to know their ranges."""
    return precision in _LEVELS


def calibrate(model: bytes, inputs: Sequence[NDArray[np.uint8]]) -> Ranges:
    """Run a float file on inputs (height, width, 3) and measure the range of each of its tensors.

    Returns:
        The smallest and largest value over all inputs: their order does not matter, and no value is clipped.
        Tensors that are the normalised image get the range of all 256 pixel values, whatever the inputs show.
    """
    ends = [np.full_like(inputs[0], DARKEST), np.full_like(inputs[0], BRIGHTEST)]
    pixels, found, possible = _pixels(model), _seen(model, inputs), _seen(model, ends)
    return {name: possible[name] if name in pixels else found[name] for name in found}


def _seen(model: bytes, inputs: Sequence[NDArray[np.uint8]]) -> dict[str, Any]:
    # The quantizer's own calibrator reads LiteRT's scratch tensors as well, which matrix products leave unallocated.
    interpreter = open_interpreter(expose_tensors(model))
    (entry,) = interpreter.get_input_details()
    details = [one for one in (entry, *interpreter.get_output_details()) if one["dtype"] is np.float32]
    found: dict[str, Any] = {}
    for image in inputs:
        interpreter.set_tensor(entry["index"], image[None].astype(np.float32))
        interpreter.invoke()
        for detail in details:
            values, seen = interpreter.get_tensor(detail["index"]), found.setdefault(detail["name"], {})
            seen["min"] = np.minimum(seen.get("min", np.inf), values.min(keepdims=True))
            seen["max"] = np.maximum(seen.get("max", -np.inf), values.max(keepdims=True))
    return found


def _pixels(model: bytes) -> set[str]:
    """Tensors computed from the image only by moving values and by arithmetic with constants."""
    from ai_edge_litert import schema_py_generated as schema

    root = schema.ModelT.InitFromPackedBuf(model, 0)
    graph = root.subgraphs[0]
    codes = {getattr(schema.BuiltinOperator, name) for name in _ARITHMETIC}
    found = set(graph.inputs)
    for operator in graph.operators:
        computed = [index for index in operator.inputs if graph.tensors[index].buffer == 0]
        if root.operatorCodes[operator.opcodeIndex].builtinCode in codes and found.issuperset(computed):
            found.update(operator.outputs)
    return {graph.tensors[index].name.decode() for index in found}


_ARITHMETIC = ("ADD", "SUB", "MUL", "DIV", "PAD", "TRANSPOSE", "RESHAPE", "STRIDED_SLICE", "GATHER", "CONCATENATION")


def layers(model: bytes, precision: str) -> list[str]:
    """The operators of a float file that a precision stores in integers, by the tensor that each computes."""
    with _quiet():
        from ai_edge_quantizer.utils import tfl_flatbuffer_utils as files

        recipe, root = _recipe(precision, ()), files.read_model(model)
        graph, found = root.subgraphs[0], []
        for operator in graph.operators:
            name = files.TFL_OP_CODE_TO_NAME.get(root.operatorCodes[operator.opcodeIndex].builtinCode)
            algorithm, _ = recipe.get_quantization_configs(name, files.get_op_scope(operator, graph.tensors))
            if algorithm not in (_FLOAT16, _FLOAT32):
                found.append(graph.tensors[operator.outputs[0]].name.decode())
    return found


def quantise(model: bytes, precision: str, ranges: Ranges | None = None, kept: Collection[str] = ()) -> bytes:
    """A float file at another precision, with the same names, metadata and signature.

    Args:
        model: As the emitter writes it in fp32, depthwise kernels on the grid that their precision rounds to.
        precision: A key of the rules above.
        ranges: Of this file's tensors, where `needs_ranges`.
        kept: Layers that stay as they are, by the names that `layers` gives.
    """
    # They lie behind the flatbuffer, where nothing below looks.
    classes = mediapipe.labels(model)
    with _quiet():
        from ai_edge_quantizer import quantizer

        if needs_ranges(precision):
            assert ranges is not None
            model = _with_room_for_biases(model, ranges, _LEVELS[precision])
        run = quantizer.Quantizer(model)
        run.load_quantization_recipe(_recipe(precision, kept).get_quantization_recipe())
        found = run.quantize(
            dict(ranges) if ranges and needs_ranges(precision) else None,
            enable_progress_bar=False,
            enable_progress_report=False,
        )
    return mediapipe.with_labels(_as_we_write(bytes(found.quantized_model)), classes)


def _recipe(precision: str, kept: Collection[str]) -> Any:
    from ai_edge_quantizer import qtyping, recipe_manager

    recipe = recipe_manager.RecipeManager()
    _RULES[precision](recipe, qtyping)
    for name in kept:
        recipe.add_quantization_config(f"^{re.escape(name)};", qtyping.TFLOperationName.ALL_SUPPORTED, None, _FLOAT32)
    return recipe


def _with_room_for_biases(model: bytes, ranges: Ranges, levels: int) -> bytes:
    """The file with a tiny weight added to channels whose weights are almost zero.

    A bias is stored as an int32 in steps of its channel's weight step times its input's; where pruned or dead channels
    have hardly any weight, those steps are so small that the bias does not fit and the quantizer loses it. The added
    weight is the smallest that lets the bias fit. It adds at most `levels` · 127 / 2³¹ of the bias: 2e-5 in int8.
    """
    from ai_edge_litert import schema_py_generated as schema

    root = schema.ModelT.InitFromPackedBuf(model, 0)
    graph = root.subgraphs[0]
    channels = {schema.BuiltinOperator.CONV_2D: 0, schema.BuiltinOperator.DEPTHWISE_CONV_2D: 3}
    for operator in graph.operators:
        axis = channels.get(root.operatorCodes[operator.opcodeIndex].builtinCode)
        if axis is None or len(operator.inputs) < 3 or operator.inputs[2] < 0:
            continue
        image, kernel, bias = (graph.tensors[index] for index in operator.inputs[:3])
        seen = ranges.get(image.name.decode())
        if not seen or kernel.buffer == 0 or bias.buffer == 0:
            continue
        weights = np.moveaxis(_values(root, kernel).reshape(kernel.shape), axis, 0).copy()
        step = (max(float(np.max(seen["max"])), 0) - min(float(np.min(seen["min"])), 0)) / levels
        least = np.abs(_values(root, bias)) * 127 / (max(step, 1e-30) * 2**30.99)
        lacking = np.abs(weights).reshape(len(weights), -1).max(axis=1) < least
        if lacking.any():
            first = (lacking, *[0] * (weights.ndim - 1))
            weights[first] = least[lacking]
            kernel.buffer = len(root.buffers)
            root.buffers.append(schema.BufferT(data=np.moveaxis(weights, 0, axis).tobytes()))
    return pack(root)


def _values(root: Any, tensor: Any) -> NDArray[np.float32]:
    return np.frombuffer(bytes(root.buffers[tensor.buffer].data), np.float32)


def _as_we_write(model: bytes) -> bytes:
    """The quantizer's file as the emitter would have written it.

    Its larger buffers lie behind the flatbuffer, where older runtimes and other readers do not look; they move
    inside. Its ends get back the names that callers know.
    """
    from ai_edge_litert import schema_py_generated as schema

    root = schema.ModelT.InitFromPackedBuf(model, 0)
    for buffer in root.buffers:
        if buffer.size:
            buffer.data = model[buffer.offset : buffer.offset + buffer.size]
    tensors = root.subgraphs[0].tensors
    signature = root.signatureDefs[0]
    for end in [*signature.inputs, *signature.outputs]:
        for tensor in tensors:
            if tensor.name == end.name:
                tensor.name = end.name + b"/quantised"
        tensors[end.tensorIndex].name = end.name
    return pack(root)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The quantizer draws progress bars on stderr, and LiteRT warns of a mode that it needs."""
    with native_stderr_closed(), contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield
