import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from training.data.merge import merge
from training.data.pairs import Pair, read_pairs
from training.data.photos import read_mask, read_photo
from training.data.views import TrainingView, ValidationView
from training.loop.batches import EpochSampler, training_batches
from training.student.contract import Contract
from training.student.errors import BadInput
from training.student.preprocess import preprocess


@pytest.fixture(scope="module")
def view(discs, tiny_recipe):
    return TrainingView(discs.pairs, 1, tiny_recipe())


def test_an_item_is_a_photo_and_its_mask_at_the_size_of_the_input(view):
    photo, teacher_mask = view[0, 1.0]

    assert (photo.shape, photo.dtype) == ((3, 64, 64), torch.uint8)
    assert (teacher_mask.shape, teacher_mask.dtype) == ((64, 64), torch.uint8)
    assert teacher_mask.unique().tolist() == [0, 1]
    # Discs are bright, their ground is dark.
    assert photo[:, teacher_mask == 1].float().mean() > photo[:, teacher_mask == 0].float().mean() + 50


def test_a_ticket_decides_all_that_an_item_is(discs, view, tiny_recipe):
    again = TrainingView(discs.pairs, 1, tiny_recipe())

    for ticket in (0, 5, 12, 41):
        assert all(torch.equal(one, other) for one, other in zip(view[ticket, 1.0], again[ticket, 1.0], strict=True))


def test_another_epoch_or_seed_augments_otherwise(discs, view, tiny_recipe):
    other = TrainingView(discs.pairs, 1, tiny_recipe("seed=1"))

    assert not torch.equal(view[3, 1.0][0], view[3 + len(view), 1.0][0])
    assert not torch.equal(view[3, 1.0][0], other[3, 1.0][0])


def test_early_epochs_are_learnt_smaller(discs, tiny_recipe):
    recipe = tiny_recipe("epochs=5", "scales=[0.5,1]")
    batches = training_batches(TrainingView(discs.pairs, 1, recipe), recipe)

    sides = []
    for epoch in range(5):
        batches.sampler.set_epoch(epoch)
        sides.append(next(iter(batches))[0].shape[2])

    assert sides == [32, 32, 64, 64, 64]


@pytest.mark.parametrize(("wanted", "expected"), [(1, 12), (12, 12), (17, 12), (19, 24), (60, 60)])
def test_few_pairs_come_several_times_an_epoch_each_as_often_and_augmented_otherwise(
    discs, tiny_recipe, wanted, expected
):
    view = TrainingView(discs.pairs, 1, tiny_recipe(f"photos_per_epoch={wanted}"))

    assert len(view) == expected
    if expected > 12:
        assert not torch.equal(view[3, 1.0][0], view[15, 1.0][0])


def test_the_pairs_of_a_small_folder_come_as_often_as_those_of_a_large_one(discs, draw_discs, tiny_recipe, tmp_path):
    few = read_pairs(draw_discs(tmp_path / "few", count=3))
    view = TrainingView(merge([discs, few]).pairs, 1, tiny_recipe("zoom=[1,1]", "colour=0", "degrade=0"))

    assert len(view) == 24
    small = [view._store[index].photo.tobytes() for index in view._epoch[-12:]]
    assert sorted({small.count(each) for each in small}) == [4]


def test_a_view_can_be_sent_to_a_worker_that_shares_no_memory(view):
    sent = pickle.loads(pickle.dumps(view))

    assert torch.equal(sent[7, 1.0][0], view[7, 1.0][0])


def test_every_epoch_draws_each_ticket_once_in_an_order_of_its_own():
    tickets = EpochSampler(50, seed=3)

    orders = []
    for epoch in range(3):
        tickets.set_epoch(epoch)
        drawn = [ticket for ticket, _ in tickets]
        assert [ticket for ticket, _ in tickets] == drawn
        assert sorted(drawn) == list(range(epoch * 50, epoch * 50 + 50))
        orders.append(tuple(ticket - epoch * 50 for ticket in drawn))

    assert len(set(orders)) == 3
    assert list(EpochSampler(50, seed=4)) != list(orders[0])


@pytest.mark.parametrize(("batch", "sizes"), [(4, [4, 4, 4]), (5, [5, 5]), (64, [12])])
def test_batches_are_all_of_one_size_and_there_is_always_one(view, tiny_recipe, batch, sizes):
    batches = training_batches(view, tiny_recipe(f"batch={batch}"))

    assert [len(photos) for photos, _ in batches] == sizes


def test_workers_bring_what_one_process_would(view, tiny_recipe):
    alone, helped = (list(training_batches(view, tiny_recipe(f"workers={count}"))) for count in (0, 1))

    assert all(torch.equal(one[0], other[0]) for one, other in zip(alone, helped, strict=True))


def test_validation_sees_what_a_phone_would(discs):
    contract = Contract(64, 32, 4, ("disc",))

    view = ValidationView(discs.pairs[:3], contract)

    assert (len(view), view.names) == (3, ["disc_00", "disc_01", "disc_02"])
    photo, index = view[2]
    assert index == 2
    expected = preprocess(read_photo(discs.pairs[2].photo), contract)
    assert (photo.numpy().transpose(1, 2, 0) == expected).all()
    assert (view.teacher_masks[2] == read_mask(discs.pairs[2].mask, size=(96, 96), classes=1)).all()


def test_a_fault_is_found_before_training_begins(tmp_path, tiny_recipe):
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(np.full((8, 8), 7, np.uint8)).save(tmp_path / "m.png")

    with pytest.raises(BadInput, match=r"m\.png has values 7"):
        TrainingView([Pair("a", tmp_path / "a.png", tmp_path / "m.png")], 1, tiny_recipe())
