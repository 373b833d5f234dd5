"""Documents that are changed by structure end well, or in one line that names the file; never in a traceback.

`FUZZ=20000 python -m pytest parity_tests/test_structure_fuzz.py` runs more cases of each format; a case is its number.
"""

import copy
import json
import os
import random
import signal
import sys

import pytest
import torch
from onnx import TensorProto, helper
from safetensors.torch import save

from conversion.apply.results import RECORD_FILE, ResultsFolder
from conversion.artefact import manifest
from conversion.artefact.metadata import CONTRACT_KEY
from conversion.benchmark import artefacts
from conversion.export import budget_search
from conversion.fuzz_test import limited
from conversion.gate import parity
from conversion.inspection import inspect
from conversion.report import facts, page
from conversion.tflite import mediapipe
from training.data import colours
from training.data.pairs import read_classes
from training.loop.state import SafetensorsIO
from training.options import read
from training.recipe import Recipe, read_recipe
from training.run import Run
from training.student.contract import Contract
from training.student.errors import BadInput, PocketmaskError
from training.teacher.sidecar import read_sidecar

pytestmark = pytest.mark.slow

CASES = int(os.environ.get("FUZZ", "1000"))
SECONDS = 10
"""Of one case; what takes longer hangs."""
BYTES = 3 * 2**30
"""Of address space that all cases of a format may take beyond what is taken before."""

CONTRACT = json.loads(Contract(64, 96, 2, ("coin",), 0.5, 3).to_json())
DRIFT = dict.fromkeys(parity.Drift.__dataclass_fields__, 0.5)
HOP = {"reference": "torch", "candidate": "onnx", "budget": "fp32"}
ARTEFACT = {"target": "tflite", "precision": "fp16", "file": "a.tflite", "sha256": "0" * 64, "bytes": 9, "seconds": 1.5}
INTERVAL = {"value": 0.5, "low": 0.4, "high": None}

DOCUMENTS = {
    "contract": (CONTRACT, lambda path: Contract.from_json(path.read_bytes(), str(path))),
    "manifest.json": (
        {"schema": 1, "contract": CONTRACT, "checkpoint": "0", "artefacts": {"a": ARTEFACT}, "versions": {"x": "1"}},
        lambda path: manifest.read(path.parent),
    ),
    "run.json": (
        {
            "recipe": {"height": 64},
            "data": {"folder": "/", "further": [], "digest": "0", "classes": ["coin"], "pairs": 2},
            "train": ["a"],
            "validation": [{"name": "b", "folder": 0, "photo": "b.jpg", "mask": "b.png"}],
            "test": [],
        },
        lambda path: (Run(path.parent).is_finished, Run(path.parent).held_out(), Run(path.parent).split_sizes()),
    ),
    "parity.json": (
        {
            "photos": ["a"],
            "hops": [{"hop": HOP, "drift": DRIFT, "breaches": []}],
            "teacher_iou": {"torch": 0.5, "onnx": 0.5},
            "controls": {"a": ["b"]},
            "unproven": {},
            "trails": {},
        },
        parity.read,
    ),
    "bench.json": (
        {"machine": "a", "cores": 2, "rows": [], "shares": {"Conv": 0.5}},
        lambda path: artefacts.read(Run(path.parent)),
    ),
    "budget_search.json": (
        {"checkpoint": "0", "limits": {}, "photos": ["a"], "steps": {}},
        lambda path: _search(path),  # noqa: PLW0108 (defined below)
    ),
    "parity/pictures/index.json": ([{"name": "a", "iou": 0.5, "flipped": 3}], lambda path: _worst(path)),  # noqa: PLW0108
    "evaluation-a/evaluation.json": (
        {"title": "a", "against": {"teacher": {"photos": 2, "measures": {"iou": INTERVAL}}}},
        lambda path: facts._evaluations(Run(path.parent.parent)),
    ),
    "sidecar.json": (
        {
            "schema": 1,
            "photo": {"file": "a.jpg", "sha256": "0", "rows": 2, "columns": 3},
            "teacher": "a",
            "settings": {"b": 1},
            "weights": {},
            "phrases": [{"name": "coin", "texts": ["coin"]}],
            "instances": [{"phrase": 1, "box": [0, 0, 1, 1], "box_score": 0.5, "mask_score": None}],
            "score": 0.5,
            "empty": False,
            "seconds": 0.5,
            "made": "2026",
        },
        read_sidecar,
    ),
    RECORD_FILE: (
        {"result": "a.png", "result_sha256": "0", "source": "/a", "source_sha256": "0", "made_by": "0"},
        lambda path: ResultsFolder(path.parent).paths(),
    ),
    "mine.yaml": (
        {"encoder": "a", "decoder": [8, 8], "height": 64, "epochs": 2, "zoom": [0.5, 2], "test": "1/5", "seed": 3},
        lambda path: read_recipe(str(path)),
    ),
    "settings.yaml": ({"height": 64, "scales": [0.5, 1.0]}, lambda path: read(Recipe, "recipe", path, ["epochs=3"])),
}


