import json
from pathlib import Path

import pytest

from training.data.merge import merge
from training.data.pairs import read_pairs
from training.data.scan import digest
from training.data.split import Split
from training.recipe import Recipe
from training.run import Run, run_record
from training.student.errors import BadInput
from training.student.renamed import RENAMED

RECIPE = Recipe(epochs=3, border_weight=1, workers=0)
OLD = {new: old for old, new in RENAMED.items()}


def record_of(recipe, data, sides):
    return run_record(recipe, data, sides, digest(data.pairs))


@pytest.fixture
def wanted(discs):
    return record_of(RECIPE, discs, Split(discs.pairs[3:], discs.pairs[:3]))


@pytest.fixture
def begun(tmp_path, wanted):
    run = Run(tmp_path / "run")
    run.claim(wanted, "fp32")
    return run


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("recipe", "data", "folder"),
    [
        ("mobile", [], "runs/mobile"),
        ("mobile", ["photos/rings/"], "runs/mobile-rings"),
        ("my/small.yaml", ["rings", "a/coins"], "runs/small-rings-coins"),
    ],
)
def test_the_usual_folder_is_named_by_recipe_and_data(recipe, data, folder):
    assert Run.default_folder(recipe, *map(Path, data)) == Path(folder)


@pytest.mark.parametrize("entries", [None, [], [".DS_Store", ".run.json.left_behind"]])
def test_a_free_folder_is_taken(tmp_path, wanted, entries):
    folder = tmp_path / "run"
    if entries is not None:
        folder.mkdir()
        for name in entries:
            (folder / name).touch()
    run = Run(folder)

    run.refuse_another(wanted)
    run.claim(wanted, "fp32")
    assert run.data() == wanted["data"]


def test_the_same_run_is_gone_on_with(begun, wanted):
    begun.refuse_another(wanted)

    assert begun.arithmetic == "fp32"
    assert not begun.is_finished


def test_a_foreign_folder_is_refused_and_left_alone(tmp_path, wanted):
    (tmp_path / "thesis.tex").write_text("mine")

    with pytest.raises(BadInput, match="exists and is no run of ours; choose another folder with --run"):
        Run(tmp_path).refuse_another(wanted)

    assert content(tmp_path) == {"thesis.tex": b"mine"}


def test_a_file_is_refused(tmp_path, wanted):
    (tmp_path / "run").touch()

    with pytest.raises(BadInput, match="run is a file"):
        Run(tmp_path / "run").refuse_another(wanted)


def test_another_recipe_is_refused_by_its_options(begun, discs):
    before = content(begun.folder)
    other = record_of(Recipe(epochs=4, border_weight=2, workers=0), discs, Split(discs.pairs[3:], discs.pairs[:3]))

    with pytest.raises(
        BadInput, match=r"its border_weight is 1\.0, asked for is 2\.0; its epochs is 3, asked for is 4\).*--run"
    ):
        begun.refuse_another(other)

    assert content(begun.folder) == before


def test_workers_may_change_for_they_teach_nothing_else(begun, discs):
    before = content(begun.folder)

    begun.refuse_another(
        record_of(RECIPE.model_copy(update={"workers": 3}), discs, Split(discs.pairs[3:], discs.pairs[:3]))
    )

    assert content(begun.folder) == before


def test_other_data_is_refused_by_its_folder(begun, draw_discs, tmp_path):
    other = read_pairs(draw_discs(tmp_path / "others", count=5))

    with pytest.raises(BadInput, match=r"learnt from the 12 pairs in .*discs, asked for are the 5 pairs in .*others"):
        begun.refuse_another(record_of(RECIPE, other, Split(other.pairs[1:], other.pairs[:1])))


def test_data_that_changed_in_its_place_is_refused(draw_discs, tmp_path):
    data = read_pairs(draw_discs(tmp_path / "discs", count=3))
    run = Run(tmp_path / "run")
    run.claim(record_of(RECIPE, data, Split(data.pairs[1:], data.pairs[:1])), "fp32")
    data.pairs[1].mask.write_bytes(data.pairs[2].mask.read_bytes())

    with pytest.raises(BadInput, match=r"3 pairs in .*discs, which have changed"):
        run.refuse_another(record_of(RECIPE, data, Split(data.pairs[1:], data.pairs[:1])))


def test_data_may_move(draw_discs, tmp_path):
    here, there = (read_pairs(draw_discs(tmp_path / place, count=3)) for place in ("here", "there"))
    run = Run(tmp_path / "run")
    run.claim(record_of(RECIPE, here, Split(here.pairs[1:], here.pairs[:1])), "fp32")
    moved = record_of(RECIPE, there, Split(there.pairs[1:], there.pairs[:1]))

    run.refuse_another(moved)
    assert run.data()["folder"] != moved["data"]["folder"]


def test_a_run_is_finished_only_when_it_says_so(begun):
    begun.checkpoint.touch()
    assert not begun.is_finished
    begun.state.touch()

    begun.finish()

    assert begun.is_finished
    assert not begun.state.exists()
    begun.checkpoint.unlink()
    assert not begun.is_finished


def test_the_held_out_pairs_can_be_found_again(begun, discs):
    assert begun.held_out() == list(discs.pairs[:3])
    assert begun.recipe() == RECIPE.model_dump(mode="json")
    assert begun.data()["pairs"] == 12


