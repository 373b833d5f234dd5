"""The photo while it is painted: radiance, the coin mask, and the few strokes that objects are made of."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.coins.arrays import Points, blurred, slopes, stacked
from training.data.coins.camera import Camera
from training.data.coins.ground import Ground
from training.data.coins.light import Geometry, Light, Window, diffuse, mirrored
from training.student.arrays import Floats

SUBPIXELS = 4
UP = np.array([0, 0, 1], np.float32)


@dataclass(frozen=True, slots=True)
class Canvas:
    """Painted from the ground upwards: what is painted later hides what was painted before."""

    camera: Camera
    light: Light
    geometry: Geometry
    radiance: Floats
    """(H, W, 3), linear."""
    mask: NDArray[np.bool_]
    """(H, W), where a coin is what one sees."""

    def window(self, outline: Points, margin: float = 2) -> Window | None:
        """The rows and columns that an outline (N, 2) of pixels touches; None outside the photo."""
        low = np.floor(outline.min(axis=0) - margin).astype(int)
        high = np.ceil(outline.max(axis=0) + margin).astype(int) + 1
        left, top = np.maximum(low, 0)
        right, bottom = np.minimum(high, (self.camera.width, self.camera.height))
        return None if left >= right or top >= bottom else (slice(top, bottom), slice(left, right))

    def cover(self, window: Window, colour: Floats, coverage: Floats, *, is_coin: bool) -> None:
        """Lay an opaque thing over a window; `coverage` (h, w) is 1 inside it and a fraction at its edge."""
        under = self.radiance[window]
        change = colour - under
        change *= coverage[..., None]
        under += change
        self.mask[window][coverage > 0.5] = is_coin

    def darken(self, outline: Points, *, blur: float, strength: float) -> None:
        """A shadow that falls on everything so far; `blur` in pixels, `strength` from 0 to 1."""
        window = self.window(outline, 2 + 2.5 * blur)
        if window is None:
            return
        shade = coverage(outline, window, subpixels=SUBPIXELS if blur < 1 else 1)
        if blur > 0.3:
            shade = blurred(shade, blur)
        self.radiance[window] *= 1 - strength * shade[..., None]

    def cast(self, foot: Points, *, base: float, top: float, centre: Points) -> None:
        """The cast and the contact shadow of an upright thing.

        Args:
            foot: (N, 2), its outline on the ground in millimetres; convex.
            base: The height that it stands at.
            top: The height of its upper side.
            centre: (2,), its middle.
        """
        light, rise = self.light, top - base
        away = (centre - light.lamp[:2]) / light.lamp[2] * rise
        reach = float(np.hypot(*away))
        away *= min(1.0, 3.5 * rise / (reach + 1e-9))
        points = self.camera.project(np.vstack([foot, foot + away]), base)
        scale = self.camera.scale(centre)
        direct = float(light.lamp_colour.sum())
        share = direct / (direct + float(light.ambient.sum()))
        self.darken(hull(points), blur=0.3 + light.softness * rise * scale * 0.5, strength=0.9 * share)
        near = self.camera.project(foot, base)
        self.darken(near, blur=0.3 + 0.45 * rise * scale, strength=0.55 * (1 - share) + 0.15)

    def shade(
        self,
        window: Window,
        normal: Floats,
        colour: Floats,
        *,
        metallic: float = 0.0,
        gloss: float,
        roughness: float,
        matt: float = 0.35,
    ) -> Floats:
        """Radiance (h, w, 3) of a surface of unit normals (h, w, 3) that stands where the ground is."""
        geometry = self.geometry.window(window)
        scattered = metallic * matt + (1 - metallic) * (1 - gloss)
        radiance = diffuse(self.light, geometry, normal)
        radiance *= colour
        radiance *= np.float32(scattered)
        if metallic or gloss:
            mirror = mirrored(self.light, geometry, normal, roughness=roughness)
            mirror *= np.float32((1 - matt) * metallic) * colour + np.float32((1 - metallic) * gloss)
            radiance += mirror
        return radiance


def open_canvas(camera: Camera, light: Light, geometry: Geometry, ground: Ground) -> Canvas:
    """A canvas with nothing but ground on it."""
    shape = geometry.x.shape
    normal = _bumped(geometry, ground.bump)
    canvas = Canvas(camera, light, geometry, np.empty((*shape, 3), np.float32), np.zeros(shape, np.bool_))
    canvas.radiance[:] = canvas.shade(
        (slice(None), slice(None)),
        normal,
        ground.albedo,
        gloss=ground.gloss,
        roughness=ground.roughness,
    )
    return canvas


def _bumped(geometry: Geometry, bump: Floats) -> Floats:
    row, column = (side // 2 for side in bump.shape)
    step = np.array(
        [
            [part[row, column + 1] - part[row, column], part[row + 1, column] - part[row, column]]
            for part in (geometry.x, geometry.y)
        ]
    )
    return tilted((slopes(bump) @ np.linalg.inv(step)).astype(np.float32))


def tilted(slope: Floats) -> Floats:
    """Unit normals (h, w, 3) of a surface that rises by slope (h, w, 2) along x and y."""
    x, y = np.clip(slope[..., 0], -2, 2), np.clip(slope[..., 1], -2, 2)
    z = 1 / np.sqrt(1 + x * x + y * y)
    return stacked(-x * z, -y * z, z)


def hull(points: Points) -> Points:
    """The convex hull (M, 2) of pixels (N, 2)."""
    return np.asarray(cv2.convexHull(points.astype(np.float32))[:, 0], np.float64)


def coverage(outline: Points, window: Window, *, subpixels: int = SUBPIXELS) -> Floats:
    """How much of each pixel of a window lies inside a polygon (N, 2): (h, w), 0 to 1."""
    rows, columns = window
    height, width = rows.stop - rows.start, columns.stop - columns.start
    filled = np.zeros((height * subpixels, width * subpixels), np.uint8)
    # OpenCV's own anti-aliasing would widen the polygon by half a pixel.
    local = (outline - (columns.start, rows.start) + 0.5) * subpixels - 0.5
    corners = np.rint(np.clip(local, -(2**20), 2**20) * 16).astype(np.int32)
    cv2.fillPoly(filled, [corners], (255,), cv2.LINE_8, 4)
    return cv2.resize(filled, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
