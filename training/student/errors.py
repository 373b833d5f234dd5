"""What can go wrong for a reason that the caller can mend, and the exit code that says so.

Anything else that escapes is a bug of ours and keeps its traceback.
"""

import unicodedata


class PocketmaskError(Exception):
    """An error whose message is written for the user: what was found, what was expected, what to do."""

    exit_code = 1


class BadInput(PocketmaskError):
    """A file, folder, recipe or option that cannot be used as given."""

    exit_code = 2


class OutOfSpace(BadInput):
    """A disk that is full, or may not be written to. Of a folder of files, the next will not do better."""


class OutOfMemory(BadInput):
    """More memory is needed than there is. Of a folder of files, the next may need less."""


class ConversionRefused(PocketmaskError):
    """A network that a target cannot express, or that a phone would run badly."""

    exit_code = 3


class ParityBreached(PocketmaskError):
    """An artefact that computes something else than its student."""

    exit_code = 4


class AccuracyBreached(PocketmaskError):
    """An artefact that follows its student, but whose masks are worse than the budget allows."""

    exit_code = 5


def one_line(error: BaseException) -> str:
    """The first line of an error's message that is not empty; the error's type where there is none."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def escaped(text: str) -> str:
    """A text of others, such as a file name, for a message: in one line, with nothing that a terminal would obey.

    Control and format characters, line separators and bytes that are no UTF-8 are spelled as Python spells them.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or unicodedata.category(char) == "Zs" else ascii(char)[1:-1] for char in text
    )
