import pytest

from training.data.builtin import rendered_pairs
from training.data.photos import read_mask, read_photo


def test_coins_are_rendered_once_and_then_found(tmp_path):
    found = rendered_pairs(2, seed=5, root=tmp_path)

    assert len(found.pairs) == 2
    assert found.classes == ("foreground",)
    photo = read_photo(found.pairs[0].photo)
    assert photo.shape == (320, 320, 3)
    assert 0 < read_mask(found.pairs[0].mask, size=(320, 320), classes=1).mean() < 1
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")}
    assert rendered_pairs(2, seed=5, root=tmp_path) == found
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")} == before


@pytest.mark.parametrize(("count", "seed"), [(1, 5), (2, 6)])
def test_another_count_or_seed_is_another_folder(tmp_path, count, seed):
    first = rendered_pairs(2, seed=5, root=tmp_path)

    other = rendered_pairs(count, seed=seed, root=tmp_path)

    assert other.folder != first.folder
    assert len(other.pairs) == count
