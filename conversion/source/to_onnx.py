"""Student to ONNX: exported as PyTorch writes it, then simplified. Both are kept, since each is a hop."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import onnx
import torch
from google.protobuf.message import DecodeError
from timm.models import reparameterize_model
from torch import nn

from conversion.artefact.metadata import CONTRACT_KEY, ENCODER_KEY
from conversion.source.external import read_external_data
from training.student.atomic_write import atomic_path
from training.student.bounded_read import brief
from training.student.contract import CONVENTIONS, Contract
from training.student.errors import BadInput, ConversionRefused, one_line

OPSET = 18
"""The newest that every part of the chain, onnxsim's optimiser included, reads without converting."""


def export(student: nn.Module, contract: Contract, encoder: str = "") -> onnx.ModelProto:
    """The network as PyTorch's exporter writes it: `image` (1, 3, H, W) float32 in, `logits` out.

    Branches that exist for training's sake, such as MobileOne's, are merged first.

    Args:
        student: (1, 3, H, W) raw RGB to logits.
        contract: Carried inside the model.
        encoder: Its name in `encoders.ENCODERS`, carried along; none for other networks.

    Raises:
        ConversionRefused: PyTorch cannot export it.
    """
    example = torch.zeros(1, 3, contract.height, contract.width)
    with _quiet():
        try:
            program = torch.onnx.export(
                reparameterize_model(student.eval()),
                (example,),
                dynamo=True,
                opset_version=OPSET,
                input_names=[CONVENTIONS["input"]],
                output_names=[CONVENTIONS["output"]],
                verbose=False,
            )
        except torch.onnx.OnnxExporterError as error:
            raise ConversionRefused(f"PyTorch cannot export this network to ONNX: {error}") from error
    assert program is not None
    model = program.model_proto
    known = {ENCODER_KEY: encoder} if encoder else {}
    onnx.helper.set_model_props(model, known | {CONTRACT_KEY: contract.to_json()})
    return model


def simplify(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network with constants folded, and whatever folds into a convolution folded.

    Raises:
        ConversionRefused: onnxsim's own check finds that its result computes something else.
    """
    import onnxsim

    simplified: onnx.ModelProto
    simplified, agrees = onnxsim.simplify(model)
    if not agrees:
        raise ConversionRefused("onnxsim's result does not agree with the network that it was given")
    onnx.helper.set_model_props(simplified, {entry.key: entry.value for entry in model.metadata_props})
    return simplified


def save(model: onnx.ModelProto, path: Path) -> None:
    """Check the model and write it in one step."""
    onnx.checker.check_model(model, full_check=True)
    with atomic_path(path) as temporary:
        onnx.save(model, str(temporary))


def load(path: Path) -> onnx.ModelProto:
    """Read an ONNX file, and the files beside it that hold its weights.

    Raises:
        BadInput: It cannot be read.
        ConversionRefused: It is no valid ONNX model.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from error
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except DecodeError as error:
        raise ConversionRefused(f"{path} is damaged or no ONNX file; fetch or export it again") from error
    if not model.graph.node:
        raise ConversionRefused(f"{path} of {len(content)} bytes holds no network; fetch or export it again")
    for name in _names(model.graph):
        # Protobuf gives bytes for what is no text.
        if not isinstance(name, str) or not name.isprintable():
            found = brief(repr(name))
            raise ConversionRefused(f"{path} names a tensor or node {found}; expected printable text: save it again")
    for entry in model.metadata_props:
        if not isinstance(entry.key, str) or not isinstance(entry.value, str):
            raise ConversionRefused(f"{path} has metadata {brief(repr(entry.key))} that is no text; save it again")
    read_external_data(model, path.parent)
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError) as error:
        raise ConversionRefused(f"{path} is not a valid ONNX model: {one_line(error)}") from error
    return model


def _names(graph: onnx.GraphProto) -> Iterator[str]:
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        for attribute in node.attribute:
            yield attribute.name
            yield attribute.t.name
            yield from (entry.value for entry in attribute.t.external_data)
    for tensor in graph.initializer:
        yield tensor.name
        yield from (entry.value for entry in tensor.external_data)
    yield from (value.name for value in (*graph.input, *graph.output))


@contextlib.contextmanager
def _quiet():  # type: ignore[no-untyped-def]
    """The exporter tells its progress on stdout and warns of its own deprecations; neither concerns the user."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logger.setLevel(level)
