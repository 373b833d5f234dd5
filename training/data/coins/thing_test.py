import numpy as np
import pytest

from training.data.coins.camera import Camera, draw_camera
from training.data.coins.canvas import Canvas, coverage, open_canvas
from training.data.coins.face import EURO, coin_face
from training.data.coins.ground import GROUNDS
from training.data.coins.light import draw_light, survey
from training.data.coins.thing import CIRCLE, Disc, Slab

SIZE = 200


def canvas(seed: int, *, view: float = 60.0) -> Canvas:
    rng = np.random.default_rng(seed)
    camera, light = draw_camera(rng, SIZE, SIZE, view=view), draw_light(rng, view=view)
    geometry = survey(camera, light)
    return open_canvas(camera, light, geometry, GROUNDS["plain"][1](rng, geometry.x, geometry.y))


def disc(*, thickness: float = 2.0, holes: tuple[tuple[float, float, float], ...] = ()) -> Disc:
    face = coin_face(np.random.default_rng(0), EURO[0], 96)
    return Disc(np.zeros(2), 10.0, thickness, 0.0, 0.3, face, holes=holes, is_coin=True)


def seen_area(camera: Camera, radius: float) -> float:
    """Pixels within a circle about the origin, by the shoelace formula."""
    x, y = camera.project(radius * CIRCLE).T
    return abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1))) / 2


@pytest.mark.parametrize("seed", range(6))
def test_a_pixel_is_projected_back_to_itself(seed: int):
    rng = np.random.default_rng(seed)
    camera = draw_camera(rng, 120, 300, view=80.0)
    pixels = rng.uniform(0, 120, (50, 2))

    assert np.allclose(camera.project(camera.unproject(pixels, 3.0), 3.0), pixels)


def test_coverage_adds_up_to_the_area_of_a_circle():
    centre, radius = (31.3, 28.8), 17.4

    inside = coverage(centre + radius * CIRCLE, (slice(0, 60), slice(0, 64)))

    assert inside.sum() == pytest.approx(np.pi * radius**2, rel=0.015)
    rows, columns = np.mgrid[0:60, 0:64]
    assert (inside * columns).sum() / inside.sum() == pytest.approx(centre[0], abs=0.06)
    assert (inside * rows).sum() / inside.sum() == pytest.approx(centre[1], abs=0.06)


@pytest.mark.parametrize("seed", range(6))
def test_a_flat_coin_is_masked_exactly_and_its_shadow_is_not(seed: int):
    painted = canvas(seed)
    before = painted.radiance.copy()

    disc(thickness=1e-3).paint(painted)

    assert painted.mask.sum() == pytest.approx(seen_area(painted.camera, 10.0), rel=0.02)
    assert not np.array_equal(painted.radiance[~painted.mask], before[~painted.mask])


def test_the_edge_of_a_thick_coin_is_coin():
    flat, thick = canvas(1), canvas(1)

    disc(thickness=1e-3).paint(flat)
    disc(thickness=6.0).paint(thick)

    assert thick.mask.sum() > flat.mask.sum()


def test_a_hole_is_no_coin():
    whole, pierced = canvas(2), canvas(2)

    disc(thickness=1e-3).paint(whole)
    disc(thickness=1e-3, holes=((0.0, 0.0, 0.5),)).paint(pierced)

    assert pierced.mask.sum() == pytest.approx(0.75 * whole.mask.sum(), rel=0.03)


def test_what_lies_over_a_coin_is_no_coin():
    painted = canvas(3)
    card = Slab((np.array([[0.0, -40], [40, -40], [40, 40], [0, 40]]),), (np.full(3, 0.5, np.float32),), 0.1, base=2.0)

    disc().paint(painted)
    alone = painted.mask.sum()
    card.paint(painted)

    assert 0.3 * alone < painted.mask.sum() < 0.7 * alone


@pytest.mark.parametrize("name", GROUNDS)
def test_every_ground_is_a_reflectance_that_varies_with_the_seed(name: str):
    rows, columns = np.mgrid[0:64, 0:64].astype(np.float32)

    one, other = (GROUNDS[name][1](np.random.default_rng(seed), columns, rows) for seed in (0, 1))

    for ground in (one, other):
        assert ground.albedo.shape == (64, 64, 3)
        assert np.isfinite(ground.albedo).all()
        assert ground.albedo.min() >= 0
        assert 0.0005 < ground.albedo.mean() < 1
    assert not np.array_equal(one.albedo, other.albedo)
