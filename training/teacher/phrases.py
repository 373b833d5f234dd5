"""Phrases: the classes that a teacher looks for, each described by one or more texts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from training.student.errors import BadInput
from training.student.metrics import IGNORED

BACKGROUND = "background"
"""Name of class 0 if there are several phrases."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """One class."""

    name: str
    """Its line in `classes.txt`."""
    texts: tuple[str, ...]
    """Texts that describe the class; a text-prompted teacher uses all of them."""


def parse_phrases(given: Sequence[str]) -> tuple[Phrase, ...]:
    """Parse phrases such as `coin` or `NAME=TEXT,TEXT`.

    Raises:
        BadInput: There is no phrase, one is empty, a name is given twice, or there are more than a mask can hold.
    """
    phrases = []
    for one in given:
        name, equals, rest = (part.strip() for part in one.partition("="))
        texts = tuple(text.strip() for text in (rest if equals else name).split(","))
        if not name or "" in texts or any("\n" in text for text in (name, *texts)):
            raise BadInput(f"phrase '{one}' is not of the form TEXT or NAME=TEXT,TEXT")
        phrases.append(Phrase(name if equals else texts[0], texts))
    if not phrases:
        raise BadInput('no phrase: say what to look for, as --phrase "coin"')
    names = Counter(phrase.name for phrase in phrases)
    if twice := [name for name, times in names.items() if times > 1]:
        raise BadInput(f"phrases name {', '.join(twice)} more than once; put all texts into one, as coin=coin,medal")
    if len(phrases) > 1 and BACKGROUND in names:
        raise BadInput(f"'{BACKGROUND}' is the name of class 0; give the phrase another name")
    if len(phrases) >= IGNORED:
        raise BadInput(f"{len(phrases)} phrases, at most {IGNORED - 1} fit an 8-bit mask")
    return tuple(phrases)


def class_names(phrases: Sequence[Phrase]) -> tuple[str, ...]:
    """The lines of `classes.txt`: one name for binary masks; otherwise the background and all names."""
    names = tuple(phrase.name for phrase in phrases)
    return names if len(names) == 1 else (BACKGROUND, *names)


def check_classes(phrases: Sequence[Phrase], known: Sequence[str], where: str) -> None:
    """Check that phrases match the classes of existing masks. The name of a single class does not matter.

    Raises:
        BadInput: They do not match.
    """
    names = class_names(phrases)
    if len(names) != len(known) or (len(names) > 1 and tuple(known) != names):
        raise BadInput(
            f"{where} has the classes {', '.join(known)}, these phrases make {', '.join(names)}; "
            "name them as its classes.txt does, in that order"
        )
