"""What lies beside coins and over them, and is none: a table of round things, and one of others."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.coins.arrays import Points, slopes
from training.data.coins.colour import Ink, draw_colour, draw_ink, linearised
from training.data.coins.face import Face
from training.data.coins.metal import alloy
from training.data.coins.noise import fractal
from training.data.coins.thing import CIRCLE, Ball, Disc, Slab, Thing
from training.student.arrays import Floats, Pixels

SIZE = 96
FLAT = np.zeros((SIZE, SIZE, 2), np.float32)
_AXIS = np.linspace(-1, 1, SIZE, dtype=np.float32)
RHO: Floats = np.sqrt(_AXIS**2 + _AXIS[:, None] ** 2)

Make = Callable[[np.random.Generator, Points], Thing]


def draw_distractor(rng: np.random.Generator, centre: Points, *, kinds: dict[str, tuple[float, Make]]) -> Thing:
    """One thing of a table, at an (x, y) on the ground."""
    weights = np.array([weight for weight, _ in kinds.values()])
    _, make = list(kinds.values())[rng.choice(len(weights), p=weights / weights.sum())]
    return make(rng, centre)


def _steel(rng: np.random.Generator) -> tuple[Floats, float]:
    names = ["steel", "zinc", "brass", "silver", "copper", "gold"]
    metal = alloy(rng, str(rng.choice(names, p=[0.4, 0.2, 0.12, 0.12, 0.08, 0.08])))
    return metal.bright + rng.uniform(0, 0.6) * (metal.tarnished - metal.bright), rng.uniform(0.1, 0.45)


def _turned(profile: NDArray[Any], depth: float) -> Floats:
    """Slopes of a relief given over `RHO`, as if turned on a lathe; depth in radii."""
    return slopes(profile.astype(np.float32), depth * SIZE / 2)


def _solid(colour: Floats) -> Floats:
    return np.zeros((SIZE, SIZE, 3), np.float32) + colour


def _sheet(ink: Ink) -> Pixels:
    sheet = np.empty((SIZE, SIZE, 3), np.uint8)
    sheet[:] = ink
    return sheet


def washer(rng: np.random.Generator, centre: Points) -> Disc:
    """A washer or a nut's ring: smooth, with a hole in the middle."""
    colour, roughness = _steel(rng)
    brushed = _solid(colour) * np.exp(0.06 * fractal(rng, size=SIZE, coarsest=16, roughness=0.8))[..., None]
    slope = _turned(-np.clip((RHO - 0.93) / 0.07, 0, 1), rng.uniform(0, 0.05))
    return Disc(
        centre,
        rng.uniform(6, 16),
        rng.uniform(0.8, 2.2),
        0.0,
        rng.uniform(0, 6),
        Face(slope, np.asarray(brushed, np.float32), 1.0, roughness),
        holes=((0.0, 0.0, rng.uniform(0.3, 0.68)),),
    )


def ring(rng: np.random.Generator, centre: Points) -> Disc:
    """A finger ring, a key ring, a rubber band."""
    colour, roughness = _steel(rng)
    hole = rng.uniform(0.78, 0.9)
    slope = _turned(-((2 * (RHO - (1 + hole) / 2) / (1 - hole)) ** 2).clip(0, 2), rng.uniform(0.02, 0.08))
    return Disc(
        centre,
        rng.uniform(8, 16),
        rng.uniform(1, 4),
        0.0,
        0.0,
        Face(slope, _solid(colour), 1.0, roughness),
        holes=((0.0, 0.0, hole),),
    )


def button(rng: np.random.Generator, centre: Points) -> Disc:
    """Two or four holes, a raised border, plastic or horn."""
    colour = draw_colour(rng, saturation=(0, 0.8), value=(0.06, 0.95))
    count, reach = int(rng.choice([2, 4, 4])), rng.uniform(0.16, 0.26)
    holes = tuple((reach * np.cos(a), reach * np.sin(a), 0.09) for a in 2 * np.pi * np.arange(count) / count)
    slope = _turned(np.clip((RHO - rng.uniform(0.5, 0.8)) / 0.1, 0, 1), rng.uniform(0.02, 0.1))
    return Disc(
        centre,
        rng.uniform(5, 14),
        rng.uniform(1.5, 3.5),
        0.0,
        rng.uniform(0, 6),
        Face(slope, _solid(colour), 0.0, rng.uniform(0.1, 0.4)),
        holes=holes,
    )


