import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from training.__main__ import main
from training.data.pairs import read_pairs
from training.data.photos import read_mask
from training.data.scan import scan
from training.student.errors import BadInput
from training.student.temporary import PREFIX, machine, temporary_folder
from training.teacher import sidecar, sources
from training.teacher.job import label_photos
from training.teacher.labelled_folder import LabelledFolder
from training.teacher.phrases import parse_phrases
from training.teacher.protocol import Decision, Findings, Instance, Settings, UnusableTeacher
from training.teacher.shard import WHOLE, Shard

SIZE = (24, 40)
COUNT = 12


class Options(Settings):
    decide_only = frozenset({"threshold"})
    threshold: int = 128
    channel: int = 0
    delay: float = 0


class Bright:
    """Takes what is brighter than the threshold; fails on green photos, and on more than `room` at once."""

    name = "bright"

    def __init__(self, phrase="coin", room=1000, error=MemoryError, **options):
        self.phrases = parse_phrases([phrase])
        self.settings = Options(**options)
        self.weights = {"sun": "0" * 64}
        self.room = room
        self.error = error
        self.batches = []

    def look(self, photos):
        self.batches.append(len(photos))
        time.sleep(self.settings.delay)
        if len(photos) > self.room:
            raise self.error("too many")
        if any(photo[0, 0].tolist() == [0, 255, 0] for photo in photos):
            raise RuntimeError("green\nis not seen")
        return [Findings(photo.shape[:2], {"level": photo[..., self.settings.channel]}) for photo in photos]

    def decide(self, findings):
        mask = (findings.arrays["level"] > self.settings.threshold).astype(np.uint8)
        rows, columns = np.nonzero(mask)
        found = ()
        if len(rows):
            box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            found = (Instance(0, tuple(map(float, box)), 0.5, None),)
        return Decision(mask, found, 0.75)


def paint(path, left=10, colour=(200, 100, 0), ground=(9, 9, 9), size=SIZE):
    """A photo with a rectangle, whose pixels PNG keeps."""
    photo = np.full((*size, 3), ground, np.uint8)
    photo[5:15, left : left + 8] = colour
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(photo).save(path)


@pytest.fixture
def photos(tmp_path):
    for number in range(COUNT):
        paint(tmp_path / "photos" / f"{number:02}.png", left=number)
    return tmp_path / "photos"


@pytest.fixture
def run(tmp_path):
    """Labels a folder of photos into tmp_path/out."""

    def call(photos, teacher, *, keep_empty=True, share=WHOLE, batch=4, out=tmp_path / "out"):
        return label_photos(
            sources.find_photos(photos), teacher, LabelledFolder(out, keep_empty), share=share, batch=batch
        )

    return call


def contents(out, *kinds):
    return {
        path.relative_to(out).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for kind in kinds or ("photos", "masks", "sidecars")
        for path in (out / kind).rglob("*")
        if path.is_file()
    }


def test_photos_become_pairs_with_a_sidecar_each(photos, run, tmp_path):
    summary = run(photos, Bright())

    found = read_pairs(tmp_path / "out")
    scan(found)
    assert found.classes == ("coin",)
    assert [pair.name for pair in found.pairs] == [f"{number:02}" for number in range(COUNT)]
    expected = np.zeros(SIZE, np.uint8)
    expected[5:15, 3:11] = 255
    assert np.array_equal(np.array(Image.open(found.pairs[3].mask)), expected)
    assert found.pairs[3].photo.read_bytes() == (photos / "03.png").read_bytes()
    told = sidecar.read_sidecar(tmp_path / "out" / "sidecars" / "03.json")
    assert told.photo.model_dump(exclude={"sha256"}) == {"file": "03.png", "rows": 24, "columns": 40}
    assert (told.teacher, told.weights, told.score, told.empty) == ("bright", {"sun": "0" * 64}, 0.75, False)
    assert told.settings == {"threshold": 128, "channel": 0, "delay": 0.0}
    assert [(shown.box, shown.box_score) for shown in told.instances] == [((3, 5, 11, 15), 0.5)]
    assert (summary.looked, summary.usable) == (COUNT, COUNT)
    assert str(summary).startswith(f"{tmp_path / 'out'}: 12 of 12 photos labelled, 0 show nothing\n  12 looked at, ")


