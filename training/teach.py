"""The parts of the command `teach`: label photos, drop suspicious masks, and compare student and teacher.

With `--agree-with RUN`, the student of that run labels the photos too; pixels on which it agrees with the teacher are
kept, and the run's own data is added.
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
    """A teacher with its settings, phrases, weights and device."""

    entry: Entry
    settings: Settings
    phrases: tuple[Phrase, ...]
    weights: str | None = None
    device: str = "auto"

    def label_folder(self, photos: Path, to: Path) -> JobSummary:
        """Label all photos of a folder.

        Raises:
            BadInput: As `training.teacher.job.label_photos`, or weights are missing.
        """
        teacher = self.entry.build(self.settings, self.phrases, self.weights, self.device)
        return label_photos(sources.find_photos(photos, exclude=to), teacher, LabelledFolder(to))


def curated_pairs(folder: Path, limit: float) -> Pairs:
    """The pairs of a labelled folder, without those whose suspicion is above `limit`.

    An existing `dropped.txt` is used unchanged.

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
    """Pairs on which a teacher and the student of a finished run agree, together with the data of that run.

    Args:
        teacher: The teacher; its phrases and device are used for the student too.
        drawn: The folder that it labelled. The masks of the student, and those of both, go into folders beside it.
        photos: The folder of photos.
        run: The run with the student.
        copies: The option `copies` of the teacher `student`.

    Returns:
        The summary of the combined labelling job, and all pairs.

    Raises:
        BadInput: As `training.teacher.job.label_photos`; the run has not finished, has other classes, or its
            data is missing; or both agree on no photo.
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
    """IoU of teacher and student on the same pairs, which neither was trained on."""

    photos: int
    teacher: float
    """Mean IoU over photos."""
    student: float
    """Mean IoU over photos."""

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
    """Compare student and teacher with the masks of `data`.

    Raises:
        BadInput: The classes of the masks differ from the phrases, or a file cannot be read.
    """
    check_classes(teacher.phrases, data.classes, str(data.folder))
    teacher_iou = TeacherScorer(teacher.entry, data.pairs, teacher.phrases, teacher.weights, teacher.device)(
        teacher.settings
    )
    by_photo = measure_iou(student, data).by_photo
    return StudentVersusTeacher(len(data.pairs), teacher_iou, float(np.mean(list(by_photo.values()))))
