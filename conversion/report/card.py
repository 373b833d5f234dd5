"""MODEL_CARD.md: what users of the model should know, with the header that model hubs sort and plot by.

The header follows Hugging Face's model card metadata, `model-index` included.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from conversion.report.facts import Facts

_HERE = Path(__file__).parent


def render(facts: Facts) -> str:
    """The card as Markdown."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=False,  # Markdown, not HTML; `line` and `quoted` keep names from being more than names
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["line"] = line
    targets = sorted({artefact.target for artefact in facts.artefacts} - {"onnx"})
    return environment.get_template("card.md.j2").render(
        facts=facts,
        tags=["image-segmentation", "on-device", "unet", *targets],
        results=list(_results(facts)),
        people=any("human" in against for against in facts.evaluations.values()),
        quoted=partial(json.dumps, ensure_ascii=False),
        folders=[Path(folder).name for folder in (facts.data.folder, *facts.data.further)],
        line=line,
    )


def line(name: str) -> str:
    """A name as text within a line, with the characters of Markdown and HTML escaped."""
    text = " ".join(name.split())
    return "".join(f"\\{letter}" if letter in r"\`*_[]<>|#" else letter for letter in text)


def _results(facts: Facts) -> Iterator[dict[str, Any]]:
    yield {
        "data": Path(facts.data.folder).name,
        "name": f"mean IoU with teacher masks, {len(facts.photos)} held-out photos",
        "value": facts.torch_iou,
    }
    for data, against in facts.evaluations.items():
        for whose, measures in against.items():
            value = measures["iou"][0]
            if value is not None:
                yield {"data": data, "name": f"mean IoU with {whose} masks", "value": value}
