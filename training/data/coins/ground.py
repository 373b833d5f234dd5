"""What coins lie on: a table of grounds, each a texture over ground-plane coordinates."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from training.data.coins.arrays import blurred, sampled
from training.data.coins.colour import draw_colour, draw_ink, linear, linearised
from training.data.coins.noise import TILE, fractal, speckle
from training.student.arrays import Floats, Pixels


@dataclass(frozen=True, slots=True)
class Ground:
    """The surface under the coins, pixel by pixel."""

    albedo: Floats
    """(H, W, 3), linear reflectance."""
    bump: Floats
    """(H, W), height in millimetres."""
    gloss: float = 0.0
    """Share of light that is mirrored rather than scattered."""
    roughness: float = 0.4
    """How far a mirrored lamp spreads, in radians."""


Paint = Callable[[np.random.Generator, Floats, Floats], Ground]


def draw_ground(rng: np.random.Generator, x: Floats, y: Floats) -> Ground:
    """One of `GROUNDS`, turned and shifted at random; sometimes two that meet along an edge.

    Args:
        rng: Where chance comes from.
        x: (H, W), millimetres on the ground plane.
        y: (H, W), likewise.
    """
    ground = _draw_one(rng, x, y)
    if rng.random() < 0.1:
        other = _draw_one(rng, x, y)
        angle, far = rng.uniform(0, 2 * np.pi), float(np.abs(x).max())
        beyond = (x * np.cos(angle) + y * np.sin(angle) > far * rng.uniform(0.1, 0.6)).astype(np.float32)
        albedo = ground.albedo + beyond[..., None] * (other.albedo - ground.albedo)
        ground = replace(ground, albedo=albedo, bump=ground.bump * (1 - beyond) + (other.bump - 2) * beyond)
    return ground


def _draw_one(rng: np.random.Generator, x: Floats, y: Floats) -> Ground:
    weights = np.array([weight for weight, _ in GROUNDS.values()])
    _, paint = list(GROUNDS.values())[rng.choice(len(weights), p=weights / weights.sum())]
    angle, zoom = rng.uniform(0, 2 * np.pi), np.exp(rng.normal(0, 0.3))
    c, s = np.float32(np.cos(angle) * zoom), np.float32(np.sin(angle) * zoom)
    dx, dy = rng.uniform(-500, 500, 2).astype(np.float32)
    # Print runs down, the plane's y up.
    return paint(rng, c * x + s * y + dx, s * x - c * y + dy)


def _toned(tone: Floats, dark: Floats, bright: Floats) -> Floats:
    """(H, W, 3) between two colours by a tone (H, W) whose deviation is about one."""
    share = np.clip(0.5 + 0.25 * tone, 0, 1)[..., None]
    return np.asarray(dark + share * (bright - dark), np.float32)


def _mottled(rng: np.random.Generator, base: Floats, x: Floats, y: Floats, contrast: float) -> Floats:
    wave = sampled(fractal(rng), x / rng.uniform(0.3, 2), y / rng.uniform(0.3, 2))
    return np.asarray(base * np.exp(contrast * wave)[..., None], np.float32)


def plain(rng: np.random.Generator, x: Floats, y: Floats) -> Ground:
    """A table top, a plate, a wall: one colour with the faintest unevenness and a few crumbs."""
    base = draw_colour(rng, hue=(0.02, 0.2), saturation=(0, 0.16), value=(0.68, 1.0))
    albedo = _mottled(rng, base, x, y, rng.uniform(0, 0.04))
    if rng.random() < 0.5:
        dirt = sampled(fractal(rng, coarsest=32), x / 0.8, y / 0.8)
        albedo *= (1 - rng.uniform(0.2, 0.7) * (dirt > rng.uniform(2.6, 3.4)))[..., None].astype(np.float32)
    return Ground(albedo, np.zeros_like(x), gloss=rng.uniform(0, 0.12), roughness=rng.uniform(0.08, 0.5))


def painted(rng: np.random.Generator, x: Floats, y: Floats) -> Ground:
    """Lacquer, plastic or card of any colour."""
    base = draw_colour(rng, saturation=(0.05, 0.7), value=(0.15, 0.9))
    albedo = _mottled(rng, base, x, y, rng.uniform(0, 0.08))
    return Ground(albedo, np.zeros_like(x), gloss=rng.uniform(0, 0.12), roughness=rng.uniform(0.08, 0.5))


def dark(rng: np.random.Generator, x: Floats, y: Floats) -> Ground:
    """Black cloth, leather or plastic, with dust and fibres."""
    base = draw_colour(rng, saturation=(0, 0.45), value=(0.03, 0.24))
    grain = sampled(speckle(rng), x / rng.uniform(0.2, 0.7), y / rng.uniform(0.2, 0.7))
    albedo = base * np.exp(rng.uniform(0, 0.4) * grain)[..., None]
    if rng.random() < 0.4:
        dust = sampled(speckle(rng), x / 0.4, y / 0.4) > rng.uniform(2.8, 3.6)
        albedo = albedo + rng.uniform(0.05, 0.3) * dust[..., None]
    return Ground(
        np.asarray(albedo, np.float32),
        rng.uniform(0, 0.06) * grain,
        gloss=rng.uniform(0, 0.06),
        roughness=rng.uniform(0.15, 0.6),
    )


def wood(rng: np.random.Generator, x: Floats, y: Floats) -> Ground:
    """Boards or laminate with grain along y."""
    bright = draw_colour(rng, hue=(0.05, 0.115), saturation=(0.12, 0.65), value=(0.35, 0.92))
    deep = bright * linear(*(rng.uniform(0.55, 0.9) * np.array([1, 0.93, 0.85])))
    board = rng.uniform(40, 160)
    index = np.floor(x / board)
    shift = 977 * np.sin(12.9898 * index + rng.uniform(0, 6))
    warp = sampled(fractal(rng, roughness=0.4), x / 3, (y + shift) / 12)
    ring = rng.uniform(0.25, 0.9)
    grain = sampled(fractal(rng, coarsest=16, roughness=0.8), x / ring + 6 * warp, (y + shift) / (ring * 40))
    fibre = sampled(speckle(rng), x / 0.35, (y + shift) / 9)
    tone = rng.uniform(0.5, 1.4) * grain + rng.uniform(0.1, 0.8) * fibre
    albedo = _toned(tone, deep, bright)
    if rng.random() < 0.6:
        uneven = 1 + rng.uniform(0.02, 0.15) * np.sin(78.233 * index + 1)
        seam = 1 - rng.uniform(0.1, 0.7) * (np.abs(x / board - index - 0.5) > 0.5 - 0.4 / board)
        albedo *= (uneven * seam)[..., None].astype(np.float32)
    return Ground(albedo, 0.02 * fibre, gloss=rng.uniform(0, 0.1), roughness=rng.uniform(0.15, 0.5))


def cloth(rng: np.random.Generator, x: Floats, y: Floats) -> Ground:
    """A plain or twill weave, of threads 0.3 to 2 mm wide."""
    pitch, lean = rng.uniform(0.4, 2.2), rng.choice([0.0, 0.0, 1.0])
    wobble = 0.3 * sampled(fractal(rng), x / 2, y / 2)
    u, v = np.pi * (x + lean * y) / pitch + wobble, np.pi * y / pitch + wobble
    thread = np.where(np.sin(u) * np.sin(v) > 0, np.abs(np.sin(u)), np.abs(np.sin(v))).astype(np.float32)
    fuzz = sampled(speckle(rng), x / 0.3, y / 0.3)
    warp = draw_colour(rng, saturation=(0, 0.5), value=(0.08, 0.9))
    weft = warp if rng.random() < 0.5 else draw_colour(rng, saturation=(0, 0.7), value=(0.08, 0.9))
    colours = np.where((np.sin(u) * np.sin(v) > 0)[..., None], warp, weft)
    hollow = rng.uniform(0.1, 0.6)
    relief = hollow + (1.1 - hollow) * thread + rng.uniform(0.03, 0.15) * fuzz
    fold = 1 + rng.uniform(0, 0.2) * sampled(fractal(rng, roughness=0.3), x / 4, y / 4)
    albedo = np.clip(colours * (relief * fold)[..., None], 0.002, 0.95)
    return Ground(np.asarray(albedo, np.float32), 0.12 * pitch * thread)


def mesh(rng: np.random.Generator, x: Floats, y: Floats) -> Ground:
    """Sports cloth, canvas, a net or a speaker's grille: so fine that its holes beat with the pixels."""
    pitch, lean = rng.uniform(0.4, 2.4), rng.uniform(-0.6, 0.6)
    sway = 0.5 * sampled(fractal(rng, roughness=0.4), x / 2, y / 2)
    holes = np.sin(np.pi * (x + lean * y) / pitch + sway) * np.sin(np.pi * y / (pitch * rng.uniform(0.7, 1.3)) + sway)
    share = np.clip(0.5 + rng.uniform(0.4, 2.5) * holes, 0, 1)[..., None]
    base = draw_colour(rng, saturation=(0, 0.4), value=(0.08, 0.75))
    albedo = base + share * (np.clip(base * rng.uniform(2, 7), 0, 0.9) - base)
    fold = 1 + rng.uniform(0, 0.15) * sampled(fractal(rng, roughness=0.3), x / 4, y / 4)
    return Ground(np.asarray(albedo * np.maximum(fold, 0.2)[..., None], np.float32), np.zeros_like(x))


