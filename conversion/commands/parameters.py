"""What several commands of conversion take, spelled once."""

from conversion.artefact.kinds import PRECISIONS, TARGETS
from training.commands.parameters import COUNT, Decorator, one_of, option

targets_option = option(
    "--to", one_of(TARGETS, "TARGET"), "onnx, coreml or tflite; repeatable.", name="targets", shown="all", multiple=True
)
repetitions_option = option("--repetitions", COUNT, "Timed inferences of each file.", default=50)


def precisions_option(shown: str) -> Decorator:
    """`--precision`, with what is taken where none is given."""
    text = "fp32, fp16, w8, int8, int16, p6 or p4; repeatable."
    return option("--precision", one_of(PRECISIONS), text, name="precisions", shown=shown, multiple=True)


def photos_option(default: int, text: str) -> Decorator:
    """`--photos`, of those that a run held out."""
    return option("--photos", COUNT, text, default=default)
