"""What is in a photo and where: coins first, then what lies beside and over them."""

from dataclasses import dataclass

import numpy as np

from training.data.coins.arrays import Points
from training.data.coins.camera import Camera, draw_camera
from training.data.coins.canvas import Canvas, open_canvas
from training.data.coins.distractor import OTHER, ROUND, draw_distractor
from training.data.coins.face import Denomination, coin_face, draw_currency
from training.data.coins.ground import draw_ground
from training.data.coins.light import draw_light, survey
from training.data.coins.thing import Disc, Thing

MOST_COINS = 36
EMPTY_SHARE = 0.012
TYPICAL_RADIUS = 10.5
FULL = 0.5
"""No more coins than would cover this share of the photo."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a coin lies."""

    centre: Points
    coin: Denomination
    base: float


def paint_scene(rng: np.random.Generator, height: int, width: int, *, coin_count: int | None) -> Canvas:
    """Ground, things, coins and what covers them, in light, before any lens.

    Args:
        rng: Where chance comes from.
        height: Rows of the photo, in pixels.
        width: Columns of the photo, in pixels.
        coin_count: Coins to lay out; fewer if they do not fit. None draws the number.
    """
    diameter, count = _draw_size(rng, height, width, coin_count)
    camera = draw_camera(rng, height, width, view=2 * TYPICAL_RADIUS / diameter)
    light = draw_light(rng, view=2 * TYPICAL_RADIUS / diameter)
    geometry = survey(camera, light)
    canvas = open_canvas(camera, light, geometry, draw_ground(rng, geometry.x, geometry.y))

    spots = _lay_out(rng, camera, draw_currency(rng), count)
    for thing in _beside(rng, camera, spots):
        thing.paint(canvas)
    for spot in sorted(spots, key=lambda spot: spot.base):
        _coin(rng, camera, spot).paint(canvas)
    for thing in _over(rng, camera, spots):
        thing.paint(canvas)
    _shadows(rng, canvas)
    return canvas


def _draw_size(rng: np.random.Generator, height: int, width: int, count: int | None) -> tuple[float, int]:
    """The diameter of a typical coin as a share of the shorter side, and the number of coins."""
    kind = rng.choice(["some", "few", "one huge", "tiny"], p=[0.6, 0.28, 0.05, 0.07])
    diameter = {
        "some": np.exp(rng.uniform(np.log(0.1), np.log(0.27))),
        "few": np.exp(rng.uniform(np.log(0.14), np.log(0.42))),
        "one huge": rng.uniform(0.45, 0.95),
        "tiny": rng.uniform(0.04, 0.1),
    }[str(kind)]
    drawn = {
        "some": rng.integers(2, MOST_COINS) if rng.random() < 0.25 else 1 + rng.geometric(0.15),
        "few": rng.integers(1, 6),
        "one huge": 1,
        "tiny": rng.integers(1, 14),
    }[str(kind)]
    if count is None:
        room = FULL * max(height, width) / min(height, width) / (np.pi / 4 * diameter**2)
        count = 0 if rng.random() < EMPTY_SHARE else int(np.clip(min(drawn, room), 1, MOST_COINS))
    return float(diameter), count


def _lay_out(rng: np.random.Generator, camera: Camera, currency: list[Denomination], count: int) -> list[Spot]:
    layout = str(rng.choice(["scattered", "touching", "heap"], p=[0.45, 0.38, 0.17]))
    spread = rng.uniform(0.5, 1.0)
    spots: list[Spot] = []
    for _ in range(count * 12):
        if len(spots) == count:
            break
        coin = currency[int(rng.integers(len(currency)))]
        if layout == "scattered" or not spots:
            centre = _anywhere(rng, camera, spread if layout == "scattered" else 0.45)
        else:
            neighbour = spots[int(rng.integers(len(spots)))]
            apart = neighbour.coin.radius + coin.radius
            apart *= rng.uniform(0.55, 1.1) if layout == "heap" else rng.choice([1.005, rng.uniform(1.0, 1.3)])
            angle = rng.uniform(0, 2 * np.pi)
            centre = neighbour.centre + apart * np.array([np.cos(angle), np.sin(angle)])
        if not _in_view(camera, centre, margin=-0.02):
            continue
        under = [s for s in spots if np.hypot(*(s.centre - centre)) < 0.999 * (s.coin.radius + coin.radius)]
        if layout == "heap" and len(under) < 4:
            spots.append(Spot(centre, coin, max((s.base + s.coin.thickness for s in under), default=0.0)))
        elif not under:
            spots.append(Spot(centre, coin, 0.0))
    return spots


