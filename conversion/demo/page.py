"""The page: a photo in, cards out, controls beside. Gradio's components and events; what they show is elsewhere."""

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from PIL import ImageColor

from conversion.apply.effect import DEFAULT_EFFECT, EFFECTS
from conversion.demo.cards import Answers, Controls, render
from conversion.demo.exhibits import Answer, Exhibits, ask
from training.data.photos import read_photo
from training.data.preview import shrunk
from training.student.errors import BadInput, PocketmaskError

SHOWN = 960
"""Pixels of the longer side of what is drawn: a page of six artefacts stays responsive, and the network sees the photo
itself whatever is drawn."""

_EMPTY = "<p class='quiet'>Drop a photo, paste one, or take one.</p>"
_MAGNIFICATIONS = (1, 10, 100, 1000, 10000)
_HERE = Path(__file__).parent


def look(exhibits: Exhibits, path: Path, names: list[str]) -> Iterator[Answers]:
    """What artefacts make of the photo of a file: as many answers as there are so far, each time.

    Raises:
        BadInput: The photo cannot be used.
        ConversionRefused: A runtime stops while it runs.
    """
    photo = read_photo(path)
    shown, answers = shrunk(photo, SHOWN), tuple[Answer, ...]()
    for answer in ask(exhibits.named(names), photo):
        answers = (*answers, answer)
        yield Answers((photo.shape[0], photo.shape[1]), shown, answers)


def build(exhibits: Exhibits, examples: list[Path], folder: Path) -> Any:
    """The page of a run's artefacts, for Gradio to serve.

    Args:
        exhibits: What there is to show.
        examples: Photos to begin with, beside whatever is dropped.
        folder: Where uploads lie; a path outside is never read.
    """
    import gradio as gr

    contract = exhibits.contract
    every = [one.name for one in exhibits.shown]

    def seen(given: dict[str, Any] | None, names: list[str], *said: Any) -> Iterator[tuple[Answers | None, str]]:
        """The photo's answers and their cards, one artefact more each time."""
        if not given:
            yield None, _EMPTY
            return
        try:
            if not names:
                yield None, _fault("no artefact is ticked; tick at least one")
                return
            for answers in look(exhibits, _within(given, folder), names):
                yield answers, render(answers, _controls(*said))
        except PocketmaskError as error:
            yield None, _fault(_unplaced(str(error), given))

    def drawn(answers: Answers | None, before: str, *said: Any) -> str:
        """The same answers in another way."""
        if answers is None:
            return before
        try:
            return render(answers, _controls(*said))
        except PocketmaskError as error:
            return _fault(str(error))

    with gr.Blocks(title=f"{exhibits.run}: demo", analytics_enabled=False, fill_width=True) as page:
        gr.HTML(
            f"<h1>{escape(exhibits.run)}</h1><p class='quiet'>One photo through every artefact of this run, on this "
            f"machine: {contract.height} × {contract.width} input, {escape(', '.join(contract.classes))}.</p>"
            + "".join(_fault(one) for one in exhibits.faults),
            elem_classes="title",
        )
        answers = gr.State(None)
        with gr.Row(elem_id="layout"):
            with gr.Column(elem_classes="photo"):
                photo = gr.Image(
                    label="Photo",
                    sources=["upload", "webcam", "clipboard"],
                    type="filepath",
                    image_mode=None,
                    buttons=[],
                    height=280,
                    elem_id="photo",
                )
                if examples:
                    gr.Examples([[str(path)] for path in examples], [photo], label="Held-out photos")
            with gr.Column(elem_classes="controls"):
                effect = gr.Radio(list(EFFECTS), value=DEFAULT_EFFECT, label="Effect", elem_id="effect")
                background = gr.ColorPicker("#2a6f97", label="Background", visible=False, elem_id="background")
                foreground = gr.CheckboxGroup(
                    list(contract.classes),
                    value=[] if contract.is_binary else list(contract.classes[-1:]),
                    label="Foreground, for cut-out, blur and background",
                    visible=not contract.is_binary,
                )
                threshold = gr.Slider(
                    contract.threshold - 8,
                    contract.threshold + 8,
                    contract.threshold,
                    step=0.1,
                    label="Threshold, logits",
                    visible=contract.is_binary,
                    elem_id="threshold",
                )
                opening = gr.Slider(
                    1, 31, max(1, contract.open), step=2, label="Opening, pixels", visible=contract.is_binary
                )
                magnification = gr.Radio(
                    [(f"× {one:,}", one) for one in _MAGNIFICATIONS], value=100, label="Difference, magnified"
                )
                chosen = gr.CheckboxGroup(every, value=every, label="Artefacts", elem_id="artefacts")
            with gr.Column(elem_classes="results"):
                cards = gr.HTML(_EMPTY, elem_id="cards", min_height=200)
        controls = [effect, background, foreground, threshold, opening, magnification]
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        effect.change(lambda name: gr.update(visible=name == "background"), effect, background, queue=False, **quiet)
        for changed in (photo.change, chosen.change):
            # Gradio would open the file by itself, and say its own things of one that is none.
            changed(seen, [photo, chosen, *controls], [answers, cards], preprocess=False, **quiet)
        for changed in (
            effect.change,
            foreground.change,
            magnification.change,
            background.change,
            threshold.release,
            opening.release,
        ):
            changed(drawn, [answers, cards, *controls], cards, trigger_mode="always_last", **quiet)
        if examples:
            page.load(lambda: str(examples[0]), None, photo, **quiet)
    return page


def style() -> dict[str, Any]:
    """What the page looks like: a theme of fonts that are there already, and our own rules."""
    import gradio as gr

    fonts = {"font": ["system-ui", "sans-serif"], "font_mono": ["ui-monospace", "monospace"]}
    theme = gr.themes.Base(primary_hue="blue", neutral_hue="slate", **fonts)
    return {"theme": theme, "css": (_HERE / "page.css").read_text(encoding="utf-8")}


def _controls(
    effect: str, background: str, foreground: list[str], threshold: float, opening: float, magnification: float
) -> Controls:
    return Controls(effect, _colour(background), tuple(foreground), threshold, int(opening), magnification)


def _colour(picked: str) -> str:
    """Pickers give #rrggbb or rgba(12.3, 4, 5, 1), whose fractions and alpha a photo has no use for."""
    if picked.startswith("rgba("):
        levels = picked.removeprefix("rgba(").rstrip(")").split(",")[:3]
        return "rgb({},{},{})".format(*(round(float(level)) for level in levels))
    ImageColor.getrgb(picked)
    return picked


def _within(given: dict[str, Any], folder: Path) -> Path:
    path = Path(given["path"]).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise BadInput("this photo was not uploaded here; drop it again")
    return path


def _unplaced(message: str, given: dict[str, Any]) -> str:
    """By the name that the user knows it under, not by where its copy lies."""
    return message.replace(str(Path(given["path"]).resolve()), given.get("orig_name") or "the photo")


def _fault(message: str) -> str:
    return f"<p class='fault' role='alert'>{escape(message)}</p>"
