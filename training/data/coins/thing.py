"""The shapes that stand on the ground: discs with a face, slabs and rods, balls."""

from dataclasses import dataclass

import cv2
import numpy as np

from training.data.coins.arrays import Points, blurred, slopes, warped
from training.data.coins.canvas import UP, Canvas, coverage, hull, tilted
from training.data.coins.face import Face
from training.data.coins.light import Window
from training.student.arrays import Floats

CORNERS = 72
EDGE_STEPS = 720
_ANGLES = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
CIRCLE: Points = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)


@dataclass(frozen=True, slots=True)
class Disc:
    """A flat cylinder: a coin, or one of the many round things that are none. Lengths in millimetres."""

    centre: Points
    radius: float
    thickness: float
    base: float
    """Height of its lower side: 0 on the ground, more on top of another disc."""
    turn: float
    """Radians by which its face is turned."""
    face: Face
    reeds: int = 0
    """Grooves around the edge."""
    holes: tuple[tuple[float, float, float], ...] = ()
    """(x, y, radius) of each hole, in units of the disc's radius."""
    is_coin: bool = False

    def paint(self, canvas: Canvas) -> None:
        """Shadow, edge and face."""
        camera, top = canvas.camera, self.base + self.thickness
        foot = self.centre + self.radius * CIRCLE
        lower, upper = camera.project(foot, self.base), camera.project(foot, top)
        if self.thickness > 0:
            canvas.cast(foot, base=self.base, top=top, centre=self.centre)
        body = hull(np.vstack([lower, upper]))
        window = canvas.window(body)
        if window is None:
            return
        through = self._open(canvas, window)
        if self.thickness > 0:
            edge = self._edge(canvas, window)
            canvas.cover(window, edge, coverage(body, window) * through, is_coin=self.is_coin)
        face = self._face(canvas, window, top)
        canvas.cover(window, face, coverage(upper, window) * through, is_coin=self.is_coin)

    def _open(self, canvas: Canvas, window: Window) -> Floats:
        solid = np.ones_like(canvas.geometry.x[window])
        c, s = np.cos(self.turn), np.sin(self.turn)
        for x, y, radius in self.holes:
            centre = self.centre + self.radius * np.array([c * x - s * y, s * x + c * y])
            rim = centre + self.radius * radius * CIRCLE
            seen = [coverage(canvas.camera.project(rim, z), window) for z in (self.base, self.base + self.thickness)]
            solid *= 1 - np.minimum(*seen)
        return solid

    def _edge(self, canvas: Canvas, window: Window) -> Floats:
        """Shaded once around, by angle: a coin's edge is a pixel or two high."""
        lift = canvas.camera.project(self.centre[None], self.base + self.thickness / 2)
        x0, y0 = canvas.camera.unproject(lift)[0].astype(np.float32)
        middle = np.rint(np.clip(lift[0], 0, (canvas.camera.width - 1, canvas.camera.height - 1))).astype(int)
        at = (slice(middle[1], middle[1] + 1), slice(middle[0], middle[0] + 1))
        turn = np.linspace(0, 2 * np.pi, EDGE_STEPS, dtype=np.float32)[None]
        facing = turn + np.float32(0.5) * np.sin(self.reeds * turn)
        normal = np.stack([np.cos(facing), np.sin(facing), np.zeros_like(facing)], axis=-1)
        colour = self.face.colour[::8, ::8].mean(axis=(0, 1)) * np.ones_like(normal)
        around = canvas.shade(at, normal, colour, **self._finish())[0]
        ground = canvas.geometry.window(window)
        angle = np.asarray(cv2.phase(ground.x - x0, ground.y - y0), np.float32)
        return np.asarray(around[np.rint(angle * ((EDGE_STEPS - 1) / (2 * np.pi))).astype(np.intp)], np.float32)

    def _face(self, canvas: Canvas, window: Window, top: float) -> Floats:
        rows, columns = window
        size = self.face.colour.shape[0]
        c, s = np.cos(self.turn), np.sin(self.turn)
        unit = 2 * self.radius / (size - 1)
        half = (size - 1) / 2
        # A texture's rows run down, the ground's y up.
        turned = unit * np.array([[c, s], [s, -c]])
        placed = np.column_stack([turned, self.centre - turned @ (half, half)])
        to_window = np.array([[1, 0, -columns.start], [0, 1, -rows.start], [0, 0, 1]], np.float64)
        matrix = to_window @ canvas.camera.homography(top) @ np.vstack([placed, [0, 0, 1]])
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        slope, colour = (warped(texture, matrix, *shape) for texture in (self.face.slope, self.face.colour))
        normal = tilted(slope @ np.array([[c, s], [s, -c]], np.float32))
        return canvas.shade(window, normal, colour, **self._finish())

    def _finish(self) -> dict[str, float]:
        face = self.face
        return {"metallic": face.metallic, "gloss": 0.06, "roughness": face.roughness, "matt": face.matt}


