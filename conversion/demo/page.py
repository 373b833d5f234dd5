"""The page: its HTML, and the answers to what it asks. It knows nothing of HTTP, which is server.py's."""

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Annotated, Literal

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from conversion.apply.effect import DEFAULT_EFFECT, EFFECTS
from conversion.demo.cards import DisplayOptions, PhotoResults, render_cards
from conversion.demo.models import DemoModels, run_model
from conversion.demo.photos import KeptPhoto, KeptPhotos
from training.data.photos import read_photo
from training.data.preview import jpeg_data_url, shrunk
from training.student.errors import BadInput, PocketmaskError

MAGNIFICATIONS = (1, 10, 100, 1000, 10000)
LARGEST_OPENING = 31
"""Pixels."""
THRESHOLD_RANGE = 8.0
"""How far the page moves the threshold from the contract's, in logits."""

_THUMBNAIL_SIDE = 160
_HERE = Path(__file__).parent


class CardsRequest(BaseModel):
    """What the page asks for: a photo by its key, the models, and how their results are shown."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    photo: Annotated[str, Field(max_length=64)]
    artefacts: Annotated[list[str], Field(max_length=100)]
    effect: str
    # A colour and nothing else: elsewhere in this project a background may be a file's path.
    background: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
    foreground: Annotated[list[str], Field(max_length=256)]
    threshold: float
    opening: Annotated[int, Field(ge=1, le=LARGEST_OPENING)]
    magnification: Literal[MAGNIFICATIONS]  # type: ignore[valid-type]


class Page:
    """The page of a run's models, and the photos that were given to it."""

    def __init__(self, models: DemoModels, examples: list[Path]) -> None:
        """Keep what the page shows.

        Args:
            models: The models to show.
            examples: Photos to start with. The page names them by their place in this list.
        """
        self._models = models
        self._examples = examples
        self._photos = KeptPhotos()
        # One at a time, so that models do not slow each other down, and only one photo is decoded.
        self._busy = Lock()

    def html(self) -> str:
        """The page itself."""
        import jinja2

        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
        )
        return environment.get_template("page.html.j2").render(
            models=self._models,
            contract=self._models.contract,
            examples=[jpeg_data_url(shrunk(read_photo(path), _THUMBNAIL_SIDE)) for path in self._examples],
            effects=list(EFFECTS),
            effect=DEFAULT_EFFECT,
            magnifications=MAGNIFICATIONS,
            largest_opening=LARGEST_OPENING,
            threshold_range=THRESHOLD_RANGE,
        )

    def keep_photo(self, encoded: bytes) -> str:
        """Keep a photo's file; its key.

        Raises:
            BadInput: It is no photo that can be read.
        """
        with self._busy:
            return self._photos.keep(encoded)

    def keep_example(self, place: int) -> str:
        """Keep the example at that place of the list; its key.

        Raises:
            BadInput: There is none, or it can no longer be read.
        """
        if not 0 <= place < len(self._examples):
            raise BadInput("there is no such example")
        try:
            return self.keep_photo(self._examples[place].read_bytes())
        except OSError as error:
            raise BadInput(f"cannot read this example: {error.strerror}") from error

    def cards(self, request: bytes) -> Iterator[str]:
        """Yield the cards as HTML, anew after each model that had to run.

        Args:
            request: A `CardsRequest` as JSON.

        Raises:
            BadInput: The request or the options do not fit, or the photo is no longer kept.
            ConversionRefused: A runtime fails while it runs.
        """
        try:
            asked = CardsRequest.model_validate_json(request)
        except pydantic.ValidationError as error:
            raise BadInput("this page is older than the server, or the request is malformed; load it anew") from error
        if asked.effect not in EFFECTS:
            raise BadInput(f"there is no effect '{asked.effect[:40]}'")
        if not set(asked.foreground) <= set(self._models.contract.classes):
            raise BadInput("the foreground holds a class that this model does not know")
        if not asked.artefacts:
            raise BadInput("no artefact is selected; select at least one")
        display = DisplayOptions(
            asked.effect,
            asked.background,
            tuple(asked.foreground),
            asked.threshold,
            asked.opening,
            float(asked.magnification),
        )
        photo = self._photos.find(asked.photo)
        missing = [model for model in self._models.named(asked.artefacts) if model.name not in photo.inferences]
        if not missing:
            yield self._render(photo, asked.artefacts, display)
            return
        with self._busy:
            decoded = photo.decode()
        for model in missing:
            with self._busy:
                photo.inferences[model.name] = run_model(model, decoded)
            yield self._render(photo, asked.artefacts, display)

    def _render(self, photo: KeptPhoto, names: list[str], display: DisplayOptions) -> str:
        found = [photo.inferences[each.name] for each in self._models.named(names) if each.name in photo.inferences]
        return render_cards(PhotoResults(photo.size, photo.drawn, tuple(found)), display)


def answer_lines(cards: Iterator[str]) -> Iterator[bytes]:
    """Each state of the cards as a line of JSON, `{"html": …}`; an error as the last line, `{"fault": …}`."""
    try:
        for html in cards:
            yield json.dumps({"html": html}).encode() + b"\n"
    except PocketmaskError as error:
        yield json.dumps({"fault": str(error)}).encode() + b"\n"
