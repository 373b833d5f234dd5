"""Builds the page with Gradio: a photo, the cards of its results, and controls. The cards are rendered in cards.py."""

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from PIL import ImageColor

from conversion.apply.effect import DEFAULT_EFFECT, EFFECTS
from conversion.demo.cards import DisplayOptions, PhotoResults, render_cards
from conversion.demo.models import DemoModels, Inference, run_models
from training.data.photos import read_photo
from training.data.preview import shrunk
from training.student.errors import BadInput, PocketmaskError

DRAWN_SIDE = 960
"""Pixels of the longer side of the drawn pictures, so that a page of six artefacts stays responsive.

The network always gets the photo itself."""

_EMPTY = "<p class='quiet'>Drop a photo, paste one, or take one.</p>"
_MAGNIFICATIONS = (1, 10, 100, 1000, 10000)
_HERE = Path(__file__).parent


def compare(models: DemoModels, path: Path, names: list[str]) -> Iterator[PhotoResults]:
    """Run the named models on a photo file, and yield all results so far after each model.

    Raises:
        BadInput: The photo cannot be read.
        ConversionRefused: A runtime fails while it runs.
    """
    photo = read_photo(path)
    shown, inferences = shrunk(photo, DRAWN_SIDE), tuple[Inference, ...]()
    for inference in run_models(models.named(names), photo):
        inferences = (*inferences, inference)
        yield PhotoResults((photo.shape[0], photo.shape[1]), shown, inferences)


def build_page(models: DemoModels, examples: list[Path], folder: Path) -> Any:
    """Build the page of a run's artefacts, as a `gradio.Blocks`.

    Args:
        models: The models to show.
        examples: Photos to start with.
        folder: The folder of uploads; no file outside is read.
    """
    import gradio as gr

    contract = models.contract
    names_of_all = [model.name for model in models.models]

    def on_photo(
        given: dict[str, Any] | None, names: list[str], *options: Any
    ) -> Iterator[tuple[PhotoResults | None, str]]:
        """Run the models on a new photo, and yield the results so far and their cards after each model."""
        if not given:
            yield None, _EMPTY
            return
        try:
            if not names:
                yield None, _alert("no artefact is selected; select at least one")
                return
            for results in compare(models, _uploaded_path(given, folder), names):
                yield results, render_cards(results, _display_options(*options))
        except PocketmaskError as error:
            yield None, _alert(_with_original_name(str(error), given))

    def on_display_options(results: PhotoResults | None, before: str, *options: Any) -> str:
        """Draw the same results with other options."""
        if results is None:
            return before
        try:
            return render_cards(results, _display_options(*options))
        except PocketmaskError as error:
            return _alert(str(error))

    with gr.Blocks(title=f"{models.run}: demo", analytics_enabled=False, fill_width=True) as page:
        gr.HTML(
            f"<h1>{escape(models.run)}</h1><p class='quiet'>One photo through every artefact of this run, on this "
            f"machine: {contract.height} × {contract.width} input, {escape(', '.join(contract.classes))}.</p>"
            + "".join(_alert(one) for one in models.faults),
            elem_classes="title",
        )
        results = gr.State(None)
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
                chosen = gr.CheckboxGroup(names_of_all, value=names_of_all, label="Artefacts", elem_id="artefacts")
            with gr.Column(elem_classes="results"):
                cards = gr.HTML(_EMPTY, elem_id="cards", min_height=200)
        controls = [effect, background, foreground, threshold, opening, magnification]
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        effect.change(lambda name: gr.update(visible=name == "background"), effect, background, queue=False, **quiet)
        for changed in (photo.change, chosen.change):
            # Without preprocessing by Gradio, which would open the file itself and show its own errors.
            changed(on_photo, [photo, chosen, *controls], [results, cards], preprocess=False, **quiet)
        for changed in (
            effect.change,
            foreground.change,
            magnification.change,
            background.change,
            threshold.release,
            opening.release,
        ):
            changed(on_display_options, [results, cards, *controls], cards, trigger_mode="always_last", **quiet)
        if examples:
            page.load(lambda: str(examples[0]), None, photo, **quiet)
    return page


def page_style() -> dict[str, Any]:
    """The theme, with fonts that every system has, and our own CSS."""
    import gradio as gr

    fonts = {"font": ["system-ui", "sans-serif"], "font_mono": ["ui-monospace", "monospace"]}
    theme = gr.themes.Base(primary_hue="blue", neutral_hue="slate", **fonts)
    return {"theme": theme, "css": (_HERE / "page.css").read_text(encoding="utf-8")}


def _display_options(
    effect: str, background: str, foreground: list[str], threshold: float, opening: float, magnification: float
) -> DisplayOptions:
    return DisplayOptions(effect, _colour(background), tuple(foreground), threshold, int(opening), magnification)


def _colour(picked: str) -> str:
    """A colour without fractions or alpha; Gradio's picker gives #rrggbb or rgba(12.3, 4, 5, 1)."""
    if picked.startswith("rgba("):
        levels = picked.removeprefix("rgba(").rstrip(")").split(",")[:3]
        return "rgb({},{},{})".format(*(round(float(level)) for level in levels))
    ImageColor.getrgb(picked)
    return picked


def _uploaded_path(given: dict[str, Any], folder: Path) -> Path:
    path = Path(given["path"]).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise BadInput("this photo was not uploaded to this page; drop it again")
    return path


def _with_original_name(message: str, given: dict[str, Any]) -> str:
    """The message with the photo's original file name in place of the path of its uploaded copy."""
    return message.replace(str(Path(given["path"]).resolve()), given.get("orig_name") or "the photo")


def _alert(message: str) -> str:
    return f"<p class='fault' role='alert'>{escape(message)}</p>"
