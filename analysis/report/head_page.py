"""The heads of one sentence as one HTML page that needs no network, or as numbers."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np

from ..single.sentence_maps import Heads, Maps
from ..single.sentence_words import SentenceWords
from ..wording import decimal
from .page import policy, render, resource, script_json
from .word_shades import Word, shaded

FINE = 4_000_000
"""Values up to which each takes two bytes in the page; above it takes one."""

LABELS = {
    "attention": "Attention",
    "norm": "Norm-weighted",
    "effective": "Effective",
}
ABOUT = {
    "attention": "How much a token (row) reads of each token (column): α, a row sums to 1.",
    "norm": "The length of what it reads, ‖α f(x)‖: attention times the length of the transformed "
    "value (Kobayashi et al. 2020). Rows do not sum to 1.",
    "effective": "Attention without the part that no value vector can show (Brunner et al. 2020). "
    "It can be negative; where a head has at least as many dimensions as there are tokens, it is "
    "attention.",
}


def heads_numbers(heads: Heads) -> dict[str, Any]:
    """Everything as plain JSON values; maps of pruned heads are null, `before` has the others."""
    return {
        "model": heads.model,
        "sentence": heads.sentence,
        "tokens": list(heads.tokens),
        "alive": heads.alive.astype(int).tolist(),
        "maps": {kind: _lists(maps) for kind, maps in heads.maps.items()},
        "before": {kind: _lists(maps) for kind, maps in heads.before.items()},
        "words": [
            {
                "method": one.method,
                "variant": one.variant,
                "prediction": one.prediction,
                "logit_difference": _digits(one.logit_difference),
                "delta": _digits(one.delta),
                "sentences": [
                    [{"word": word, "attribution": _digits(value)} for word, value in sentence]
                    for sentence in one.sentences
                ],
            }
            for one in heads.words
        ],
    }


def render_heads(heads: Heads) -> str:
    """The page as text; the same heads give the same page."""
    L, H = heads.alive.shape
    style, script = resource("view.css", "words.css"), resource("view.js")
    return render(
        "view.html.j2",
        heads=heads,
        L=L,
        H=H,
        n_alive=int(heads.alive.sum()),
        words=[(one, _shaded(one), _said(one)) for one in heads.words],
        kinds=[(kind, LABELS[kind], ABOUT[kind]) for kind in heads.maps],
        style=style,
        script=script,
        policy=policy(style, script),
        data=script_json(page_data(heads)),
    )


def _shaded(words: SentenceWords) -> list[tuple[Word, ...]]:
    largest = max((abs(value) for one in words.sentences for _, value in one), default=0.0)
    return [shaded(sentence, largest) for sentence in words.sentences]


def _said(words: SentenceWords) -> str:
    """What the numbers add up to, in one sentence."""
    said = f"Logit of {words.prediction} minus that of the baseline: "
    said += decimal(words.logit_difference, 3)
    if math.isnan(words.delta):
        return said
    return f"{said}; the attributions sum to it within {abs(words.delta):.1g}"


def _digits(value: float) -> float | None:
    """Six digits after the point, as JSON has it; null where the value is missing."""
    return None if math.isnan(value) else round(value, 6)


def page_data(heads: Heads) -> dict[str, Any]:
    """What the page draws from.

    Each map is packed as unsigned whole numbers q of `bytes` bytes, little-endian, in base64:
    value = low + q * (high - low) / levels. Pruned heads have the whole model's map, or zeros.
    """
    size = sum(maps.size for maps in heads.maps.values())
    wide = 2 if size <= FINE else 1
    return {
        "tokens": list(heads.tokens),
        "alive": heads.alive.astype(int).tolist(),
        "before": bool(heads.before),
        "bytes": wide,
        "levels": 2 ** (8 * wide) - 1,
        "kinds": {
            kind: _packed(_joined(maps, heads.before.get(kind)), wide)
            for kind, maps in heads.maps.items()
        },
    }


def _joined(maps: Maps, before: Maps | None) -> Maps:
    return np.nan_to_num(maps if before is None else np.where(np.isnan(maps), before, maps))


def _packed(maps: Maps, wide: int) -> dict[str, Any]:
    levels = 2 ** (8 * wide) - 1
    low = np.minimum(maps.min((2, 3)), 0.0)
    high = maps.max((2, 3))
    step = np.where(high > low, (high - low) / levels, 1.0)[..., None, None]
    whole = np.rint((maps - low[..., None, None]) / step).astype(f"<u{wide}")
    return {
        "low": _numbers(low),
        "high": _numbers(high),
        "data": base64.b64encode(whole.tobytes()).decode("ascii"),
    }


def _numbers(values: Maps) -> list[list[float]]:
    return [[float(f"{value:.9g}") for value in row] for row in values]


def _lists(maps: Maps) -> list[list[list[list[float]] | None]]:
    """Nested lists rounded to 6 digits; None for heads without a map."""
    return [
        [None if np.isnan(grid).any() else grid.round(6).tolist() for grid in layer]
        for layer in maps
    ]