def _anywhere(rng: np.random.Generator, camera: Camera, spread: float) -> Points:
    """A point of the ground seen within the middle `spread` of the photo."""
    at = 0.5 + spread * rng.uniform(-0.5, 0.5, 2)
    return np.asarray(camera.unproject(np.array([[at[0] * camera.width, at[1] * camera.height]]))[0])


def _in_view(camera: Camera, point: Points, margin: float) -> bool:
    column, row = camera.project(point[None])[0]
    across, down = camera.width * margin, camera.height * margin
    return bool(across <= column <= camera.width - across and down <= row <= camera.height - down)


def _coin(rng: np.random.Generator, camera: Camera, spot: Spot) -> Disc:
    pixels = 2 * spot.coin.radius * camera.scale(spot.centre)
    size = int(np.clip(1.3 * pixels, 24, 360))
    return Disc(
        spot.centre,
        spot.coin.radius,
        spot.coin.thickness,
        spot.base,
        rng.uniform(0, 2 * np.pi),
        coin_face(rng, spot.coin, size),
        reeds=int(rng.choice([0, 40, 90, 130])),
        is_coin=True,
    )


def _beside(rng: np.random.Generator, camera: Camera, spots: list[Spot]) -> list[Thing]:
    """Things on the ground; a coin may come to lie on them, but none stands on a coin."""
    things: list[Thing] = []
    round_count = int(rng.choice([0, 1, rng.integers(2, 6)], p=[0.66, 0.16, 0.18]))
    other_count = int(rng.choice([0, 1, rng.integers(2, 6)], p=[0.62, 0.2, 0.18]))
    for kinds, number in ((OTHER, other_count), (ROUND, round_count)):
        for _ in range(number):
            centre = _anywhere(rng, camera, 1.1)
            if all(np.hypot(*(spot.centre - centre)) > 2.2 * spot.coin.radius for spot in spots):
                things.append(draw_distractor(rng, centre, kinds=kinds))
    return things


def _over(rng: np.random.Generator, camera: Camera, spots: list[Spot]) -> list[Thing]:
    """Things that partly hide a coin."""
    if not spots or rng.random() > 0.14:
        return []
    spot = spots[int(rng.integers(len(spots)))]
    angle = rng.uniform(0, 2 * np.pi)
    beside = spot.centre + rng.uniform(0.6, 1.3) * spot.coin.radius * np.array([np.cos(angle), np.sin(angle)])
    return [draw_distractor(rng, beside, kinds=OTHER if rng.random() < 0.8 else ROUND)]


def _shadows(rng: np.random.Generator, canvas: Canvas) -> None:
    """Shadows of what stands outside the photo: a head, a hand, a window's frame."""
    if rng.random() > 0.3:
        return
    side = min(canvas.camera.height, canvas.camera.width)
    blur = side * float(rng.choice([rng.uniform(0.004, 0.02), rng.uniform(0.03, 0.12)]))
    for _ in range(int(rng.integers(1, 4))):
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(4, 11))))
        centre = rng.uniform(-0.2, 1.2, 2) * (canvas.camera.width, canvas.camera.height)
        radii = side * rng.uniform(0.15, 0.8) * rng.uniform(0.6, 1.2, len(angles))
        outline = centre + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        canvas.darken(outline, blur=blur, strength=rng.uniform(0.2, 0.65))