def test_a_teacher_that_can_look_at_nothing_ends_the_job_at_once(photos, run):
    teacher = Bright(room=0, error=UnusableTeacher)
    with pytest.raises(UnusableTeacher, match="too many"):
        run(photos, teacher)
    assert len(teacher.batches) == 1


def test_a_second_run_does_nothing(photos, run, tmp_path):
    run(photos, Bright())
    before = contents(tmp_path / "out", "photos", "masks", "sidecars", "findings")
    again = Bright()

    summary = run(photos, again)

    assert again.batches == []
    assert (summary.untouched, summary.usable) == (COUNT, COUNT)
    assert contents(tmp_path / "out", "photos", "masks", "sidecars", "findings") == before


def test_a_changed_threshold_decides_anew_without_looking_or_decoding(photos, run, tmp_path):
    run(photos, Bright())
    again = Bright(threshold=220)

    summary = run(photos, again)

    assert again.batches == []
    assert (summary.decided, summary.empty) == (COUNT, COUNT)
    assert sidecar.read_sidecar(tmp_path / "out" / "sidecars" / "00.json").settings["threshold"] == 220


@pytest.mark.parametrize("other", [{"channel": 1}, {"phrase": "coin=medal"}])
def test_what_looking_depends_on_is_looked_at_anew(photos, run, other):
    run(photos, Bright())

    assert run(photos, Bright(**other)).looked == COUNT


def test_the_batches_are_as_large_as_asked_and_change_nothing(photos, run, tmp_path):
    teacher = Bright()
    run(photos, teacher, batch=5)
    run(photos, Bright(), batch=1, out=tmp_path / "single")

    assert teacher.batches == [5, 5, 2]
    masks = [{name: data for name, (data, _) in contents(tmp_path / out, "masks").items()} for out in ("out", "single")]
    assert masks[0] == masks[1]


def test_where_memory_runs_out_the_batch_is_halved_for_good(photos, run):
    teacher = Bright(room=2)

    assert run(photos, teacher, batch=8).looked == COUNT
    assert teacher.batches == [8, 4, 2, 2, 4, 2, 2, 2, 2]


def test_one_photo_that_a_teacher_fails_on_costs_only_itself(photos, run, tmp_path, capsys):
    paint(photos / "05b.png", ground=(0, 255, 0))

    summary = run(photos, Bright(), batch=8)

    assert (summary.looked, dict(summary.skipped)) == (COUNT, {"failed": 1})
    assert f"skipped: bright on {photos / '05b.png'}: RuntimeError: green is not seen\n" in capsys.readouterr().err
    assert len(read_pairs(tmp_path / "out").pairs) == COUNT


def test_a_photo_that_shows_nothing_is_kept_or_left_out(photos, run, tmp_path):
    paint(photos / "empty.png", colour=(9, 9, 9))

    summary = run(photos, Bright())
    mask = read_mask(tmp_path / "out" / "masks" / "empty.png", size=SIZE, classes=1)

    assert (summary.empty, mask.any()) == (1, False)
    assert sidecar.read_sidecar(tmp_path / "out" / "sidecars" / "empty.json").empty
    for keep, count in ((False, COUNT), (True, COUNT + 1)):
        run(photos, Bright(), keep_empty=keep)
        again = run(photos, Bright(), keep_empty=keep)
        assert (again.untouched, again.empty) == (COUNT + 1, 1)
        assert len(read_pairs(tmp_path / "out").pairs) == count


def test_a_photo_changed_since_is_labelled_anew_and_one_that_is_gone_is_named(photos, run, tmp_path):
    run(photos, Bright())
    os.unlink(photos / "03.png")  # noqa: PTH108 before it is painted anew, or its link would change with it
    paint(photos / "03.png", left=30)
    (photos / "07.png").unlink()
    again = Bright()

    summary = run(photos, again)

    assert again.batches == [1]
    assert (summary.changed, summary.looked, summary.gone) == (1, 1, ("07",))
    assert "1 pairs kept whose photo no longer exists: 07" in str(summary)
    assert read_mask(tmp_path / "out" / "masks" / "03.png", size=SIZE, classes=1)[5, 30]
    assert (tmp_path / "out" / "photos" / "03.png").read_bytes() == (photos / "03.png").read_bytes()
    scan(read_pairs(tmp_path / "out"))


