"""The faces of coins and of round things that are none: relief and colour on a square texture.

A texture spans [-1, 1] of the disc's radius in both directions.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from training.data.coins.arrays import blurred, pixel, slopes
from training.data.coins.colour import draw_colour
from training.data.coins.metal import METALS, Metal, alloy
from training.data.coins.noise import fractal
from training.student.arrays import Floats

FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
)
LETTERS = np.array(list("ABCDEFGHIKLMNOPRSTUVXYZ  **"))
NUMERALS = ("1", "2", "5", "10", "20", "50", "25", "100", "3", "1/2")


@dataclass(frozen=True, slots=True)
class Face:
    """One side of a disc, as a texture of N x N."""

    slope: Floats
    """(N, N, 2), rise of the relief along the texture's columns and rows."""
    colour: Floats
    """(N, N, 3), linear reflectance."""
    metallic: float
    """1 mirrors in its own colour like metal; 0 scatters under a clear gloss."""
    roughness: float
    matt: float = 0.35
    """Share of light that a metal scatters; polished, it is as dark as the room that it mirrors."""


@dataclass(frozen=True, slots=True)
class Denomination:
    """One kind of coin: a size in millimetres and what it is made of."""

    radius: float
    thickness: float
    metal: str
    core: str | None = None
    """The metal of the inner disc, where it is another."""


EURO = (
    Denomination(8.13, 1.67, "copper"),
    Denomination(9.38, 1.67, "copper"),
    Denomination(10.63, 1.67, "copper"),
    Denomination(9.88, 1.93, "nordic gold"),
    Denomination(11.13, 2.14, "nordic gold"),
    Denomination(12.13, 2.38, "nordic gold"),
    Denomination(11.63, 2.33, "brass", core="cupronickel"),
    Denomination(12.88, 2.20, "cupronickel", core="brass"),
)


def draw_currency(rng: np.random.Generator) -> list[Denomination]:
    """The coins that may turn up in one photo: euros, or those of a country that does not exist."""
    if rng.random() < 0.7:
        return list(rng.choice(np.array(EURO, dtype=object), int(rng.integers(1, 9)), replace=False))
    names = list(METALS)
    weights = np.array([3, 2, 3, 2, 1, 3, 2, 1, 0.6])
    currency = []
    for _ in range(int(rng.integers(1, 7))):
        metal, core = rng.choice(names, 2, p=weights / weights.sum())
        bimetallic = rng.random() < 0.2
        radius = rng.uniform(7.5, 15)
        currency.append(
            Denomination(radius, radius * rng.uniform(0.12, 0.24), str(metal), str(core) if bimetallic else None)
        )
    return currency


def coin_face(rng: np.random.Generator, coin: Denomination, size: int) -> Face:
    """Rim, inscription, device, wear and tarnish of one coin, on a texture of `size` x `size`."""
    relief = _relief(rng, size)
    slope = slopes(relief, float(np.exp(rng.uniform(np.log(0.025), np.log(0.1)))) * size / 2)

    outer = alloy(rng, coin.metal)
    age = float(rng.beta(1.1, 0.9))
    stain = fractal(rng, size=size, coarsest=3, roughness=0.7)
    recess = np.clip(blurred(relief, size * 0.03) - relief, -0.3, 0.3)
    tarnish = np.clip(age + 0.16 * stain + rng.uniform(0, 1.6) * recess - 0.1, 0, 1)
    colour = _mixed(outer, tarnish)
    if coin.core is not None:
        rho, _ = _polar(size)
        boundary = rng.uniform(0.62, 0.78)
        inner = np.clip((boundary - rho) * size / 2, 0, 1)[..., None]
        core = _mixed(alloy(rng, coin.core), np.clip(tarnish + rng.normal(0, 0.1), 0, 1))
        colour = colour + inner * (core - colour)
        colour *= (1 - 0.5 * np.exp(-(((rho - boundary) * 45) ** 2)))[..., None]
    colour *= 1 + 0.05 * stain[..., None]
    if rng.random() < 0.12:
        patina = draw_colour(rng, hue=(0.3, 0.65), saturation=(0.1, 0.5), value=(0.2, 0.6))
        spread = np.clip(fractal(rng, size=size, coarsest=4) - 0.6, 0, 1)[..., None]
        colour += rng.uniform(0.2, 0.9) * spread * (patina - colour)
    _scratch(rng, slope, size)
    roughness = rng.uniform(0.14, 0.45) + 0.15 * age
    return Face(slope, np.asarray(colour, np.float32), 1.0, roughness, matt=rng.uniform(0.06, 0.45))