def carpet(rng: np.random.Generator, x: Floats, y: Floats) -> Ground:
    """Pile, felt, towel or fleece."""
    size = rng.uniform(0.4, 1.6)
    tuft = sampled(fractal(rng, coarsest=64, roughness=0.9), x / size, y / size)
    patch = sampled(fractal(rng), x / 3, y / 3)
    base = draw_colour(rng, saturation=(0, 0.6), value=(0.1, 0.85))
    albedo = base * np.exp(rng.uniform(0.15, 0.5) * tuft + rng.uniform(0, 0.3) * patch)[..., None]
    return Ground(np.clip(albedo, 0.003, 0.95).astype(np.float32), 0.25 * size * tuft)


def stone(rng: np.random.Generator, x: Floats, y: Floats) -> Ground:
    """Granite, terrazzo, concrete or sand."""
    size = rng.uniform(0.3, 3.0)
    grains = sampled(fractal(rng, coarsest=32, roughness=rng.uniform(0.5, 0.95)), x / size, y / size)
    pits = sampled(speckle(rng), x / (2 * size), y / (2 * size))
    bright = draw_colour(rng, saturation=(0, 0.25), value=(0.35, 0.9))
    deep = bright * rng.uniform(0.15, 0.8)
    tone = rng.uniform(0.5, 3) * grains + 3 * (pits > 2) - 3 * (pits < -2.2)
    return Ground(
        _toned(tone, deep, bright), 0.05 * grains, gloss=rng.uniform(0, 0.12), roughness=rng.uniform(0.1, 0.5)
    )


