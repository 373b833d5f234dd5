import shutil
import weakref

import numpy as np
import pytest

from conversion.coreml import executor, package
from conversion.coreml.emitter import emit
from conversion.coreml.toolbox import load_coremltools, quiet
from conversion.source.graph import read_graph
from training.student.errors import BadInput, ConversionRefused

MODEL = f"Data/{package.SPECIFICATION}"
WEIGHTS = f"Data/{package.WEIGHTS}/weight.bin"
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def convolution(network, tmp_path_factory):
    """A package with weights beside it, in float16."""
    constants = {"weight": RNG.normal(size=(8, 3, 3, 3)).astype(np.float32) / 255}
    built = network("logits = Conv(image, weight)", constants)
    return built.emit(tmp_path_factory.mktemp("packages") / "p.mlpackage", "fp16")


@pytest.fixture
def damaged(convolution, tmp_path):
    """A copy to damage."""
    return shutil.copytree(convolution, tmp_path / "damaged.mlpackage")


def saved(tmp_path, program, **options):
    """The package that coremltools itself makes of a MIL program over `image`."""
    ct = load_coremltools()
    colour = options.pop("color_layout", ct.colorlayout.RGB)
    image = ct.ImageType(name="image", shape=(1, 3, 12, 10), color_layout=colour, **options)
    mil = ct.converters.mil
    function = mil.Function({"image": mil.Builder.placeholder(shape=(1, 3, 12, 10))}, opset_version=ct.target.iOS16)
    with function:
        function.set_outputs([program(mil.Builder, function.inputs["image"])])
    whole = mil.Program()
    whole.add_function("main", function)
    with quiet():
        model = ct.convert(
            whole,
            inputs=[image],
            minimum_deployment_target=ct.target.iOS16,
            compute_precision=ct.precision.FLOAT32,
            skip_model_load=True,
        )
    model.save(str(tmp_path / "p.mlpackage"))
    return tmp_path / "p.mlpackage"


def test_a_bgr_package_is_executed_as_bgr(image, tmp_path):
    layout = load_coremltools().colorlayout
    path = saved(tmp_path, lambda mb, x: mb.identity(x=x, name="logits"), color_layout=layout.BGR)

    logits = executor.load(path).run(image, rounding="fp32")["logits"]

    np.testing.assert_array_equal(logits[0], image[..., ::-1].transpose(2, 0, 1))


def test_scale_and_bias_of_the_image_are_applied(image, tmp_path):
    path = saved(tmp_path, lambda mb, x: mb.identity(x=x, name="logits"), scale=1 / 127.5, bias=[-1, -0.5, 0])

    logits = executor.load(path).run(image, rounding="fp32")["logits"]

    expected = image.transpose(2, 0, 1) / 127.5 + np.reshape([-1, -0.5, 0], (3, 1, 1))
    np.testing.assert_allclose(logits[0], expected, atol=1e-6)


def test_a_greyscale_package_is_bad_input(network, tmp_path):
    path = network("logits = Relu(image)").emit(tmp_path / "p.mlpackage")
    specification = package.read_specification(path)
    described = specification.description.input[0].type.imageType
    described.colorSpace = described.GRAYSCALE
    (path / MODEL).write_bytes(specification.SerializeToString())

    with pytest.raises(BadInput, match="image in GRAYSCALE; expected RGB or BGR"):
        executor.load(path)


def test_an_operator_without_a_kernel_is_refused_by_name(tmp_path):
    path = saved(tmp_path, lambda mb, x: mb.reverse_sequence(x=x, lengths=[2], seq_axis=2, name="logits"))

    with pytest.raises(ConversionRefused, match=r"no kernel for MIL operator reverse_seq.*'logits'.*known are abs"):
        executor.load(path)


def test_fp16_rounds_every_result_and_fp32_none(network, image, tmp_path):
    built = network("a = Mul(image, third)  logits = Mul(a, third)", {"third": np.float32(1 / 3)})
    program = executor.load(built.emit(tmp_path / "p.mlpackage", "fp16"))
    third = np.float16(1 / 3)
    planes = image.transpose(2, 0, 1)[None]

    half = program.run(image, rounding="fp16")["logits"]
    full = program.run(image, rounding="fp32")["logits"]

    np.testing.assert_array_equal(half, (planes.astype(np.float16) * third) * third)
    np.testing.assert_allclose(full, planes * np.float32(third) ** 2, rtol=1e-6)


