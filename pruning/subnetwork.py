"""The subnetwork: an immutable mask of heads and MLPs that knows where it came from."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_safetensors

from ..data.atomic import atomic_path, canonical_json
from ..data.errors import MaskError, UnknownNameError
from .anatomy import Anatomy

FORMAT_VERSION = 1
"""Layout of the file."""

SEMANTICS_VERSION = 1
"""Meaning of a mask: where its gates act, what they keep."""

KINDS = (
    "full",
    "good",
    "random",
    "bad",
    "super",
    "anti",
    "middle",
    "reinit",
    "shuffled",
)
METHODS = ("full", "structured", "structured-heads", "structured-mlps", "magnitude", "l0", "imp")

_ARRAYS = {"head_mask": 2, "mlp_mask": 1}
_KEY = "subprobe"


@dataclass(frozen=True, eq=False)
class Subnetwork:
    """Which heads and MLPs of an encoder live; 1 = kept.

    Attributes:
        head_mask: living heads, bool [L, H].
        mlp_mask: living MLPs, bool [L].
        kind: `good`, `random`, `bad`, ... (KINDS).
        method: how it was found (METHODS).
        task: the task that it was found on.
        model: name of the pretrained encoder.
        seed_init: seed of the task head's weights.
        seed_order: seed of the order of training examples.
        seed_draw: seed of the draw, for sampled kinds.
        draw: number of the draw, for sampled kinds.
        selection: the examples that it was chosen on (`validation`, `train-10%`, `reported`).
        borrowed_heads: share of a bad mask's heads that are survivors of the good one.
        borrowed_mlps: the same for MLPs.
        fingerprint: hash of the weights that it was found on; empty = of no particular weights.
        history: one record for each candidate of the search.
        format_version: layout of the file.
        semantics_version: meaning of the masks.

    Raises:
        MaskError: if the arrays do not belong together or a field has no valid value.
    """

    head_mask: npt.NDArray[np.bool_]
    mlp_mask: npt.NDArray[np.bool_]
    kind: str = "good"
    method: str = "structured"
    task: str = ""
    model: str = ""
    seed_init: int = 0
    seed_order: int = 0
    seed_draw: int = 0
    draw: int = 0
    selection: str = ""
    borrowed_heads: float = 0.0
    borrowed_mlps: float = 0.0
    fingerprint: str = ""
    history: tuple[dict[str, Any], ...] = field(default=())
    format_version: int = FORMAT_VERSION
    semantics_version: int = SEMANTICS_VERSION

    def __post_init__(self) -> None:
        for name, dimensions in _ARRAYS.items():
            given = np.asarray(getattr(self, name))
            if given.ndim != dimensions or given.dtype != np.bool_:
                raise MaskError(
                    f"{name} is {given.dtype} with {given.ndim} dimensions",
                    remedy=f"give a bool array with {dimensions}",
                )
            # a copy of its own that nobody can change: masks are shared between cells
            own = given.copy()
            own.flags.writeable = False
            object.__setattr__(self, name, own)
        if len(self.head_mask) != len(self.mlp_mask):
            raise MaskError(
                f"head mask of {len(self.head_mask)} layers, MLP mask of {len(self.mlp_mask)}"
            )
        object.__setattr__(self, "history", tuple(dict(record) for record in self.history))
        _check_metadata(self.metadata())

    # -- what it keeps ------------------------------------------------------------------------

    @property
    def n_heads(self) -> int:
        """Number of living heads."""
        return int(self.head_mask.sum())

    @property
    def n_mlps(self) -> int:
        """Number of living MLPs."""
        return int(self.mlp_mask.sum())

    def sparsity(self, of: str = "units") -> float:
        """Share of units that are dead.

        Args:
            of: the denominator: `heads` (L*H), `mlps` (L) or `units` (both together).

        Raises:
            UnknownNameError: if `of` is none of the three.
        """
        heads, mlps = self.head_mask.size, self.mlp_mask.size
        counts = {
            "heads": (self.n_heads, heads),
            "mlps": (self.n_mlps, mlps),
            "units": (self.n_heads + self.n_mlps, heads + mlps),
        }
        if of not in counts:
            raise UnknownNameError("denominator", of, counts)
        alive, total = counts[of]
        return 1 - alive / total

    @property
    def mask_id(self) -> str:
        """Hash of the masks and of the weights that they were found on (16 hex digits)."""
        parts = [repr(self.head_mask.shape).encode(), self.head_mask.tobytes()]
        parts += [self.mlp_mask.tobytes(), self.fingerprint.encode()]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]

    def metadata(self) -> dict[str, Any]:
        """Every field but the masks."""
        named = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in named.items() if name not in _ARRAYS}

    def describe(self) -> dict[str, Any]:
        """Metadata, counts and masks as plain JSON values."""
        return {
            **self.metadata(),
            "history": list(self.history),
            "mask_id": self.mask_id,
            "shape": list(self.head_mask.shape),
            "n_heads": self.n_heads,
            "n_mlps": self.n_mlps,
            "sparsity": {of: self.sparsity(of) for of in ("heads", "mlps", "units")},
            "head_mask": self.head_mask.astype(int).tolist(),
            "mlp_mask": self.mlp_mask.astype(int).tolist(),
        }

    def with_meta(self, **changes: Any) -> Subnetwork:
        """The same masks under other metadata."""
        return replace(self, **changes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Subnetwork) and self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return hash(self.to_bytes())

    # -- where it fits ------------------------------------------------------------------------

    def check_fits(
        self,
        anatomy: Anatomy,
        fingerprint: str | None = None,
        *,
        allow_other_weights: bool = False,
        where: str | None = None,
    ) -> None:
        """Raise unless the mask belongs to this model.

        Args:
            anatomy: the model's.
            fingerprint: `weights_fingerprint` of the model; None checks the shape alone.
            allow_other_weights: accept a mask of the same shape that was found on other weights.
            where: the mask file, for the message.

        Raises:
            MaskError: if the shape differs, or the mask was found on other weights.
        """
        expected = (anatomy.num_layers, anatomy.num_heads)
        if self.head_mask.shape != expected:
            raise MaskError(
                f"the mask is for [L, H] = {list(self.head_mask.shape)}, the {anatomy.family} "
                f"model has {list(expected)}",
                where=where,
                remedy="use the model that the mask was found on",
            )
        if fingerprint is None or allow_other_weights or not self.fingerprint:
            return
        if fingerprint != self.fingerprint:
            raise MaskError(
                f"the mask was found on other weights ({self.fingerprint[:12]}) than the model's "
                f"({fingerprint[:12]})",
                where=where,
                remedy="use the model that the mask was found on, or allow other weights",
            )

    # -- files --------------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """The file's content: equal masks and metadata give equal bytes."""
        # one key: safetensors writes several in hash order
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        content: bytes = to_safetensors(arrays, metadata={_KEY: canonical_json(self.metadata())})
        return content

    def save(self, path: Path | str) -> None:
        """Write a safetensors file, whole or not at all."""
        with atomic_path(path) as temporary:
            temporary.write_bytes(self.to_bytes())

    @classmethod
    def load(cls, path: Path | str) -> Subnetwork:
        """Read a mask file.

        Raises:
            MaskError: if there is no such file, or it is not a valid mask of this version.
        """
        where = str(path)
        if not Path(path).is_file():
            raise MaskError("no such mask file", where=where)
        try:
            with safe_open(path, framework="np") as stored:
                meta = stored.metadata() or {}
                arrays = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, TypeError, ValueError) as error:
            raise MaskError(f"not a readable safetensors file ({error})", where=where) from error
        if set(meta) != {_KEY}:
            raise MaskError("not a mask: it has no subprobe metadata", where=where)
        if set(arrays) != set(_ARRAYS):
            raise MaskError(
                f"holds {sorted(arrays)} where a mask holds {sorted(_ARRAYS)}", where=where
            )
        try:
            values = _parse_metadata(meta[_KEY])
            for name, array in arrays.items():
                _check_bits(name, array)
            return cls(**arrays, **values)
        except MaskError as error:
            raise MaskError(error.problem, where=where, remedy=error.remedy) from error


