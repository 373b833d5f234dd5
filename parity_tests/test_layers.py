"""The arrows between the rooms of the house: who may know of whom."""

import ast
from pathlib import Path

import training

ROOT = Path(__file__).resolve().parents[1]
SIDES = ("training", "conversion")

# The rooms of conversion from the ground floor up, and the rooms below that each may know.
CONVERSION = {
    "artefact": set(),
    "golden": set(),
    "source": {"artefact"},
    "tflite": {"artefact", "source"},
    "coreml": {"artefact", "source"},
    "conformance": {"source", "tflite", "coreml"},
    "runtimes": {"artefact", "source", "tflite", "coreml"},
    "inspection": {"artefact", "source", "tflite", "coreml", "runtimes"},
    "latency": {"runtimes"},
    "doctor": {"coreml", "runtimes"},
    "gate": {"artefact", "source", "tflite", "coreml", "runtimes"},
    "quantisation": {"artefact", "source", "tflite", "coreml", "runtimes", "gate"},
    "export": {"artefact", "source", "tflite", "latency", "gate", "quantisation"},
    "foreign": {"artefact", "source", "runtimes", "gate", "export"},
    "benchmark": {"artefact", "golden", "source", "tflite", "runtimes", "latency", "gate", "quantisation", "export"},
    "report": {"artefact", "gate", "export", "benchmark"},
    "apply": {"artefact", "inspection", "runtimes"},
    "demo": {"artefact", "apply"},
    "apps": {"artefact", "golden", "gate"},
}
MOST_ROOMS = 21

# What conversion may know of training; some rooms need less.
OF_TRAINING = {
    "training.student",
    "training.data",
    "training.recipe",
    "training.run",
    "training.designs",
    "training.device",
}

# Each room, and the rooms of ours that it may know. The first that fits a module counts.
MAY_IMPORT = {
    "training.student": {"training.student"},
    "training.data.coins": {"training.data.coins", "training.student"},
    "training.data": {"training.data", "training.student", "training.recipe"},
    "training.options": {"training.student"},
    "training.device": {"training.student"},
    "training.designs": {"training.student"},
    "training.recipe": {"training.student", "training.options", "training.designs"},
    "training": {"training"},
    **{f"conversion.{room}": {f"conversion.{one}" for one in {room} | below} for room, below in CONVERSION.items()},
    "conversion.commands": {
        "conversion",
        *(f"training.commands.{one}" for one in ("group", "parameters", "json_envelope")),
    },
    "conversion.__main__": {"conversion.commands", "training.commands.group"},
    "conversion": set(),
}


def _modules():
    for path in sorted([*ROOT.glob("training/**/*.py"), *ROOT.glob("conversion/**/*.py")]):
        if not path.name.endswith("_test.py") and path.name != "conftest.py":
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts), ast.parse(path.read_text())


def _imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _within(name, room):
    return name == room or name.startswith(room + ".")


def test_every_import_follows_an_arrow():
    against = []
    for module, tree in _modules():
        room = next(room for room in MAY_IMPORT if _within(module, room))
        for name in _imports(tree):
            ours = _within(name, "training") or _within(name, "conversion") or _within(name, "parity_tests")
            allowed = MAY_IMPORT[room] | (OF_TRAINING if _within(room, "conversion") else set())
            if ours and not any(_within(name, one) for one in allowed):
                against.append(f"{module} imports {name}")

    assert not against


def _rooms_of_conversion():
    folders = {path.parent.name for path in ROOT.glob("conversion/*/__init__.py")}
    modules = {path.stem for path in ROOT.glob("conversion/*.py") if not path.name.endswith("_test.py")}
    return folders | (modules - {"__init__", "conftest"})


def test_conversion_has_few_rooms_and_each_has_a_row():
    rooms = _rooms_of_conversion()

    assert rooms == {*CONVERSION, "commands", "__main__"}
    assert len(rooms) <= MOST_ROOMS


def test_no_arrow_of_conversion_runs_upwards():
    floors = list(CONVERSION)

    against = [
        f"{room} may know {one}"
        for room in floors
        for one in CONVERSION[room]
        if one not in floors[: floors.index(room)]
    ]

    assert not against


def test_the_rooms_of_conversion_know_one_another_in_one_direction():
    known = {room: set() for room in _rooms_of_conversion()}
    for module, tree in _modules():
        names = module.split(".")
        if names[0] == "conversion" and names[1] in known:
            found = {name.split(".")[1] for name in _imports(tree) if name.startswith("conversion.")}
            known[names[1]] |= found - {names[1]}

    # What knows no other, or is known by no other, is in no circle.
    while free := {room for room in known if not known[room] or not any(room in others for others in known.values())}:
        known = {room: others - free for room, others in known.items() if room not in free}

    assert not known, f"these import one another in a circle: {known}"


def test_the_contract_and_its_arithmetic_need_no_torch():
    free = {
        "arrays",
        "atomic_write",
        "bounded_read",
        "contract",
        "digest",
        "errors",
        "metrics",
        "postprocess",
        "preprocess",
        "resize",
    }
    for module, tree in _modules():
        if module.rpartition(".")[0] == "training.student" and module.rpartition(".")[2] in free:
            assert not any(_within(name, "torch") for name in _imports(tree)), module


def test_training_is_ours():
    found = Path(training.__file__).resolve()

    assert found.is_relative_to(ROOT), f"another package named 'training' shadows ours: {found}"


def test_the_tree_in_the_architecture_page_is_true():
    named = set(_tree())
    missing = sorted(str(path) for path in named if not (ROOT / path).exists())
    rooms = {path.parent.relative_to(ROOT) for side in SIDES for path in (ROOT / side).rglob("__init__.py")}
    modules = {path.relative_to(ROOT) for side in SIDES for path in (ROOT / side).glob("*.py")}
    needed = rooms | {path for path in modules if not path.stem.endswith(("_test", "__")) and path.stem != "conftest"}

    assert not missing, f"docs/architecture.md names {missing}, which do not exist"
    assert needed <= named, f"docs/architecture.md leaves out {sorted(map(str, needed - named))}"


def _tree():
    """Every path of the page's tree: names, then two spaces or more, then what they are; two spaces a level."""
    folders = []
    for line in (ROOT / "docs" / "architecture.md").read_text().split("## The tree")[1].split("```")[1].splitlines():
        level = (len(line) - len(line.lstrip())) // 2
        for name in line.strip().split("  ")[0].split():
            yield Path(*folders[:level], name)
            if name.endswith("/"):
                folders[level:] = [name]
