import contextlib
import io
import zipfile

import numpy as np
import pytest
from onnx.helper import make_node

from conversion.artefact.metadata import CONTRACT_KEY, describe_model
from conversion.source.graph import read_graph
from conversion.tflite import mediapipe
from conversion.tflite.emitter import emit
from conversion.tflite.interpreter import open_interpreter
from conversion.tflite.metadata import read_entries, read_metadata
from training.student.contract import Contract
from training.student.errors import BadInput

BINARY = Contract(8, 12, 4, ("person",), threshold=0.5)
SEVERAL = Contract(8, 12, 4, ("sky", "road & pavement", "Bäume"))


def _metadata(contract, **properties):
    return mediapipe.metadata(contract, describe_model(properties, contract))


def _emitted(model, contract):
    network = model([make_node("Relu", ["image"], ["logits"])])
    return emit(read_graph(network), metadata={CONTRACT_KEY: contract.to_json()} if contract else {})


def test_metadata_comes_back_as_it_was_written():
    found = mediapipe.read_metadata(_metadata(BINARY, author="A. Nother", license="MIT"))

    assert (found["author"], found["license"]) == ("A. Nother", "MIT")
    assert found["min_parser_version"] == "1.5.0"
    (graph,) = found["subgraph_metadata"]
    (image,), (logits,) = graph["input_tensor_metadata"], graph["output_tensor_metadata"]
    assert image["content"]["properties"] == ("ImageProperties", {"color_space": 1})
    assert image["process_units"] == [{"options": ("NormalizationOptions", {"mean": [0.0], "std": [1.0]})}]
    assert image["stats"] == {"max": [255.0], "min": [0.0]}
    assert logits["content"]["range"] == {"min": 1, "max": 2}
    assert logits["description"].endswith("then foreground above 0.5")


@pytest.mark.parametrize(("contract", "activation"), [(BINARY, "sigmoid"), (SEVERAL, "softmax")])
def test_the_activation_is_the_one_that_belongs_to_the_logits(contract, activation):
    (graph,) = mediapipe.read_metadata(_metadata(contract))["subgraph_metadata"]
    (custom,) = graph["custom_metadata"]

    assert custom["name"] == "SEGMENTER_METADATA"
    assert mediapipe.ACTIVATIONS[custom["data"]["activation"]] == activation


def test_class_names_are_the_lines_of_a_file_in_an_archive_behind_the_model(model):
    converted = _emitted(model, SEVERAL)

    assert mediapipe.labels(converted) == list(SEVERAL.classes)
    with zipfile.ZipFile(io.BytesIO(converted)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [mediapipe.LABELS]


def test_a_file_with_an_archive_behind_it_still_runs(model):
    interpreter = open_interpreter(_emitted(model, BINARY))
    (image,) = interpreter.get_input_details()
    interpreter.set_tensor(image["index"], np.full(image["shape"], 0.5, image["dtype"]))
    interpreter.invoke()

    (output,) = interpreter.get_output_details()
    assert np.isfinite(interpreter.get_tensor(output["index"])).all()


def test_the_same_model_gives_the_same_bytes(model):
    assert _emitted(model, SEVERAL) == _emitted(model, SEVERAL)


def test_a_model_without_a_contract_claims_nothing(model):
    converted = _emitted(model, None)

    assert read_entries(converted) == {}
    assert mediapipe.labels(converted) == []


def test_binary_entries_are_no_text(model):
    converted = _emitted(model, BINARY)

    assert set(read_entries(converted)) == {CONTRACT_KEY, mediapipe.ENTRY}
    assert set(read_metadata(converted)) == {CONTRACT_KEY}


def test_damaged_metadata_is_refused_wherever_it_is_damaged():
    whole = _metadata(SEVERAL)

    with pytest.raises(BadInput, match="expected b'M001'"):
        mediapipe.read_metadata(b"")
    for end in range(8, len(whole) - 16, 7):
        with pytest.raises(BadInput, match="damaged"):
            mediapipe.read_metadata(whole[:end])
    for at in range(8, len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 0xFF
        with contextlib.suppress(BadInput):
            mediapipe.read_metadata(bytes(damaged))


def test_a_member_of_a_union_that_the_schema_leaves_out_is_left_out():
    schema, kinds = mediapipe.SCHEMA, ("FeatureProperties", "ImageProperties", "AudioProperties")
    richer = type(schema)(
        tables={**schema.tables, "AudioProperties": {"channels": "uint"}},
        unions={**schema.unions, "ContentProperties": kinds},
    )
    packed = richer.pack("Content", {"properties": ("AudioProperties", {"channels": 2}), "range": {"min": 1}}, b"TEST")

    assert schema.unpack("Content", packed, b"TEST") == {"range": {"min": 1}}
