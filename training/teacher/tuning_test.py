import sys
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import pytest

from training import options
from training.student.errors import BadInput
from training.teacher.classical import Options as Classical
from training.teacher.phrases import parse_phrases
from training.teacher.protocol import Decision, Findings, Settings
from training.teacher.teachers import TEACHERS
from training.teacher.tuning import (
    Choice,
    Range,
    TeacherScorer,
    scorers_of_halves,
    search_space,
    split_halves,
    tune_teacher,
)


class Options(Settings):
    decide_only: ClassVar[frozenset[str]] = frozenset({"threshold", "above"})

    channel: Annotated[int, Range(0, 2)] = 0
    threshold: Annotated[float, Range(1, 255)] = 250.0
    above: Annotated[bool, Choice((True, False))] = True
    name: str = "unused"


class Thresholded:
    """A teacher that takes for a thing what is bright in one channel."""

    name = "thresholded"
    weights: ClassVar[dict[str, str]] = {}

    def __init__(self, settings, phrases):
        self.settings, self.phrases = settings, phrases

    def look(self, photos):
        return [Findings(photo.shape[:2], {"grey": photo[..., self.settings.channel]}) for photo in photos]

    def decide(self, findings):
        above = findings.arrays["grey"] > self.settings.threshold
        return Decision((above == self.settings.above).astype(np.uint8), (), None)


@dataclass
class Counted:
    """Where it comes from, counting how often it is built."""

    built: int = 0

    def build(self, settings, phrases, weights=None, device="auto"):
        self.built += 1
        return Thresholded(settings, phrases)


def judge(pairs, entry=None):
    return TeacherScorer(entry or Counted(), pairs, parse_phrases(["disc"]))


def test_the_best_options_are_kept_and_judged_on_others(discs):
    found = tune_teacher(judge(discs.pairs[:6]), Options(), trials=60, seed=0, other=judge(discs.pairs[6:]))

    assert found.own.before < 0.1
    assert found.own.after > 0.95
    assert found.other.after > 0.9
    assert (found.own.photos, found.other.photos) == (6, 6)
    assert judge(discs.pairs[:6])(found.options) == found.own.after
    assert found.options.name == "unused"
    assert str(found).splitlines()[0] == f"tuned on   IoU {found.own.before:.4f} to {found.own.after:.4f} over 6 photos"


def test_a_seed_decides(discs):
    first, again, another = (
        tune_teacher(judge(discs.pairs[:3]), Options(), trials=15, seed=seed) for seed in (1, 1, 2)
    )

    assert first == again
    assert first.options != another.options


def test_it_looks_once_where_only_deciding_options_vary(discs):
    entry = Counted()

    found = tune_teacher(judge(discs.pairs, entry), Options(), fixed=["channel"], trials=20, seed=0)

    assert entry.built == 1
    assert found.options.channel == 0
    assert found.own.after > found.own.before


def test_it_looks_again_where_what_is_seen_changes(discs):
    one = judge(discs.pairs)
    red, blue, red_again = (one(Options(channel=channel, threshold=100)) for channel in (0, 2, 0))

    assert red == red_again != blue


def test_tuning_is_never_worse_than_what_it_began_with(discs):
    start = Options(threshold=180.0, channel=1)

    found = tune_teacher(judge(discs.pairs), start, trials=1, seed=0)

    assert found.options == start
    assert found.own.before == found.own.after
    assert found.other is None


def test_what_was_tuned_is_read_back_as_settings(discs, tmp_path):
    found = tune_teacher(
        TeacherScorer(TEACHERS["classical"], discs.pairs[:3], parse_phrases(["disc"])),
        Classical(side=96),
        trials=5,
        seed=0,
    )

    found.write(tmp_path / "discs.yaml")

    assert options.read(Classical, "classical", tmp_path / "discs.yaml") == found.options
    assert (tmp_path / "discs.yaml").read_text().startswith(f"# tuned on   IoU {found.own}\n")


def test_without_a_option_to_tune_or_without_optuna_it_says_what_to_do(discs, monkeypatch):
    with pytest.raises(BadInput, match="no option to tune"):
        tune_teacher(judge(discs.pairs), Options(), fixed=search_space(Options), trials=1, seed=0)
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(BadInput, match=r"needs optuna, which is not installed; run .*teachers"):
        tune_teacher(judge(discs.pairs), Options(), trials=1, seed=0)


def test_one_half_is_tuned_on_and_the_other_judges_or_all_are_tuned_on(discs):
    a, b = split_halves(discs.pairs).values()

    def names(half):
        return [(own.pairs, other and other.pairs) for own, other in scorers_of_halves(discs.pairs, half, scorer=judge)]

    assert names(None) == [(discs.pairs, None)]
    assert names("a") == [(a, b)]
    assert names("b") == [(b, a)]
    assert names("both") == [(a, b), (b, a)]
    # What one half looked at is kept for judging the other.
    (a_own, b_other), (b_own, a_other) = scorers_of_halves(discs.pairs, "both", scorer=judge)
    assert a_own is a_other
    assert b_own is b_other