def marble(rng: np.random.Generator, x: Floats, y: Floats) -> Ground:
    """Polished stone with veins."""
    field = fractal(rng)
    bend = sampled(fractal(rng), x / 2, y / 2)
    veins = np.abs(sampled(field, x / 1.5 + 20 * bend, y / 1.5 + 20 * np.roll(bend, 7)))
    tone = 2 - rng.uniform(2, 7) * np.exp(-veins * rng.uniform(4, 12)) + 0.5 * bend
    bright = draw_colour(rng, saturation=(0, 0.15), value=(0.2, 0.97))
    deep = draw_colour(rng, saturation=(0, 0.4), value=(0.1, 0.75))
    return Ground(_toned(tone, deep, bright), np.zeros_like(x), gloss=rng.uniform(0.02, 0.15), roughness=0.1)


def paper(rng: np.random.Generator, x: Floats, y: Floats) -> Ground:
    """A page: lines of print, ruled or squared paper, pictures and big letters."""
    page = np.empty((512, 512, 3), np.uint8)
    page[:] = draw_ink(rng, saturation=(0, 0.12), value=(0.75, 1.0))
    ink = draw_ink(rng, saturation=(0, 0.8), value=(0.05, 0.5))
    style = rng.choice(["text", "ruled", "squared", "blank", "figures"])
    pitch = int(rng.integers(9, 26))
    if style == "text":
        for row in range(pitch, 512, pitch):
            words = "".join(chr(c) for c in rng.choice([*range(97, 123), 32, 32, 32, 32], 60))
            cv2.putText(page, words, (8, row), cv2.FONT_HERSHEY_SIMPLEX, pitch / 40, ink, 1, cv2.LINE_AA)
    if style in ("ruled", "squared"):
        page[::pitch] = ink
    if style == "squared":
        page[:, ::pitch] = ink
    if style == "figures":
        for _ in range(int(rng.integers(3, 12))):
            _figure(rng, page)
    size = rng.uniform(0.2, 0.5)
    albedo = sampled(linearised(page), x / size, y / size)
    crease = sampled(fractal(rng, coarsest=2, roughness=0.35), x, y)
    return Ground(np.asarray(albedo, np.float32), rng.choice([0.0, 0.0, 2.0]) * crease)