def test_overflow_shows_as_infinity(network, image, tmp_path):
    built = network("a = Mul(image, many)  logits = Mul(a, few)", {"many": np.float32(3e4), "few": np.float32(1e-3)})
    program = executor.load(built.emit(tmp_path / "p.mlpackage", "fp16"))

    half = program.run(image, rounding="fp16")["logits"]
    full = program.run(image, rounding="fp32")["logits"]

    assert np.isinf(half).any()
    assert np.isfinite(full).all()


def test_hard_swish_of_large_values_stays_finite_in_fp16(network, image, tmp_path):
    built = network("a = Mul(image, many)  logits = HardSwish(a)", {"many": np.float32(200)})

    logits = executor.load(built.emit(tmp_path / "p.mlpackage", "fp16")).run(image, rounding="fp16")["logits"]

    np.testing.assert_allclose(logits, built.reference(image), rtol=2**-11)


@pytest.mark.parametrize("bits", ["quantised to 8", "palettised to 4"])
def test_compressed_weights_are_decompressed_as_core_ml_does(bits, convolution, image, tmp_path):
    import coremltools.optimize.coreml as optimize

    model = load_coremltools().models.MLModel(str(convolution), skip_model_load=True)
    with quiet():
        if bits == "quantised to 8":
            settings = optimize.OpLinearQuantizerConfig(mode="linear_symmetric", weight_threshold=0)
            compressed = optimize.linear_quantize_weights(model, optimize.OptimizationConfig(settings))
        else:
            settings = optimize.OpPalettizerConfig(mode="uniform", nbits=4, weight_threshold=0)
            compressed = optimize.palettize_weights(model, optimize.OptimizationConfig(settings))
        compressed.save(str(tmp_path / "small.mlpackage"))
        optimize.decompress_weights(compressed).save(str(tmp_path / "again.mlpackage"))
    small, again = (executor.load(tmp_path / f"{name}.mlpackage") for name in ("small", "again"))

    found, expected = (program.run(image, rounding="fp16")["logits"] for program in (small, again))

    _, program = package.read_program(tmp_path / "small.mlpackage")
    assert any(step.op_type.startswith("constexpr_") for step in program.functions["main"].operations)
    np.testing.assert_array_equal(found, expected)
    original = executor.load(convolution).run(image, rounding="fp16")["logits"]
    assert 0 < np.abs(found - original).max() < 0.2 * np.ptp(original)


def test_a_package_that_is_not_there_is_bad_input(tmp_path):
    with pytest.raises(BadInput, match=r"no Core ML package at .*a folder"):
        executor.load(tmp_path / "absent.mlpackage")
    with pytest.raises(BadInput, match="no Core ML package at"):
        executor.read_metadata(tmp_path / "absent.mlpackage")


