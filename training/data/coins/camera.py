"""One pinhole camera above the ground plane, shared by everything in a photo."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data.coins.arrays import Points

HORIZON_MARGIN = np.radians(8.0)


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera that looks at the origin of the ground plane z = 0; lengths in millimetres."""

    height: int
    """Rows of the photo, in pixels."""
    width: int
    """Columns of the photo, in pixels."""
    projection: Points
    """(3, 4), from homogeneous (x, y, z) to homogeneous (column, row)."""
    position: Points
    """(3,), the centre of projection."""

    def homography(self, elevation: float = 0.0) -> Points:
        """(3, 3), from (x, y) on the plane z = elevation to (column, row)."""
        p = self.projection
        return np.column_stack([p[:, 0], p[:, 1], p[:, 2] * elevation + p[:, 3]])

    def project(self, points: NDArray[Any], elevation: float = 0.0) -> Points:
        """Pixels (N, 2) as (column, row) of (N, 2) points on the plane z = elevation."""
        return transform(self.homography(elevation), points)

    def unproject(self, pixels: NDArray[Any], elevation: float = 0.0) -> Points:
        """Points (N, 2) on the plane z = elevation, seen at (N, 2) pixels (column, row)."""
        return transform(np.linalg.inv(self.homography(elevation)), pixels)

    def scale(self, point: NDArray[Any]) -> float:
        """Pixels per millimetre, across the line of sight, at an (x, y) on the ground."""
        homogeneous = self.projection @ np.array([point[0], point[1], 0.0, 1.0])
        return float(np.linalg.norm(self.projection[0, :3]) / abs(homogeneous[2]))


def transform(homography: Points, points: NDArray[Any]) -> Points:
    """(N, 2) points carried by a (3, 3) homography."""
    moved = points @ homography[:, :2].T + homography[:, 2]
    return np.asarray(moved[:, :2] / moved[:, 2:], dtype=np.float64)


def draw_camera(rng: np.random.Generator, height: int, width: int, *, view: float) -> Camera:
    """A hand-held phone: mostly from above, sometimes at a strong tilt.

    Args:
        rng: Where chance comes from.
        height: Rows of the photo, in pixels.
        width: Columns of the photo, in pixels.
        view: Millimetres of ground across the photo's shorter side, at its centre.
    """
    side = min(height, width)
    focal = side * rng.uniform(0.95, 1.8)
    half_diagonal = np.arctan(0.5 * np.hypot(height, width) / focal)
    steepest = np.pi / 2 - half_diagonal - HORIZON_MARGIN
    tilt = min(
        np.radians(rng.choice([rng.uniform(0, 14), rng.uniform(0, 32), rng.uniform(25, 62)], p=[0.5, 0.36, 0.14])),
        steepest,
    )
    roll = rng.uniform(0, 2 * np.pi) if rng.random() < 0.3 else rng.normal(0, 0.15)
    distance = view * focal / side

    downwards = np.diag([1.0, -1.0, -1.0])
    rotation = _about_z(roll) @ _about_x(tilt) @ downwards
    offset = np.array([0.0, 0.0, distance])
    intrinsics = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
    return Camera(
        height=height,
        width=width,
        projection=intrinsics @ np.column_stack([rotation, offset]),
        position=-rotation.T @ offset,
    )


def _about_x(angle: float) -> Points:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def _about_z(angle: float) -> Points:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