def _figure(rng: np.random.Generator, page: Pixels) -> None:
    ink, stroke = draw_ink(rng), int(rng.choice([-1, 2, 6]))
    (a, b), (c, d) = rng.integers(0, 512, (2, 2)).tolist()
    match str(rng.choice(["box", "circle", "line", "letters"])):
        case "box":
            cv2.rectangle(page, (a, b), (c, d), ink, stroke)
        case "circle":
            cv2.circle(page, (a, b), int(rng.integers(10, 90)), ink, stroke, cv2.LINE_AA)
        case "line":
            cv2.line(page, (a, b), (c, d), ink, int(rng.integers(1, 12)), cv2.LINE_AA)
        case _:
            letters = "".join(chr(code) for code in rng.integers(48, 91, 5))
            cv2.putText(page, letters, (a, b), cv2.FONT_HERSHEY_DUPLEX, rng.uniform(1, 5), ink, 4, cv2.LINE_AA)


def pattern(rng: np.random.Generator, x: Floats, y: Floats) -> Ground:
    """Printed oilcloth, tiles and rugs: stripes, checks, dots, lattices of arcs."""
    pitch = np.float32(rng.uniform(5, 45))
    u, v = x / pitch, y / pitch
    s, t = np.sin(np.pi * u), np.sin(np.pi * v)
    fields = {
        "stripes": s,
        "checks": s * t,
        "gingham": np.sign(s) + np.sign(t),
        "dots": s**2 + t**2 - rng.uniform(1.1, 1.8),
        "trellis": 0.1 - np.abs(np.abs(s) - np.abs(t)) * rng.uniform(0.3, 1),
        "rings": 0.12 - np.abs(np.hypot(s, t) - rng.uniform(0.5, 1)),
        "lattice": 0.3 - np.abs(np.abs(s) - np.abs(t)),
        "arcs": 0.35 - np.abs(s**2 + t**2 - 1),
        "tiles": 0.93 - np.maximum(np.abs(np.cos(np.pi * u)), np.abs(np.cos(np.pi * v))),
        "waves": np.sin(np.pi * v + 2 * s),
    }
    field = fields[str(rng.choice(list(fields)))]
    one = draw_colour(rng, saturation=(0, 0.6), value=(0.08, 0.95))
    other = draw_colour(rng, saturation=(0, 0.6), value=(0.08, 0.95))
    edge = np.clip(0.5 + field * pitch * rng.uniform(0.3, 2), 0, 1)[..., None]
    wear = np.exp(rng.uniform(0, 0.1) * sampled(speckle(rng), x / 0.4, y / 0.4))[..., None]
    albedo = np.asarray((one + edge * (other - one)) * wear, np.float32)
    return Ground(albedo, np.zeros_like(x), gloss=rng.uniform(0, 0.1), roughness=rng.uniform(0.1, 0.5))


