"""The mark of each kind of subnetwork beside its name: colour and shape of the figures."""

from __future__ import annotations

from markupsafe import Markup

from ..figures.charts import COLOURS, SHAPES

_OUTLINES = {
    "circle": "circle(50%)",
    "square": "inset(8%)",
    "diamond": "polygon(50% 0, 100% 50%, 50% 100%, 0 50%)",
    "triangle-up": "polygon(50% 4%, 100% 92%, 0 92%)",
    "triangle-down": "polygon(50% 96%, 100% 8%, 0 8%)",
    "triangle-right": "polygon(96% 50%, 8% 100%, 8% 0)",
    "cross": "polygon(33% 0, 67% 0, 67% 33%, 100% 33%, 100% 67%, 67% 67%, 67% 100%, 33% 100%,"
    " 33% 67%, 0 67%, 0 33%, 33% 33%)",
}
"""Shape of a chart -> the same shape as a path of a style sheet."""


def kind_style() -> Markup:
    """Rules for the classes `kind-NAME`, to stand in a style element."""
    rules = (
        f".kind-{kind}::before {{ background: {colour}; clip-path: {_OUTLINES[SHAPES[kind]]}; }}"
        for kind, colour in COLOURS.items()
        if SHAPES[kind] in _OUTLINES
    )
    return Markup("\n".join(rules))
