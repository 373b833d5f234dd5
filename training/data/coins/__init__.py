"""The built-in data set: rendered photos of coins with exact masks, from numpy and OpenCV alone.

A scene in ground-plane coordinates (`scene`, `ground`, `thing`, `face`, `metal`, `distractor`) is seen by one
camera (`camera`), lit by one light (`light`, `canvas`) and developed into a JPEG (`lens`).
"""

from training.data.coins.render import Rendering, render, rendered_folder, write_pairs

__all__ = ["Rendering", "render", "rendered_folder", "write_pairs"]
