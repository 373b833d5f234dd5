"""Every page's links, anchors, pictures and commands exist; the README stays short."""

import re
import shlex
import tomllib
from functools import cache
from pathlib import Path

import click
import pytest

from conversion.__main__ import main as conversion
from training.__main__ import main as training
from training.recipe import Recipe

ROOT = Path(__file__).resolve().parents[1]
OURS = ("*.md", "docs/**/*.md", "ios_sample/**/*.md", "android_sample/**/*.md")
PAGES = sorted({path.relative_to(ROOT).as_posix() for pattern in OURS for path in ROOT.glob(pattern)})
CLIS = {"training": training, "conversion": conversion}
MAKEFILE = (ROOT / "Makefile").read_text()
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
TARGETS = {*re.findall(r"^([a-z][a-z-]*):.*##", MAKEFILE, re.MULTILINE), *(f"install-{extra}" for extra in EXTRAS)}
VARIABLES = {"PEER"} | set(re.findall(r"^([A-Z]+)\s*[?:]?=", MAKEFILE, re.MULTILINE))
TAKE_A_RECIPE = {"fit", "teach", "lr-find", "baseline", "designs", "bench", "rehearse"}


@cache
def _text(page):
    return (ROOT / page).read_text(encoding="utf-8")


def _prose(page):
    """The page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", _text(page), flags=re.MULTILINE | re.DOTALL)


def _code(page):
    """Every line of a block of code and every span of code, comments cut off."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", _text(page), re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [line.split(" #")[0] for line in [*lines, *re.findall(r"`([^`\n]+)`", _prose(page).replace("`\n`", ""))]]


def _anchors(page):
    """What GitHub calls each heading: lower case, punctuation gone, hyphens for spaces, numbered where repeated."""
    found = []
    for heading in re.findall(r"^#{1,6} (.+)$", _prose(page), re.MULTILINE):
        plain = re.sub(r"!?\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        repeated = sum(re.fullmatch(rf"{re.escape(slug)}(-\d+)?", one) is not None for one in found)
        found.append(f"{slug}-{repeated}" if repeated else slug)
    return found


def _links(page):
    prose = re.sub(r"`[^`\n]*`", "", _prose(page))
    found = re.findall(r"\]\(([^)\s]+)[^)]*\)", prose) + re.findall(r"(?:src|href)=\"([^\"]+)\"", prose)
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def _broken(page):
    for link in _links(page):
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        if not target.resolve().is_relative_to(ROOT) or not target.exists():
            yield f"{link}: no such file"
        elif anchor and anchor not in _anchors(target.resolve().relative_to(ROOT).as_posix()):
            yield f"{link}: no such heading"


def _wrong_make(line):
    for goals in re.findall(r"(?:^|\s)make((?: [\w./…=\[\],-]+)+)", line):
        for word in goals.split():
            name, is_set, _ = word.partition("=")
            known = VARIABLES | set(Recipe.model_fields) if is_set else TARGETS
            if re.fullmatch(r"[A-Za-z_-]+", name) and name not in known:
                yield f"make {word}"


def _wrong_command(line):
    for cli, rest in re.findall(r"python -m (training|conversion)\b ?([^|;&]*)", line):
        words = shlex.split(rest.replace("…", " "))
        if not words or words[0] in ("--help", "COMMAND"):
            continue
        command = CLIS[cli].commands.get(words[0])
        if command is None or command.hidden:
            yield f"python -m {cli} {words[0]}"
            continue
        options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        for word in words[1:]:
            if word.startswith("-") and word.split("=")[0] not in options | {"--help"}:
                yield f"{words[0]} {word}"
            key = re.match(r"([a-z_]+)=", word)
            after = words[words.index(word) - 1]
            if key and words[0] in TAKE_A_RECIPE and not after.startswith("--") and key[1] not in Recipe.model_fields:
                yield f"{words[0]} {word}"


@pytest.mark.parametrize("page", PAGES)
def test_every_link_names_a_file_and_every_anchor_a_heading(page):
    assert not list(_broken(page))


@pytest.mark.parametrize("page", PAGES)
def test_every_command_exists_with_its_options(page):
    wrong = [one for line in _code(page) for check in (_wrong_make, _wrong_command) for one in check(line)]

    assert not wrong


def test_the_readme_has_at_most_120_lines():
    assert len(_text("README.md").splitlines()) <= 120


def test_every_page_of_docs_is_in_its_index():
    index = (ROOT / "docs/README.md").parent
    linked = {(index / link.partition("#")[0]).resolve() for link in _links("docs/README.md")}
    pages = {path for path in index.rglob("*.md") if path.name != "README.md"}

    assert not {path.relative_to(ROOT).as_posix() for path in pages - linked}


def test_the_checks_see_what_is_wrong():
    assert list(_wrong_make("make mobil")) == ["make mobil"]
    assert list(_wrong_make("make mobile DATE=folder slimm=1")) == ["make DATE=folder", "make slimm=1"]
    assert list(_wrong_make("make mobile DATA=my_pairs encoder_weights=hub")) == []
    assert list(_wrong_command("python -m training fitt mobile")) == ["python -m training fitt"]
    assert list(_wrong_command("python -m training fit mobile --date x epoch=3")) == ["fit --date", "fit epoch=3"]
    assert list(_wrong_command("python -m conversion export RUN --budget iou=0.005")) == []
    assert isinstance(training, click.Group)
