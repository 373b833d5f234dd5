import pytest

from training.baseline_comparison import compare_with_baseline
from training.fit import fit
from training.run import Run


@pytest.mark.slow
def test_the_student_is_taught_as_by_fit_and_the_usual_network_likewise(discs, tiny_recipe, tmp_path, monkeypatch):
    recipe = tiny_recipe("epochs=1", "photos_per_epoch=64", "separable=no")
    monkeypatch.chdir(tmp_path)

    found = compare_with_baseline(recipe, discs)

    assert not list(tmp_path.iterdir())
    alone = fit(recipe, data=discs, run=Run(tmp_path / "run"))
    assert found.student == pytest.approx(alone.facts["validation_iou"], abs=1e-6)
    assert 0 < found.student < 1
    assert 0 < found.usual < 1
    assert str(found).splitlines()[2] == f"difference     {found.student - found.usual:+.4f}"
