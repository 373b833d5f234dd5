import pytest

from training.throughput import Throughput, measure_throughput


@pytest.mark.slow
def test_both_loops_are_timed_even_where_pairs_are_fewer_than_a_batch(discs, tiny_recipe):
    found = measure_throughput(tiny_recipe("batch=16", "arithmetic=bf16"), discs, steps=1)

    assert found.plain > 0
    assert found.ours > 0
    assert list(found.shares) == ["augment", "copy", "forward and loss", "backward", "optimiser", "validation"]
    assert all(share > 0 for share in found.shares.values())
    assert sum(found.shares.values()) == pytest.approx(1)


def test_shares_are_told_beneath_the_verdict():
    assert str(Throughput(4.0, 10.0, {"augment": 0.25, "backward": 0.75})).splitlines()[3:] == [
        " 25.0%  augment",
        " 75.0%  backward",
    ]


def test_the_verdict_is_a_ratio():
    assert str(Throughput(plain=4.0, ours=10.0)).splitlines()[2] == "  2.50 times as many"