def test_a_photo_edited_in_place_is_noticed_though_its_pair_is_the_same_file(photos, run):
    run(photos, Bright())
    paint(photos / "03.png", left=30)

    assert run(photos, Bright()).changed == 1


def test_a_photo_saved_in_another_format_takes_the_place_of_the_first(photos, run, tmp_path):
    run(photos, Bright())
    Image.open(photos / "03.png").save(photos / "03.webp", lossless=True)
    (photos / "03.png").unlink()

    run(photos, Bright())

    assert {pair.photo.name for pair in read_pairs(tmp_path / "out").pairs} >= {"02.png", "03.webp"}


def test_a_mask_mended_by_hand_is_never_overwritten(photos, run, tmp_path):
    run(photos, Bright())
    mask = tmp_path / "out" / "masks" / "03.png"
    Image.new("L", SIZE[::-1], 255).save(mask)
    edited = mask.read_bytes()

    summaries = [run(photos, Bright(threshold=threshold)) for threshold in (128, 220)]

    assert [(summary.untouched, summary.edited) for summary in summaries] == [(COUNT, 1), (1, 1)]
    assert mask.read_bytes() == edited
    mask.unlink()
    assert run(photos, Bright(threshold=220)).decided == 1


@pytest.mark.parametrize("lost", ["masks/03.png", "photos/03.png", "sidecars/03.json"])
def test_what_is_missing_of_a_pair_is_made_again_without_looking(photos, run, tmp_path, lost):
    run(photos, Bright())
    before = (tmp_path / "out" / lost).read_bytes()
    (tmp_path / "out" / lost).unlink()

    summary = run(photos, Bright())

    assert (summary.looked, summary.decided) == (0, 1)
    if not lost.endswith("json"):
        assert (tmp_path / "out" / lost).read_bytes() == before


def test_damaged_findings_are_looked_at_anew(photos, run, tmp_path):
    run(photos, Bright())
    damaged, emptied, *_ = sorted((tmp_path / "out" / "findings").rglob("*.npz"))
    damaged.write_bytes(damaged.read_bytes()[:-30])
    emptied.write_bytes(b"")
    again = Bright(threshold=220)

    summary = run(photos, again)

    assert again.batches == [2]
    assert (summary.looked, summary.decided) == (2, COUNT - 2)


def test_shares_together_are_the_whole(photos, run, tmp_path):
    run(photos, Bright(), out=tmp_path / "whole")
    summaries = [run(photos, Bright(), share=Shard(index, 3)) for index in range(3)]

    assert sum(summary.photos for summary in summaries) == COUNT
    assert not any(summary.gone for summary in summaries)
    whole, shares = (
        {name: data for name, (data, _) in contents(tmp_path / out, "photos", "masks").items()}
        for out in ("whole", "out")
    )
    assert whole == shares
    assert run(photos, Bright()).untouched == COUNT


def test_killed_at_any_moment_it_goes_on_where_it_was(photos, run, tmp_path):
    command = (
        "from pathlib import Path; from training.teacher import sources; from training.teacher.job import label_photos;"
        "from training.teacher.job_test import Bright; from training.teacher.labelled_folder import LabelledFolder;"
        f"found, to = sources.find_photos(Path({str(photos)!r})), LabelledFolder(Path({str(tmp_path / 'out')!r}));"
        "label_photos(found, Bright(delay=0.05), to, batch=1)"
    )
    root = Path(__file__).resolve().parents[2]
    for wanted in (1, 6):
        process = subprocess.Popen([sys.executable, "-c", command], cwd=root)
        while len(list((tmp_path / "out").glob("sidecars/*.json"))) < wanted:
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for path in (tmp_path / "out" / "masks").glob("*.png"):
            assert read_mask(path, size=SIZE, classes=1).any()
    kept = contents(tmp_path / "out", "sidecars")
    seen = len(contents(tmp_path / "out", "findings"))
    again = Bright(delay=0.05)

    summary = run(photos, again)

    assert summary.untouched == len(kept)
    assert contents(tmp_path / "out", "sidecars").items() >= kept.items()
    assert sum(again.batches) == COUNT - seen
    scan(read_pairs(tmp_path / "out"))
    assert run(photos, Bright(delay=0.05)).untouched == COUNT


