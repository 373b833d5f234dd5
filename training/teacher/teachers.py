"""The table of teachers, by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType

from training.student.errors import BadInput
from training.teacher.phrases import Phrase
from training.teacher.protocol import Settings, Teacher


@dataclass(frozen=True, slots=True)
class Entry:
    """A teacher's module. It is imported only when it is needed, since most need a large framework.

    The module has a class `Options` (a `Settings`) and a function `build(options, phrases, weights, device)`, which
    raises BadInput if weights are missing.
    """

    module: str
    summary: str

    def options(self) -> type[Settings]:
        """The class of its options."""
        found: type[Settings] = import_module(self.module).Options
        return found

    def build(
        self, options: Settings, phrases: tuple[Phrase, ...], weights: str | None = None, device: str = "auto"
    ) -> Teacher:
        """Make the teacher.

        Args:
            options: An instance of the class that `Entry.options` returns.
            phrases: What to look for.
            weights: A folder with its weights; None: take them from the hub's cache, or download them.
            device: A torch device such as `cuda:1`; `auto` takes a GPU if there is one.

        Raises:
            BadInput: The weights cannot be found; the message says how to download them.
        """
        make: Callable[..., Teacher] = import_module(self.module).build
        return make(options, phrases, weights, device)


TEACHERS: Mapping[str, Entry] = MappingProxyType(
    {
        "grounded-sam": Entry("training.teacher.grounded_sam", "boxes of a phrase, then a mask in each"),
        "sam3": Entry("training.teacher.sam3", "SAM 3, prompted by the phrase itself"),
        "clipseg": Entry("training.teacher.clipseg", "a heat map of the phrase, thresholded"),
        "classical": Entry("training.teacher.classical", "edges, contours and fill; no weights"),
        "student": Entry("training.teacher.student", "what a finished run has learnt; --weights RUN"),
        "agreement": Entry("training.teacher.agreement", "what two labelled folders agree on; of=[FOLDER,FOLDER]"),
        "masks": Entry("training.teacher.imported_masks", "masks that already exist, checked; from=FOLDER"),
    }
)


def find_teacher(name: str) -> Entry:
    """The teacher of that name.

    Raises:
        BadInput: There is none.
    """
    if name not in TEACHERS:
        raise BadInput(f"no teacher '{name}'; expected one of {', '.join(TEACHERS)}")
    return TEACHERS[name]