DAMAGE = {
    "empty folder": lambda path: [shutil.rmtree(path), path.mkdir()],
    "manifest lost": lambda path: (path / "Manifest.json").unlink(),
    "manifest cut off": lambda path: (path / "Manifest.json").write_text("{"),
    "program cut off": lambda path: (path / MODEL).write_bytes((path / MODEL).read_bytes()[:500]),
    "program empty": lambda path: (path / MODEL).write_bytes(b""),
    "weights lost": lambda path: (path / WEIGHTS).unlink(),
    "weights cut off": lambda path: (path / WEIGHTS).write_bytes((path / WEIGHTS).read_bytes()[:100]),
    "weights wiped": lambda path: (path / WEIGHTS).write_bytes(bytes(1000)),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_package_is_bad_input(damage, damaged):
    damage(damaged)

    with pytest.raises(BadInput, match=r"damaged\.mlpackage"):
        executor.load(damaged)


def test_an_image_of_another_size_or_type_is_bad_input(convolution, image):
    program = executor.load(convolution)

    with pytest.raises(BadInput, match=r"shape \(10, 12, 3\), the package expects uint8 \(12, 10, 3\)"):
        program.run(image.transpose(1, 0, 2), rounding="fp32")
    with pytest.raises(BadInput, match="image is float32"):
        program.run(image.astype(np.float32), rounding="fp32")


def test_reading_and_running_a_package_changes_none_of_its_bytes(convolution, image, damaged):
    before = {path: path.read_bytes() for path in damaged.rglob("*") if path.is_file()}

    executor.load(damaged).run(image, rounding="fp16")
    package.read_metadata(damaged)

    assert {path: path.read_bytes() for path in damaged.rglob("*") if path.is_file()} == before


def test_a_manifest_that_leads_out_of_the_package_is_refused(damaged):
    manifest = damaged / "Manifest.json"
    outside = damaged.parent / "model.mlmodel"
    outside.write_bytes((damaged / MODEL).read_bytes())
    manifest.write_text(manifest.read_text().replace(package.SPECIFICATION, "../../model.mlmodel"))

    with pytest.raises(BadInput, match="lies outside it"):
        package.read_specification(damaged)


def test_operators_named_single_stay_in_float32(network, image, tmp_path):
    built = network("a = Mul(image, many)  logits = Mul(a, few)", {"many": np.float32(3e4), "few": np.float32(1e-3)})
    emit(read_graph(built.model), tmp_path / "p.mlpackage", precision="fp16", metadata={}, single={"a", "logits"})

    healed = executor.load(tmp_path / "p.mlpackage").run(image, rounding="fp16")["logits"]

    np.testing.assert_allclose(healed, built.reference(image), rtol=1e-6)


def test_constants_that_float16_does_not_hold_keep_their_operator_in_float32(network, image, tmp_path):
    built = network("a = Mul(image, many)  logits = Mul(a, few)", {"many": np.float32(1e6), "few": np.float32(1e-9)})

    logits = executor.load(built.emit(tmp_path / "p.mlpackage", "fp16")).run(image, rounding="fp16")["logits"]

    np.testing.assert_allclose(logits, built.reference(image), rtol=1e-6)


def test_what_float16_would_round_to_nothing_stays_positive(network, image, tmp_path):
    """An epsilon of zero would divide by zero wherever an image is constant."""
    nodes = "a = Sub(image, image)  b = Add(a, tiny)  logits = Div(a, b)"
    path = network(nodes, {"tiny": np.float32(1e-12)}).emit(tmp_path / "p.mlpackage", "fp16")

    logits = executor.load(path).run(image, rounding="fp16")["logits"]

    assert (logits == 0).all()


def test_a_trace_shows_every_tensor_and_ends_with_the_outputs(convolution, image):
    program = executor.load(convolution)

    traced = list(program.trace(program.feeds(image), rounding="fp16"))

    assert [name for name, _ in traced] == ["image", "image_fp16", "logits_fp16", "logits"]
    np.testing.assert_array_equal(traced[-1][1], program.run(image, rounding="fp16")["logits"])


def test_no_tensor_outlives_its_last_reader(network, image, tmp_path):
    nodes = " ".join(f"t{n + 1} = Relu(t{n})" for n in range(1, 9))
    program = executor.load(network(f"t1 = Relu(image) {nodes} logits = Add(t9, t1)").emit(tmp_path / "p.mlpackage"))
    seen, alive = [], []

    for _, value in program._execute(program.feeds(image), "fp32"):
        seen.append(weakref.ref(value))
        del value
        alive.append(sum(reference() is not None for reference in seen))

    assert len(seen) == 11
    assert max(alive) <= 3, "t1, which the last step reads, and what the present one reads and writes"


def test_arrays_of_another_name_shape_or_type_are_bad_input(together, tmp_path):
    inputs = {"x": np.ones((2, 3), np.float32), "n": np.ones(3, np.int64)}
    model = together(["Gather<axis=1>(x, n)"], inputs, {})
    emit(read_graph(model), tmp_path / "p.mlpackage", precision="fp32", metadata={}, image=False)
    program = executor.load(tmp_path / "p.mlpackage")

    assert program.evaluate(inputs, rounding="fp32")["case_0"].shape == (2, 3)
    with pytest.raises(BadInput, match="inputs are x; the package expects x, n"):
        program.evaluate({"x": inputs["x"]}, rounding="fp32")
    with pytest.raises(
        BadInput, match=r"'n' is int64 of shape \(4,\), the package expects torch.int32 of shape \(3,\)"
    ):
        program.evaluate({**inputs, "n": np.ones(4, np.int64)}, rounding="fp32")
    with pytest.raises(BadInput, match="'n' is float32"):
        program.evaluate({**inputs, "n": np.ones(3, np.float32)}, rounding="fp32")
    with pytest.raises(BadInput, match="takes arrays x, n, no image"):
        program.run(np.zeros((2, 3, 3), np.uint8), rounding="fp32")
