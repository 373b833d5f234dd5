"""Finds the weights of a teacher's models: in a folder, in the hub's cache, or on the Hugging Face hub."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

from training.student import installation
from training.student.bounded_read import read_json_as
from training.student.digest import sha256
from training.student.errors import BadInput

REVISIONS: Mapping[str, str] = MappingProxyType(
    {
        "IDEA-Research/grounding-dino-tiny": "a2bb814dd30d776dcf7e30523b00659f4f141c71",
        "IDEA-Research/grounding-dino-base": "12bdfa3120f3e7ec7b434d90674b3396eccf88eb",
        "google/owlv2-base-patch16-ensemble": "cfd3195ba4ea9592eec887ded089f4c08eff231d",
        "google/owlv2-large-patch14-ensemble": "95e26936e865f87db1742128404b3c035d47d89d",
        "facebook/sam-vit-base": "70c1a07f894ebb5b307fd9eaaee97b9dfc16068f",
        "facebook/sam-vit-large": "6851e0441005b0fb96f2cc4dfac472f3d1b14af1",
        "facebook/sam-vit-huge": "87aecf0df4ce6b30cd7de76e87673c49644bdf67",
        "facebook/sam2.1-hiera-tiny": "de431c4043854a71d8101e17995dfe596bf101a5",
        "facebook/sam2.1-hiera-small": "ee5bba1d82bb8749febdf90f45e84b687142ba03",
        "facebook/sam2.1-hiera-base-plus": "b7320756a13354e7530a63935656d35b2f91a290",
        "facebook/sam2.1-hiera-large": "665f8e2ad61cf5f53d65644ff27c8ee525124610",
        "facebook/sam3": "3c879f39826c281e95690f02c7821c4de09afae7",
        "CIDAS/clipseg-rd64-refined": "999e0328d9e10b484360c477313983f9afdd7050",
    }
)
"""The commit to use of each repository, with file digests that others have published as well. For other repositories it
is the commit of `main` when first downloaded. Sidecars record the commit in both cases."""

# The files that loading needs, and none that can run code: no pickles, no Python.
_PATTERNS = ["*.json", "*.txt", "*.safetensors"]

# Seconds to wait for the hub's first answer.
_PATIENCE = 10


class WeightsMissing(BadInput):
    """Weights are not on this machine and cannot be downloaded. The message says how, and ends in `say ROLE=FOLDER`."""


@dataclass(frozen=True, slots=True)
class Weights:
    """The files of one model, on this machine."""

    role: str
    """What the model is in its teacher: `detector`, `segmenter` or `model`."""
    folder: Path
    origin: str
    """The folder as given, or REPOSITORY@COMMIT."""
    model_type: str
    """The architecture: `model_type` in `config.json`."""

    def record(self) -> dict[str, str]:
        """Origin, and the SHA-256 of each file that is loaded, for a sidecar."""
        files = sorted(path for pattern in _PATTERNS for path in self.folder.glob(pattern))
        return {self.role: self.origin} | {f"{self.role}/{path.name}": sha256(path) for path in files}


def find_weights(role: str, name: str, architectures: Mapping[str, Any]) -> Weights:
    """Find the weights in a folder or a repository of the hub.

    Args:
        role: What the model is in its teacher, for messages.
        name: A folder, or OWNER/NAME of a repository; OWNER/NAME@REVISION takes a revision other than the pinned.
        architectures: The supported architectures, as keys.

    Raises:
        WeightsMissing: They are not on this machine and cannot be downloaded.
        BadInput: The architecture is not supported, the weights are not safetensors, or a library is missing.
    """
    if missing := [library for library in ("transformers", "peft") if not find_spec(library)]:
        raise installation.missing("this teacher", missing[0])
    if Path(name).is_dir():
        folder, origin = Path(name), str(Path(name))
    elif name.count("/") == 1 and not name.startswith((".", "/", "~")):
        folder, origin = _from_hub(role, *_revision(name))
    else:
        raise BadInput(
            f"{name} is not a folder; expected one with the {role}, or OWNER/NAME of a repository on the hub"
        )
    model_type = _model_type(folder)
    if model_type not in architectures:
        raise BadInput(f"{origin} is of kind '{model_type}', expected a {role} of kind {' or '.join(architectures)}")
    if not any(folder.glob("*.safetensors")):
        raise BadInput(f"{origin} has no .safetensors file; convert its weights, since other formats can run code")
    return Weights(role, folder, origin, model_type)


def _revision(name: str) -> tuple[str, str]:
    repository, _, revision = name.partition("@")
    return repository, revision or REVISIONS.get(repository, "main")


def _from_hub(role: str, repository: str, revision: str) -> tuple[Path, str]:
    from huggingface_hub import HfApi, snapshot_download

    def fetched(commit: str, local: bool) -> Path:
        return Path(snapshot_download(repository, revision=commit, allow_patterns=_PATTERNS, local_files_only=local))

    try:
        # Prefer a snapshot in the cache, also of `main`, so that masks do not change from one day to the next.
        folder = fetched(revision, local=True)
        if _whole(folder):
            return folder, f"{repository}@{folder.name}"
    except OSError:
        pass
    try:
        # Ask the hub once before downloading, which would retry for half a minute before it gives up.
        commit = HfApi().model_info(repository, revision=revision, timeout=_PATIENCE).sha or revision
        return fetched(commit, local=False), f"{repository}@{commit}"
    except Exception as error:
        wanted = " ".join(f"'{pattern}'" for pattern in _PATTERNS)
        raise WeightsMissing(
            f"no weights of {repository} here, and none from the hub ({first_line(error)}); fetch them with: "
            f"hf download {repository} --revision {revision} --include {wanted} --local-dir FOLDER, "
            f"and say {role}=FOLDER"
        ) from error


_FETCH_AGAIN = "expected a folder as `hf download` makes"


@dataclass(frozen=True, slots=True)
class _Index:
    """Of weights in several files."""

    weight_map: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Config:
    model_type: str


def _whole(folder: Path) -> bool:
    """Whether a snapshot has all files that loading needs; an index lists them."""
    index = folder / "model.safetensors.index.json"
    parts = {"model.safetensors"}
    if index.is_file():
        parts = set(read_json_as(_Index, index, _FETCH_AGAIN).weight_map.values())
    return all((folder / part).is_file() for part in {"config.json", *parts})


def _model_type(folder: Path) -> str:
    path = folder / "config.json"
    return read_json_as(_Config, path, _FETCH_AGAIN, finite=False).model_type


def first_line(error: Exception) -> str:
    """What went wrong, short enough for a message of one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