def metal(rng: np.random.Generator, x: Floats, y: Floats) -> Ground:
    """A brushed sheet or a worn tray."""
    brush = sampled(speckle(rng), x / 0.25, y / rng.uniform(5, 40))
    patch = sampled(fractal(rng), x / 2, y / 2)
    base = draw_colour(rng, hue=(0.05, 0.65), saturation=(0, 0.12), value=(0.35, 0.75))
    albedo = base * np.exp(rng.uniform(0.03, 0.15) * brush + rng.uniform(0, 0.15) * patch)[..., None]
    return Ground(
        np.asarray(albedo, np.float32), 0.006 * brush, gloss=rng.uniform(0.1, 0.45), roughness=rng.uniform(0.2, 0.5)
    )


def skin(rng: np.random.Generator, x: Floats, y: Floats) -> Ground:
    """A palm: soft folds, creases, blood under the skin."""
    tone = draw_colour(rng, hue=(0.015, 0.075), saturation=(0.25, 0.6), value=(0.3, 0.92))
    blood = sampled(fractal(rng, roughness=0.4), x / 1.2, y / 1.2)
    lines = np.abs(sampled(fractal(rng, coarsest=3, roughness=0.35), x / 0.5, y / 0.5))
    pores = sampled(speckle(rng), x / 0.3, y / 0.3)
    crease = np.exp(-lines * 16)
    flush = np.array([0.03, 0.09, 0.08], np.float32)
    albedo = tone * np.exp(-flush * blood[..., None]) * (1 - 0.4 * crease + 0.03 * pores)[..., None]
    folds = sampled(fractal(rng, coarsest=3, roughness=0.3), x / 0.6, y / 0.6)
    return Ground(np.asarray(albedo, np.float32), 2.5 * folds - crease, gloss=0.04, roughness=0.4)


def clutter(rng: np.random.Generator, x: Floats, y: Floats) -> Ground:
    """Overlapping scraps of anything: the many things that a table holds."""
    scraps = np.empty((TILE, TILE, 3), np.uint8)
    scraps[:] = draw_ink(rng, saturation=(0, 0.6))
    relief = np.zeros((TILE, TILE), np.uint8)
    for _ in range(int(rng.integers(8, 45))):
        centre = rng.uniform(0, TILE, 2)
        spread = rng.uniform(6, 90) * rng.uniform(0.15, 1, 2)
        corners = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 9))))
        outline = np.stack([np.cos(corners), np.sin(corners)], axis=1) * spread
        lean = rng.uniform(0, np.pi)
        turn = np.array([[np.cos(lean), -np.sin(lean)], [np.sin(lean), np.cos(lean)]])
        polygon = np.rint((outline @ turn.T + centre) * 16).astype(np.int32)
        cv2.fillPoly(scraps, [polygon], draw_ink(rng, saturation=(0, 0.8)), cv2.LINE_AA, 4)
        cv2.fillPoly(relief, [polygon], (int(rng.integers(256)),), cv2.LINE_AA, 4)
    size = rng.uniform(0.5, 1.5)
    albedo = sampled(linearised(scraps), x / size, y / size)
    height = sampled(blurred(relief.astype(np.float32) / 255, 1.0), x / size, y / size)
    grain = np.exp(0.1 * sampled(fractal(rng), x / 0.5, y / 0.5))[..., None]
    return Ground(np.clip(albedo * grain, 0.003, 0.95).astype(np.float32), height, gloss=rng.uniform(0, 0.08))


GROUNDS: dict[str, tuple[float, Paint]] = {
    "plain": (6.0, plain),
    "painted": (1.2, painted),
    "dark": (5.0, dark),
    "wood": (3.0, wood),
    "cloth": (2.5, cloth),
    "mesh": (2.5, mesh),
    "carpet": (1.5, carpet),
    "stone": (1.5, stone),
    "marble": (1.0, marble),
    "paper": (1.5, paper),
    "pattern": (2.2, pattern),
    "metal": (0.7, metal),
    "skin": (0.8, skin),
    "clutter": (1.5, clutter),
}
"""Name to how often, and what paints it."""
