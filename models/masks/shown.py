"""Display of a mask: one line in a terminal, a grid of its units in a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ...data.errors import one_line

if TYPE_CHECKING:
    from .subnetwork import Subnetwork

_KEPT, _PRUNED = "■", "·"
_CELL = "padding:0 3px;text-align:center"


def in_short(mask: Subnetwork) -> str:
    """The kind, method, task, sizes and id of a mask."""
    about = " ".join(part for part in (mask.kind, mask.method, mask.task) if part)
    return one_line(f"Subnetwork({about}: {_sizes(mask)}, mask_id={mask.mask_id})")


def as_html(mask: Subnetwork) -> str:
    """An HTML table of layers by heads and MLP: ■ is kept, · is pruned; without scripts or colours.

    Characters in the text colour are legible on light and dark pages, and accessible to screen
    readers.
    """
    layers, heads = mask.head_mask.shape
    about = " · ".join(
        part for part in (mask.kind, mask.method, mask.importance, mask.task, mask.model) if part
    )
    columns = [*map(str, range(heads)), "MLP"]
    if mask.neuron_mask is not None:
        columns.append("neurons")
    rows = []
    for layer in range(layers):
        cells = [
            _unit(kept, f"layer {layer}, head {h}") for h, kept in enumerate(mask.head_mask[layer])
        ]
        cells.append(_unit(mask.mlp_mask[layer], f"layer {layer}, MLP"))
        if mask.neuron_mask is not None:
            own = mask.neuron_mask[layer]
            cells.append(f'<td style="{_CELL}">{int(own.sum())} of {own.size}</td>')
        rows.append(f'<tr><th style="{_CELL}">{layer}</th>{"".join(cells)}</tr>')
    head = "".join(f'<th style="{_CELL}">{name}</th>' for name in ("layer", *columns))
    return (
        '<table style="border-collapse:collapse;color:inherit">'
        '<caption style="text-align:left;caption-side:top;color:inherit">'
        f"{escape(about)}<br>{escape(_sizes(mask))}; {_KEPT} kept, {_PRUNED} pruned</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _unit(kept: bool, name: str) -> str:
    said, mark = ("kept", _KEPT) if kept else ("pruned", _PRUNED)
    return f'<td style="{_CELL}" title="{name}: {said}">{mark}</td>'


def _sizes(mask: Subnetwork) -> str:
    """The number of kept units of each type, in words."""
    names = {"heads": "heads", "mlps": "MLPs", "neurons": "neurons", "weights": "weights"}
    counted = mask.counts()
    return ", ".join(
        f"{counted[of][0]:,} of {counted[of][1]:,} {name}"
        for of, name in names.items()
        if of in counted
    )
