"""The page on figures describes every kind that a report draws; a script makes its pictures."""

import re
from pathlib import Path

import pytest
from figure_pictures import KINDS, draw_pictures

DOCS = Path(__file__).parents[3] / "docs"
WITHOUT_PICTURE = {
    "curve", "same-score", "difficulty", "untrained-null", "expected-best", "reliability",
    "language", "setting", "pattern", "unit", "overlap",
}  # fmt: skip
"""The runs that the pictures are of have no numbers for these."""


def test_every_kind_of_figure_has_its_part_in_the_order_of_the_report():
    text = (DOCS / "figures.md").read_text("utf-8")
    parts = re.findall(r"^## ([\w-]+)\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    assert tuple(name for name, _ in parts) == KINDS
    for name, part in parts:
        for word in ("**Shows**", "**Conclude**", "**Do not**"):
            assert word in " ".join(part.split()), name
        pictures = re.findall(r"!\[.+\]\(figures/(.+)\.svg\)", part)
        assert pictures == ([] if name in WITHOUT_PICTURE else [name])


def test_the_pictures_are_those_of_the_page_and_small():
    pictures = {path.stem: path.stat().st_size for path in (DOCS / "figures").iterdir()}
    assert set(pictures) == set(KINDS) - WITHOUT_PICTURE
    assert sum(pictures.values()) < 600_000


@pytest.mark.slow
def test_the_script_draws_the_first_figure_of_each_kind(finished_run, tmp_path):
    drawn = draw_pictures([finished_run], tmp_path)
    assert {"headline", "head-map"} <= {path.stem for path in drawn} <= set(KINDS)
    for path in drawn:
        assert path.read_text("utf-8").startswith("<svg")
