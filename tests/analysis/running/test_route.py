"""The route by which subnetworks are retrained: chosen, recorded, and a cell of its own."""

import pytest
from subprobe.analysis.configuration.config import RunConfig
from subprobe.analysis.running.preparing import prepare
from subprobe.analysis.steps.progress import Silent
from subprobe.data.errors import InputError
from tiny_run import save_tiny_encoder, tiny_config

OPTIONS = {
    "seeds": [1],
    "prune": {"methods": ["structured", "magnitude"], "keep": 0.5},
    "probe": {"names": []},
}


def prepared(encoder, folder, route):
    config = tiny_config(encoder, **OPTIONS, retrain={"route": route})
    return prepare(config, folder, None, Silent())


@pytest.fixture(scope="module")
def both(tiny_encoder, tmp_path_factory):
    """Good masks of two methods, retrained by one route and then the other in one folder."""
    folder, found = tmp_path_factory.mktemp("routes") / "run", {}
    for route in ("masked", "compact"):
        (run,) = prepared(tiny_encoder, folder, route)
        found[route] = {
            method: run.retrain(run.good(method)) for method in ("structured", "magnitude")
        }
    return found, folder


def test_the_default_is_the_mask():
    assert RunConfig().retrain.route == "masked"


def test_rows_and_notes_say_which_route(both):
    found, _ = both
    for route, outputs in found.items():
        for method, output in outputs.items():
            # a matrix with holes cannot become smaller
            small = route == "compact" and method == "structured"
            assert set(output.rows["variant"].fillna("")) == {"route=compact" if small else ""}
            assert output.notes.get("route", "masked") == ("compact" if small else "masked")
            assert set(output.rows["state"]) == {"retrained"}


def test_the_other_route_is_a_cell_of_its_own_and_computes_nothing_else(both):
    found, folder = both
    ids = {(route, method): output.rows["cell_id"].iloc[0]
           for route, outputs in found.items() for method, output in outputs.items()}  # fmt: skip
    assert ids["masked", "magnitude"] == ids["compact", "magnitude"]
    assert len(set(ids.values())) == 3
    names = sorted(path.name.split("-")[0] for path in (folder / "cells").iterdir())
    assert names == ["finetune", "prune", "prune", "retrain", "retrain", "retrain"]


def test_a_family_that_cannot_become_smaller_is_refused_before_anything_is_trained(tmp_path):
    albert = save_tiny_encoder(tmp_path / "albert", "albert")
    with pytest.raises(InputError, match="share their weights"):
        prepared(albert, tmp_path / "run", "compact")
    assert not (tmp_path / "run").exists()
