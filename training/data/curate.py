"""The curation page: a contact sheet of photos with their masks, most suspicious first, to drop or keep each."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.data import dropped, html_page
from training.data.pairs import Pair, Pairs
from training.data.photos import read_photo
from training.data.preview import OTHER, draw_preview, jpeg_data_url
from training.data.suspicion import Suspect
from training.data.thread_map import thread_map
from training.student.effects import colour_of
from training.student.errors import BadInput

DROP_LIMIT = 0.8
"""Masks with a higher suspicion are marked on the page; also the default of `Drop all above`."""

_SIDE = 300
"""Longer side of a picture in pixels; about 12 kB each."""


@dataclass(frozen=True, slots=True)
class Card:
    """One photo on the sheet."""

    name: str
    line: str
    """Its line in `dropped.txt`, if it is dropped."""
    suspicion: float
    reasons: tuple[str, ...]
    picture: str
    """A data URL; empty if the pair cannot be read."""
    width: int
    height: int


def write_curation_page(
    path: Path, pairs: Pairs, ranked: Sequence[Suspect], *, most: int, against: Pairs | None = None
) -> int:
    """Write the page.

    Args:
        path: The page to write.
        pairs: All pairs, including dropped ones.
        ranked: The same pairs, most suspicious first.
        most: How many of them to show.
        against: Another teacher's masks, drawn as outlines.

    Returns:
        How many photos are on the page.

    Raises:
        BadInput: A name cannot stand in a line of `dropped.txt`, or the page cannot be written.
    """
    by_name = {pair.name: pair for pair in pairs.pairs}
    others = {pair.name: pair for pair in against.pairs} if against else {}
    shown = ranked[:most]

    def card(suspect: Suspect) -> Card:
        picture, width, height = _picture(by_name[suspect.name], len(pairs.classes), others.get(suspect.name))
        reasons = tuple(reason.words for reason in suspect.reasons)
        line = dropped.as_line(suspect.name, "; ".join(reasons), by_name)
        return Card(suspect.name, line, suspect.suspicion, reasons, picture, width, height)

    cards = thread_map(card, shown, doing="draw masks", unit=" photos")
    listed = [(line.text, line.name) for line in dropped.read_dropped_list(pairs.folder, by_name)]
    # Choices made on an earlier page are kept as long as photos and list are the same.
    digest = hashlib.sha256(json.dumps([sorted(by_name), listed]).encode()).hexdigest()
    folder = pairs.folder.resolve().name
    html_page.write_page(
        path,
        "curate.html.j2",
        "curate.js",
        title=f"{folder}: curate",
        photos=len(ranked),
        cards=cards,
        least=ranked[len(cards)].suspicion if len(cards) < len(ranked) else 0.0,
        limit=DROP_LIMIT,
        legend=_legend(pairs, against),
        list={"key": f"pocketmask {folder} {digest[:16]}", "head": dropped.HEAD, "lines": listed},
    )
    return len(cards)


def drop_above(limit: float, pairs: Pairs, ranked: Sequence[Suspect], *, replace: bool = False) -> int:
    """Write `dropped.txt` with all masks above a suspicion, and the reasons.

    Args:
        limit: 0 to 1.
        pairs: All pairs, including dropped ones.
        ranked: The same pairs.
        replace: Whether to overwrite a different list.

    Returns:
        How many it drops.

    Raises:
        BadInput: There is a different list, or every photo would be dropped.
    """
    reasons = {
        each.name: f"{each.suspicion:.2f}: {'; '.join(reason.words for reason in each.reasons)}"
        for each in ranked
        if each.suspicion > limit
    }
    if len(reasons) == len(ranked):
        raise BadInput(f"all {len(ranked)} masks of {pairs.folder} are above {limit}; no pair would be left")
    dropped.write_dropped_list(pairs.folder, reasons, [pair.name for pair in pairs.pairs], replace=replace)
    return len(reasons)


def _picture(pair: Pair, classes: int, other: Pair | None) -> tuple[str, int, int]:
    try:
        photo = read_photo(pair.photo)
        mask = pair.read_mask(photo.shape, classes)
        other_mask = None if other is None else other.read_mask(photo.shape, classes)
    except BadInput:
        # The reasons on the card say why.
        return "", 0, 0
    drawn = draw_preview(photo, mask, classes, side=_SIDE, other=other_mask)
    return jpeg_data_url(drawn), drawn.shape[1], drawn.shape[0]


def _legend(pairs: Pairs, against: Pairs | None) -> list[tuple[str, str]]:
    """Names with their CSS colours."""
    classes = len(pairs.classes)
    entries = [(name, colour_of(index + (classes == 1), classes)) for index, name in enumerate(pairs.classes)]
    if against:
        entries.append((f"outline of {against.folder.resolve().name}", OTHER))
    return [(name, f"rgb{colour}") for name, colour in entries]
