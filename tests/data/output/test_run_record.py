"""Which mask files of a run folder belong to its configuration."""

import json

import pytest
from subprobe.data.output.run_record import masks_left_over

KINDS = ("good", "random", "bad", "complement", "random-complement", "super")


@pytest.fixture
def folder(tmp_path):
    """A run of two methods on one task with one seed."""
    config = {"prune": {"methods": ["structured", "hard-concrete"]}}
    said = {"config": config, "runs": [{"task": "acceptability", "seed": 1}]}
    (tmp_path / "manifest.json").write_text(json.dumps(said), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_the_methods_belongs_to_the_run(folder, kind):
    own = [folder / f"acceptability-seed1-{method}{kind}.safetensors"
           for method in ("", "hard-concrete-")]  # fmt: skip
    assert masks_left_over(folder, own) == []
    others = [folder / f"{name}{kind}.safetensors" for name in (
        "acceptability-seed2-", "acceptability-seed1-imp-", "acceptability-seed1-structured-heads-",
        "rte-seed1-hard-concrete-")]  # fmt: skip
    assert masks_left_over(folder, [*own, *others]) == others
