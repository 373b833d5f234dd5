from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from training.encoder_weights import load_encoder_weights, normalisation
from training.recipe import Recipe
from training.student import encoders
from training.student.errors import BadInput
from training.student.network import Student
from training.student.normalisation import NEUTRAL
from training.student.width_multiplier import narrow

SHARED = Path(__file__).resolve().parents[2] / "shared" / "weights" / "mobilenetv2_100_imagenet.safetensors"
ENCODER = "tu-mobilenetv3_small_100"


def student_of(recipe):
    return Student(recipe.contract(("foreground",)), recipe.architecture(*normalisation(recipe)))


def recipe_of(source, encoder=ENCODER):
    return Recipe(encoder=encoder, height=64, width=64, encoder_weights=str(source), encoder_mean=0.5, encoder_std=0.5)


@pytest.fixture(scope="module")
def trained():
    """The state of an encoder as it might come from anywhere."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return encoders.build(ENCODER).state_dict()


@pytest.fixture
def file_of(tmp_path):
    def write(state):
        path = tmp_path / "encoder.safetensors"
        save_file({name: value.contiguous() for name, value in state.items()}, path)
        return path

    return write


@pytest.mark.parametrize("prefix", ["model.", ""])
def test_a_file_gives_the_encoder_its_weights_with_and_without_the_prefix(file_of, trained, prefix):
    assert all(name.startswith("model.") for name in trained)
    classifier = {prefix + "classifier.weight": torch.ones(3)}
    path = file_of({prefix + name.removeprefix("model."): value for name, value in trained.items()} | classifier)
    student = student_of(recipe_of(path))
    head = student.head.weight.clone()

    load_encoder_weights(student, recipe_of(path))

    found = student.encoder.state_dict()
    assert all(torch.equal(found[name], value) for name, value in trained.items())
    assert torch.equal(student.head.weight, head)


def test_a_slim_and_shallow_encoder_takes_the_loudest_channels_of_the_weights(file_of, trained):
    recipe = recipe_of(file_of(trained)).model_copy(update={"depth": 4, "width_multiplier": (1, 0.5)})
    expected = encoders.build(ENCODER)
    expected.load_state_dict(trained)
    narrow(expected, recipe.width_multiplier)
    student = student_of(recipe)

    load_encoder_weights(student, recipe)

    theirs = expected.state_dict()
    assert all(torch.equal(theirs[name], value) for name, value in student.encoder.state_dict().items())


def test_without_weights_the_encoder_stays_as_it_was(trained):
    recipe = Recipe(encoder=ENCODER, height=64, width=64)
    student = student_of(recipe)
    before = {name: value.clone() for name, value in student.state_dict().items()}

    load_encoder_weights(student, recipe)

    assert all(torch.equal(before[name], value) for name, value in student.state_dict().items())


def test_missing_and_misshapen_tensors_are_counted_and_nothing_is_loaded(file_of, trained):
    names = [name for name in trained if name.endswith("weight")]
    kept = {name: value for name, value in trained.items() if name not in names[:3]}
    path = file_of({**kept, names[3]: torch.ones(7)})
    student = student_of(recipe_of(path))
    before = {name: value.clone() for name, value in student.encoder.state_dict().items()}

    with pytest.raises(
        BadInput,
        match=rf"does not fit encoder {ENCODER}: 3 of its {len(trained)} tensors are missing and 1 have another shape, "
        rf"the first is {names[0]}",
    ):
        load_encoder_weights(student, recipe_of(path))

    assert all(torch.equal(before[name], value) for name, value in student.encoder.state_dict().items())


def test_the_weights_of_another_encoder_are_refused(file_of, trained):
    path = file_of(trained)
    other = recipe_of(path, encoder="tu-mobilenetv2_050")

    with pytest.raises(BadInput, match=r"does not fit encoder tu-mobilenetv2_050: \d+ of its \d+ tensors are missing"):
        load_encoder_weights(student_of(other), other)


def test_a_count_of_batches_may_be_missing(file_of, trained):
    path = file_of({name: value for name, value in trained.items() if not name.endswith("num_batches_tracked")})
    student = student_of(recipe_of(path))

    load_encoder_weights(student, recipe_of(path))

    assert torch.equal(student.encoder.state_dict()["model.conv_stem.weight"], trained["model.conv_stem.weight"])


@pytest.mark.parametrize("name", ["encoder.pth", "encoder.bin", "imagenet"])
def test_a_format_that_can_run_code_is_not_opened(tmp_path, name):
    path = tmp_path / name
    path.touch()

    with pytest.raises(BadInput, match=r"must be none, hub or a .safetensors file; other formats can run code"):
        load_encoder_weights(student_of(recipe_of(path)), recipe_of(path))


@pytest.mark.parametrize("content", [None, b"", b"\x80\x04}q\x00."])
def test_a_file_that_is_missing_or_damaged_or_a_pickle_in_disguise_is_refused(tmp_path, content):
    path = tmp_path / "encoder.safetensors"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(BadInput, match=r"encoder\.safetensors cannot be read"):
        load_encoder_weights(student_of(recipe_of(path)), recipe_of(path))


@pytest.mark.parametrize("known", [{}, {"encoder_mean": 0.5}, {"encoder_std": 0.5}])
def test_a_file_needs_both_mean_and_std(known):
    with pytest.raises(BadInput, match=r"encoder_weights=a.safetensors needs encoder_mean and encoder_std"):
        normalisation(Recipe(encoder_weights="a.safetensors", **known))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (NEUTRAL, NEUTRAL)),
        ({"encoder_mean": 0.25}, ((0.25,) * 3, NEUTRAL)),
        ({"encoder_mean": 0, "encoder_std": 1}, ((0,) * 3, (1,) * 3)),
        ({"encoder_mean": (0.1, 0.2, 0.3), "encoder_std": 0.5}, ((0.1, 0.2, 0.3), (0.5,) * 3)),
        ({"encoder_weights": "hub"}, ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))),
        ({"encoder_weights": "hub", "encoder_std": 0.5}, ((0.485, 0.456, 0.406), (0.5,) * 3)),
    ],
)
def test_mean_and_std_are_the_given_or_those_of_the_source(given, expected):
    assert normalisation(Recipe(**given)) == expected


@pytest.mark.parametrize(("mean", "std"), [((0.1, 0.2, 0.3), (0.4, 0.5, 0.6)), ((0, 0, 0), (1, 1, 1))])
def test_mean_and_std_are_what_the_student_does_first(mean, std):
    student = student_of(Recipe(encoder=ENCODER, height=64, width=64, encoder_mean=mean, encoder_std=std)).eval()
    photo = torch.randint(0, 256, (1, 3, 64, 64), generator=torch.Generator().manual_seed(0)).float()
    seen = []
    student.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))

    student(photo)

    column = (-1, 1, 1)
    expected = (photo / 255 - torch.tensor(mean).view(column)) / torch.tensor(std).view(column)
    torch.testing.assert_close(seen[0], expected, rtol=1e-5, atol=1e-5)


def test_mean_and_std_are_exported_with_the_student():
    recipe = Recipe(encoder=ENCODER, height=64, width=64, encoder_mean=0.25, encoder_std=0.5)

    exported = torch.export.export(student_of(recipe).eval(), (torch.zeros(1, 3, 64, 64),))

    first, second = [node for node in exported.graph.nodes if node.op == "call_function"][:2]
    assert [str(node.target) for node in (first, second)] == ["aten.sub.Tensor", "aten.mul.Tensor"]
    names = exported.graph_signature.inputs_to_buffers
    mean, scale = (exported.constants[names[node.args[1].name]] for node in (first, second))
    torch.testing.assert_close(mean, torch.full((1, 3, 1, 1), 0.25 * 255))
    torch.testing.assert_close(scale, torch.full((1, 3, 1, 1), 1 / (0.5 * 255)))


@pytest.mark.skipif(not SHARED.is_file(), reason=f"no {SHARED.name} beside the repository")
def test_real_imagenet_weights_fit():
    recipe = recipe_of(SHARED, encoder="tu-mobilenetv2_100")
    student = student_of(recipe)
    stem = student.encoder.state_dict()["model.conv_stem.weight"].clone()

    load_encoder_weights(student, recipe)

    assert not torch.equal(student.encoder.state_dict()["model.conv_stem.weight"], stem)
