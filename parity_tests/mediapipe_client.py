"""Segments photos with MediaPipe Tasks alone, as an app of somebody else would; it runs in its own environment.

`python mediapipe_client.py MODEL PHOTOS.npz RESULT.npz` writes the model's labels and, for each photo NAME, its
confidence masks (classes, rows, columns) as NAME/confidence and its category mask as NAME/category.
"""

import sys

import mediapipe
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision


def main(model: str, photos: str, result: str) -> None:
    """Segment every photo."""
    options = vision.ImageSegmenterOptions(
        base_options=BaseOptions(model_asset_path=model), output_confidence_masks=True, output_category_mask=True
    )
    with vision.ImageSegmenter.create_from_options(options) as segmenter:
        results = {"labels": np.array(segmenter.labels)}
        for name, pixels in np.load(photos).items():
            image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(pixels))
            segmented = segmenter.segment(image)
            masks = [np.squeeze(mask.numpy_view(), -1) for mask in segmented.confidence_masks]
            results[f"{name}/confidence"] = np.stack(masks)
            # A copy, because the view's memory is freed with the result.
            results[f"{name}/category"] = np.squeeze(segmented.category_mask.numpy_view(), -1).copy()
    np.savez(result, **results)


if __name__ == "__main__":
    main(*sys.argv[1:])
