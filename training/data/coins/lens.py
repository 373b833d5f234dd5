"""From radiance to the JPEG that a phone saves: blur, exposure, white balance, noise, tone."""

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.coins.arrays import blurred, pixel, resized
from training.student.arrays import Floats

CURVE_STEPS = 2048
INCIDENT = 0.6
"""Exposure of a white surface in full light."""
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def develop(rng: np.random.Generator, radiance: Floats) -> bytes:
    """The JPEG file that a phone would save of a linear radiance (H, W, 3)."""
    light = _vignette(rng, _blur(rng, radiance))
    light *= _exposure(rng, light) * _white_balance(rng)
    light = _sensor_noise(rng, light)
    photo = _tone(rng, light)
    quality = int(rng.integers(45, 97))
    found, data = cv2.imencode(".jpg", photo[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not found:
        raise RuntimeError(f"OpenCV could not encode a photo of shape {photo.shape} as JPEG")
    return data.tobytes()


def decode(jpeg: bytes) -> NDArray[np.uint8]:
    """(H, W, 3) RGB of a JPEG file."""
    photo = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return np.ascontiguousarray(photo[..., ::-1], np.uint8)


def _blur(rng: np.random.Generator, light: Floats) -> Floats:
    scale = min(light.shape[:2]) / 320
    sigma = scale * float(
        rng.choice([rng.uniform(0.2, 0.45), rng.uniform(0.45, 1.0), rng.uniform(1.0, 2.4)], p=[0.6, 0.32, 0.08])
    )
    light = blurred(light, sigma)
    if rng.random() < 0.12:
        kernel = _shake(rng, max(3, int(scale * rng.uniform(3, 9))))
        light = np.asarray(cv2.filter2D(light, -1, kernel), np.float32)
    return light


def _shake(rng: np.random.Generator, length: int) -> Floats:
    """A straight stroke of `length` pixels, as a kernel that sums to one."""
    kernel = np.zeros((length, length), np.uint8)
    centre, angle = (length - 1) / 2, rng.uniform(0, np.pi)
    reach = centre * np.array([np.cos(angle), np.sin(angle)])
    cv2.line(kernel, pixel(centre - reach), pixel(centre + reach), (255,), 1, cv2.LINE_AA)
    return kernel.astype(np.float32) / np.float32(kernel.sum())


def _vignette(rng: np.random.Generator, light: Floats) -> Floats:
    height, width = light.shape[:2]
    rows = np.linspace(-1, 1, height, dtype=np.float32)[:, None] - rng.normal(0, 0.1)
    columns = np.linspace(-1, 1, width, dtype=np.float32)[None] - rng.normal(0, 0.1)
    strength = rng.choice([rng.uniform(0, 0.12), rng.uniform(0.1, 0.35)])
    shade = 1 - strength * (rows**2 + columns**2)
    return np.asarray(light * np.maximum(shade, 0.1)[..., None], np.float32)


def _exposure(rng: np.random.Generator, light: Floats) -> float:
    # Half by the light that falls on the scene, half by its highlights: black cloth stays black, coins do not burn out.
    highlight = float(np.quantile(light[::4, ::4] @ LUMA, rng.uniform(0.85, 0.97))) + 1e-3
    return float(INCIDENT * (0.36 / INCIDENT / highlight) ** rng.uniform(0, 0.65) * np.exp(rng.normal(0.05, 0.35)))


def _white_balance(rng: np.random.Generator) -> Floats:
    warm, green = rng.normal(0, 0.12), rng.normal(0, 0.05)
    if rng.random() < 0.1:
        warm, green = rng.normal(0.3, 0.2), rng.normal(0.05, 0.08)
    return np.asarray(np.exp([warm, green, -warm]), np.float32)


def _sensor_noise(rng: np.random.Generator, light: Floats) -> Floats:
    height, width = light.shape[:2]
    amount = float(np.exp(rng.uniform(np.log(0.002), np.log(0.03))))
    fine = rng.standard_normal((height, width), dtype=np.float32)
    coarse = rng.standard_normal((height // 2 + 1, width // 2 + 1, 3), dtype=np.float32)
    noise = resized(coarse, height, width)
    noise *= np.float32(rng.uniform(0, 1.5))
    noise += fine[..., None]
    noise *= amount * np.sqrt(np.maximum(light, 0) + 0.01)
    noise += light
    if rng.random() < 0.4:
        noise = blurred(noise, 0.6)
    return noise


def _tone(rng: np.random.Generator, light: Floats) -> NDArray[np.uint8]:
    vivid = _curve(rng, light)
    grey = (vivid @ LUMA)[..., None]
    vivid -= grey
    vivid *= np.float32(rng.uniform(0.75, 1.4))
    vivid += grey
    if rng.random() < 0.7:
        soft = blurred(vivid, rng.uniform(0.8, 1.6))
        amount = rng.uniform(0.3, 1.3)
        vivid = np.asarray(cv2.addWeighted(vivid, 1 + amount, soft, -amount, 0), np.float32)
    return np.asarray(cv2.convertScaleAbs(np.maximum(vivid, 0, out=vivid), alpha=255), np.uint8)


def _curve(rng: np.random.Generator, light: Floats) -> Floats:
    """Highlights rolled off, gamma, contrast: by a table over the square root, which is fine enough in the dark."""
    knee = rng.uniform(0.6, 1.0)
    linear = np.linspace(0, 2, CURVE_STEPS) ** 2
    rolled = np.where(linear > knee, knee + (1 - knee) * np.tanh((linear - knee) / (1.001 - knee)), linear)
    encoded = np.clip(rolled, 0, 1) ** (1 / rng.uniform(2.0, 2.4))
    curved = encoded + rng.uniform(-0.1, 0.35) * encoded * (1 - encoded) * (2 * encoded - 1)
    steps = np.sqrt(np.clip(light, 0, 4)) * np.float32((CURVE_STEPS - 1) / 2)
    return np.asarray(curved.astype(np.float32)[steps.astype(np.int32)], np.float32)
