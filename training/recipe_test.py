from itertools import pairwise

import pytest
import yaml

from training import designs
from training.recipe import RECIPES, Recipe, read_design_recipes, read_recipe, recipe_from_mapping
from training.student.errors import BadInput
from training.student.normalisation import NEUTRAL


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_recipe_of_ours_can_be_read_and_has_a_contract(path):
    found = read_recipe(path.stem)

    assert found == read_recipe(str(path))
    assert found.contract(("foreground",)).stride == found.stride


def test_a_recorded_recipe_is_the_recipe():
    found = read_recipe("mobile", ["encoder_mean=0.5", "encoder_std=[0.1,0.2,0.3]", "zoom=[0.5,1]", "seed=7"])

    assert recipe_from_mapping(found.model_dump(mode="json"), "run.json") == found


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("epochs=30", {"epochs": 30}),
        (" epochs = 30", {"epochs": 30}),
        ("learning_rate=3e-4", {"learning_rate": 3e-4}),
        ("decoder=[32, 16, 8]", {"decoder": (32, 16, 8)}),
        ("separable=no", {"separable": False}),
        ("encoder_weights=my=file.safetensors", {"encoder_weights": "my=file.safetensors"}),
    ],
)
def test_an_override_replaces_an_option(override, expected):
    assert read_recipe("mobile", [override]) == read_recipe("mobile").model_copy(update=expected)


def test_the_last_override_of_an_option_holds():
    assert read_recipe("mobile", ["epochs=3", "epochs=4"]).epochs == 4


def test_a_file_says_only_what_it_changes(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("epochs: 3\n")
    (tmp_path / "empty.yaml").write_text("# nothing\n")

    assert read_recipe(str(path)) == Recipe(epochs=3)
    assert read_recipe(str(tmp_path / "empty.yaml")) == Recipe()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("epoch=3", "unknown recipe key 'epoch' in .*did you mean 'epochs'"),
        ("border_weigth=3", "did you mean 'border_weight'"),
        ("zzz=3", "unknown recipe key 'zzz' in .*known are encoder, encoder_weights"),
        ("=3", "unknown recipe key ''"),
        ("epochs", "override 'epochs' is not of the form key=value"),
        ("epochs=[3", "override|epochs=\\[3 is not YAML"),
        ("epochs=many", "epochs='many': Input should be a valid integer"),
        ("epochs=", "epochs=None: Input should be a valid integer"),
        ("epochs=0", "epochs=0: .*greater than or equal to 1"),
        ("epochs=2.5", "epochs=2.5: "),
        ("minutes=0", "minutes=0: .*greater than 0"),
        ("minutes=1e9", "minutes=.*less than or equal to 100000"),
        ("batch=1", "batch=1: .*greater than or equal to 2"),
        ("learning_rate=.nan", "learning_rate=nan: .*finite"),
        ("learning_rate=.inf", "learning_rate=inf: .*finite"),
        ("bce_share=1.5", "bce_share=1.5: .*less than or equal to 1"),
        ("border_side=outer", "border_side='outer': .*'both' or 'inner'"),
        ("arithmetic=fp8", "arithmetic='fp8': .*'auto', 'fp32', .*'bf16', .*'fp16'"),
        ("encoder_std=0", "encoder_std"),
        ("zoom=[0,1]", "zoom.0=0: .*greater than 0"),
        ("scales=[1,0.5]", "scales=.*the last is 1, the size that phones run; use \\[1.0, 0.5, 1\\]"),
        ("scales=[]", "scales="),
        ("test=0/5", "test='0/5': .*k from 1 to n"),
        ("test=6/5", "k from 1 to n"),
        ("test=a fifth", "such as 1/5"),
        ("depth=6", "depth=6"),
        ("zoom=[0.9,0.4]", "the least comes first; use \\[0.4, 0.9\\]"),
        ("seed=-1", "seed=-1: "),
        ("decoder=[64,0]", "decoder.1=0: "),
        ("decoder=[]", "decoder="),
        ("ema_decay=1", "ema_decay=1: .*less than 1"),
        ("encoder_decay=0", "encoder_decay=0: .*greater than 0"),
        ("devices=0", "devices.*=0: .*greater than or equal to 1"),
        ("freeze=2", "freeze=2 needs an encoder with weights; set encoder_weights, or freeze=0"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(override, message):
    with pytest.raises(BadInput, match=message) as refusal:
        read_recipe("mobile", [override])

    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("epochs", "expected"), [(1, [1]), (2, [0.5, 1]), (3, [0.5, 1, 1]), (4, [0.5, 0.5, 1, 1])])
def test_epochs_share_the_scales(epochs, expected):
    recipe = read_recipe("mobile", [f"epochs={epochs}", "scales=[0.5,1]"])

    assert [recipe.scale(epoch) for epoch in range(epochs)] == expected


@pytest.mark.parametrize("key", ["epochs=3", "scales=[1]"])
def test_minutes_plan_epochs_and_scales_so_that_only_one_of_them_is_given(key, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("minutes: 5\nepochs: 3\n")

    with pytest.raises(BadInput, match=rf"minutes plans epochs and scales; leave {key.partition('=')[0]}= out, or min"):
        read_recipe("mobile", ["minutes=10", key])
    assert read_recipe(str(path)).minutes == 5
    assert read_recipe(str(path), [key]).minutes is None
    assert read_recipe(str(path), ["batch=8"]).minutes == 5


def test_all_faults_are_told_at_once():
    with pytest.raises(BadInput, match=r"epochs=0.*; batch='x'"):
        read_recipe("mobile", ["epochs=0", "batch=x"])


@pytest.mark.parametrize("name", ["mobil", "no/such.yaml", "../recipe", ""])
def test_an_unknown_recipe_lists_the_known(name):
    with pytest.raises(BadInput, match=f"no recipe '{name}'; expected one of .*mobile.*, or the path of a .yaml file"):
        read_recipe(name)


@pytest.mark.parametrize(("text", "found"), [("- epochs\n- 3\n", "list"), ("epochs", "str"), ("3", "int")])
def test_a_file_that_is_no_mapping_is_refused(tmp_path, text, found):
    path = tmp_path / "mine.yaml"
    path.write_text(text)

    with pytest.raises(BadInput, match=rf"mine\.yaml must be a mapping of keys to values, found {found}"):
        read_recipe(str(path))


@pytest.mark.parametrize("content", [b"epochs: [3\nseed: 1\n", b"\xff\xfe\x00", b"a: \x07"])
def test_a_file_that_is_no_yaml_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)

    with pytest.raises(BadInput, match=r"mine\.yaml(, line 1,)? is not (YAML|UTF-8)") as refusal:
        read_recipe(str(path))

    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("override", "use"), [("height=250", "use 224 or 256"), ("width=16", "use 32 or 64")])
