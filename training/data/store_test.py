import pickle
from pathlib import Path

import numpy as np
import pytest

from training.data.store import Bound, Decoded, Store
from training.data.views import TrainingView, ValidationView
from training.loop.batches import training_batches, validation_batches

SIZES = [(4, 5), (7, 3), (2, 2), (6, 6), (5, 4)]
BYTES = [4 * rows * columns for rows, columns in SIZES]


class Decoder:
    """Makes pairs of several sizes, and counts how often it is asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, index):
        self.asked.append(index)
        rng = np.random.default_rng(index)
        return Decoded(*(rng.integers(0, 255, (*SIZES[index], *rest), np.uint8) for rest in ((3,), ())))


@pytest.mark.parametrize(
    ("memory", "disk", "in_memory", "on_disk"),
    [
        (sum(BYTES), 0, 5, 0),
        (sum(BYTES) - 1, sum(BYTES), 4, 1),
        (sum(BYTES[:2]), sum(BYTES[2:4]), 2, 2),
        (0, sum(BYTES), 0, 5),
        (0, 0, 0, 0),
    ],
)
def test_pairs_are_the_same_wherever_they_are_kept(memory, disk, in_memory, on_disk):
    decode = Decoder()

    store = Store(decode, len(SIZES), Bound(memory, disk), "decode")

    assert (len(store), store.in_memory, store.on_disk) == (5, in_memory, on_disk)
    decode.asked.clear()
    for index in (3, 0, 4, 1, 2):
        found, fresh = store[index], Decoder()(index)
        assert np.array_equal(found.photo, fresh.photo)
        assert np.array_equal(found.teacher_mask, fresh.teacher_mask)
    assert len(decode.asked) == 5 - in_memory - on_disk


def test_what_lies_on_disk_leaves_no_name_there(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    store = Store(Decoder(), len(SIZES), Bound(0, 10**6), "decode")

    assert store.on_disk == 5
    assert not list(tmp_path.iterdir())
    if Path("/proc/self/maps").exists():
        assert str(tmp_path) in Path("/proc/self/maps").read_text()


def test_nothing_is_decoded_that_there_is_no_room_for():
    decode = Decoder()

    Store(decode, len(SIZES), Bound(BYTES[0], 0), "decode")

    assert decode.asked == [0, 1]


def test_a_store_that_is_sent_away_decodes_what_lay_on_disk():
    store = Store(Decoder(), len(SIZES), Bound(BYTES[0], 10**6), "decode")

    sent = pickle.loads(pickle.dumps(store))

    assert (sent.in_memory, sent.on_disk) == (1, 0)
    assert all(np.array_equal(sent[index].photo, store[index].photo) for index in range(5))


def test_half_of_what_is_free_is_taken_and_divided_among_processes():
    whole, half = Bound.of("auto"), Bound.of("auto", processes=2)

    assert 0.3 < half.memory / whole.memory < 0.7
    assert Bound.of(1.5) == Bound(1_500_000_000, Bound.of(1.5).disk)
    assert Bound.of(1.5, processes=3).memory == 500_000_000


@pytest.mark.parametrize("workers", [0, 1])
def test_batches_do_not_depend_on_where_pairs_are_kept(discs, tiny_recipe, workers):
    recipe = tiny_recipe(f"workers={workers}")
    contract = recipe.contract(discs.classes)

    def batches(bound):
        training, validation = TrainingView(discs.pairs, 1, recipe, bound), ValidationView(discs.pairs, contract, bound)
        masks = [validation.teacher_masks[index] for index in range(len(validation))]
        return [*training_batches(training, recipe), *validation_batches(validation, recipe), masks]

    memory, disk, nowhere = (batches(bound) for bound in (Bound(10**9, 0), Bound(0, 10**9), Bound(0, 0)))

    assert len(memory) == 3 + 3 + 1
    for one, *others in zip(memory, disk, nowhere, strict=True):
        for other in others:
            assert all(np.array_equal(part, same) for part, same in zip(one, other, strict=True))
