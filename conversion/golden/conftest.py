import base64
import json

import numpy as np
import pytest

from conversion.golden.vectors import write_vectors


def tensor(entry):
    dtype = {"uint8": "u1", "float32": "<f4"}[entry["type"]]
    return np.frombuffer(base64.b64decode(entry["data"], validate=True), dtype).reshape(entry["shape"])


@pytest.fixture(scope="session")
def vectors(tmp_path_factory):
    """The vectors as an app reads them: by the name of the file, then by the name of the vector."""
    folder = tmp_path_factory.mktemp("golden")
    write_vectors(folder)
    files = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder.iterdir()}
    assert {file["schema"] for file in files.values()} == {1}
    return {stem: {vector["name"]: vector for vector in file["vectors"]} for stem, file in files.items()}