def test_what_a_killed_job_was_writing_is_cleared_away_and_what_another_writes_is_not(photos, run, tmp_path):
    run(photos, Bright())
    killed = tmp_path / "out" / "findings" / "ab" / f"{PREFIX}12345678"
    killed.mkdir(parents=True)
    (killed / "lock").write_text(machine())

    with temporary_folder(tmp_path / "out" / "masks") as another:
        run(photos, Bright())
        assert another.exists()

    assert not killed.exists()


def test_a_half_pair_of_a_killed_job_goes_where_its_photo_is_unusable_now(photos, run, tmp_path):
    run(photos, Bright())
    (tmp_path / "out" / "sidecars" / "03.json").unlink()
    (tmp_path / "out" / "masks" / "03.png").unlink()
    (photos / "03.png").unlink()
    (photos / "03.png").write_bytes(b"")

    run(photos, Bright())

    assert len(read_pairs(tmp_path / "out").pairs) == COUNT - 1


def spoil(photos):
    """One photo of each kind of bad; how many."""
    whole = (photos / "00.png").read_bytes()
    (photos / "truncated.png").write_bytes(whole[:-40])
    (photos / "zero.jpg").touch()
    (photos / "text.jpg").write_text("not a photo")
    Image.new("CMYK", (4, 4)).save(photos / "cmyk.jpg")
    Image.new("I;16", (4, 4)).save(photos / "deep.png")
    frames = [Image.new("RGB", (4, 4), (value, 0, 0)) for value in (0, 255)]
    frames[0].save(photos / "animated.webp", save_all=True, append_images=frames[1:])
    Image.new("1", (20_000, 5_000)).save(photos / "huge.png", compress_level=1)
    (photos / "dangling.jpg").symlink_to("nowhere")
    return 8


def test_bad_photos_are_named_counted_and_passed_over(photos, run, tmp_path, capsys):
    count = spoil(photos)
    paint(photos / "dot.png", size=(1, 1))
    paint(photos / "long.png", size=(20_000, 16))

    summary = run(photos, Bright())

    assert (summary.looked, dict(summary.skipped)) == (COUNT + 2, {"unusable": count})
    told = capsys.readouterr().err
    for name in ("truncated", "zero", "text", "cmyk", "deep", "animated", "huge", "dangling"):
        assert told.count(f"/{name}.") == 1
    assert f"{count} skipped, named above: {count} unusable" in str(summary)
    scan(read_pairs(tmp_path / "out"))
    # What became of one run holds for the next.
    assert (run(photos, Bright()).untouched, summary.photos) == (COUNT + 2, COUNT + 2 + count)


def test_only_a_job_without_any_usable_photo_ends_as_bad_input(tmp_path, run):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "zero.jpg").touch()

    with pytest.raises(BadInput, match=r"none of 1 photos of .* could be labelled; each is named above"):
        run(tmp_path / "photos", Bright())
    paint(tmp_path / "photos" / "one.png")
    assert run(tmp_path / "photos", Bright()).usable == 1
    assert sum(run(tmp_path / "photos", Bright(), share=Shard(index, 9)).photos for index in range(9)) == 2


class Hesitant(Bright):
    def decide(self, findings):
        found = super().decide(findings)
        return Decision(found.mask, found.instances, found.score, undecided=found.instances[0].box[0] < 3)


def test_a_photo_that_the_teacher_would_not_vouch_for_is_left_out(photos, run, tmp_path):
    run(photos, Bright(threshold=127))
    first, second = run(photos, Hesitant()), run(photos, Hesitant())

    assert [pair.name for pair in read_pairs(tmp_path / "out").pairs] == [f"{number:02}" for number in range(3, COUNT)]
    assert sidecar.read_sidecar(tmp_path / "out" / "sidecars" / "00.json").undecided
    assert (first.decided, second.untouched, first.undecided, second.undecided, second.empty) == (COUNT, COUNT, 3, 3, 0)


