import json

import pytest

from conversion.artefact.metadata import CONTRACT_KEY
from conversion.coreml import package
from conversion.coreml.description import IMAGE_DESCRIPTION, PREVIEW
from conversion.coreml.emitter import emit
from conversion.source.graph import read_graph
from training.student.contract import Contract

# Of the image that `network` takes.
HEIGHT, WIDTH = 12, 10
BINARY = Contract(HEIGHT, WIDTH, 1, ("person",), threshold=0.25)
SEVERAL = Contract(HEIGHT, WIDTH, 2, ("sky", "road", "Bäume"))


def _description(network, path, contract=None, **properties):
    built = network("logits = Relu(image)")
    for name, text in properties.items():
        built.model.metadata_props.add(key=name, value=text)
    emit(
        read_graph(built.model),
        path,
        precision="fp32",
        metadata={CONTRACT_KEY: contract.to_json()} if contract else {},
    )
    return package.read_specification(path).description


def test_a_contract_says_what_goes_in_and_comes_out(network, tmp_path):
    described = _description(network, tmp_path / "p.mlpackage", BINARY)

    assert f"stretched to {HEIGHT} × {WIDTH} (rows × columns)" in described.input[0].shortDescription
    assert described.output[0].shortDescription.endswith("then foreground above 0.25")
    assert described.metadata.shortDescription == "Segments photos: person"
    assert Contract.from_json(described.metadata.userDefined[CONTRACT_KEY]) == BINARY


@pytest.mark.parametrize("contract", [BINARY, SEVERAL])
def test_xcode_is_told_to_preview_a_segmentation_with_a_colour_for_each_class(network, tmp_path, contract):
    user_defined = _description(network, tmp_path / "p.mlpackage", contract).metadata.userDefined

    assert user_defined[f"{PREVIEW}.type"] == "imageSegmenter"
    params = json.loads(user_defined[f"{PREVIEW}.params"])
    assert params["labels"] == list(contract.classes)
    assert len(set(params["colors"])) == len(contract.classes)


def test_author_version_and_licence_are_those_of_the_onnx_file(network, tmp_path):
    told = {"author": "A. Nother", "version": "2.1", "license": "MIT", "description": "Finds cats."}

    metadata = _description(network, tmp_path / "p.mlpackage", **told).metadata

    assert (metadata.author, metadata.versionString, metadata.license) == ("A. Nother", "2.1", "MIT")
    assert metadata.shortDescription == "Finds cats."


def test_of_a_model_without_a_contract_nothing_is_claimed(network, tmp_path):
    described = _description(network, tmp_path / "p.mlpackage")

    assert described.input[0].shortDescription == IMAGE_DESCRIPTION
    assert not described.output[0].shortDescription
    assert not any(name.startswith(PREVIEW) for name in described.metadata.userDefined)
    assert described.metadata.author == "not stated"
    assert "not stated" in described.metadata.license