def _search(path):
    try:
        budget_search.read(path.parent)
    except BadInput as error:
        # It was read, and would be compared with a manifest now.
        if "nothing has been exported" not in str(error):
            raise


def _worst(path):
    try:
        page._worst(Run(path.parents[2]))
    except BadInput as error:
        # It was read, and its pictures are not part of this.
        if "No such file" not in str(error):
            raise


ODD = [
    *(None, True, 0, -1, 3, 10**9, -(10**9), 2**63, 10**39, 0.5, -1e308, float("nan"), float("inf")),
    *("", "x", "../../etc/passwd", "/dev/zero", "a\0b", "a\nb", "\u2028", "é", "x" * 10_000, "9" * 5000, "1/0"),
    *([], {}, [[]], [None], {"": None}, [1] * 1000, {"__class__": 1}),
]


def places(value, path=()):
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        yield from places(each, (*path, key))


def changed(value, rng):
    """The document with one place dropped, given twice, renamed or replaced."""
    value = copy.deepcopy(value)
    path = rng.choice(list(places(value)))
    if not path:
        return rng.choice(ODD)
    parent = value
    for key in path[:-1]:
        parent = parent[key]
    match rng.randrange(5):
        case 0:
            del parent[path[-1]]
        case 1 if isinstance(parent, dict):
            parent[rng.choice(["x", "", "schema", "a" * 5000, "\u2028"])] = parent.pop(path[-1])
        case 2 if isinstance(parent, list):
            parent.extend(parent * rng.choice([1, 100]))
        case _:
            parent[path[-1]] = rng.choice(ODD)
    return value


DEEP = [b"[" * 100_000, b'{"a":' * 50_000, b"[" * 40 + b"]" * 40, b"- " * 3000, b"? " * 3000]
PIECES = [
    b"\xff",
    b"\0",
    b"9" * 5000,
    b"\xed\xa0\x80",
    b"&a *a",
    b"*a",
    b"!!int x",
    b"!!timestamp x",
    b"\n",
    b'"',
    b"}",
]


def damaged(text, rng):
    """The text with some of its bytes lost, repeated, or replaced by what readers stumble over."""
    at, length = rng.randrange(len(text) + 1), rng.randrange(1, 30)
    match rng.randrange(5):
        case 0:
            return text[:at]
        case 1:
            return text[:at] + text[at + length :]
        case 2:
            return text[: at + length] + text[at:]
        case 3:
            return text[:at] + rng.choice(PIECES) + text[at:]
        case _:
            return text[:at] + rng.choice(DEEP) + text[at:]