def _check_bits(name: str, array: npt.NDArray[Any]) -> None:
    """Raise unless a stored mask is bool, and each of its bytes 0 or 1."""
    if array.dtype != np.bool_:
        raise MaskError(f"{name} is stored as {array.dtype}, not as bool")
    if array.size and array.view(np.uint8).max() > 1:
        raise MaskError(f"{name} holds bytes other than 0 and 1")


def _parse_metadata(text: str) -> dict[str, Any]:
    """Fields of a Subnetwork from their JSON, of the right version and no others."""
    try:
        values = json.loads(text)
    except ValueError as error:
        raise MaskError(f"metadata is not JSON ({error})") from error
    if not isinstance(values, dict):
        raise MaskError("metadata is not a JSON object")
    versions = {"format_version": FORMAT_VERSION, "semantics_version": SEMANTICS_VERSION}
    for name, ours in versions.items():
        if values.get(name) != ours:
            raise MaskError(
                f"{name.replace('_', ' ')} {values.get(name)!r}, this subprobe reads {ours}",
                remedy="find the mask again with this version",
            )
    known = {one.name for one in fields(Subnetwork)} - set(_ARRAYS)
    if set(values) != known:
        raise MaskError(f"metadata lacks or adds {sorted(set(values) ^ known)}")
    history = values["history"]
    if not isinstance(history, list) or not all(isinstance(one, dict) for one in history):
        raise MaskError("history is not a list of records")
    return values


def _check_metadata(values: dict[str, Any]) -> None:
    """Raise unless every field has its type, is finite, and names something that exists."""
    for one in fields(Subnetwork):
        if one.name in _ARRAYS:
            continue
        value, wanted = values[one.name], type(one.default)
        # exactly this type: True is no seed, and 0 and 0.0 would be other bytes
        if type(value) is not wanted:
            raise MaskError(f"{one.name} is {value!r}, not of type {wanted.__name__}")
    for name in ("borrowed_heads", "borrowed_mlps"):
        if not 0 <= values[name] <= 1:
            raise MaskError(f"{name} is {values[name]}, not a share between 0 and 1")
    for name, known in (("kind", KINDS), ("method", METHODS)):
        if values[name] not in known:
            raise MaskError(f"unknown {name} {values[name]!r}", remedy=f"known: {', '.join(known)}")
    for record in values["history"]:
        if any(isinstance(v, float) and not math.isfinite(v) for v in record.values()):
            raise MaskError("history holds a number that is not finite")


def full_subnetwork(anatomy: Anatomy, **meta: Any) -> Subnetwork:
    """The mask that keeps every unit of a model."""
    return Subnetwork(
        head_mask=np.ones((anatomy.num_layers, anatomy.num_heads), dtype=np.bool_),
        mlp_mask=np.ones(anatomy.num_layers, dtype=np.bool_),
        **{"kind": "full", "method": "full", **meta},
    )
