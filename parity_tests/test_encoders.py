"""Every encoder, stride and decoder that a recipe may ask for converts, runs whole, and computes the same."""

import numpy as np
import pytest
import torch
from torch import nn

from conversion import graph, to_onnx
from conversion.artefact import DEFAULTS, KINDS
from conversion.drift import breaches, measure, read_budgets
from conversion.export import emit
from conversion.forms import FORMS, Photo, look
from training.student.contract import Contract
from training.student.encoders import ENCODERS
from training.student.network import Architecture, Student
from training.student.normalisation import NEUTRAL

BUDGETS, HOPS = read_budgets()
WIDTHS = (32, 24, 16, 16, 16)


def _lively(network: nn.Module) -> nn.Module:
    """Untrained, but with statistics and logits of a size that makes errors visible."""
    torch.manual_seed(0)
    noise = torch.rand(4, 3, 96, 64) * 255
    network.train()
    for _ in range(4):
        network(noise)
    network.eval()
    with torch.no_grad():
        logits = network(noise)
        network.head.weight.mul_(4 / logits.std())
    return network


def _check(contract: Contract, architecture: Architecture, folder) -> None:
    student = _lively(Student(contract, architecture))
    exported = to_onnx.export(student, contract)
    to_onnx.save(exported, folder / KINDS["onnx-exported"].file)
    to_onnx.save(to_onnx.simplify(exported), folder / KINDS["onnx"].file)
    source = graph.read(to_onnx.load(folder / KINDS["onnx"].file))
    for kind in KINDS.values():
        if kind.target != "onnx" and kind.precision in DEFAULTS:
            artefact = emit(source, kind, folder / kind.file, contract)
            assert artefact.partitions in (None, 1)
    rng = np.random.default_rng(1)
    size = (contract.height, contract.width)
    photos = [Photo("noise", folder, rng.integers(0, 256, (*size, 3), np.uint8), np.zeros(size, np.uint8))]
    with torch.inference_mode():
        image = torch.from_numpy(photos[0].input).permute(2, 0, 1)[None].float()
        torch_logits = student(image)[0].numpy()
    reference = look(lambda _: torch_logits, photos, contract)
    for name in ("onnx", "tflite-fp32", "coreml-fp32", "tflite-fp16", "coreml-fp16"):
        candidate = look(FORMS[name].open(folder, folder), photos, contract)
        # Noise through an untrained network puts many pixels at the threshold: flips say nothing here.
        budget = {"relative_error": BUDGETS["fp32"]["relative_error"]}
        if name.endswith("fp16"):
            budget = {"psnr": BUDGETS["fp16"]["psnr"]}
        drift = measure(reference=reference, candidate=candidate, contract=contract)
        assert not breaches(drift, budget), name


@pytest.mark.parametrize("encoder", [name for name, row in ENCODERS.items() if not row.blocked])
def test_an_encoder_converts_and_runs_in_one_partition(encoder, tmp_path):
    _check(Contract(96, 64, 4, ("thing",)), Architecture(encoder, WIDTHS, True, NEUTRAL, NEUTRAL), tmp_path)


@pytest.mark.parametrize("stride", [1, 2, 8])
def test_a_stride_converts_and_runs_in_one_partition(stride, tmp_path):
    architecture = Architecture("tu-mobilenetv3_small_100", WIDTHS, True, NEUTRAL, NEUTRAL)
    _check(Contract(64, 96, stride, ("thing",)), architecture, tmp_path)


def test_several_classes_and_a_dense_decoder_convert(tmp_path):
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    architecture = Architecture("tu-mobilenetv2_050", WIDTHS, False, mean, std)
    _check(Contract(64, 96, 4, ("sky", "road", "tree")), architecture, tmp_path)
