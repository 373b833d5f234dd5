"""The teacher `masks`: takes masks that already exist, from another tool or a person, and checks them."""

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
    """Where the masks are."""

    folder: str = Field(alias="from")
    """A folder with the mask `a/b.png` for the photo `a/b.jpg`, or a folder of pairs."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A folder of masks, or (after `of`) the mask of one photo."""

    settings: Options
    phrases: tuple[Phrase, ...]
    masks: Mapping[str, Path]
    """By path within the folder, without suffix."""
    colours: Colours | None = None
    """The class of each colour, if the masks are coloured."""
    mask: Path | None = None
    weights: Mapping[str, str] = field(default_factory=dict)
    name: str = "masks"

    def of(self, file: str) -> Teacher:
        """The teacher for one photo. Its weights are the digest of the mask.

        Raises:
            BadInput: The photo has no mask.
        """
        wanted = str(PurePosixPath(file).with_suffix(""))
        if wanted not in self.masks:
            raise BadInput(
                f"{file} has no mask {wanted}.png in {self.settings.folder}; draw it, or move the photo away"
            )
        mask = self.masks[wanted]
        return replace(self, mask=mask, weights={mask.name: sha256(mask)})

    def look(self, photos: Sequence[Pixels]) -> list[Findings]:
        """Read the mask of one photo.

        Raises:
            BadInput: It is damaged, has another size than the photo, or has values that are not classes.
        """
        (photo,) = photos
        if self.mask is None:
            raise TypeError("this teacher needs a photo's file name: call of(file) first")
        size = photo.shape[0], photo.shape[1]
        count = len(class_names(self.phrases))
        return [Findings(size, {"mask": read_mask(self.mask, size=size, classes=count, colours=self.colours)})]

    def decide(self, findings: Findings) -> Decision:
        """The mask as it is, with one instance per class."""
        mask = findings.arrays["mask"]
        instances = instances_by_class(mask, len(self.phrases))
        return Decision(mask, instances, None, undecided=not instances and IGNORED in mask)


def build(options: Options, phrases: tuple[Phrase, ...], weights: str | None, device: str) -> Imported:
    """Make the teacher; it takes neither weights nor a device.

    Raises:
        BadInput: There are no masks in the folder, or its `classes.txt` does not match the phrases.
    """
    if weights:
        raise BadInput("the teacher masks takes no --weights; name the folder of masks with from=FOLDER")
    folder = Path(options.folder)
    if not folder.is_dir():
        raise BadInput(f"from={options.folder} is not a folder; expected one with masks, a/b.png for the photo a/b.jpg")
    root = folder / "masks" if (folder / "masks").is_dir() else folder
    found, asked = read_classes(root.parent / "classes.txt"), class_names(phrases)
    # The name of a single class does not matter; with several, the indices would get another meaning.
    if found != asked and len(found) > 1:
        raise BadInput(
            f"the masks in {root} are of {', '.join(found)}, these phrases make {', '.join(asked)}; give them in that "
            f"order, as {' '.join(f'--phrase {name}' for name in found[1:])}"
        )
    files = [(PurePosixPath(file), path) for file, path in sources.list_files(root)]
    masks = {str(file.with_suffix("")): path for file, path in files if file.suffix.lower() == ".png"}
    if not masks:
        raise BadInput(f"{root} holds no .png masks; expected a/b.png for the photo a/b.jpg")
    return Imported(options, phrases, masks, colours.read(root.parent / colours.FILE, found))
