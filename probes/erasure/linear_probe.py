"""A linear classifier fitted to its optimum, which shows whether a property can be decoded."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int64]

_STEPS = 1000


@dataclass(frozen=True)
class LinearProbe:
    """A logistic regression on vectors [D].

    Vectors are centred and divided by one number, so that the probe does not depend on their place,
    size or rotation.

    Attributes:
        weights: [K', D] of the K' classes that were seen; one row where there are two.
        bias: [K'].
        classes: which they are [K''], of two or more.
        centre: mean of the vectors [D].
        scale: root of their mean variance.
        converged: whether the optimum was reached.
    """

    weights: Floats
    bias: Floats
    classes: Codes
    centre: Floats
    scale: float
    converged: bool

    @classmethod
    def fit(cls, vectors: Floats, gold: Codes, penalty: float = 0.01) -> LinearProbe:
        """Minimise mean cross-entropy + penalty / 2 |weights|^2 by L-BFGS.

        Args:
            vectors: [T, D].
            gold: class of each [T].
            penalty: what it says; the mean makes it the same for few and many vectors.
        """
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        centre = vectors.mean(0, dtype=np.float64).astype(np.float32)
        moved = vectors - centre
        scale = float(np.sqrt(np.mean(np.square(moved, dtype=np.float64)))) or 1.0
        classes = np.unique(gold)
        if len(classes) < 2:
            nothing = np.zeros((1, vectors.shape[1]), np.float32)
            return cls(nothing, np.zeros(1, np.float32), classes, centre, scale, True)
        model = LogisticRegression(C=1 / (penalty * len(gold)), max_iter=_STEPS, tol=1e-3)
        moved /= np.float32(scale)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it is said in the notes
            model.fit(moved, gold)
        return cls(
            model.coef_.astype(np.float32), model.intercept_.astype(np.float32), classes, centre,
            scale, bool(model.n_iter_.max() < _STEPS),
        )  # fmt: skip

    def predict(self, vectors: Floats) -> Codes:
        """The class of each vector [T, D] -> [T]."""
        if len(self.classes) < 2:
            return np.full(len(vectors), self.classes[0])
        scores = (vectors - self.centre) / np.float32(self.scale) @ self.weights.T + self.bias
        if scores.shape[1] == 1:
            scores = np.concatenate([-scores, scores], axis=1)
        found: Codes = self.classes[scores.argmax(1)]
        return found
