"""A run of crossed seeds trains each initialisation with each order, on the same examples."""

import json

import pytest
from subprobe.analysis.steps.selection import parts_for
from subprobe.models.training.finetune import finetune
from tiny_run import TinyCells, save_tiny_encoder, tiny_config

SEEDS = (1, 1002, 2001)


@pytest.mark.slow
def test_each_pair_of_seeds_is_the_training_of_these_seeds(tmp_path):
    encoder = save_tiny_encoder(tmp_path / "encoder")
    config = tiny_config(
        encoder, seeds=None, seeds_init=[1, 2], seeds_order=[1, 2], controls={"draws": 1},
        probe={"names": []},
    )  # fmt: skip
    cells = TinyCells(config, tmp_path / "run")
    names = [f"acceptability/seed{seed}/finetune" for seed in SEEDS]
    found = [output.notes["fingerprint"] for output in cells.outputs(*names)]
    assert len(set(found)) == 3
    folders = [tmp_path / "run" / "models" / f"acceptability-seed{seed}" for seed in SEEDS]
    records = [json.loads((one / "subprobe.json").read_text("utf-8")) for one in folders]
    assert len({record["train_digest"] for record in records}) == 1
    assert [record.get("seed_split") for record in records] == [None, None, 1]
    pairs = [(record["seed_init"], record["seed_order"]) for record in records]
    assert pairs == [(1, 1), (1, 2), (2, 1)]
    setting = cells.prepared.tasks["acceptability"]
    parts = parts_for(setting.data, config.prune, seed=1)
    alone = finetune(str(encoder), parts, setting.recipe, seed_init=2, seed_order=1)
    assert alone.fingerprint == found[2]
