import numpy as np
import pytest

from conversion.coreml.kernels.resize import sampled_positions

# From the docstring of coremltools 9's iOS15 resize_bilinear: positions for an input of two samples, to two digits.
DOCUMENTED = {
    ("UNALIGN_CORNERS", 5): [0, 0.1, 0.5, 0.9, 1],
    ("STRICT_ALIGN_CORNERS", 5): [0, 0.25, 0.5, 0.75, 1],
    ("ALIGN_CORNERS", 5): [0, 0.25, 0.5, 0.75, 1],
    ("DEFAULT", 5): [0, 0.4, 0.8, 1, 1],
    ("OFFSET_CORNERS", 5): [0.1, 0.3, 0.5, 0.7, 0.9],
    ("UNALIGN_CORNERS", 6): [0, 0, 0.33, 0.67, 1, 1],
    ("DEFAULT", 6): [0, 0.33, 0.67, 1, 1, 1],
    ("OFFSET_CORNERS", 6): [0.08, 0.25, 0.42, 0.58, 0.75, 0.92],
}


@pytest.mark.parametrize(("mode", "length"), DOCUMENTED, ids=str)
def test_mil_samples_where_its_documentation_says(mode, length):
    np.testing.assert_allclose(sampled_positions(mode, 2, length), DOCUMENTED[mode, length], atol=0.005)


@pytest.mark.parametrize("mode", ["STRICT_ALIGN_CORNERS", "DEFAULT"])
def test_a_single_sample_is_left_open_where_the_formula_divides_by_zero(mode):
    assert np.isnan(sampled_positions(mode, 7, 1)).all()


@pytest.mark.parametrize("mode", ["UNALIGN_CORNERS", "STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "OFFSET_CORNERS"])
def test_symmetric_modes_commute_with_mirroring(mode):
    positions = sampled_positions(mode, 7, 12)

    np.testing.assert_allclose(positions, 6 - positions[::-1], atol=1e-12)
