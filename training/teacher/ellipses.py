"""Finds round objects, also where they touch: proposes ellipses, fits them to edges, and measures their support.

Ellipses are (N, 5): x and y of the centre, both half axes, and the angle of the first axis in radians, clockwise. Units
are pixels of the photo; pixel centres are at whole numbers.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.student.arrays import Floats, Pixels

_ANGLES = np.linspace(0, 2 * np.pi, 72, endpoint=False, dtype=np.float32)
_STEPS = 25
_ROUNDS = 4
_STIFFNESS = 2.0
_FEWEST_POINTS = 12
_APART = 0.8


def propose_ellipses(
    grey: Pixels, region: Pixels, *, radii: tuple[float, float], gradient: float, roundness: float
) -> Floats:
    """(N, 5) ellipses: circles of a Hough transform of `grey`, and ellipses fitted to the outlines of `region`."""
    least, most = radii
    found = cv2.HoughCircles(
        grey,
        cv2.HOUGH_GRADIENT_ALT,
        1.5,
        max(least, 1),
        param1=gradient,
        param2=roundness,
        minRadius=round(least),
        maxRadius=round(most),
    )
    circles = np.empty((0, 3), np.float32) if found is None else found.reshape(-1, found.shape[-1])[:, :3]
    rings = np.column_stack([circles, circles[:, 2], np.zeros(len(circles))])
    return _floats(np.concatenate([rings, _around(region, least, most)]))


def _around(region: Pixels, least: float, most: float) -> NDArray[np.float64]:
    contours, _ = cv2.findContours(region, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    shapes = []
    for contour in contours:
        if len(contour) >= _FEWEST_POINTS:
            (x, y), (width, height), degrees = cv2.fitEllipseDirect(contour)
            if 2 * least <= width <= height <= 2 * most:
                shapes.append((x, y, width / 2, height / 2, np.deg2rad(degrees)))
    return np.array(shapes, np.float64).reshape(-1, 5)


def fit_to_edges(shapes: Floats, grey: Pixels, *, reach: float) -> Floats:
    """(N, 5) ellipses, moved to the strongest edges near their rims.

    The rim is modelled as r(t) = r + a cos t + b sin t + c cos 2t + d sin 2t: to first order a circle, shifted by
    (a, b) and flattened along an axis. This makes the fit linear, so that all ellipses are solved at once.

    Args:
        shapes: (N, 5).
        grey: (rows, columns).
        reach: How far to search for an edge inside and outside the rim, as a share of the radius.
    """
    if not len(shapes) or reach <= 0:
        return shapes
    across, down = (_floats(cv2.Scharr(grey, cv2.CV_32F, *order)) for order in ((1, 0), (0, 1)))
    x, y = shapes[:, 0], shapes[:, 1]
    radius = np.sqrt(shapes[:, 2] * shapes[:, 3])
    guess = _rims(shapes)
    factors = np.linspace(1 - reach, 1 + reach, _STEPS, dtype=np.float32)
    rays = guess[..., None] * factors
    at_x = x[:, None, None] + rays * np.cos(_ANGLES)[:, None]
    at_y = y[:, None, None] + rays * np.sin(_ANGLES)[:, None]
    slope = np.abs(
        _sampled(across, at_x, at_y) * np.cos(_ANGLES)[:, None] + _sampled(down, at_x, at_y) * np.sin(_ANGLES)[:, None]
    )
    best = slope.argmax(axis=-1)
    rims = np.take_along_axis(rays, best[..., None], axis=-1)[..., 0]
    strength = np.take_along_axis(slope, best[..., None], axis=-1)[..., 0]
    terms = np.stack([np.ones_like(_ANGLES), *(f(k * _ANGLES) for k in (1, 2) for f in (np.cos, np.sin))], axis=-1)
    weights = np.sqrt(strength) + 1e-3
    prior = np.diag([0, 0, 0, _STIFFNESS, _STIFFNESS]).astype(np.float32)
    found = np.zeros((len(shapes), 5), np.float32)
    trust = np.ones_like(weights)
    for _ in range(_ROUNDS):
        share = weights * trust
        share /= share.mean(axis=1, keepdims=True)
        normal = np.einsum("na,ai,aj->nij", share, terms, terms) + prior
        found = np.linalg.solve(normal, np.einsum("na,ai,na->ni", share, terms, rims)[..., None])[..., 0]
        apart = np.abs(rims - found @ terms.T) / radius[:, None]
        trust = 1 / (1 + (apart / (0.25 * reach)) ** 2)
    flat = np.hypot(found[:, 3], found[:, 4])
    return np.column_stack(
        [
            x + found[:, 1],
            y + found[:, 2],
            np.maximum(found[:, 0] + flat, 1),
            np.maximum(found[:, 0] - flat, 1),
            np.arctan2(found[:, 4], found[:, 3]) / 2,
        ]
    ).astype(np.float32)


def edge_and_area_support(shapes: Floats, edges: Pixels, region: Pixels, *, slack: float) -> tuple[Floats, Floats]:
    """Evidence for each ellipse: (N,) share of its rim on edges, (N,) share of its area unlike the background.

    Args:
        shapes: (N, 5).
        edges: (rows, columns), not 0 on edges.
        region: (rows, columns), not 0 where the photo differs from the background.
        slack: Largest distance from rim to edge, in pixels.
    """
    near = (cv2.distanceTransform((edges == 0).astype(np.uint8), cv2.DIST_L2, 3) <= slack).astype(np.float32)
    rims = _rims(shapes)
    at_x, at_y = (shapes[:, :1] + rims * np.cos(_ANGLES), shapes[:, 1:2] + rims * np.sin(_ANGLES))
    seen = (at_x >= 0) & (at_x < edges.shape[1]) & (at_y >= 0) & (at_y < edges.shape[0])
    support = (_sampled(near, at_x, at_y) * seen).sum(axis=1) / len(_ANGLES)
    # Sample in equal steps of area, not of radius.
    depths = np.sqrt((np.arange(8, dtype=np.float32) + 0.5) / 8)
    inside_x = shapes[:, :1, None] + (rims * np.cos(_ANGLES))[..., None] * depths
    inside_y = shapes[:, 1:2, None] + (rims * np.sin(_ANGLES))[..., None] * depths
    covered = _sampled((region > 0).astype(np.float32), inside_x, inside_y).mean(axis=(1, 2))
    return support.astype(np.float32), covered.astype(np.float32)


def scale_ellipses(shapes: Floats, scale: NDArray[np.float64]) -> Floats:
    """(N, 5): the same ellipses on a photo `scale` (x, y) times as large; both factors must be nearly equal."""
    centres = (shapes[:, :2] + 0.5) * scale - 0.5
    return np.column_stack([centres, shapes[:, 2:4] * np.sqrt(scale.prod()), shapes[:, 4]]).astype(np.float32)


def drop_overlapping(shapes: Floats, scores: Floats) -> list[int]:
    """Indices of ellipses with a score above 0, best and largest first, without those too close to a better one."""
    radii = np.sqrt(shapes[:, 2] * shapes[:, 3])
    chosen: list[int] = []
    # A coin has circles inside it; its outer rim is the one to keep.
    for index in np.argsort(-scores * radii, kind="stable"):
        away = np.linalg.norm(shapes[chosen, :2] - shapes[index, :2], axis=1)
        if scores[index] > 0 and (away >= _APART * np.maximum(radii[chosen], radii[index])).all():
            chosen.append(int(index))
    return chosen


def fill_ellipse(mask: Pixels, shape: Floats) -> None:
    """Set to 1 the pixels of `mask` whose centres lie in one ellipse, (5,)."""
    rows, columns = mask.shape
    left, top, right, bottom = bounding_box(shape)
    window = (
        slice(min(max(int(top), 0), rows), max(min(int(bottom) + 1, rows), 0)),
        slice(min(max(int(left), 0), columns), max(min(int(right) + 1, columns), 0)),
    )
    x, y, one, other, angle = map(float, shape)
    down, across = np.ogrid[window]
    along = ((across - x) * np.cos(angle) + (down - y) * np.sin(angle)) / one
    aside = ((down - y) * np.cos(angle) - (across - x) * np.sin(angle)) / other
    mask[window] |= along**2 + aside**2 <= 1


def bounding_box(shape: Floats) -> tuple[float, float, float, float]:
    """left, top, right, bottom of one ellipse, (5,); edges of pixels, not centres."""
    x, y, one, other, angle = map(float, shape)
    half_x = np.hypot(one * np.cos(angle), other * np.sin(angle))
    half_y = np.hypot(one * np.sin(angle), other * np.cos(angle))
    return x + 0.5 - half_x, y + 0.5 - half_y, x + 0.5 + half_x, y + 0.5 + half_y


def _rims(shapes: Floats) -> Floats:
    """(N, angles) distances from centre to rim."""
    turned = _ANGLES[None] - shapes[:, 4:]
    one, other = shapes[:, 2:3], shapes[:, 3:4]
    return _floats(one * other / np.hypot(other * np.cos(turned), one * np.sin(turned)))


def _sampled(values: Floats, x: Floats, y: Floats) -> Floats:
    """Bilinear samples, 0 outside; of the shape of x and y."""
    if not x.size:
        return np.zeros(x.shape, np.float32)
    columns, rows = (_floats(at.reshape(len(at), -1)) for at in (x, y))
    return _floats(cv2.remap(values, columns, rows, cv2.INTER_LINEAR)).reshape(x.shape)


def _floats(values: NDArray[Any]) -> Floats:
    return values.astype(np.float32, copy=False)