def cap(rng: np.random.Generator, centre: Points) -> Disc:
    """A bottle cap, a jar's lid, a poker chip: print and a grooved edge."""
    art, ink = _sheet(draw_ink(rng, saturation=(0, 0.9))), draw_ink(rng)
    if rng.random() < 0.7:
        word, at = str(rng.choice(["A", "COLA", "M", "BEER", "7", "XO"])), (int(rng.integers(8, 36)), 60)
        cv2.putText(art, word, at, cv2.FONT_HERSHEY_DUPLEX, rng.uniform(0.7, 1.6), ink, 2, cv2.LINE_AA)
    if rng.random() < 0.5:
        cv2.circle(art, (48, 48), int(rng.integers(24, 44)), ink, int(rng.integers(1, 8)), cv2.LINE_AA)
    slope = _turned(-(np.clip((RHO - 0.8) / 0.2, 0, 1) ** 2), rng.uniform(0.03, 0.15))
    metallic = float(rng.choice([0.0, 0.0, 0.5]))
    return Disc(
        centre,
        rng.choice([rng.uniform(12, 17), rng.uniform(17, 38)]),
        rng.uniform(4, 12),
        0.0,
        rng.uniform(0, 6),
        Face(slope, linearised(art), metallic, rng.uniform(0.1, 0.4)),
        reeds=int(rng.choice([0, 21, 60])),
    )


def plate(rng: np.random.Generator, centre: Points) -> Disc:
    """A saucer, a coaster, a candle tin."""
    colour = draw_colour(rng, saturation=(0, 0.5), value=(0.1, 0.97))
    art = _solid(colour)
    band = draw_colour(rng, value=(0.1, 0.9))
    if rng.random() < 0.5:
        stripe = np.abs(RHO - rng.uniform(0.6, 0.95)) < rng.uniform(0.01, 0.08)
        art[stripe] = band
    slope = _turned(np.clip((RHO - rng.uniform(0.55, 0.8)) / 0.15, 0, 1), rng.uniform(0.02, 0.12))
    return Disc(centre, rng.uniform(28, 70), rng.uniform(2, 8), 0.0, 0.0, Face(slope, art, 0.0, rng.uniform(0.08, 0.4)))


def printed_circle(rng: np.random.Generator, centre: Points) -> Disc:
    """A sticker, a drawn circle, the ring that a cup leaves: round and perfectly flat."""
    art = _sheet(draw_ink(rng))
    if rng.random() < 0.5:
        text = str(rng.integers(1, 100))
        cv2.putText(art, text, (20, 64), cv2.FONT_HERSHEY_SIMPLEX, 1.5, draw_ink(rng), 3, cv2.LINE_AA)
    holes = ((0.0, 0.0, rng.uniform(0.7, 0.95)),) if rng.random() < 0.45 else ()
    return Disc(
        centre, rng.uniform(5, 25), 0.0, 0.0, rng.uniform(0, 6), Face(FLAT, linearised(art), 0.0, 0.5), holes=holes
    )


