import pytest

from training.throughput import Throughput, machine, measure_throughput


@pytest.mark.slow
def test_the_loops_are_timed_even_where_pairs_are_fewer_than_a_batch(discs, tiny_recipe):
    found = measure_throughput(tiny_recipe("batch=16", "arithmetic=bf16"), discs, steps=1)

    assert found.plain > 0
    assert found.ours > 0
    assert found.fp32 > 0
    assert found.arithmetic == "bf16"
    assert list(found.shares) == ["augment", "copy", "forward and loss", "backward", "optimiser", "validation"]
    assert all(share > 0 for share in found.shares.values())
    assert sum(found.shares.values()) == pytest.approx(1)


def test_shares_are_told_beneath_the_verdict():
    told = str(Throughput(4.0, 10.0, "fp32", None, {"augment": 0.25, "backward": 0.75})).splitlines()

    assert told[3:] == [" 25.0%  augment", " 75.0%  backward"]


def test_the_verdict_is_a_ratio():
    assert str(Throughput(plain=4.0, ours=10.0)).splitlines()[2] == "  2.50 times as many as the plain loop"


def test_another_arithmetic_is_compared_with_fp32():
    assert str(Throughput(4.0, 12.0, "fp32-channels-last", 8.0, machine="Z80, 1 thread")).splitlines() == [
        "Z80, 1 thread",
        "   4.0 photos/s  plain loop",
        "   8.0 photos/s  this loop in fp32",
        "  12.0 photos/s  this loop in fp32-channels-last",
        "  3.00 times as many as the plain loop, 1.50 times as many as in fp32",
    ]


def test_the_machine_names_what_it_computes_with():
    assert " bfloat16, " in machine()
    assert machine().endswith("threads")
