"""An implementation written from docs/golden.md alone, in plain loops, and the mistakes that the vectors must catch."""

import json
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

from conversion.golden import cases
from conversion.golden.conftest import tensor
from conversion.golden.vectors import VECTOR_FILES, write_vectors
from training.student.contract import Contract

F = np.float32


@dataclass(frozen=True)
class Arithmetic:
    """The arithmetic of docs/golden.md; each field is a step that an implementation could get wrong."""

    position: object = lambda i, source, target: ((i + 0.5) * source) / target - 0.5
    lerp: object = lambda a, b, t: F(a + F(F(b - a) * t))
    rows_first: bool = True
    whole: object = lambda value: int(F(value + F(0.5)))
    channels: tuple = (0, 1, 2)
    above: object = lambda logit, threshold: logit > F(threshold)
    beats: object = lambda new, best: new > best
    through_input: bool = False
    span: object = lambda r, dy: round(math.sqrt(r * r - dy * dy))
    order: tuple = (all, any)
    beyond: object = None


RIGHT = Arithmetic()


def taps(how, source, target):
    for i in range(target):
        position = min(max(how.position(i, source, target), 0), source - 1)
        first = math.floor(position)
        yield first, min(first + 1, source - 1), F(position - first)


def resize(how, values, height, width):
    """Nested lists: values[row][column] of one channel."""
    rows = []
    for top, bottom, down in taps(how, len(values), height):
        row = []
        for left, right, across in taps(how, len(values[0]), width):
            corners = [[F(values[y][x]) for x in (left, right)] for y in (top, bottom)]
            if how.rows_first:
                ends = [how.lerp(corners[0][x], corners[1][x], down) for x in (0, 1)]
                row.append(how.lerp(ends[0], ends[1], across))
            else:
                ends = [how.lerp(corners[y][0], corners[y][1], across) for y in (0, 1)]
                row.append(how.lerp(ends[0], ends[1], down))
        rows.append(row)
    return rows


def preprocess(how, contract, photo):
    height, width = contract["height"], contract["width"]
    channels = [resize(how, photo[..., channel], height, width) for channel in how.channels]
    return np.array([[[how.whole(c[y][x]) for c in channels] for x in range(width)] for y in range(height)])


def postprocess(how, contract, logits, height, width):
    if how.through_input:
        logits = [resize(how, channel, contract["height"], contract["width"]) for channel in logits]
    channels = [resize(how, channel, height, width) for channel in logits]
    mask = [[pixel(how, contract, [c[y][x] for c in channels]) for x in range(width)] for y in range(height)]
    if len(contract["classes"]) == 1 and contract["open"] > 1:
        for decide in how.order:
            mask = morphed(how, mask, contract["open"], decide)
    return np.array(mask)


def pixel(how, contract, logits):
    if len(logits) == 1:
        return int(how.above(logits[0], contract["threshold"]))
    best = 0
    for index, logit in enumerate(logits):
        if how.beats(logit, logits[best]):
            best = index
    return best


def morphed(how, mask, side, decide):
    r = (side - 1) // 2
    offsets = [(dy, dx) for dy in range(-r, r + 1) for dx in range(-how.span(r, dy), how.span(r, dy) + 1)]
    height, width = len(mask), len(mask[0])

    def under(y, x):
        for dy, dx in offsets:
            if 0 <= y + dy < height and 0 <= x + dx < width:
                yield mask[y + dy][x + dx]
            elif how.beyond is not None:
                yield how.beyond

    return [[int(decide(under(y, x))) for x in range(width)] for y in range(height)]


def differs(how, stem, vector):
    """Whether this arithmetic misses what the file says."""
    if stem == "resize":
        values, expected = tensor(vector["values"]), tensor(vector["resized"])
        channels = [resize(how, values[..., channel], *expected.shape[:2]) for channel in range(values.shape[2])]
        found = np.moveaxis(np.array(channels, F), 0, -1)
        return found.tobytes() != expected.tobytes()
    if stem == "preprocess":
        return not np.array_equal(preprocess(how, vector["contract"], tensor(vector["photo"])), tensor(vector["input"]))
    expected = tensor(vector["mask"])
    return not np.array_equal(postprocess(how, vector["contract"], tensor(vector["logits"]), *expected.shape), expected)


NAMES = {"resize": cases.RESIZE, "preprocess": cases.PREPROCESS, "postprocess": cases.POSTPROCESS}