def knob(rng: np.random.Generator, centre: Points) -> Disc:
    """A knob, a battery, a screw's head: tall, domed or with a slot."""
    is_metal = rng.random() < 0.6
    colour, roughness = _steel(rng) if is_metal else (draw_colour(rng, value=(0.05, 0.9)), 0.25)
    art = _solid(colour)
    slope = _turned(np.sqrt(np.maximum(1 - RHO**2, 0)) * rng.uniform(0, 1) - np.clip((RHO - 0.9) / 0.1, 0, 1), 0.15)
    if rng.random() < 0.4:
        art[SIZE // 2 - 4 : SIZE // 2 + 4, SIZE // 6 : -SIZE // 6] = 0.01
    return Disc(
        centre,
        rng.uniform(4, 15),
        rng.uniform(3, 16),
        0.0,
        rng.uniform(0, 6),
        Face(slope, art, float(is_metal), roughness),
        reeds=int(rng.choice([0, 30])),
    )


def ball(rng: np.random.Generator, centre: Points) -> Ball:
    """A marble, a bead, a ball bearing, a berry."""
    if rng.random() < 0.3:
        colour, roughness = _steel(rng)
        return Ball(centre, rng.uniform(3, 10), colour, 1.0, roughness)
    return Ball(centre, rng.uniform(3, 16), draw_colour(rng, value=(0.08, 0.95)), 0.0, rng.uniform(0.08, 0.4))


def _capsule(start: Points, end: Points, radius: float, taper: float = 1.0) -> Points:
    points = np.vstack([start + radius * CIRCLE[::3], end + radius * taper * CIRCLE[::3]])
    return np.asarray(cv2.convexHull(points.astype(np.float32))[:, 0], np.float64)


def _away(rng: np.random.Generator, length: float) -> Points:
    angle = rng.uniform(0, 2 * np.pi)
    return np.array([length * np.cos(angle), length * np.sin(angle)])


def pen(rng: np.random.Generator, centre: Points) -> Slab:
    """A pen, a pencil, a screwdriver: a rod with a cap of another colour."""
    along, radius = _away(rng, rng.uniform(50, 90)), rng.uniform(2.5, 6)
    colours = [draw_colour(rng, value=(0.05, 0.95)) for _ in range(2)]
    split = rng.uniform(-0.4, 0.8)
    return Slab(
        (
            _capsule(centre - along, centre + along, radius, 0.7),
            _capsule(centre + split * along, centre + along, radius, 0.7),
        ),
        tuple(colours),
        2 * radius,
        rounding=0.9,
        roughness=rng.uniform(0.1, 0.4),
    )


def finger(rng: np.random.Generator, centre: Points) -> Slab:
    """A finger or two that reach in, with a nail."""
    along, radius = _away(rng, rng.uniform(60, 110)), rng.uniform(6.5, 10)
    tone = draw_colour(rng, hue=(0.02, 0.075), saturation=(0.25, 0.6), value=(0.3, 0.9))
    aside = np.array([-along[1], along[0]]) / np.hypot(*along) * radius * 2.05
    fingers = [
        _capsule(centre + i * aside, centre + along + i * aside, radius * 0.85, 1.25)
        for i in range(int(rng.integers(1, 4)))
    ]
    nail = _capsule(centre, centre + 0.06 * along, radius * 0.5)
    return Slab(
        (*fingers, nail), (*[tone] * len(fingers), tone * 1.1 + 0.03), 1.6 * radius, rounding=0.8, roughness=0.45
    )


def card(rng: np.random.Generator, centre: Points) -> Slab:
    """A card, a note, a phone, a book: flat, with print."""
    along = _away(rng, rng.uniform(20, 70))
    aside = np.array([along[1], -along[0]]) * rng.uniform(0.45, 0.9)
    outline = centre + np.array([-along - aside, along - aside, along + aside, -along + aside])
    ground = draw_ink(rng, value=(0.05, 1.0))
    art = _sheet(ground)
    for _ in range(int(rng.integers(0, 8))):
        ink = draw_ink(rng)
        (a, b), (c, d) = rng.integers(0, SIZE, (2, 2)).tolist()
        match str(rng.choice(["box", "circle", "letters"])):
            case "box":
                cv2.rectangle(art, (a, b), (c, d), ink, -1)
            case "circle":
                cv2.circle(art, (a, b), int(rng.integers(4, 24)), ink, int(rng.choice([-1, 2])), cv2.LINE_AA)
            case _:
                letters = "".join(rng.choice(list("ABCEORST 0123"), 9))
                cv2.putText(art, letters, (a, b), cv2.FONT_HERSHEY_SIMPLEX, 0.4, ink, 1, cv2.LINE_AA)
    thickness = float(rng.choice([0.2, 0.8, 9.0], p=[0.5, 0.35, 0.15]))
    colour = linearised(np.array(ground, np.uint8))
    return Slab((outline,), (colour,), thickness, roughness=rng.uniform(0.1, 0.5), print_on=linearised(art))


def key(rng: np.random.Generator, centre: Points) -> Slab:
    """A key: a bow, a blade and some teeth."""
    colour, roughness = _steel(rng)
    along = _away(rng, rng.uniform(24, 36))
    aside = np.array([-along[1], along[0]]) / np.hypot(*along)
    bow = centre + rng.uniform(8, 13) * CIRCLE[:: int(rng.choice([1, 9, 12]))]
    teeth = [_capsule(centre + t * along, centre + t * along + 5 * aside, 1.2) for t in rng.uniform(0.5, 0.95, 4)]
    return Slab(
        (bow, _capsule(centre, centre + along, 3.0), *teeth),
        (colour,) * 6,
        rng.uniform(1.5, 3),
        metallic=1.0,
        roughness=roughness,
    )


def cable(rng: np.random.Generator, centre: Points) -> Slab:
    """A cable, a string, a chain, a twig: a wandering line."""
    radius, steps = rng.uniform(0.8, 3.5), 14
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.35, steps))
    path = centre + 12 * np.cumsum(np.stack([np.cos(heading), np.sin(heading)], axis=1), axis=0)
    path -= path[steps // 2] - centre
    parts = tuple(_capsule(path[i], path[i + 1], radius) for i in range(steps - 1))
    colour = draw_colour(rng, saturation=(0, 0.7), value=(0.05, 0.95))
    return Slab(parts, (colour,) * len(parts), 2 * radius, rounding=0.8, roughness=0.35)


def scrap(rng: np.random.Generator, centre: Points) -> Slab:
    """Any angular object: a box, a rubber, a crumb, a piece of toy."""
    corners = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(4, 8))))
    outline = centre + rng.uniform(3, 30) * rng.uniform(0.4, 1, 2) * np.stack(
        [np.cos(corners), np.sin(corners)], axis=1
    )
    convex = np.asarray(cv2.convexHull(outline.astype(np.float32))[:, 0], np.float64)
    colour = draw_colour(rng, value=(0.05, 0.95))
    return Slab(
        (convex,), (colour,), rng.uniform(0.5, 15), metallic=float(rng.random() < 0.15), roughness=rng.uniform(0.1, 0.5)
    )


ROUND: dict[str, tuple[float, Make]] = {
    "washer": (2.0, washer),
    "ring": (1.0, ring),
    "button": (1.5, button),
    "cap": (1.5, cap),
    "plate": (0.7, plate),
    "printed circle": (1.5, printed_circle),
    "knob": (1.0, knob),
    "ball": (1.0, ball),
}
"""Name to how often, and what makes it."""

OTHER: dict[str, tuple[float, Make]] = {
    "pen": (1.5, pen),
    "finger": (1.0, finger),
    "card": (2.0, card),
    "key": (1.0, key),
    "cable": (1.0, cable),
    "scrap": (1.5, scrap),
}
"""Likewise; these may lie over a coin, too."""
