"""The light of a photo: one lamp near by, the room around, and what metal and ground give back of both."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data.coins.arrays import stacked
from training.data.coins.camera import Camera
from training.student.arrays import Floats

Window = tuple[slice, slice]


@dataclass(frozen=True, slots=True)
class Light:
    """One lamp at a finite distance, and a room that glossy things mirror."""

    lamp: Floats
    """(3,), the lamp's position in millimetres."""
    lamp_colour: Floats
    """(3,), what the lamp adds to a white surface below it."""
    ambient: Floats
    """(3,), what the room adds to a white surface."""
    ceiling: float
    """Brightness of the room as metal mirrors it, relative to `ambient`; low under a dark ceiling."""
    slope: Floats
    """(3,), how the mirrored room changes with direction."""
    panels: Floats
    """(K, 3), unit directions of windows and further lamps."""
    panel_strength: Floats
    """(K,), their brightness relative to `ambient`."""
    softness: float
    """Width of a shadow's blur per height of what throws it."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """For every pixel: where on the ground it is, towards where camera and lamp are, how far the lamp is."""

    x: Floats
    y: Floats
    view: Floats
    """(H, W, 3), unit vectors to the camera."""
    toward: Floats
    """(H, W, 3), unit vectors to the lamp."""
    falloff: Floats
    """(H, W), the lamp's strength relative to the ground's centre."""

    def window(self, window: Window) -> "Geometry":
        """The same for a rectangle of the photo."""
        parts = (self.x, self.y, self.view, self.toward, self.falloff)
        return Geometry(*(part[window] for part in parts))


def survey(camera: Camera, light: Light) -> Geometry:
    """The geometry of every pixel of a photo, as if all of it were ground."""
    rows, columns = np.mgrid[0 : camera.height, 0 : camera.width].astype(np.float32)
    inverse = np.linalg.inv(camera.homography()).astype(np.float32)
    x, y, w = (inverse[i, 0] * columns + inverse[i, 1] * rows + inverse[i, 2] for i in range(3))
    x, y = x / w, y / w
    view, _ = _towards(camera.position, x, y)
    toward, distance = _towards(light.lamp, x, y)
    return Geometry(x, y, view, toward, (float(np.linalg.norm(light.lamp)) / distance) ** 2)


def _towards(point: NDArray[Any], x: Floats, y: Floats) -> tuple[Floats, Floats]:
    dx, dy, dz = np.float32(point[0]) - x, np.float32(point[1]) - y, np.float32(point[2])
    distance = np.sqrt(dx * dx + dy * dy + dz * dz)
    return stacked(dx / distance, dy / distance, dz / distance), distance


def diffuse(light: Light, geometry: Geometry, normal: Floats) -> Floats:
    """Light (H, W, 3) that a matt white surface with unit normals (H, W, 3) gives back."""
    lit = np.maximum(np.einsum("hwc,hwc->hw", normal, geometry.toward), 0)
    lit *= geometry.falloff
    return _tinted(0.6 + np.float32(0.4) * normal[..., 2], light.ambient, lit, light.lamp_colour)


def mirrored(light: Light, geometry: Geometry, normal: Floats, *, roughness: float) -> Floats:
    """Light (H, W, 3) that a white mirror with unit normals (H, W, 3) gives back.

    Args:
        light: The light of the photo.
        geometry: Of the same pixels as `normal`.
        normal: (H, W, 3), unit vectors.
        roughness: From 0.05, polished, to 0.6, satin: the angle over which a reflection spreads, in radians.
    """
    facing = np.einsum("hwc,hwc->hw", normal, geometry.view)
    reflection = (2 * facing)[..., None] * normal
    reflection -= geometry.view
    sharpness = np.float32(1 / roughness**2)
    spread = np.float32(min(1.0, 0.3 / roughness))
    lobes = reflection @ (sharpness * light.panels.T)
    lobes -= sharpness
    room = np.exp(lobes, out=lobes) @ (spread * light.panel_strength)
    room += np.maximum(1 + reflection @ light.slope, 0.1)
    glint = np.einsum("hwc,hwc->hw", reflection, geometry.toward)
    glint -= 1
    glint *= sharpness
    np.exp(glint, out=glint)
    glint *= 2.5 * spread
    glint *= geometry.falloff
    return _tinted(room, light.ceiling * light.ambient, glint, light.lamp_colour)


def _tinted(one: Floats, one_colour: Floats, other: Floats, other_colour: Floats) -> Floats:
    """(H, W, 3) from two brightnesses (H, W) and their colours (3,)."""
    planes = [one * np.float32(a) + other * np.float32(b) for a, b in zip(one_colour, other_colour, strict=True)]
    return stacked(*planes)


def draw_light(rng: np.random.Generator, *, view: float) -> Light:
    """A kitchen lamp, a window, a flash or an overcast day, over `view` millimetres of ground."""
    azimuth = rng.uniform(0, 2 * np.pi)
    # A shadow's length goes by the tangent; a low lamp's, as dark and as sharp as the coin, is what is taken for it.
    slant = np.arctan(rng.uniform(0.1, 3.2))
    reach = view * rng.choice([rng.uniform(0.7, 1.6), rng.uniform(1.6, 6.0)])
    direction = np.array([np.cos(azimuth) * np.sin(slant), np.sin(azimuth) * np.sin(slant), np.cos(slant)])
    lamp_share = rng.uniform(0.2, 0.95)
    warmth = rng.normal(0.0, 0.22)
    tint = np.array([np.exp(warmth), 1.0, np.exp(-warmth)])
    count = int(rng.integers(1, 4))
    around = rng.uniform(0, 2 * np.pi, count)
    leaning = np.radians(rng.uniform(0, 60, count))
    panels = np.stack([np.cos(around) * np.sin(leaning), np.sin(around) * np.sin(leaning), np.cos(leaning)], axis=1)
    return Light(
        lamp=(reach * direction).astype(np.float32),
        lamp_colour=(lamp_share * tint / max(float(direction[2]), 0.35)).astype(np.float32),
        ambient=((1 - lamp_share) * tint ** rng.uniform(-0.6, 1.0)).astype(np.float32),
        ceiling=float(np.exp(rng.uniform(np.log(0.1), np.log(1.2)))),
        slope=np.append(rng.normal(0, 0.45, 2), rng.uniform(-0.3, 0.3)).astype(np.float32),
        panels=panels.astype(np.float32),
        panel_strength=rng.exponential(1.2, count).astype(np.float32),
        softness=float(rng.choice([rng.uniform(0.05, 0.25), rng.uniform(0.25, 1.2)])),
    )