@pytest.mark.parametrize(("stem", "name"), [(stem, name) for stem, table in NAMES.items() for name in table])
def test_plain_loops_written_from_the_page_agree_with_every_vector(vectors, stem, name):
    assert not differs(RIGHT, stem, vectors[stem][name])


def fused(a, b, t):
    return F(np.float64(a) + np.float64(F(b - a)) * np.float64(t))


def weighted(a, b, t):
    return F(F(a * F(F(1) - t)) + F(b * t))


def aligned(i, source, target):
    return i * (source - 1) / (target - 1) if target > 1 else 0.0


def shifted(i, source, target):
    return i * source / target


def single(i, source, target):
    return F(F(F(F(i + 0.5) * F(source)) / F(target)) - F(0.5))


WRONG = {
    "no half pixel": (replace(RIGHT, position=shifted), ["resize", "preprocess", "postprocess"]),
    "align_corners": (replace(RIGHT, position=aligned), ["resize", "preprocess", "postprocess"]),
    "float32 positions": (replace(RIGHT, position=single), ["resize"]),
    "columns before rows": (replace(RIGHT, rows_first=False), ["resize"]),
    "a fused multiply-add": (replace(RIGHT, lerp=fused), ["resize"]),
    "two weights": (replace(RIGHT, lerp=weighted), ["resize"]),
    "bgr": (replace(RIGHT, channels=(2, 1, 0)), ["preprocess"]),
    "halves to even": (replace(RIGHT, whole=lambda value: int(np.rint(value))), ["preprocess"]),
    "cut off without rounding": (replace(RIGHT, whole=int), ["preprocess"]),
    "equal counts as above": (replace(RIGHT, above=lambda logit, at: logit >= F(at)), ["postprocess"]),
    "threshold as float64": (replace(RIGHT, above=lambda logit, at: float(logit) > at), ["postprocess"]),
    "threshold forgotten": (replace(RIGHT, above=lambda logit, _: logit > 0), ["postprocess"]),
    "the last of equals": (replace(RIGHT, beats=lambda new, best: new >= best), ["postprocess"]),
    "by way of the input's size": (replace(RIGHT, through_input=True), ["postprocess"]),
    "a square": (replace(RIGHT, span=lambda r, _: r), ["postprocess"]),
    "a true disc": (replace(RIGHT, span=lambda r, dy: math.isqrt(r * r - dy * dy)), ["postprocess"]),
    "closing": (replace(RIGHT, order=(any, all)), ["postprocess"]),
    "no opening": (replace(RIGHT, order=()), ["postprocess"]),
    "a frame that erodes": (replace(RIGHT, beyond=0), ["postprocess"]),
    "a frame that dilates": (replace(RIGHT, beyond=1), ["postprocess"]),
}


@pytest.mark.parametrize(("wrong", "stems"), WRONG.values(), ids=WRONG)
def test_the_vectors_catch(vectors, wrong, stems):
    for stem in stems:
        assert any(differs(wrong, stem, vector) for vector in vectors[stem].values()), stem


@pytest.mark.parametrize("name", [name for name in cases.POSTPROCESS if name.startswith("open ")])
def test_every_opening_has_something_to_open(vectors, name):
    closed = differs(replace(RIGHT, order=()), "postprocess", vectors["postprocess"][name])

    assert closed == (name not in ("open 1", "open wider than the photo"))


@pytest.mark.parametrize(
    ("stem", "tensor", "shape"), [("preprocess", "input", "input_shape"), ("postprocess", "logits", "logits_shape")]
)
def test_the_contracts_inside_are_contracts_of_these_shapes(vectors, stem, tensor, shape):
    for vector in vectors[stem].values():
        contract = Contract.from_json(json.dumps(vector["contract"]))

        assert getattr(contract, shape) == tuple(vector[tensor]["shape"])


def test_two_writes_give_the_same_small_files(tmp_path):
    write_vectors(tmp_path / "one")
    write_vectors(tmp_path / "two")

    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == [f"{name}.json" for name in sorted(VECTOR_FILES)]
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in files)
    assert sum((tmp_path / "one" / name).stat().st_size for name in files) < 300_000


def test_the_noise_is_the_same_on_every_machine():
    assert cases.PREPROCESS["up, odd"].photo.reshape(-1)[:6].tolist() == [32, 127, 153, 7, 37, 237]