@dataclass(frozen=True, slots=True)
class Slab:
    """Anything with an outline and a thickness, convex parts of one colour each: cards, pens, keys, fingers."""

    parts: tuple[Points, ...]
    """Convex outlines (N, 2) on the ground, painted in order."""
    colours: tuple[Floats, ...]
    """One linear RGB (3,) for each part."""
    thickness: float
    base: float = 0.0
    rounding: float = 0.0
    """0 for a flat card, 1 for a rod."""
    metallic: float = 0.0
    roughness: float = 0.3
    print_on: Floats | None = None
    """(N, N, 3), what is printed on the first part, which then has four corners."""

    def paint(self, canvas: Canvas) -> None:
        """Shadows of all parts, then the parts."""
        top = self.base + self.thickness
        for part in self.parts:
            canvas.cast(part, base=self.base, top=top, centre=part.mean(axis=0))
        for index, (part, colour) in enumerate(zip(self.parts, self.colours, strict=True)):
            project = canvas.camera.project
            body = hull(np.vstack([project(part, self.base), project(part, top)]))
            window = canvas.window(body)
            if window is None:
                continue
            inside = coverage(body, window)
            normal = self._normal(inside) if self.rounding > 0 else np.zeros((*inside.shape, 3), np.float32) + UP
            if index == 0 and self.print_on is not None:
                albedo = self._printed(self.print_on, canvas, window, top)
            else:
                albedo = np.zeros((*inside.shape, 3), np.float32) + colour
            painted = canvas.shade(window, normal, albedo, metallic=self.metallic, gloss=0.05, roughness=self.roughness)
            canvas.cover(window, painted, inside, is_coin=False)

    def _normal(self, inside: Floats) -> Floats:
        # Framed by nothing: a thing that fills its window would otherwise be infinitely deep.
        framed = np.pad((inside > 0.5).astype(np.uint8), 1)
        depth = cv2.distanceTransform(framed, cv2.DIST_L2, 3)[1:-1, 1:-1]
        deepest = float(depth.max()) + 1e-3
        across = np.clip(1 - depth / deepest, 0, 1)
        round_profile = deepest * self.rounding * np.sqrt(np.maximum(1 - across**2, 0))
        slope = slopes(blurred(round_profile, 0.8 + 0.06 * deepest))
        # Rows run against the ground's y.
        return tilted(slope * np.array([1, -1], np.float32))

    def _printed(self, sheet: Floats, canvas: Canvas, window: Window, top: float) -> Floats:
        rows, columns = window
        size = sheet.shape[0] - 1
        seen = canvas.camera.project(self.parts[0], top) - (columns.start, rows.start)
        square = np.array([[0, 0], [size, 0], [size, size], [0, size]], np.float32)
        matrix = np.asarray(cv2.getPerspectiveTransform(square, seen.astype(np.float32)), np.float64)
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        return warped(sheet, matrix, *shape)


@dataclass(frozen=True, slots=True)
class Ball:
    """A marble, a ball, the head of a knob."""

    centre: Points
    radius: float
    colour: Floats
    metallic: float
    roughness: float

    def paint(self, canvas: Canvas) -> None:
        """Shadow and sphere."""
        foot = self.centre + 0.8 * self.radius * CIRCLE
        canvas.cast(foot, base=0.0, top=2 * self.radius, centre=self.centre)
        middle = canvas.camera.project(self.centre[None], self.radius)[0]
        radius = self.radius * canvas.camera.scale(self.centre)
        window = canvas.window(middle + radius * CIRCLE)
        if window is None:
            return
        rows, columns = np.mgrid[window].astype(np.float32)
        across, down = (columns - middle[0]) / radius, (rows - middle[1]) / radius
        rise = np.sqrt(np.maximum(1 - across**2 - down**2, 0))
        normal = np.stack([across, -down, rise + 1e-3], axis=-1).astype(np.float32)
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
        colour = np.zeros_like(normal) + self.colour
        painted = canvas.shade(window, normal, colour, metallic=self.metallic, gloss=0.08, roughness=self.roughness)
        canvas.cover(window, painted, coverage(middle + radius * CIRCLE, window), is_coin=False)


Thing = Disc | Slab | Ball
