from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from onnx.helper import make_node

from training.student.errors import ConversionRefused

FEW = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)

side = st.integers(1, 40)
resampling = st.one_of(
    st.just({"mode": "linear"}),
    st.builds(
        lambda rounding: {"mode": "nearest", "nearest_mode": rounding},
        st.sampled_from(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]),
    ),
)
coordinates = st.sampled_from(["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"])


@FEW
@given(size=st.tuples(side, side), factor=st.integers(1, 4), resampling=resampling, coordinates=coordinates)
def test_a_resize_by_a_whole_factor_is_onnx_runtime_s_or_refused(model, drift, size, factor, resampling, coordinates):
    agrees_or_is_refused(model, drift, size, tuple(factor * length for length in size), resampling, coordinates)


@FEW
@given(size=st.tuples(side, side), resized=st.tuples(side, side), resampling=resampling, coordinates=coordinates)
def test_a_resize_is_onnx_runtime_s_or_refused(model, drift, size, resized, resampling, coordinates):
    agrees_or_is_refused(model, drift, size, resized, resampling, coordinates)


def agrees_or_is_refused(model, drift, size, resized, resampling, coordinates):
    attributes = {**resampling, "coordinate_transformation_mode": coordinates}
    small = model(
        [make_node("Resize", ["image", "", "", "sizes"], ["logits"], **attributes)],
        (1, 2, *size),
        sizes=[1, 2, *resized],
    )

    try:
        found = drift(small)
    except ConversionRefused:
        reject()
    assert max(found.values()) < 1e-4
