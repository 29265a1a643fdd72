"""What a mask prints: one line, and a table that shows every unit and runs nothing."""

from html.parser import HTMLParser

import numpy as np
from random_masks import random_mask
from subprobe.models.masks.subnetwork import Subnetwork


class Cells(HTMLParser):
    """The tags of a page, and the titles and texts of its cells."""

    def __init__(self):
        super().__init__()
        self.tags, self.titles, self.rows, self.texts = set(), [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        assert not [name for name, _ in attributes if name.startswith("on")]
        if tag == "tr":
            self.rows.append([])
        self.titles += [value for name, value in attributes if name == "title"]

    def handle_data(self, data):
        self.texts.append(data)
        if self.rows:
            self.rows[-1].append(data)


def read(mask):
    cells = Cells()
    cells.feed(mask._repr_html_())
    return cells


def test_the_table_shows_every_head_and_mlp():
    mask = random_mask(3, 4, 5, 7, with_neurons=False, share=0.5)
    cells = read(mask)
    head, *rows = cells.rows
    assert head == ["layer", "0", "1", "2", "3", "MLP"]
    for layer, row in enumerate(rows):
        kept = [*mask.head_mask[layer], mask.mlp_mask[layer]]
        assert row == [str(layer), *("■" if one else "·" for one in kept)]
    said = {"kept": mask.n_heads + mask.n_mlps, "pruned": 15 - mask.n_heads - mask.n_mlps}
    assert {k: sum(t.endswith(k) for t in cells.titles) for k in said} == said


def test_neurons_are_counted_by_layer():
    mask = random_mask(3, 4, 5, 7, with_neurons=True, share=0.5)
    head, *rows = read(mask).rows
    assert head[-1] == "neurons"
    assert [row[-1] for row in rows] == [f"{n} of 5" for n in mask.neuron_mask.sum(1)]


def test_names_are_text_and_nothing_runs():
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    mask = random_mask(2, 2, 5, 1, with_neurons=False, share=0.5).with_meta(
        task=evil, model=evil, importance=evil
    )
    cells = read(mask)
    assert cells.tags == {"table", "caption", "br", "thead", "tr", "th", "tbody", "td"}
    assert evil in "".join(cells.texts)
    # read in the colour of the page, light or dark
    assert "#" not in mask._repr_html_().replace(evil, "")
    assert "background" not in mask._repr_html_()


def test_one_line_says_what_it_is():
    weights = {"one": np.eye(2, dtype=bool)}
    mask = Subnetwork(np.eye(2, 3, dtype=bool), np.ones(2, bool), None, weights, task="rte")
    assert repr(mask) == (
        f"Subnetwork(good structured rte: 2 of 6 heads, 2 of 2 MLPs, 2 of 4 weights, "
        f"mask_id={mask.mask_id})"
    )
    assert "\n" not in repr(mask.with_meta(task="a\nb"))
