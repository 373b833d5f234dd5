"""Core ML itself, on macOS."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from conversion.artefact.contents import Tensor
from conversion.runtimes.model import Model
from training.student.arrays import Array
from training.student.errors import BadInput


def open_coreml(path: Path) -> Model:
    """A package that takes one image, (height, width, 3) uint8 RGB."""
    from PIL import Image

    from conversion.coreml.toolbox import load_coremltools

    model = load_coremltools().models.MLModel(str(path))
    described = model.get_spec().description
    if [entry.type.WhichOneof("Type") for entry in described.input] != ["imageType"]:
        raise BadInput("it takes something else than one image")
    name, size = described.input[0].name, described.input[0].type.imageType
    outputs = [entry.name for entry in described.output]
    images: list[Image.Image] = []
    found: dict[str, Array] = {}

    def feed(arrays: Sequence[Array]) -> None:
        images[:] = [Image.fromarray(array) for array in arrays]

    def invoke() -> None:
        found.update(model.predict({name: images[0]}))

    return Model(
        inputs=[Tensor(name, (size.height, size.width, 3), "uint8")],
        outputs=[Tensor(output, (), "float32") for output in outputs],
        feed=feed,
        invoke=invoke,
        results=lambda: [np.asarray(found[output], np.float32) for output in outputs],
    )
