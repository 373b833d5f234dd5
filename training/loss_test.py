import pytest
import segmentation_models_pytorch as smp
import torch
import torch.nn.functional as F

from training.loss import border_bce_dice, dice
from training.recipe import Recipe
from training.student.metrics import IGNORED


@pytest.fixture
def draw():
    return torch.Generator().manual_seed(0)


def blobs(draw, count=4, classes=2, side=32):
    """(count, side, side) uint8 class indices in smooth regions."""
    coarse = torch.randn(count, classes, 4, 4, generator=draw)
    return F.interpolate(coarse, (side, side), mode="bilinear").argmax(dim=1).to(torch.uint8)


def gradient(logits, teacher_mask, recipe):
    logits = logits.clone().requires_grad_()
    border_bce_dice(logits, teacher_mask, recipe).backward()
    return logits.grad


@pytest.mark.parametrize("stride", [1, 4])
def test_without_border_weight_and_dice_it_is_the_plain_bce_of_upsampled_logits(draw, stride):
    teacher_mask = blobs(draw)
    logits = torch.randn(4, 1, 32 // stride, 32 // stride, generator=draw)
    upsampled = F.interpolate(logits, (32, 32), mode="bilinear", align_corners=False)

    found = border_bce_dice(logits, teacher_mask, Recipe(bce_share=1, border_weight=0))

    theirs = F.binary_cross_entropy_with_logits(upsampled[:, 0], teacher_mask.float())
    torch.testing.assert_close(found, theirs)


def test_with_several_classes_it_is_the_cross_entropy_that_ignores(draw):
    teacher_mask = blobs(draw, classes=3)
    teacher_mask[:, :5] = IGNORED
    logits = torch.randn(4, 3, 32, 32, generator=draw)

    found = border_bce_dice(logits, teacher_mask, Recipe(bce_share=1, border_weight=0))

    torch.testing.assert_close(found, F.cross_entropy(logits, teacher_mask.long(), ignore_index=IGNORED))


def test_without_bce_it_is_the_mean_over_photos_of_minus_log_dice(draw):
    teacher_mask, logits = blobs(draw), torch.randn(4, 1, 32, 32, generator=draw)

    found = border_bce_dice(logits, teacher_mask, Recipe(bce_share=0))

    # Theirs halves the fraction before it smooths.
    log_dice = smp.losses.DiceLoss("binary", log_loss=True, smooth=0.5)
    one_by_one = [log_dice(logits[i : i + 1], teacher_mask[i : i + 1, None].float()) for i in range(4)]
    torch.testing.assert_close(found, torch.stack(one_by_one).mean())


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_it_is_w_times_bce_and_the_rest_of_log_dice(draw, share):
    teacher_mask, logits = blobs(draw), torch.randn(4, 1, 8, 8, generator=draw)

    found = border_bce_dice(logits, teacher_mask, Recipe(bce_share=share))

    bce, log_dice = (border_bce_dice(logits, teacher_mask, Recipe(bce_share=whole)) for whole in (1, 0))
    torch.testing.assert_close(found, share * bce + (1 - share) * log_dice)


@pytest.mark.parametrize("side", ["both", "inner"])
def test_a_pixel_of_the_border_pulls_harder_by_the_border_weight(side):
    teacher_mask = torch.zeros(1, 16, 32, dtype=torch.uint8)
    teacher_mask[..., 16:] = 1
    weighted = Recipe(bce_share=1, border_weight=2.5, border_width=3, border_side=side)
    logits = torch.full((1, 1, 16, 32), 0.7)

    ratio = gradient(logits, teacher_mask, weighted) / gradient(
        logits, teacher_mask, weighted.model_copy(update={"border_weight": 0.0})
    )

    expected = torch.ones(16, 32)
    expected[:, 13 if side == "both" else 16 : 19] = 3.5
    torch.testing.assert_close(ratio[0, 0], expected)


@pytest.mark.parametrize("classes", [1, 3])
def test_the_order_of_photos_changes_nothing(draw, classes):
    teacher_mask = blobs(draw, classes=max(classes, 2))
    logits = torch.randn(4, classes, 8, 8, generator=draw)
    order = torch.tensor([2, 0, 3, 1])

    found = border_bce_dice(logits[order], teacher_mask[order], Recipe())

    torch.testing.assert_close(found, border_bce_dice(logits, teacher_mask, Recipe()))


@pytest.mark.parametrize("axis", [-1, -2])
@pytest.mark.parametrize("stride", [1, 4])
def test_a_flipped_photo_has_the_flipped_gradient(draw, axis, stride):
    teacher_mask = blobs(draw)
    logits = torch.randn(4, 1, 32 // stride, 32 // stride, generator=draw)

    found = gradient(logits.flip(axis), teacher_mask.flip(axis), Recipe())

    torch.testing.assert_close(found, gradient(logits, teacher_mask, Recipe()).flip(axis))


@pytest.mark.parametrize("classes", [1, 3])
def test_an_ignored_pixel_teaches_nothing(draw, classes):
    teacher_mask = blobs(draw, classes=max(classes, 2))
    teacher_mask[:, 10:20, 5:25] = IGNORED
    ignored = teacher_mask == IGNORED

    found = gradient(torch.randn(4, classes, 32, 32, generator=draw), teacher_mask, Recipe()).abs().sum(dim=1)

    assert found[ignored].max() == 0
    assert found[~ignored].min() > 0


def test_a_photo_that_nobody_judged_teaches_nothing():
    teacher_mask = torch.full((2, 8, 8), IGNORED, dtype=torch.uint8)

    assert gradient(torch.ones(2, 3, 8, 8), teacher_mask, Recipe()).abs().max() == 0


def test_right_logits_cost_next_to_nothing_and_wrong_ones_much(draw):
    teacher_mask = blobs(draw)
    right = (teacher_mask[:, None].float() - 0.5) * 40

    assert border_bce_dice(right, teacher_mask, Recipe()) < 1e-3
    assert border_bce_dice(-right, teacher_mask, Recipe()) > 10


def test_dice_of_an_empty_mask_falls_with_every_pixel_claimed():
    nothing = torch.zeros(1, 1, 4, 4)
    claimed = nothing.clone()
    claimed[..., 0, :3] = 1

    assert dice(nothing, nothing).item() == 1
    assert dice(claimed, nothing).item() == pytest.approx(1 / 4)


@pytest.mark.parametrize("classes", [1, 3])
def test_a_class_of_weight_nothing_has_no_say_in_the_bce_and_equal_weights_change_nothing(classes):
    logits = torch.randn(2, classes, 8, 8, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(2, 16, 16, dtype=torch.uint8)
    mask[:, :, 8:] = 1
    mask[:, :3] = 255
    recipe = Recipe(bce_share=1, border_weight=0)
    names = max(2, classes)

    def loss(*weights):
        return border_bce_dice(logits, mask, recipe, torch.tensor(weights) if weights else None)

    torch.testing.assert_close(loss(*[1.0] * names), loss())
    only_ones, only_zeros = loss(0.0, 1.0, *[1.0] * (names - 2)), loss(1.0, 0.0, *[1.0] * (names - 2))
    torch.testing.assert_close(only_ones + only_zeros, loss())
    assert 0 < only_ones < loss()
