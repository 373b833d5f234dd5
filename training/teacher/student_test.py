import numpy as np
import pytest
import torch

from training.data.pairs import read_pairs
from training.run import Run
from training.student.checkpoint import Checkpoint, save_checkpoint
from training.student.contract import Contract
from training.student.errors import BadInput
from training.student.metrics import IGNORED
from training.student.network import Architecture, Student
from training.student.postprocess import postprocess
from training.student.preprocess import preprocess
from training.teacher import sources
from training.teacher.job import label_photos
from training.teacher.labelled_folder import LabelledFolder
from training.teacher.phrases import parse_phrases
from training.teacher.teachers import TEACHERS

ENTRY = TEACHERS["student"]


@pytest.fixture
def taught():
    """A student of random weights, whose logits vary."""

    def build(height=64, width=64, classes=("coin",)):
        contract = Contract(height, width, 4, classes)
        with torch.random.fork_rng():
            torch.manual_seed(3)
            architecture = Architecture("tu-mobilenetv3_small_100", (16, 16, 8), True, (0.5,) * 3, (0.25,) * 3)
            network = Student(contract, architecture).eval()
            for parameter in network.parameters():
                if parameter.ndim > 1:
                    torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
        return Checkpoint(network, contract, architecture, {})

    return build


@pytest.fixture
def finished(tmp_path):
    """The folder of a finished run of a student."""

    def save(made, name="run"):
        run = Run(tmp_path / name)
        run.folder.mkdir()
        save_checkpoint(made, run.checkpoint)
        data = {"folder": "", "digest": "", "classes": [], "pairs": 0}
        run.claim({"recipe": {}, "data": data, "train": [], "validation": []}, "fp32")
        run.finish()
        return str(run.folder)

    return save


def teacher(folder, *phrases, **options):
    return ENTRY.build(ENTRY.options()(**options), parse_phrases(phrases or ["coin"]), folder, "cpu")


PHOTO = np.random.default_rng(5).integers(0, 255, (6, 8, 3), np.uint8).repeat(20, axis=0).repeat(15, axis=1)
"""(120, 120): blocks."""


def logits(one, photo):
    return one.look([photo])[0].arrays["logits"].astype(np.float32)


@pytest.mark.parametrize(("classes", "phrases"), [(("coin",), ["coin"]), (("background", "a", "b"), ["a", "b"])])
def test_the_photo_alone_is_drawn_on_as_the_student_itself_would(taught, finished, classes, phrases):
    made = taught(classes=classes)
    image = torch.from_numpy(preprocess(PHOTO, made.contract)).permute(2, 0, 1)[None].float()
    with torch.inference_mode():
        bias = list(made.student.parameters())[-1]
        bias -= made.student(image).mean(dim=(0, 2, 3))
        # Findings have half precision.
        expected = postprocess(made.student(image)[0].numpy().astype(np.float16), made.contract, *PHOTO.shape[:2])
    one = teacher(finished(made), *phrases, copies="one")

    found = one.decide(one.look([PHOTO])[0])

    assert np.array_equal(found.mask, expected)
    assert len(np.unique(expected)) > 1
    assert 0 < found.score < 1


def test_with_all_copies_a_turned_photo_gets_the_turned_logits(taught, finished):
    one = teacher(finished(taught()), copies="any")
    usual = logits(one, PHOTO)

    for turn in (lambda a, axes: np.rot90(a, axes=axes), lambda a, axes: np.flip(a, axes[1])):
        np.testing.assert_allclose(logits(one, turn(PHOTO, (0, 1))), turn(usual, (1, 2)), atol=2e-2 * np.ptp(usual))


def test_copies_on_their_side_fit_an_input_that_is_not_square(taught, finished):
    one = teacher(finished(taught(64, 96)), copies="any")

    assert logits(one, PHOTO).shape == (1, 16, 24)
    np.testing.assert_allclose(logits(one, PHOTO[:, ::-1]), logits(one, PHOTO)[:, :, ::-1], atol=1e-2)


def test_only_what_it_is_not_sure_of_is_left_open(taught, finished):
    folder = finished(taught())
    one = teacher(folder)
    seen = one.look([PHOTO])[0]
    seen.arrays["logits"][:] = np.linspace(-4, 4, 16)  # probabilities cross 0.8 at logits of 1.39

    bold = one.decide(seen)
    one.settings = ENTRY.options()(sure=0.8)
    careful = one.decide(seen)

    left = careful.mask == IGNORED
    assert np.array_equal(careful.mask[~left], bold.mask[~left])
    # Columns 0 to 119 span the logits; 2 · 1.39 of 8 are left open.
    assert left.all(axis=0).sum() == left.any(axis=0).sum() == pytest.approx(120 * 2 * 1.39 / 8, abs=6)
    one.settings = ENTRY.options()(sure=0.99)
    assert one.decide(seen).undecided


def test_what_it_promises_is_higher_where_it_is_surer(taught, finished):
    one = teacher(finished(taught()))
    seen = one.look([PHOTO])[0]
    scores = []
    for steepness in (1, 3, 9):
        seen.arrays["logits"][:] = steepness * np.linspace(-1, 1, 16)
        scores.append(one.decide(seen).score)

    assert scores == sorted(scores)
    assert scores[-1] > 0.8 > scores[0]


def test_its_pairs_say_which_weights_drew_them(taught, finished, discs, tmp_path):
    folder = finished(taught())
    label_photos(
        sources.find_photos(discs.folder / "photos"), teacher(folder), LabelledFolder(tmp_path / "out", keep_empty=True)
    )

    about = LabelledFolder(tmp_path / "out").sidecar(discs.pairs[0].name)

    assert len(read_pairs(tmp_path / "out").pairs) == len(discs.pairs)
    assert list(about.weights) == [folder]
    assert about.weights == teacher(folder).weights


def test_a_run_that_cannot_teach_is_refused(taught, finished, tmp_path):
    with pytest.raises(BadInput, match="needs a finished run: --weights"):
        teacher(None)
    with pytest.raises(BadInput, match="is not a finished run"):
        teacher(str(tmp_path / "nowhere"))
    folder = finished(taught(classes=("sky", "road")))
    with pytest.raises(BadInput, match="has the classes sky, road, these phrases make coin"):
        teacher(folder)
