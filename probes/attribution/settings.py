"""Settings of attribution: method, target class and baseline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from ...data.errors import ConfigError, UnknownNameError

Method = Literal[
    "integrated-gradients", "input-x-gradient", "saliency", "gradient-shap", "layer-conductance",
    "feature-ablation", "shapley-sampling", "kernel-shap",
]  # fmt: skip
METHODS: tuple[Method, ...] = get_args(Method)

PATHS = ("integrated-gradients", "layer-conductance")
"""Methods that integrate along the straight line from the baseline, in `n_steps` points."""
DRAWN = ("gradient-shap", "shapley-sampling", "kernel-shap")
"""Methods that draw at random, `n_samples` times."""
COMPLETE = (*PATHS, *DRAWN)
"""Methods whose attributions sum to the difference of the logits between text and baseline."""
WITHOUT_BASELINE = ("input-x-gradient", "saliency")
"""Methods that do not use a reference input."""

Target = Literal["predicted", "gold"]
"""Whose logit is attributed: that of the class that the model predicts, or that of the label."""

Baseline = Literal["pad", "mask", "zero", "mean"]
"""The replacement for the embedding of every word piece: the padding or the mask token's embedding,
zero, or the mean over the vocabulary.
"""

_DEEP_LIFT = ("deeplift", "deep-lift", "layer-deeplift", "deeplift-shap", "deep-lift-shap")


@dataclass(frozen=True)
class AttributionSettings:
    """One way to attribute.

    Attributes:
        method: one of `METHODS`.
        target: class whose logit is attributed.
        baseline: what replaces the embeddings of words.
        n_steps: points of the Gauss-Legendre integration.
        tolerance: convergence delta of an example, in logits, above which its steps are doubled;
            None = `n_steps` for all.
        n_samples: draws of gradient SHAP, orders of Shapley sampling, sets of words of kernel SHAP.
        layer: block of layer conductance, from 0.
        batch_size: examples that are encoded and classified together.
        internal_batch_size: texts per forward (and backward) pass, over examples and steps, draws
            or words.
        seed: seed of the draws.

    Raises:
        UnknownNameError: if there is no such method, target or baseline.
        ConfigError: for DeepLift, and for a number that is too small.
    """

    method: str = "integrated-gradients"
    target: str = "predicted"
    baseline: str = "pad"
    n_steps: int = 16
    tolerance: float | None = None
    n_samples: int = 25
    layer: int = 0
    batch_size: int = 8
    internal_batch_size: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        check_method(self.method)
        for kind, name, known in (
            ("attribution target", self.target, get_args(Target)),
            ("attribution baseline", self.baseline, get_args(Baseline)),
        ):
            if name not in known:
                raise UnknownNameError(kind, name, known)
        for name, least in (
            ("n_steps", 2), ("n_samples", 1), ("layer", 0), ("batch_size", 1),
            ("internal_batch_size", 1), ("seed", 0),
        ):  # fmt: skip
            if getattr(self, name) < least:
                raise ConfigError(f"{name} must be >= {least}, got {getattr(self, name)}")
        if self.tolerance is not None and not self.tolerance > 0:
            raise ConfigError(f"tolerance must be > 0, got {self.tolerance}")

    @property
    def variant(self) -> str:
        """The method and all settings that its values depend on, as written in rows."""
        said = [self.method]
        if self.method in PATHS:
            said.append(f"n_steps={self.n_steps}")
            if self.tolerance is not None:
                said.append(f"tolerance={self.tolerance:g}")
        if self.method in DRAWN:
            said.append(f"n_samples={self.n_samples}")
        if self.method == "layer-conductance":
            said.append(f"layer={self.layer}")
        if self.method not in WITHOUT_BASELINE:
            said.append(f"baseline={self.baseline}")
        if self.target != "predicted":
            said.append(f"target={self.target}")
        return ";".join(said)


def check_method(name: str) -> None:
    """Raise unless there is a method of that name.

    Raises:
        UnknownNameError: listing the methods.
        ConfigError: for DeepLift, with the reason.
    """
    if name.lower() in _DEEP_LIFT:
        raise ConfigError(
            f"{name} is not supported: its rules do not cover the activations of these encoders, "
            "so its result would equal gradient x (embedding - baseline)",
            remedy="use integrated-gradients, or input-x-gradient",
        )
    if name not in METHODS:
        raise UnknownNameError("attribution method", name, METHODS)


def check_methods(names: Iterable[str]) -> None:
    """Raise unless each method exists and occurs only once.

    Raises:
        UnknownNameError: listing the methods.
        ConfigError: for DeepLift, for no method, or for duplicates.
    """
    seen: set[str] = set()
    for name in names:
        check_method(name)
        if name in seen:
            raise ConfigError(
                f"'method' contains duplicates: {name}", remedy="name each method only once"
            )
        seen.add(name)
    if not seen:
        raise ConfigError(
            "no attribution method", remedy=f"name at least one of {', '.join(METHODS)}"
        )
