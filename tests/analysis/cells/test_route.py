"""The route by which subnetworks are retrained: chosen, recorded, and a cell of its own."""

import pytest
from subprobe.analysis.configuration.config import RunConfig
from subprobe.analysis.plan.preparing import prepare
from subprobe.analysis.steps.progress import Silent
from subprobe.data.errors import InputError
from tiny_run import TinyCells, save_tiny_encoder, tiny_config

pytestmark = pytest.mark.slow

OPTIONS = {
    "seeds": [1],
    "prune": {"methods": ["structured", "magnitude"], "keep": 0.5},
    "probe": {"names": []},
}
METHODS = ("structured", "magnitude")
TRAINED = [f"acceptability/seed1/{method}/good/0/retrain" for method in METHODS]
SCORED = [f"acceptability/seed1/{method}/good/0/retrained/score" for method in METHODS]


def config(encoder, route):
    return tiny_config(encoder, **OPTIONS, retrain={"route": route})


@pytest.fixture(scope="module")
def both(tiny_encoder, tmp_path_factory):
    """Good masks of two methods, retrained by one route and then the other in one folder."""
    folder, found = tmp_path_factory.mktemp("routes") / "run", {}
    for route in ("masked", "compact"):
        cells = TinyCells(config(tiny_encoder, route), folder)
        trained, scored = cells.outputs(*TRAINED), cells.outputs(*SCORED)
        found[route] = {
            method: (trained[place], scored[place]) for place, method in enumerate(METHODS)
        }
    return found, folder


def test_the_default_is_the_mask():
    assert RunConfig().retrain.route == "masked"


def test_rows_and_notes_say_which_route(both):
    found, _ = both
    for route, outputs in found.items():
        for method, (trained, scored) in outputs.items():
            # a matrix with holes cannot become smaller
            small = route == "compact" and method == "structured"
            assert set(scored.rows["variant"].fillna("")) == {"route=compact" if small else ""}
            assert trained.notes.get("route", "masked") == ("compact" if small else "masked")
            assert set(scored.rows["state"]) == {"retrained"}


def test_another_route_searches_nothing_again(both):
    _, folder = both
    names = [path.name.split("-")[0] for path in (folder / "cells").glob("*.parquet")]
    assert names.count("finetune") == 1
    assert names.count("prune") == 2
    assert names.count("retrain") == 4


def test_a_family_that_cannot_become_smaller_is_refused_before_anything_is_trained(tmp_path):
    albert = save_tiny_encoder(tmp_path / "albert", "albert")
    with pytest.raises(InputError, match="share their weights"):
        prepare(config(albert, "compact"), Silent())
