"""From photos without masks to a student, in one go: a teacher draws, doubtful masks are dropped, a student learns.

Or a second teacher draws as well, an earlier student, and what both say is learnt beside what that one learnt from.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from training.data import dropped
from training.data.curate import drop_above
from training.data.merge import merge
from training.data.pairs import Pairs, read_pairs
from training.data.suspicion import rank_by_suspicion
from training.evaluation.mean_iou import measure_iou
from training.run import Run
from training.student.checkpoint import Checkpoint
from training.teacher import sources
from training.teacher.job import label_photos
from training.teacher.job_summary import JobSummary
from training.teacher.labelled_folder import LabelledFolder
from training.teacher.phrases import Phrase, check_classes
from training.teacher.protocol import Settings
from training.teacher.teachers import TEACHERS, Entry
from training.teacher.tuning import TeacherScorer


@dataclass(frozen=True, slots=True)
class TeacherConfig:
    """A teacher, and what it is to look for."""

    entry: Entry
    settings: Settings
    phrases: tuple[Phrase, ...]
    weights: str | None = None
    device: str = "auto"

    def label_folder(self, photos: Path, to: Path) -> JobSummary:
        """Draw masks on all photos of a folder.

        Raises:
            BadInput: As `training.teacher.job.label_photos`, or weights are missing.
        """
        teacher = self.entry.build(self.settings, self.phrases, self.weights, self.device)
        return label_photos(sources.find_photos(photos, besides=to), teacher, LabelledFolder(to))


def curated_pairs(folder: Path, limit: float) -> Pairs:
    """The pairs of a labelled folder, without those whose suspicion is above `limit`.

    A `dropped.txt` that is there already is somebody's choice, and stays.

    Raises:
        BadInput: No pair would be left, or the folder cannot be read or written to.
    """
    if not (folder / dropped.FILE).exists():
        pairs = read_pairs(folder, dropped=True)
        drop_above(limit, pairs, rank_by_suspicion(pairs))
    return read_pairs(folder)


def agreeing_pairs(
    teacher: TeacherConfig, drawn: Path, photos: Path, run: Run, copies: str
) -> tuple[JobSummary, Pairs]:
    """What a teacher and the student of a finished run agree on, and with it all that the run learnt from.

    Args:
        teacher: Says what to look for.
        drawn: The folder that it labelled; those of the student and of what both agree on go beside it.
        photos: What it labelled.
        run: Whose student labels them too.
        copies: Which copies of each photo the student looks at.

    Returns:
        What became of the photos, and the pairs of all folders.

    Raises:
        BadInput: As `training.teacher.job.label_photos`; the run has not finished, was taught other classes, or its
            data is gone; or both hardly agree on any photo.
    """
    own, both = (drawn.with_name(f"{photos.resolve().name}-{part}") for part in (run.folder.name, "agreement"))

    def another(name: str, weights: str | None, **options: object) -> TeacherConfig:
        entry = TEACHERS[name]
        return replace(teacher, entry=entry, settings=entry.options().model_validate(options), weights=weights)

    another("student", str(run.folder), copies=copies).label_folder(photos, own)
    summary = another("agreement", None, of=(str(drawn), str(own))).label_folder(photos, both)
    return summary, merge([read_pairs(folder) for folder in (both, *run.folders())])


@dataclass(frozen=True, slots=True)
class StudentVersusTeacher:
    """Teacher and student, judged by the same masks, which neither has seen."""

    photos: int
    teacher: float
    """Mean IoU over photos."""
    student: float
    """Likewise."""

    def __str__(self) -> str:
        """Three lines."""
        gain = self.student - self.teacher
        beats = "beats its teacher" if gain > 0 else "does not beat its teacher"
        return (
            f"teacher IoU {self.teacher:.4f} over {self.photos} photos\n"
            f"student IoU {self.student:.4f}\n"
            f"the student {beats} ({gain:+.4f})"
        )


def compare_with_teacher(teacher: TeacherConfig, student: Checkpoint, data: Pairs) -> StudentVersusTeacher:
    """Hold both against the masks of `data`.

    Raises:
        BadInput: The masks have other classes than the phrases make, or a file cannot be read.
    """
    check_classes(teacher.phrases, data.classes, str(data.folder))
    teacher_iou = TeacherScorer(teacher.entry, data.pairs, teacher.phrases, teacher.weights, teacher.device)(
        teacher.settings
    )
    by_photo = measure_iou(student, data).by_photo
    return StudentVersusTeacher(len(data.pairs), teacher_iou, float(np.mean(list(by_photo.values()))))
