"""The figure of a curve shows every point inside its frame, and says what it shows."""

import pytest
from made_curve import made_panel
from subprobe.analysis.curve.measure import curve_of
from subprobe.analysis.figures.masks.curve_figure import curve_figure, save_curve


@pytest.mark.parametrize("seeds", [1, 2])
def test_every_point_is_drawn_inside_the_frame(seeds):
    found = curve_of(made_panel(seeds))
    figure = curve_figure(found.points, found.areas)
    assert len(figure.table) == len(found.points) == 12
    points = next(one for one in figure.spec["layer"] if one["mark"]["type"] == "point")
    low, high = points["encoding"]["y"]["scale"]["domain"]
    assert low < found.points["lowest"].min()
    assert high > found.points["highest"].max()
    domains = {
        tuple(layer["encoding"]["y"]["scale"]["domain"])
        for layer in figure.spec["layer"]
        if "scale" in layer["encoding"].get("y", {})
    }
    assert domains == {(low, high)}
    # intervals over two seeds leave the frame and are cut
    rules = next(
        one for one in figure.spec["layer"]
        if one["mark"]["type"] == "rule" and "y2" in one["encoding"]
    )  # fmt: skip
    drawn = figure.spec["datasets"][rules["data"]["name"]]
    assert all(low <= line["ci_low"] <= line["ci_high"] <= high for line in drawn)
    assert "good" in figure.alt
    assert ("over 2 seeds" in figure.text) == (seeds == 2)


def test_tables_and_figure_are_written_together(tmp_path):
    save_curve(curve_of(made_panel()), tmp_path / "c")
    names = {path.name for path in (tmp_path / "c").iterdir()}
    assert names >= {"curve.csv", "curve_areas.csv", "curve_tests.csv", "curve_masks.csv",
                     "curve.svg", "curve.pdf", "curve.png"}  # fmt: skip
    svg = (tmp_path / "c" / "curve.svg").read_text("utf-8")
    for word in ("good", "random", "bad", "full model", "majority", "accuracy"):
        assert word in svg