def _mixed(metal: Metal, tarnish: Floats) -> Floats:
    return np.asarray(metal.bright + tarnish[..., None] * (metal.tarnished - metal.bright), np.float32)


def _polar(size: int) -> tuple[Floats, Floats]:
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    rho = np.sqrt(axis**2 + axis[:, None] ** 2)
    return rho, np.arctan2(axis[:, None], axis[None]).astype(np.float32) + np.zeros_like(rho)


def _relief(rng: np.random.Generator, size: int) -> Floats:
    rho, theta = _polar(size)
    rim = rng.uniform(0.86, 0.95)
    relief = np.clip((rho - rim) / 0.03, 0, 1)
    if rng.random() < 0.3:
        beads = np.cos(theta * rng.integers(60, 110)) * np.exp(-(((rho - rim + 0.05) * 40) ** 2))
        relief += 0.7 * np.clip(beads, 0, 1)
    device = DEVICES[int(rng.integers(len(DEVICES)))](rng, size)
    relief = np.maximum(relief, device * (rho < rim - 0.04))
    if rng.random() < 0.75:
        relief = np.maximum(relief, _inscription(rng, size, rim))
    # The edge is rounded off: it catches the light all around.
    relief = relief - np.clip((rho - 0.965) / 0.035, 0, 1) * rng.uniform(0.5, 2.0)
    return blurred(relief.astype(np.float32), max(0.5, size * rng.uniform(0.002, 0.006)))


