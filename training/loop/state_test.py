import pickletools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.loop.state import SafetensorsIO
from training.student.errors import BadInput

tensors = st.builds(
    lambda shape, dtype, seed: torch.randint(-99, 99, shape, generator=torch.Generator().manual_seed(seed)).to(dtype),
    st.lists(st.integers(0, 3), max_size=3).map(tuple),
    st.sampled_from([torch.float32, torch.bfloat16, torch.int64, torch.uint8, torch.bool]),
    st.integers(0, 99),
)
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | tensors
keys = st.text() | st.integers() | st.tuples(st.text(), st.integers())
nested = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple) | st.dictionaries(keys, inner, max_size=3)
    ),
    max_leaves=12,
)


def same(one, other):
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and one.dtype == other.dtype and torch.equal(one, other)
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@given(state=st.dictionaries(st.text(), nested, max_size=4))
def test_what_is_saved_comes_back(tmp_path_factory, state):
    path = tmp_path_factory.mktemp("state") / "state.safetensors"

    SafetensorsIO().save_checkpoint(state, path)

    assert same(state, SafetensorsIO().load_checkpoint(path))


def test_tensors_that_share_memory_come_back_apart_and_whole(tmp_path):
    whole = torch.arange(6.0).view(2, 3)
    SafetensorsIO().save_checkpoint({"whole": whole, "row": whole[1], "turned": whole.T}, tmp_path / "state")

    found = SafetensorsIO().load_checkpoint(tmp_path / "state")

    assert found["row"].tolist() == [3, 4, 5]
    assert found["turned"].tolist() == whole.T.tolist()


def test_the_state_of_an_optimiser_can_be_gone_on_with(tmp_path):
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.AdamW([weight])
    weight.sum().backward()
    optimizer.step()
    SafetensorsIO().save_checkpoint({"optimizer": optimizer.state_dict()}, tmp_path / "state")

    other = torch.optim.AdamW([weight], lr=9)
    other.load_state_dict(SafetensorsIO().load_checkpoint(tmp_path / "state")["optimizer"])

    assert same(optimizer.state_dict(), other.state_dict())


def test_the_file_holds_no_pickle(tmp_path):
    path = tmp_path / "state.safetensors"
    SafetensorsIO().save_checkpoint({"epoch": 1, "weights": {"a": torch.ones(2)}}, path)

    with pytest.raises(ValueError, match=r"opcode|at position"):
        list(pickletools.genops(path.read_bytes()))


def test_what_only_pickle_could_keep_is_refused_by_its_type(tmp_path):
    path = tmp_path / "state.safetensors"

    with pytest.raises(TypeError, match="cannot save a set without pickle"):
        SafetensorsIO().save_checkpoint({"a": [{"b": {1, 2}}]}, path)

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[:-1],
        lambda whole: whole[: len(whole) // 2],
        lambda whole: b"\x80\x04" + whole[2:],
        lambda whole: whole.replace(b"pocketmask", b"pocketmusk"),
        lambda whole: whole.replace(b'\\"tensor\\": \\"0\\"', b'\\"tensor\\": \\"9\\"'),
        lambda whole: whole.replace(b"items", b"itemz"),
    ],
)
def test_a_damaged_file_is_told_with_what_to_do(tmp_path, damage):
    path = tmp_path / "state.safetensors"
    SafetensorsIO().save_checkpoint({"epoch": 1, "weights": {"a": torch.ones(2)}}, path)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert path.read_bytes() != whole

    with pytest.raises(BadInput, match=r"state\.safetensors is damaged: .*; delete it to train from the start"):
        SafetensorsIO().load_checkpoint(path)


def test_a_full_disk_is_told_and_leaves_the_older_state(small_disk):
    path = small_disk / "state.safetensors"
    SafetensorsIO().save_checkpoint({"weights": torch.ones(2**20)}, path)
    before = path.read_bytes()

    with pytest.raises(BadInput, match=r"no space left to write .*state\.safetensors; free some"):
        SafetensorsIO().save_checkpoint({"weights": torch.ones(15 * 2**20)}, path)

    assert path.read_bytes() == before
    assert list(small_disk.iterdir()) == [path]


def test_removing_twice_does_no_harm(tmp_path):
    path = tmp_path / "state.safetensors"
    SafetensorsIO().save_checkpoint({}, path)

    for _ in range(2):
        SafetensorsIO().remove_checkpoint(path)
        assert not path.exists()
