"""A stranger's app: MediaPipe Tasks alone opens a TFLite file and segments photos, in an environment of its own.

`python mediapipe_client.py MODEL PHOTOS.npz RESULT.npz` writes for each photo NAME its confidence masks (classes, rows,
columns) as NAME/confidence and its category mask as NAME/category, beside the labels.
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
        found = {"labels": np.array(segmenter.labels)}
        for name, pixels in np.load(photos).items():
            image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(pixels))
            seen = segmenter.segment(image)
            masks = [np.squeeze(mask.numpy_view(), -1) for mask in seen.confidence_masks]
            found[f"{name}/confidence"] = np.stack(masks)
            # A view of memory that goes with the result.
            found[f"{name}/category"] = np.squeeze(seen.category_mask.numpy_view(), -1).copy()
    np.savez(result, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
