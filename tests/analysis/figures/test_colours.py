"""Colours and shapes of kinds: told apart in grey and by colour-blind readers, light and dark."""

from itertools import combinations

import numpy as np
import pytest
from subprobe.analysis.figures.charts import COLOURS, DASHES, INK, SHAPES, kind_scales
from subprobe.pruning.sampling import KINDS

FOUR = ("full", "good", "random", "bad")
PAGES = {"light": ("#ffffff", "#1b1f24"), "dark": ("#0d1117", "#e6edf3")}
"""Page -> colour of the paper, colour of the ink."""
MACHADO = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
}  # fmt: skip
"""Machado, Oliveira & Fernandes (2009), severity 1: linear RGB to linear RGB."""
TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                   [0.0193339, 0.1191920, 0.9503041]])  # fmt: skip


def linear(colour):
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIE L*a*b* (D65) of linear RGB."""
    xyz = TO_XYZ @ np.clip(rgb, 0, 1) / (TO_XYZ @ np.ones(3))
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def seen(kind, ink):
    return linear(ink if COLOURS[kind] == INK else COLOURS[kind])


def test_lab_is_that_of_known_colours():
    assert lab(linear("#ffffff")) == pytest.approx([100, 0, 0], abs=0.01)
    assert lab(linear("#ff0000")) == pytest.approx([53.24, 80.09, 67.20], abs=0.05)


@pytest.mark.parametrize("page", PAGES)
def test_the_four_kinds_differ_in_lightness(page):
    _, ink = PAGES[page]
    light = {kind: lab(seen(kind, ink))[0] for kind in FOUR}
    assert min(abs(light[a] - light[b]) for a, b in combinations(FOUR, 2)) >= 12
    assert abs(light["good"] - light["bad"]) >= 24


@pytest.mark.parametrize("sight", MACHADO)
@pytest.mark.parametrize("page", PAGES)
def test_the_four_kinds_differ_for_the_colour_blind(page, sight):
    _, ink = PAGES[page]
    colours = {kind: lab(np.array(MACHADO[sight]) @ seen(kind, ink)) for kind in FOUR}
    apart = [np.linalg.norm(colours[a] - colours[b]) for a, b in combinations(FOUR, 2)]
    assert min(apart) >= 25


def test_every_kind_has_its_own_look():
    assert set(COLOURS) == set(SHAPES) == set(DASHES)
    # a kind without a look has no marks
    assert set(KINDS) <= set(COLOURS)
    for looks in (COLOURS, SHAPES):
        assert len({looks[kind] for kind in FOUR}) == 4
    assert len(set(COLOURS.values())) == len(COLOURS)
    apart = {
        (a, b): np.linalg.norm(lab(seen(a, "#1b1f24")) - lab(seen(b, "#1b1f24")))
        for a, b in combinations(COLOURS, 2)
    }
    assert min(apart.values()) >= 18, min(apart, key=apart.get)


def test_scales_know_kinds_in_the_one_order():
    colour, shape = kind_scales(["bad", "full"])
    assert colour.domain == shape.domain == ["full", "bad"]
    assert colour.range == [INK, COLOURS["bad"]]
