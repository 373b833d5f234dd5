"""Exported TFLite files in MediaPipe's ImageSegmenter: its masks must follow from our logits.

Its masks differ slightly from ours, for two reasons that no file can change. On a CPU it samples the photo from the top
left corners of pixels, half an input pixel away from the contract's pixel centres. And it upsamples confidences, where
the contract upsamples logits. `_as_mediapipe` computes both in the same way, so that any other difference is noticed.

MediaPipe installs an OpenCV that would replace the project's own, so it runs in its own environment, which
`make mediapipe` makes. With RUN=folder that command also compares on the held-out photos of that run.
"""

import os
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from conversion.artefact import manifest
from conversion.artefact.kinds import KINDS
from conversion.export.export import emit
from conversion.gate.backends import BACKENDS
from conversion.source import to_onnx
from conversion.source.graph import read_graph
from training.data.photos import read_photo
from training.run import Run
from training.student.contract import Contract
from training.student.metrics import foreground_iou
from training.student.network import Architecture, Student
from training.student.normalisation import NEUTRAL
from training.student.postprocess import postprocess
from training.student.preprocess import preprocess

PYTHON = Path(__file__).resolve().parents[1] / ".venv-mediapipe" / "bin" / "python"
CLIENT = Path(__file__).with_name("mediapipe_client.py")
RUN = os.environ.get("RUN", "")

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="no environment with MediaPipe; `make mediapipe` makes one")


def _run_mediapipe(model, photos, folder):
    np.savez(folder / "photos.npz", **photos)
    command = [PYTHON, CLIENT, model, folder / "photos.npz", folder / "result.npz"]
    completed = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert completed.returncode == 0, completed.stderr
    return np.load(folder / "result.npz")


def _as_mediapipe(runner, photo, contract):
    """(classes, rows, columns) confidences from our runner, sampled and upsampled as MediaPipe does on a CPU."""
    rows, columns = photo.shape[:2]
    to_photo = np.diag([columns / contract.width, rows / contract.height, 1.0])
    size, flags = (contract.width, contract.height), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    logits = runner(cv2.warpPerspective(photo, to_photo, size, flags=flags, borderMode=cv2.BORDER_REPLICATE))
    exponential = np.exp(logits - logits.max(axis=0))
    confidence = 1 / (1 + np.exp(-logits)) if contract.is_binary else exponential / exponential.sum(axis=0)
    return np.stack([cv2.resize(channel, (columns, rows), interpolation=cv2.INTER_LINEAR) for channel in confidence])


def _agreement(run, kind, pairs, folder):
    """Mean IoU of MediaPipe's masks with ours, sampled its way and the contract's way; its largest confidence error."""
    contract = manifest.read(run.export).contract
    runner = BACKENDS[kind].open(run.checkpoint, run.export)
    photos = {pair.name: read_photo(pair.photo) for pair in pairs}
    found = _run_mediapipe(run.export / KINDS[kind].file, photos, folder)
    assert tuple(found["labels"]) == contract.classes
    threshold = 1 / (1 + np.exp(-contract.threshold))
    as_sampled, by_contract, errors = [], [], []
    for name, photo in photos.items():
        confidence = found[f"{name}/confidence"]
        mask = (confidence[0] > threshold).astype(np.uint8)
        expected = _as_mediapipe(runner, photo, contract)
        ours = postprocess(runner(preprocess(photo, contract)), contract, *photo.shape[:2])
        errors.append(np.abs(confidence - expected).max())
        as_sampled.append(foreground_iou(reference=(expected[0] > threshold).astype(np.uint8), candidate=mask))
        by_contract.append(foreground_iou(reference=ours, candidate=mask))
        # For a single class, its category mask is 0 in the foreground and 255 elsewhere: the reverse of our mask.
        assert set(np.unique(found[f"{name}/category"])) <= {0, 255}
        assert np.mean((found[f"{name}/category"] == 0) == mask) > 0.9
    return np.mean(as_sampled), np.mean(by_contract), max(errors)


@pytest.mark.parametrize("kind", ["tflite-fp32", "tflite-fp16"])
def test_its_masks_of_rendered_coins_follow_from_our_logits(verified, kind, tmp_path):
    as_sampled, _, error = _agreement(verified.run, kind, verified.pairs, tmp_path)

    assert as_sampled >= 0.999
    assert error < 1e-3


@pytest.mark.skipif(
    not (RUN and Path(RUN, "export").is_dir()),
    reason="no exported run named; `make mediapipe RUN=folder` compares on its photos",
)
@pytest.mark.parametrize("kind", ["tflite-fp32", "tflite-fp16"])
def test_its_masks_of_a_runs_held_out_photos_follow_from_our_logits(kind, tmp_path, capsys):
    run = Run(Path(RUN))
    pairs = run.held_out()[:48]

    as_sampled, by_contract, error = _agreement(run, kind, pairs, tmp_path)

    figures = (
        f"IoU {as_sampled:.4f} as it samples, {by_contract:.4f} with our own masks; confidences within {error:.0e}"
    )
    with capsys.disabled():
        print(f"\n{RUN} {kind}, {len(pairs)} photos: {figures}")  # noqa: T201 (what this test is run for)
    assert as_sampled >= 0.999
    assert error < 1e-3


def test_several_classes_come_with_their_labels_and_by_softmax(tmp_path):
    contract = Contract(64, 96, 4, ("sky", "road", "tree & bush"))
    student = Student(contract, Architecture("tu-mobilenetv2_050", (16, 16, 16, 16, 16), True, NEUTRAL, NEUTRAL))
    source = read_graph(to_onnx.simplify(to_onnx.export(student.eval(), contract)))
    file = KINDS["tflite-fp32"].file
    emit(source, KINDS["tflite-fp32"], tmp_path / file, contract)
    photo = np.random.default_rng(0).integers(0, 256, (90, 70, 3), np.uint8)

    found = _run_mediapipe(tmp_path / file, {"noise": photo}, tmp_path)

    assert tuple(found["labels"]) == contract.classes
    confidence = found["noise/confidence"]
    np.testing.assert_allclose(confidence.sum(axis=0), 1, atol=1e-5)
    expected = _as_mediapipe(BACKENDS["tflite-fp32"].open(tmp_path, tmp_path), photo, contract)
    np.testing.assert_allclose(confidence, expected, atol=1e-4)
    assert set(np.unique(found["noise/category"])) <= {0, 1, 2}
