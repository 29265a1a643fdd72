"""The classifier: a small network on map features, with calibrated probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from ...data.errors import DataFileError
from ...data.files.atomic import atomic_path, canonical_json, digest
from ...data.files.json_text import json_object
from ...data.files.reading import reading
from ...data.output.ownership import SIGNED
from .classes import PATTERNS
from .feature_names import FEATURES

if TYPE_CHECKING:  # a run is planned by the hash of its classifier, without torch
    import torch

Floats = npt.NDArray[np.float64]

HIDDEN = (48, 24)
_NAMES = ("centre", "scale", "w1", "b1", "w2", "b2", "w3", "b3", "temperature", "threshold")
_FORMAT = 1
FOLDER = ("resources", "patterns")
SHIPPED = "classifier.safetensors"


@dataclass(frozen=True)
class PatternClassifier:
    """Standardised features -> ReLU -> ReLU -> logits / temperature -> softmax.

    Attributes:
        tensors: the parameters by name, float64; `temperature` and `threshold` have one number.
        meta: how it was trained and what it scored: plain JSON values.
    """

    tensors: dict[str, Floats]
    meta: dict[str, Any]

    @property
    def threshold(self) -> float:
        """Probability below which the classifier abstains."""
        return float(self.tensors["threshold"][0])

    @cached_property
    def digest(self) -> str:
        """A hash of the parameters."""
        return digest({name: one.ravel().tolist() for name, one in self.tensors.items()})

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """Logits before the temperature [M, 5] of features [M, F]."""
        import torch

        part = {name: torch.from_numpy(one) for name, one in self.tensors.items()}
        hidden = (features - part["centre"]) / part["scale"]
        hidden = (hidden @ part["w1"] + part["b1"]).relu()
        hidden = (hidden @ part["w2"] + part["b2"]).relu()
        return hidden @ part["w3"] + part["b3"]

    def probabilities(self, features: torch.Tensor) -> torch.Tensor:
        """Calibrated probabilities [M, 5] of features [M, F]."""
        return (self.logits(features) / float(self.tensors["temperature"][0])).softmax(dim=1)

    def classify(self, maps: torch.Tensor) -> torch.Tensor:
        """Calibrated probabilities [M, 5] of maps of one length [M, n, n], without padding."""
        from .features import map_features

        return self.probabilities(map_features(maps))

    def calibrated(self, temperature: float, threshold: float) -> PatternClassifier:
        """The same with another temperature and threshold."""
        one = {"temperature": np.array([temperature]), "threshold": np.array([threshold])}
        return replace(self, tensors={**self.tensors, **one})

    def save(self, path: Path) -> None:
        """Write one safetensors file in single precision; equal classifiers are equal bytes."""
        meta = {"format": _FORMAT, "patterns": PATTERNS, "features": FEATURES, **self.meta}
        tensors = {name: self.tensors[name].astype(np.float32) for name in _NAMES}
        with atomic_path(path) as temporary:
            save_file(tensors, temporary, metadata={SIGNED: canonical_json(meta)})

    @classmethod
    def load(cls, path: Path) -> PatternClassifier:
        """Read a file that `save` wrote.

        Raises:
            DataFileError: if it is missing or is not a classifier of these patterns and features.
        """
        from safetensors import safe_open

        remedy = "write one with `subprobe patterns train`"
        if not path.is_file():
            raise DataFileError("no such file", where=str(path), remedy=remedy)
        problem = "is not a classifier of attention patterns"
        with reading(path, problem=problem, remedy=remedy):
            with safe_open(path, framework="numpy") as file:
                text = (file.metadata() or {}).get(SIGNED, "{}")
            stored = load_file(path)
        meta = json_object(text, path, remedy=remedy)
        known = meta.get("patterns") == list(PATTERNS) and meta.get("features") == list(FEATURES)
        if set(stored) != set(_NAMES) or not known or meta.get("format") != _FORMAT:
            raise DataFileError(
                "is not a classifier of these patterns and features", where=str(path), remedy=remedy
            )
        _check_parameters(stored, path, remedy)
        facts = {key: meta[key] for key in meta if key not in ("format", "patterns", "features")}
        return cls({name: stored[name].astype(np.float64) for name in _NAMES}, facts)


def _check_parameters(stored: Mapping[str, npt.NDArray[Any]], path: Path, remedy: str) -> None:
    """Raise unless every parameter has its shape and is a number that can be calculated with."""
    inner, outer = HIDDEN
    wide, patterns = len(FEATURES), len(PATTERNS)
    shapes = {"centre": (wide,), "scale": (wide,), "w1": (wide, inner), "b1": (inner,),
              "w2": (inner, outer), "b2": (outer,), "w3": (outer, patterns), "b3": (patterns,),
              "temperature": (1,), "threshold": (1,)}  # fmt: skip
    for name, shape in shapes.items():
        one, problem = stored[name], ""
        if one.shape != shape:
            problem = f"has shape {list(one.shape)}, expected {list(shape)}"
        elif one.dtype.kind != "f" or not np.isfinite(one).all():
            problem = "contains NaN or infinity"
        elif name in ("scale", "temperature") and not (one > 0).all():
            problem = "must be > 0"
        if problem:
            raise DataFileError(f"{name} {problem}", where=str(path), remedy=remedy)


@cache
def shipped_classifier() -> PatternClassifier:
    """The classifier that comes with the package, trained on synthetic maps."""
    return PatternClassifier.load(Path(str(files("subprobe.data").joinpath(*FOLDER, SHIPPED))))


def classifier_of(path: str = "") -> PatternClassifier:
    """The user's own classifier, or the built-in one where no file is named."""
    return PatternClassifier.load(Path(path)) if path else shipped_classifier()