def test_a_run_older_than_an_option_is_the_same_run(begun, discs):
    record = json.loads(begun.record.read_text())
    del record["recipe"]["border_width"]
    begun.record.write_text(json.dumps(record))

    begun.refuse_another(record_of(RECIPE, discs, Split(discs.pairs[3:], discs.pairs[:3])))
    other = RECIPE.model_copy(update={"border_width": 5})
    with pytest.raises(BadInput, match="its border_width is 4, asked for is 5"):
        begun.refuse_another(record_of(other, discs, Split(discs.pairs[3:], discs.pairs[:3])))


def test_a_run_by_the_old_names_of_options_is_the_same_run(begun, discs, capsys):
    record = json.loads(begun.record.read_text())
    record["recipe"] = {OLD.get(name, name): value for name, value in record["recipe"].items()}
    begun.record.write_text(json.dumps(record))
    assert "slim" in begun.record.read_text()

    begun.refuse_another(record_of(RECIPE, discs, Split(discs.pairs[3:], discs.pairs[:3])))

    assert begun.recipe() == RECIPE.model_dump(mode="json")
    assert capsys.readouterr().err.count("slim is now width_multiplier") == 1
    other = RECIPE.model_copy(update={"ema_decay": 0.5})
    with pytest.raises(BadInput, match=r"its ema_decay is 0\.0, asked for is 0\.5"):
        begun.refuse_another(record_of(other, discs, Split(discs.pairs[3:], discs.pairs[:3])))


def test_pairs_kept_for_a_test_are_those_to_judge_by(tmp_path, discs):
    run = Run(tmp_path / "tested")
    run.claim(record_of(RECIPE, discs, Split(discs.pairs[5:], discs.pairs[:3], discs.pairs[3:5])), "fp32")

    assert run.held_out() == list(discs.pairs[3:5])


def test_the_pairs_that_it_learnt_from_can_be_found_again_and_none_was_held_out(begun, discs):
    assert begun.training() == list(discs.pairs[3:])
    assert not set(begun.training()) & set(begun.held_out())


def test_a_pair_that_it_learnt_from_and_that_is_gone_is_named(begun):
    record = json.loads(begun.record.read_text())
    record["train"].append("gone")
    begun.record.write_text(json.dumps(record))

    with pytest.raises(BadInput, match="has lost 1 of this run's pairs, such as 'gone'"):
        begun.training()


def test_a_pair_that_was_dropped_since_is_still_what_it_learnt_from(tmp_path, draw_discs):
    data = read_pairs(draw_discs(tmp_path / "discs", count=4))
    run = Run(tmp_path / "run")
    run.claim(record_of(RECIPE, data, Split(data.pairs[1:], data.pairs[:1])), "fp32")
    (data.folder / "dropped.txt").write_text("disc_02\n")

    assert run.training() == list(data.pairs[1:])


@pytest.fixture
def several(tmp_path, draw_discs):
    """A run of two folders, and their pairs."""
    data = merge([read_pairs(draw_discs(tmp_path / name, count=3)) for name in ("one", "other")])
    run = Run(tmp_path / "run")
    run.claim(record_of(RECIPE, data, Split(data.pairs[::2], data.pairs[1::2])), "fp32")
    return run, data


def test_pairs_of_several_folders_can_be_found_again(several):
    run, data = several

    assert run.folders() == data.folders
    assert run.training() == list(data.pairs[::2])
    assert run.held_out() == list(data.pairs[1::2])
    assert {pair.folder.name for pair in run.held_out()} == {"one", "other"}
    assert run.held_out_pairs().folders == data.folders
    assert [run.learnt_from(read_pairs(folder)) for folder in data.folders] == [2, 1]


def test_all_folders_of_another_run_are_named(several):
    run, data = several
    alone = read_pairs(data.folder)
    wanted = record_of(RECIPE, alone, Split(alone.pairs[1:], alone.pairs[:1]))

    with pytest.raises(BadInput, match=r"6 pairs in .*one and .*other, asked for are the 3 pairs in .*one\)"):
        run.refuse_another(wanted)


@pytest.mark.parametrize(
    ("part", "value"), [("photo", "../../secret.png"), ("mask", "../../secret.png"), ("folder", 1)]
)
def test_a_record_that_leads_out_of_the_data_folder_is_refused(begun, part, value):
    record = json.loads(begun.record.read_text())
    record["validation"][0][part] = value
    begun.record.write_text(json.dumps(record))

    with pytest.raises(BadInput, match="not a file of the data folder"):
        begun.held_out()


def test_data_that_is_gone_is_named(tmp_path, begun, wanted):
    begun.claim({**wanted, "data": {**wanted["data"], "folder": str(tmp_path / "gone")}}, "fp32")

    with pytest.raises(BadInput, match=r"no longer at .*gone; put it back, or name pairs with --data"):
        begun.held_out()


def test_where_no_run_is_one_is_to_be_made(tmp_path):
    with pytest.raises(BadInput, match=r"no run at .*; make one with"):
        Run(tmp_path).recipe()


@pytest.mark.parametrize("text", ["{", "[]", "{}", json.dumps({"recipe": {}}), "\0"])
def test_a_damaged_record_is_refused(begun, wanted, text):
    begun.record.write_text(text)

    with pytest.raises(BadInput, match=r"run\.json is (not JSON|not what it should be).*delete .* and train again"):
        begun.refuse_another(wanted)
