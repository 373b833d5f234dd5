"""What a command may not import: each of these modules takes seconds on a slow machine."""

import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from conversion.artefact.kinds import DEFAULTS, KINDS
from conversion.export.export import emit
from conversion.source.graph import read_graph

ROOT = Path(__file__).resolve().parents[1]

TRAINING = {"albumentations", "lightning", "matplotlib"}
NETWORKS = {"segmentation_models_pytorch", "timm", "torchvision"}
EXPORTER = {"onnxscript", "sympy", "torch._dynamo"}
TEACHERS = {"accelerate", "optuna", "peft", "transformers"}
CONVERTERS = {"ai_edge_quantizer", "coremltools", "onnxsim"}
ALL = TRAINING | NETWORKS | EXPORTER | TEACHERS | CONVERTERS | {"torch"}

FORBIDDEN = {
    "training --help": ALL | {"cv2", "numpy", "PIL"},
    "training profile gone": ALL - {"matplotlib"},
    "training fit mobile --data gone": ALL - {"torch"},
    "conversion --help": ALL | {"cv2", "numpy", "onnx", "PIL"},
    "conversion doctor": ALL - {"torch"},
    "conversion inspect small.tflite": ALL | {"cv2", "onnx"},
    "conversion inspect small.mlpackage": (ALL | {"cv2"}) - {"coremltools", "sympy"},
    "conversion inspect small.onnx": ALL | {"cv2"},
    "conversion export gone": ALL - {"torch"},
}
"""By command: what it may not have imported when it ends. `gone` does not exist."""

CODE = """
import atexit, os, runpy, sys
atexit.register(lambda: print(*sys.modules, file=open("imported", "w")))
sys.path.insert(0, os.environ["ROOT"])
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With a small network in every form."""
    folder = tmp_path_factory.mktemp("start_up")
    helper = onnx.helper
    image, logits = (helper.make_tensor_value_info(name, 1, (1, 3, 8, 12)) for name in ("image", "logits"))
    body = helper.make_graph([helper.make_node("Relu", ["image"], ["logits"])], "small", [image], [logits])
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.save(model, str(folder / "small.onnx"))
    for kind in KINDS.values():
        if kind.target != "onnx" and kind.precision == DEFAULTS[0]:
            emit(read_graph(model), kind, folder / f"small{Path(kind.file).suffix}", None)
    return folder


@pytest.mark.parametrize("line", FORBIDDEN)
def test_a_command_imports_nothing_heavy_that_it_does_not_use(folder, line):
    found = subprocess.run(
        [sys.executable, "-c", CODE, *line.split()],
        cwd=folder,
        env={"ROOT": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )

    imported = set(folder.joinpath("imported").read_text().split())
    folder.joinpath("imported").unlink()
    assert "Traceback" not in found.stderr
    assert found.returncode == (2 if "gone" in line else 0), found.stderr
    assert {"click", f"{line.split()[0]}.commands"} <= imported
    assert not imported & FORBIDDEN[line]
