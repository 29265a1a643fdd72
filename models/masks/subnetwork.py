"""The subnetwork: an immutable mask with metadata about its origin."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...data.errors import MaskError, UnknownNameError
from ...data.files.atomic import atomic_path
from .algebra import complement, difference, intersection, union
from .constants import constants_bytes, own_constants
from .fitting import check_fits
from .mask_file import ARRAYS, check_metadata, own_array, pack, read_mask, to_bytes
from .names import ABLATIONS as ABLATIONS
from .names import FORMAT_VERSION, KINDS, METHODS, SEMANTICS_VERSION
from .shown import as_html, in_short

if TYPE_CHECKING:  # reading and writing masks must not import torch, which the anatomy needs
    from ..encoder.anatomy import Anatomy

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Subnetwork:
    """The kept heads, MLPs, neurons and weights of an encoder; 1 = kept.

    Attributes:
        head_mask: kept heads, bool [L, H].
        mlp_mask: kept MLPs, bool [L].
        neuron_mask: kept neurons of the MLPs, bool [L, F]; None = all neurons.
        weight_masks: path of a module in the base model -> its kept weights, bool in the shape of
            the weight; empty = all weights.
        kind: `good`, `random`, `bad`, ... (KINDS).
        method: the method by which it was found (METHODS).
        importance: the importance by which its units were ranked.
        task: the task on which it was found.
        model: name of the pretrained encoder.
        seed_init: seed of the initial weights of the task head.
        seed_order: seed of the order of training examples.
        seed_draw: seed of the draw, for sampled kinds.
        draw: index of the draw, for sampled kinds.
        match: `layer` if it was drawn with the good mask's number of units in each layer.
        selection: the examples on which it was selected (`validation`, `train-10%`, `reported`).
        borrowed_heads: share of the heads of a bad mask that the good mask keeps too.
        borrowed_mlps: the same share for MLPs.
        borrowed_neurons: the same share for neurons.
        borrowed_weights: the same share for weights.
        fingerprint: hash of the weights on which it was found; empty = no particular weights.
        ablation: what replaces the output of a pruned unit (ABLATIONS).
        constants: the arrays that replace it (see `masks.constants`); empty for `zero`.
        constants_of: hash of the weights whose activations they are; empty = no particular ones.
        history: one record for each candidate of the search.
        format_version: version of the file format.
        semantics_version: version of the meaning of masks.

    Raises:
        MaskError: if the arrays do not match or a field has an invalid value.
    """

    head_mask: Mask
    mlp_mask: Mask
    neuron_mask: Mask | None = None
    weight_masks: Mapping[str, Mask] = field(default_factory=dict)
    kind: str = "good"
    method: str = "structured"
    importance: str = ""
    task: str = ""
    model: str = ""
    seed_init: int = 0
    seed_order: int = 0
    seed_draw: int = 0
    draw: int = 0
    match: str = ""
    selection: str = ""
    borrowed_heads: float = 0.0
    borrowed_mlps: float = 0.0
    borrowed_neurons: float = 0.0
    borrowed_weights: float = 0.0
    fingerprint: str = ""
    ablation: str = "zero"
    constants: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    constants_of: str = ""
    history: tuple[dict[str, Any], ...] = field(default=())
    format_version: int = FORMAT_VERSION
    semantics_version: int = SEMANTICS_VERSION

    def __post_init__(self) -> None:
        object.__setattr__(self, "head_mask", own_array("head_mask", self.head_mask, 2))
        object.__setattr__(self, "mlp_mask", own_array("mlp_mask", self.mlp_mask, 1))
        layers = len(self.head_mask)
        if layers != len(self.mlp_mask):
            raise MaskError(
                f"the head mask has {layers} layers, but the MLP mask has {len(self.mlp_mask)}"
            )
        if self.neuron_mask is not None:
            object.__setattr__(self, "neuron_mask", own_array("neuron_mask", self.neuron_mask, 2))
            if len(self.neuron_mask) != layers:
                raise MaskError(
                    f"the head mask has {layers} layers, but the neuron mask has "
                    f"{len(self.neuron_mask)}"
                )
        own = {
            path: own_array(path, self.weight_masks[path], 2) for path in sorted(self.weight_masks)
        }
        object.__setattr__(self, "weight_masks", MappingProxyType(own))
        constants = own_constants(
            self.ablation,
            self.constants,
            neurons=self.neuron_mask is not None,
            weights=bool(self.weight_masks),
        )
        object.__setattr__(self, "constants", constants)
        object.__setattr__(self, "history", tuple(dict(record) for record in self.history))
        check_metadata(self.metadata(), KINDS, METHODS)

    def __deepcopy__(self, _memo: dict[int, Any]) -> Subnetwork:
        """Return itself: it is immutable, so copied models share it."""
        return self

    @property
    def n_heads(self) -> int:
        """Number of kept heads."""
        return int(self.head_mask.sum())

    @property
    def n_mlps(self) -> int:
        """Number of kept MLPs."""
        return int(self.mlp_mask.sum())

    def counts(self) -> dict[str, tuple[int, int]]:
        """Type of unit -> (kept, all): heads, mlps, units (both together), neurons, weights."""
        heads, mlps = (self.n_heads, self.head_mask.size), (self.n_mlps, self.mlp_mask.size)
        counted = {"heads": heads, "mlps": mlps}
        counted["units"] = (heads[0] + mlps[0], heads[1] + mlps[1])
        if self.neuron_mask is not None:
            counted["neurons"] = (int(self.neuron_mask.sum()), self.neuron_mask.size)
        if self.weight_masks:
            masks = self.weight_masks.values()
            counted["weights"] = (sum(int(m.sum()) for m in masks), sum(m.size for m in masks))
        return counted

    @property
    def size_of(self) -> str:
        """The type of unit in which its size is counted: the finest one that it masks."""
        if self.weight_masks:
            return "weights"
        return "units" if self.neuron_mask is None else "neurons"

    @property
    def empty(self) -> bool:
        """Whether it prunes all units of the types that it masks."""
        return self.counts()[self.size_of][0] == 0

    def sparsity(self, of: str = "units") -> float:
        """Share of pruned units.

        Args:
            of: the denominator: `heads` (L*H), `mlps` (L), `units` (both together), and, if the
                mask has them, `neurons` (L*F) or `weights` (the weights under masks).

        Raises:
            UnknownNameError: if `of` has another value.
        """
        counted = self.counts()
        if of not in counted:
            raise UnknownNameError("denominator", of, counted)
        alive, total = counted[of]
        return 1 - alive / total

    @property
    def mask_id(self) -> str:
        """Hash of the masks, the ablation and the fingerprint of their weights (16 hex digits)."""
        parts = [repr(self.head_mask.shape).encode(), self.head_mask.tobytes()]
        parts += [self.mlp_mask.tobytes(), self.fingerprint.encode()]
        if self.neuron_mask is not None:
            parts += [b"neurons", self.neuron_mask.tobytes()]
        for path, mask in self.weight_masks.items():
            parts += [path.encode(), repr(mask.shape).encode(), pack(mask).tobytes()]
        if self.ablation != "zero":
            parts += [self.ablation.encode(), *constants_bytes(self.constants)]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]

    def metadata(self) -> dict[str, Any]:
        """All fields except the arrays."""
        named = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in named.items() if name not in ARRAYS}

    def describe(self) -> dict[str, Any]:
        """Metadata, counts and masks as plain JSON values."""
        return {
            **self.metadata(),
            "history": list(self.history),
            "mask_id": self.mask_id,
            "shape": list(self.head_mask.shape),
            "n_heads": self.n_heads,
            "n_mlps": self.n_mlps,
            "sparsity": {of: self.sparsity(of) for of in self.counts()},
            "head_mask": self.head_mask.astype(int).tolist(),
            "mlp_mask": self.mlp_mask.astype(int).tolist(),
        }

    def with_meta(self, **changes: Any) -> Subnetwork:
        """The same masks with other metadata."""
        return replace(self, **changes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Subnetwork) and self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return hash(self.to_bytes())

    __and__, __or__, __sub__, __invert__ = intersection, union, difference, complement
    __repr__, _repr_html_ = in_short, as_html
    check_fits = check_fits

    # -- files --------------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """The content of the mask file; equal masks and metadata give equal bytes."""
        return to_bytes({name: getattr(self, name) for name in ARRAYS}, self.metadata())

    def save(self, path: Path | str) -> None:
        """Write a safetensors file, atomically."""
        with atomic_path(path) as temporary:
            temporary.write_bytes(self.to_bytes())

    @classmethod
    def load(cls, path: Path | str, *, heads: int | None = None) -> Subnetwork:
        """Read a mask file or a mask of another tool: arrays in a folder, `.npy`, safetensors.

        Args:
            path: the file or folder; see `plain_masks` for masks of other tools.
            heads: H of the model, which a mask of only MLPs does not contain.

        Raises:
            MaskError: if the file does not exist, or is not a valid mask of this version.
        """
        known = {one.name for one in fields(cls)} - set(ARRAYS)
        versions = {"format_version": FORMAT_VERSION, "semantics_version": SEMANTICS_VERSION}
        values = read_mask(Path(path), known, versions, heads)
        try:
            return cls(**values)
        except MaskError as error:
            raise MaskError(error.problem, where=str(path), remedy=error.remedy) from error


def full_subnetwork(anatomy: Anatomy, **meta: Any) -> Subnetwork:
    """The mask that keeps every unit of a model.

    Args:
        anatomy: anatomy of the model.
        meta: fields of the mask; kind and method are `full` unless given.
    """
    return Subnetwork(
        head_mask=np.ones((anatomy.num_layers, anatomy.num_heads), dtype=np.bool_),
        mlp_mask=np.ones(anatomy.num_layers, dtype=np.bool_),
        **{"kind": "full", "method": "full", **meta},
    )
