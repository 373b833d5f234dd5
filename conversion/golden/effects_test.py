"""The effects of docs/golden.md in plain loops, and the mistakes that their vectors must catch."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from conversion.golden import cases
from conversion.golden.conftest import tensor
from training.student.effects import COLOURS, blurred_background, composed, cut_out, overlay
from training.student.errors import BadInput

F = np.float32


@dataclass(frozen=True)
class Arithmetic:
    """Each field is a step that an implementation could get wrong."""

    mixed: object = lambda photo, colour: (6 * photo + 4 * colour + 5) // 10
    mean: object = lambda total, count: (2 * total + count) // (2 * count)
    over: object = lambda cover, photo, behind: (cover * photo + (255 - cover) * behind + 127) // 255
    neighbours: int = 8
    tinted_first: int = 1
    colour: object = lambda index, classes: COLOURS[(index - (classes == 1)) % len(COLOURS)]
    beyond: bool = False
    passes: int = 2
    weighted: bool = True
    untouched: bool = True
    step: object = lambda change, rate: F(change * F(rate))


RIGHT = Arithmetic()


def around(how, values, y, x, radius):
    """Pixels of the square around one, those in frame; as if 0 beyond it, where that mistake is made."""
    height, width = values.shape[:2]
    for row in range(y - radius, y + radius + 1):
        for column in range(x - radius, x + radius + 1):
            if 0 <= row < height and 0 <= column < width:
                yield row, column
            elif how.beyond:
                yield None


def drawn(how, photo, mask, classes):
    picture = photo.astype(int)
    first = how.tinted_first if classes == 1 else 0
    for y, x in np.ndindex(mask.shape):
        index = int(mask[y, x])
        if not first <= index < max(2, classes):
            continue
        ring = [at for at in around(RIGHT, mask, y, x, 1) if how.neighbours == 8 or y == at[0] or x == at[1]]
        is_edge = any(mask[at] != index for at in ring)
        for channel, value in enumerate(how.colour(index, classes)):
            picture[y, x, channel] = value if is_edge else how.mixed(int(photo[y, x, channel]), value)
    return picture


def cover(how, foreground, feather):
    found = np.zeros(foreground.shape, int)
    for y, x in np.ndindex(foreground.shape):
        ring = list(around(how, foreground, y, x, feather))
        found[y, x] = how.mean(255 * sum(int(foreground[at]) for at in ring if at), len(ring))
    return found


def blurred(how, photo, weight, radius):
    picture = photo.astype(int)
    for _ in range(how.passes):
        before = picture.copy()
        for y, x in np.ndindex(weight.shape):
            ring = list(around(RIGHT, weight, y, x, radius))
            weights = [int(weight[at]) if how.weighted else 1 for at in ring]
            if sum(weights):
                for channel in range(3):
                    total = sum(each * int(before[(*at, channel)]) for each, at in zip(weights, ring, strict=True))
                    picture[y, x, channel] = how.mean(total, sum(weights))
            elif not how.untouched:
                picture[y, x] = 0
    return picture


def differs(how, stem, vector):
    """Whether this arithmetic misses what the file says."""
    if stem == "smooth":
        previous, logits = tensor(vector["previous"]), tensor(vector["logits"])
        found = F(previous + how.step(F(logits - previous), vector["rate"]))
        return found.tobytes() != tensor(vector["smoothed"]).tobytes()
    photo, expected = tensor(vector["photo"]), tensor(vector["picture"])
    if stem == "overlay":
        return not np.array_equal(drawn(how, photo, tensor(vector["mask"]), vector["classes"]), expected)
    over = cover(how, tensor(vector["foreground"]), vector["feather"])
    if stem == "cut_out":
        return not np.array_equal(np.dstack([photo, over]), expected)
    behind = blurred(how, photo, 255 - over, vector["radius"])
    return not np.array_equal(how.over(over[..., None], photo.astype(int), behind), expected)


NAMES = {"overlay": cases.OVERLAY, "cut_out": cases.CUT_OUT, "background": cases.BACKGROUND, "smooth": cases.SMOOTH}


@pytest.mark.parametrize(("stem", "name"), [(stem, name) for stem, table in NAMES.items() for name in table])
def test_plain_loops_written_from_the_page_agree_with_every_vector(vectors, stem, name):
    assert not differs(RIGHT, stem, vectors[stem][name])


WRONG = {
    "tints cut off": (replace(RIGHT, mixed=lambda photo, colour: (6 * photo + 4 * colour) // 10), ["overlay"]),
    "an outline of four neighbours": (replace(RIGHT, neighbours=4), ["overlay"]),
    "background tinted": (replace(RIGHT, tinted_first=0), ["overlay"]),
    "colours from the second": (replace(RIGHT, colour=lambda i, n: COLOURS[i % len(COLOURS)]), ["overlay"]),
    "colours that end": (replace(RIGHT, colour=lambda i, n: COLOURS[min(i - (n == 1), 11)]), ["overlay"]),
    "means cut off": (replace(RIGHT, mean=lambda total, count: total // count), ["cut_out", "background"]),
    "black beyond the frame": (replace(RIGHT, beyond=True), ["cut_out", "background"]),
    "blurred once": (replace(RIGHT, passes=1), ["background"]),
    "a halo": (replace(RIGHT, weighted=False), ["background"]),
    "mixed by 256": (replace(RIGHT, over=lambda a, x, b: (a * x + (255 - a) * b) >> 8), ["background"]),
    "a rate in float64": (replace(RIGHT, step=lambda change, rate: F(change.astype(np.float64) * rate)), ["smooth"]),
}


@pytest.mark.parametrize(("wrong", "stems"), WRONG.values(), ids=WRONG)
def test_the_vectors_catch(vectors, wrong, stems):
    for stem in stems:
        assert any(differs(wrong, stem, vector) for vector in vectors[stem].values()), stem


def test_a_mask_or_background_of_another_size_is_refused():
    photo, mask = np.zeros((4, 5, 3), np.uint8), np.zeros((5, 4), np.uint8)
    for call in (
        lambda: overlay(photo, mask, 1),
        lambda: cut_out(photo, mask, 0),
        lambda: blurred_background(photo, mask, 0, 1),
    ):
        with pytest.raises(BadInput, match=r"the mask has \(5, 4\) rows and columns, its photo \(4, 5\)"):
            call()
    with pytest.raises(BadInput, match=r"the background is \(5, 5, 3\), the photo \(4, 5, 3\); resize it first"):
        composed(photo, np.zeros((5, 5, 3), np.uint8), np.zeros((4, 5), np.uint8))