def check(name, path, content, reader, named=""):
    """Read each case; `content` gives the bytes of a case from its random numbers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    refused = 0
    with limited(BYTES):
        for number in range(CASES):
            path.write_bytes(content(random.Random(f"{name} {number}")))
            signal.alarm(SECONDS)
            try:
                reader(path)
            except PocketmaskError as error:
                refused += 1
                message = str(error)
                assert "\n" not in message, f"case {number} of {name}"
                assert len(message) < 3000, f"case {number} of {name}"
                assert (named or path.name) in message, f"case {number} of {name}: {message}"
            except Exception as error:
                raise AssertionError(f"case {number} of {name}, in {path}") from error
    sys.stdout.write(f"{name}: {CASES} cases, seeds '{name} 0' to '{name} {CASES - 1}', {refused} refused\n")
    assert refused > CASES // 10, "hardly anything was refused: the cases change too little"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_changed_document_is_read_or_refused_in_a_line_that_names_it(name, tmp_path):
    value, reader = DOCUMENTS[name]

    def content(rng):
        text = json.dumps(changed(value, rng)).encode()
        if name == RECORD_FILE:
            text += b"\n"
        return damaged(text, rng) if rng.random() < 0.4 else text

    check(name, tmp_path / name, content, reader)


TEXTS = {
    "classes.txt": (b"sky\nroad\ncar\n", read_classes),
    "colours.txt": (b"#000000 sky\n#ff0000 road\n", lambda path: colours.read(path, ("sky", "road"))),
    "metrics.csv": (b"epoch,loss,iou\n1,0.5,0.25\n2,0.25,0.5\n", facts._rows),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_changed_text_is_read_or_refused_in_a_line_that_names_it(name, tmp_path):
    text, reader = TEXTS[name]

    def content(rng):
        if rng.random() < 0.3:
            lines = text.split(b"\n")
            lines[rng.randrange(len(lines))] = rng.choice([b"", b"x" * 10_000, b"a,b,c,d", b",,", b'"', b"nan,inf,x"])
            return b"\n".join(lines)
        return damaged(text, rng)

    check(name, tmp_path / name, content, reader)


def _onnx_model(rng):
    value = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 64, 96])
    out = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 3, 64, 96])
    model = helper.make_model(helper.make_graph([helper.make_node("Relu", ["image"], ["logits"])], "g", [value], [out]))
    model.producer_name = "producer"
    text = json.dumps(changed(CONTRACT, rng))
    helper.set_model_props(model, {CONTRACT_KEY: text, "pocketmask.encoder": "a"})
    return damaged_field(model.SerializeToString(), rng)


def damaged_field(data, rng):
    """A protobuf message or flatbuffer with a byte of it changed, most often in its texts, or as `damaged`."""
    if rng.random() < 0.3:
        return damaged(data, rng)
    data = bytearray(data)
    for _ in range(rng.randrange(1, 4)):
        data[rng.randrange(len(data))] = rng.choice([0, 1, 0x7F, 0x80, 0xE9, 0xFF, rng.randrange(256)])
    return bytes(data)


def _read_onnx(path):
    found = inspect(path)
    assert str(found)
    json.dumps(found.as_record() if hasattr(found, "as_record") else found.to_json(), default=repr)


def test_a_changed_onnx_file_is_inspected_or_refused(tmp_path):
    check("onnx", tmp_path / "a.onnx", _onnx_model, _read_onnx)


def test_changed_metadata_of_a_tflite_file_is_read_or_refused(tmp_path):
    from conversion.artefact.metadata import describe_model

    contract = Contract.from_plain(CONTRACT)
    data = mediapipe.metadata(contract, describe_model({}, contract))

    check("flatbuffer", tmp_path / "a", lambda rng: damaged_field(data, rng), _read_flatbuffer, named="flatbuffer")


def _read_flatbuffer(path):
    mediapipe.read_metadata(path.read_bytes())


def test_a_changed_state_of_a_training_is_read_or_refused(tmp_path):
    state = {"items": [["epoch", 3], ["weights", {"tensor": "0"}], ["sizes", {"tuple": [1, 2]}]]}

    def content(rng):
        file = save({"0": torch.zeros(3)}, metadata={"pocketmask.state": json.dumps(changed(state, rng))})
        return damaged_field(file, rng) if rng.random() < 0.6 else file

    check("state.safetensors", tmp_path / "state.safetensors", content, SafetensorsIO().load_checkpoint)