class Wrong(Bright):
    def __init__(self, mask):
        super().__init__()
        self.mask = mask

    def decide(self, findings):
        return Decision(self.mask, (), None)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros((40, 24), np.uint8), r"a mask of \(40, 24\) uint8, expected \(24, 40\) uint8"),
        (np.zeros(SIZE, bool), "bool"),
        (np.full(SIZE, 2, np.uint8), "a mask with value 2, expected 0 to 1"),
        (np.full(SIZE, 255, np.uint8), "a mask with value 255 that shows nothing"),
    ],
)
def test_a_teacher_that_draws_no_mask_of_the_photo_is_found_out(photos, run, capsys, mask, message):
    with pytest.raises(BadInput, match="none of 12 photos"):
        run(photos, Wrong(mask))
    assert re.search(message, capsys.readouterr().err)


class Forgetful(Bright):
    def look(self, photos):
        return super().look(photos)[1:]


def test_findings_that_are_not_one_of_each_photo_are_found_out(photos, run, capsys):
    with pytest.raises(BadInput, match="none of 12 photos"):
        run(photos, Forgetful())
    assert "ValueError: findings on photos of [], expected [(24, 40)]" in capsys.readouterr().err


class Counting(Bright):
    asked = 0

    @property
    def weights(self):
        self.asked += 1
        return {"sun": "0" * 64}

    @weights.setter
    def weights(self, _):
        pass


def test_weights_are_read_once_however_many_photos_there_are(photos, run):
    teacher = Counting()
    run(photos, teacher)

    assert teacher.asked == 1


def test_a_folder_that_is_something_else_is_left_alone(photos, run, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").touch()

    with pytest.raises(BadInput, match="out is not empty and was not made by `label`; choose another folder"):
        run(photos, Bright())
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.tex"]


def test_masks_of_other_classes_are_not_mixed(photos, run):
    run(photos, Bright())

    with pytest.raises(BadInput, match="holds masks of coin, these phrases make medal; choose another folder"):
        run(photos, Bright("medal"))


def test_a_job_that_ended_before_its_first_mask_binds_nobody_to_its_phrases(photos, run, tmp_path):
    with pytest.raises(UnusableTeacher):
        run(photos, Bright("coni", room=0, error=UnusableTeacher))

    assert run(photos, Bright("coin")).looked == COUNT
    assert (tmp_path / "out" / "classes.txt").read_text() == "coin\n"


def test_a_folder_that_cannot_be_written_to_is_named(photos, run, tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(BadInput, match=r"cannot write to .*file/out: Not a directory"):
        run(photos, Bright(), out=tmp_path / "file" / "out")


def test_a_read_only_disk_is_named(photos, run, small_disk):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)

    with pytest.raises(BadInput, match=r"out cannot be written, its disk is read-only; choose another"):
        run(photos, Bright(), out=small_disk / "out")


def test_the_photos_of_a_labelled_folder_are_not_labelled_into_it(photos, run, tmp_path):
    run(photos, Bright())

    with pytest.raises(BadInput, match=r"the photos lie in .*out, where their masks should go"):
        run(tmp_path / "out" / "photos", Bright(), keep_empty=False)


def test_photos_are_not_labelled_into_their_own_folder(photos, tmp_path):
    before = sorted(photos.rglob("*"))
    words = ["label", str(photos), "--phrase", "coin", "--teacher", "classical", "--out", str(photos)]

    result = CliRunner().invoke(main, words)

    assert result.exit_code == 2
    assert "the photos lie in" in result.stderr
    assert sorted(photos.rglob("*")) == before


def test_a_full_disk_stops_the_job_and_loses_nothing(run, tmp_path, small_disk):
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for number in range(COUNT):
        noise = rng.integers(0, 256, (200, 300, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / "photos" / f"{number:02}.png", compress_level=0)
    (small_disk / "film.mov").write_bytes(bytes(58 * 2**20))

    with pytest.raises(BadInput, match="no space left to write"):
        run(tmp_path / "photos", Bright(), out=small_disk / "out")

    written = len(list((small_disk / "out" / "sidecars").glob("*.json")))
    assert 0 < written < COUNT
    for path in sorted((tmp_path / "photos").iterdir())[written:]:
        path.unlink()
    summary = run(tmp_path / "photos", Bright(), out=small_disk / "out")
    assert (summary.untouched, summary.usable) == (written, written)