def _inscription(rng: np.random.Generator, size: int, rim: float) -> Floats:
    """Letters along arcs: written on a strip whose columns are angles, and bent around the centre."""
    turn, depth = max(120, 3 * size), max(20, size // 2)
    strip = np.zeros((depth, turn), np.uint8)
    letter = rng.uniform(0.1, 0.18)
    text = "".join(rng.choice(LETTERS, int(rng.integers(6, 34))))
    font = int(rng.choice(FONTS))
    baseline = int(depth * (1 - (rim - 0.05 - letter)))
    scale = letter * depth / 22
    cv2.putText(strip, text, (4, baseline), font, scale, (255,), max(1, round(2 * scale)), cv2.LINE_AA)
    if rng.random() < 0.35:
        count = int(rng.integers(5, 16))
        for column in np.linspace(0, turn, count, endpoint=False).astype(int):
            centre = (int(column), int(depth * (1 - rim + 0.05 + letter / 2)))
            cv2.drawMarker(strip, centre, (255,), cv2.MARKER_STAR, max(3, int(letter * depth * 0.7)), 1, cv2.LINE_AA)
    polar = np.ascontiguousarray(np.rot90(strip, k=-1))
    centre_at = (size - 1) / 2
    flags = cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
    bent = cv2.warpPolar(polar, (size, size), (centre_at, centre_at), size / 2, flags)
    return bent.astype(np.float32) / 255


def _numeral(rng: np.random.Generator, size: int) -> Floats:
    """A big figure, with a word below it and lines beside it."""
    plate = np.zeros((size, size), np.uint8)
    if rng.random() < 0.5:
        for offset in np.linspace(-0.35, 0.35, int(rng.integers(4, 9))):
            column = int(size * (0.68 + 0.35 * offset))
            cv2.line(
                plate, (column, int(0.18 * size)), (column, int(0.8 * size)), (140,), max(1, size // 90), cv2.LINE_AA
            )
    text, font = str(rng.choice(NUMERALS)), int(rng.choice(FONTS[:4]))
    scale = size * rng.uniform(0.012, 0.022) / len(text) ** 0.5
    left = (rng.uniform(0.3, 0.42) if len(text) == 1 else 0.22) * size
    thickness = max(1, int(size * rng.uniform(0.02, 0.06)))
    cv2.putText(plate, text, (int(left), int(0.66 * size)), font, scale, (255,), thickness, cv2.LINE_AA)
    word = "".join(rng.choice(LETTERS[:-4], 4))
    cv2.putText(
        plate, word, (int(0.35 * size), int(0.8 * size)), font, size / 280, (220,), max(1, size // 90), cv2.LINE_AA
    )
    return plate.astype(np.float32) / 255


def _portrait(rng: np.random.Generator, size: int) -> Floats:
    """A head in profile: a domed blob with curls and a neck."""
    plate = np.zeros((size, size), np.uint8)
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    wave = sum(rng.normal(0, 0.10 / k) * np.cos(k * angles + rng.uniform(0, 6)) for k in range(1, 7))
    outline = (0.38 * (1 + wave))[:, None] * np.stack([0.8 * np.cos(angles), np.sin(angles)], axis=1)
    cv2.fillPoly(plate, [np.rint((outline + 1) * size / 2).astype(np.int32)], (255,), cv2.LINE_AA)
    neck = np.array([[-0.15, 0.2], [0.2, 0.2], [0.35, 0.62], [-0.4, 0.62]])
    cv2.fillPoly(plate, [np.rint((neck + 1) * size / 2).astype(np.int32)], (255,), cv2.LINE_AA)
    dome = blurred(plate.astype(np.float32) / 255, size * 0.04)
    curls = 0.25 * np.clip(fractal(rng, size=size, coarsest=16, roughness=0.8), -1, 1)
    return np.asarray(np.clip(dome * (0.9 + curls), 0, 1.2), np.float32)


def _emblem(rng: np.random.Generator, size: int) -> Floats:
    """Plants, buildings, arms: strokes mirrored about an axis."""
    plate = np.zeros((size, size), np.uint8)
    for _ in range(int(rng.integers(5, 16))):
        a, b = (np.clip(rng.normal(0, 0.32, (2, 2)), -0.6, 0.6) + 1) * size / 2
        level, width = (int(rng.integers(120, 256)),), max(1, int(size * rng.uniform(0.008, 0.05)))
        if rng.random() < 0.6:
            cv2.line(plate, pixel(a), pixel(b), level, width, cv2.LINE_AA)
        else:
            axes = pixel(np.maximum(1, np.abs(b - a) / 2))
            cv2.ellipse(plate, pixel(a), axes, rng.uniform(0, 180), 0, 270, level, width, cv2.LINE_AA)
    if rng.random() < 0.6:
        plate = np.maximum(plate, plate[:, ::-1])
    return plate.astype(np.float32) / 255


def _map(rng: np.random.Generator, size: int) -> Floats:
    """A patch of land, a globe: blobs with sharp coasts."""
    land = fractal(rng, size=size, coarsest=int(rng.integers(4, 9)), roughness=0.5)
    rho, _ = _polar(size)
    return np.asarray(np.clip(land * 3, 0, 1) * (rho < rng.uniform(0.45, 0.85)), np.float32)


DEVICES = (_numeral, _numeral, _portrait, _emblem, _emblem, _map)


def _scratch(rng: np.random.Generator, slope: Floats, size: int) -> None:
    marks = np.full((size, size), 128, np.uint8)
    for _ in range(int(rng.integers(0, 7))):
        start = rng.uniform(0, size, 2)
        end = start + rng.normal(0, 0.25 * size, 2)
        cv2.line(marks, pixel(start), pixel(end), (int(rng.integers(60, 200)),), 1, cv2.LINE_AA)
    slope += ((marks.astype(np.float32) - 128) / 128)[..., None] * rng.normal(0, 1, 2).astype(np.float32)
