import re
from pathlib import Path

import numpy as np
import pytest

from conversion.apply.effect import EFFECTS
from conversion.apply.predictor import Predictor
from conversion.demo.cards import DisplayOptions, PhotoResults, render_cards
from conversion.demo.models import DemoModel, Inference
from training.student.contract import Contract
from training.student.errors import BadInput

BINARY, SEVERAL = Contract(8, 12, 4, ("<b>thing",)), Contract(8, 12, 4, ("<b>sky", "road"))


def results(contract):
    """The results of two artefacts that differ a little; nothing runs."""
    logits = np.random.default_rng(0).normal(size=contract.logits_shape).astype(np.float32)
    shown = [
        Inference(
            DemoModel(name, Predictor(Path(name), "", contract, None), runtime, 1_500_000, gate), drifted, seconds
        )
        for name, runtime, gate, drifted, seconds in (
            ("<i>first", "torch", "", logits, 0.04),
            ("second", "litert", "passed", logits + np.float32(0.004), 0.01),
        )
    ]
    return PhotoResults((16, 24), np.full((8, 12, 3), 90, np.uint8), tuple(shown))


def display(effect, foreground=(), magnification=100):
    return DisplayOptions(effect, "#204060", foreground, 0.0, 1, magnification)


@pytest.mark.parametrize(("contract", "foreground"), [(BINARY, ()), (SEVERAL, ("road",))], ids=["binary", "several"])
@pytest.mark.parametrize("effect", EFFECTS)
def test_every_effect_makes_a_card_of_each_artefact(contract, foreground, effect):
    page = render_cards(results(contract), display(effect, foreground))

    assert page.count("<figure") == 2
    assert re.findall(r"<b>([\d.]+) ms</b>", page) == ["40.0", "10.0"]
    # Two pictures of the effect and one difference, each small and large.
    assert len(re.findall(r'src="data:image/(?:png|jpeg);base64,', page)) == 6
    assert ("data:image/png" in page) is (effect in ("mask", "cut-out"))
    assert "largest difference 0.004 logits" in page
    assert "Differences from &lt;i&gt;first, × 100" in page
    assert "<i>first" not in page
    assert "executor" not in page


def test_several_classes_need_one_to_keep():
    with pytest.raises(BadInput, match="needs to know what to keep"):
        render_cards(results(SEVERAL), display("blur"))
