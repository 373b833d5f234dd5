"""Masks that already exist, another tool's or a person's, checked against the photos that they belong to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from pydantic import Field

from training.data import colours
from training.data.colours import Colours
from training.data.pairs import read_classes
from training.data.photos import read_mask
from training.student.arrays import Pixels
from training.student.digest import sha256
from training.student.errors import BadInput
from training.student.metrics import IGNORED
from training.teacher import sources
from training.teacher.phrases import Phrase, class_names
from training.teacher.protocol import Decision, Findings, Settings, Teacher, instances_by_class


class Options(Settings):
    """Where they lie."""

    folder: str = Field(alias="from")
    """A folder with a mask `a/b.png` for the photo `a/b.jpg`, or a folder of pairs."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A folder of masks, or the one mask of a photo."""

    settings: Options
    phrases: tuple[Phrase, ...]
    masks: Mapping[str, Path]
    """By path within the folder, without suffix."""
    colours: Colours | None = None
    """What the masks' colours mean, where they are coloured."""
    mask: Path | None = None
    weights: Mapping[str, str] = field(default_factory=dict)
    name: str = "masks"

    def of(self, file: str) -> Teacher:
        """The teacher of one photo, whose weights are its mask's.

        Raises:
            BadInput: There is none.
        """
        wanted = str(PurePosixPath(file).with_suffix(""))
        if wanted not in self.masks:
            raise BadInput(
                f"{file} has no mask {wanted}.png in {self.settings.folder}; draw it, or move the photo away"
            )
        mask = self.masks[wanted]
        return replace(self, mask=mask, weights={mask.name: sha256(mask)})

    def look(self, photos: Sequence[Pixels]) -> list[Findings]:
        """The mask of one photo, checked.

        Raises:
            BadInput: It is damaged, of another size than its photo, or has values that are no class.
        """
        (photo,) = photos
        if self.mask is None:
            raise TypeError("masks go by the photo's name: ask of(file) for its teacher")
        size = photo.shape[0], photo.shape[1]
        count = len(class_names(self.phrases))
        return [Findings(size, {"mask": read_mask(self.mask, size=size, classes=count, colours=self.colours)})]

    def decide(self, findings: Findings) -> Decision:
        """The mask as it is, with one instance for each class in it."""
        mask = findings.arrays["mask"]
        instances = instances_by_class(mask, len(self.phrases))
        return Decision(mask, instances, None, undecided=not instances and IGNORED in mask)


def build(options: Options, phrases: tuple[Phrase, ...], weights: str | None, device: str) -> Imported:
    """The teacher; it takes neither weights nor a device.

    Raises:
        BadInput: There are no masks in the folder, or its `classes.txt` names other classes than the phrases make.
    """
    if weights:
        raise BadInput("masks have no weights; say where they lie with from=FOLDER")
    folder = Path(options.folder)
    if not folder.is_dir():
        raise BadInput(f"from={options.folder} is no folder; expected one of masks, a/b.png for the photo a/b.jpg")
    root = folder / "masks" if (folder / "masks").is_dir() else folder
    found, asked = read_classes(root.parent / "classes.txt"), class_names(phrases)
    # Of a single class the name makes no difference; of several, the indices would mean something else.
    if found != asked and len(found) > 1:
        raise BadInput(
            f"the masks in {root} are of {', '.join(found)}, these phrases make {', '.join(asked)}; give them in that "
            f"order, as {' '.join(f'--phrase {name}' for name in found[1:])}"
        )
    files = [(PurePosixPath(file), path) for file, path in sources.listed(root)]
    masks = {str(file.with_suffix("")): path for file, path in files if file.suffix.lower() == ".png"}
    if not masks:
        raise BadInput(f"{root} holds no .png masks; expected a/b.png for the photo a/b.jpg")
    return Imported(options, phrases, masks, colours.read(root.parent / colours.FILE, found))