def test_a_size_that_the_encoder_cannot_halve_is_refused(override, use):
    with pytest.raises(BadInput, match=use):
        read_recipe("mobile", [override]).contract(("foreground",))


OLD_NAMES = {
    "slim": [1, 0.5],
    "join": "mlp",
    "whole": False,
    "average": 0.5,
    "open": 3,
    "clip": 1.0,
}
NEW_NAMES = {
    "width_multiplier": (1, 0.5),
    "decoder_type": "mlp",
    "single_partition": False,
    "ema_decay": 0.5,
    "opening": 3,
    "gradient_clip": 1.0,
}


def test_a_recipe_by_the_old_names_is_still_read(tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(OLD_NAMES))

    assert read_recipe(str(path)) == Recipe(**NEW_NAMES)
    assert capsys.readouterr().err == (
        f"note: {path}: slim is now width_multiplier, join is now decoder_type, whole is now single_partition, "
        "average is now ema_decay, open is now opening, clip is now gradient_clip; "
        "the next version reads the new names only\n"
    )


@pytest.mark.parametrize(("old", "new"), list(zip(OLD_NAMES, NEW_NAMES, strict=True)))
def test_an_override_by_an_old_name_is_still_read_and_both_names_are_refused(old, new):
    override = f"{old}={OLD_NAMES[old]}"

    assert read_recipe("mobile", [override]) == read_recipe("mobile").model_copy(update={new: NEW_NAMES[new]})
    with pytest.raises(BadInput, match=f"gives both {new} and {old}, its old name; leave {old} out"):
        read_recipe("mobile", [override, f"{new}={OLD_NAMES[old]}"])


def test_a_chosen_design_is_not_overridden_by_an_old_name():
    with pytest.raises(BadInput, match="leave width_multiplier= out, or latency_ms="):
        read_recipe("mobile", ["latency_ms=4", "slim=[0.5]"])


def test_each_design_is_a_recipe_with_a_test_set_in_which_its_own_options_hold():
    key, value = next((key, value) for own in designs.options().values() for key, value in own.items())

    found = read_design_recipes("mobile", ["epochs=3", f"{key}={read_recipe('mobile').model_dump()[key]}"])

    assert list(found) == list(designs.options())
    for name, recipe in found.items():
        expected = read_recipe("mobile", ["epochs=3", "test=1/5"]).model_dump(mode="json") | designs.options()[name]
        assert recipe == recipe_from_mapping(expected, name)
    assert found[next(iter(found))].model_dump(mode="json")[key] == value


def test_a_design_replaces_an_option_whichever_of_its_names_was_given():
    plain = read_design_recipes("mobile")

    assert read_design_recipes("mobile", ["slim=[1,0.5]"]) == read_design_recipes(
        "mobile", ["width_multiplier=[1,0.5]"]
    )
    assert read_design_recipes("mobile", ["slim=[1,0.5]"]).keys() == plain.keys()


@pytest.mark.parametrize(
    "override",
    [
        "decoder=[1000000,1000000,1000000]",
        "height=1000000000",
        "width=100000",
        "epochs=10000000000",
        "batch=1000000",
        "border_width=1000000",
        "pairs=100000000000",
        "scales=[" + "1," * 1000 + "1]",
        "epochs=" + "9" * 5000,
        "epochs=2024-13-45",
        "epochs=!!int x",
        "threshold=.nan",
        "test=1/" + "9" * 5000,
        "encoder=" + "x" * 100_000,
    ],
)
def test_what_no_machine_could_train_is_refused_in_a_short_line(override):
    with pytest.raises(BadInput) as refusal:
        read_recipe("mobile", [override]).architecture(NEUTRAL, NEUTRAL)

    assert len(str(refusal.value)) < 1000
    assert "\n" not in str(refusal.value)


def test_sizes_that_are_too_large_together_are_refused():
    with pytest.raises(BadInput, match="which no machine holds; use less of one"):
        read_recipe("mobile", ["height=4096", "width=4096", "decoder=[1024,1024]"])


def test_a_recipe_of_aliases_is_refused_at_once(tmp_path):
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for before, name in pairwise("abcdefghi"):
        lines.append(f"{name}: &{name} [{', '.join(['*' + before] * 10)}]")
    (tmp_path / "mine.yaml").write_text("\n".join(lines))

    with pytest.raises(BadInput, match=r"mine\.yaml is not YAML \(line 2, column 8: an alias; write the value out"):
        read_recipe(str(tmp_path / "mine.yaml"))
