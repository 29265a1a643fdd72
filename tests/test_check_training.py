"""What the table of trainings says of made ones, and which masks it trains."""

import numpy as np
import pandas as pd
from benchmark_code import load
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.pruning.controls import CONTROLS

check_training = load("check_training")


def test_every_training_is_a_line_with_what_it_cost_and_came_to():
    line = {
        "seed": 2, "kind": "bad", "heads": 58, "mlps": 5, "examples": 1200, "epochs": 2.0,
        "steps": 76, "learning_rate": 3e-4, "route": "compact", "precision": "bfloat16",
        "value": 0.5, "ci_low": 0.4525, "ci_high": 0.55, "flag": "unlearned", "seconds": 30.3,
    }  # fmt: skip
    text = check_training.markdown(pd.DataFrame([line, {**line, "flag": "", "value": 0.875}]))
    head, rule, first, second = text.splitlines()
    assert head.count("|") == rule.count("|") == first.count("|")
    assert first == (
        "| 2 | bad | 58, 5 | 1,200 | 2 (76) | 0.0003 | compact, bfloat16 | .500 [.453, .550] "
        "| unlearned | 30 |"
    )
    assert ".875" in second
    assert "unlearned" not in second


def test_masks_are_those_of_a_run():
    heads = np.zeros((2, 4), dtype=bool)
    heads[0] = True
    good = Subnetwork(heads, np.array([True, False]), kind="good", seed_init=3, seed_order=3)
    assert check_training.mask_of("full", good, 0) is None
    assert check_training.mask_of("good", good, 0) is good
    for kind, control in CONTROLS.items():
        mask = check_training.mask_of(kind, good, 1)
        assert mask.mask_id == control(good, seed=3, draw=1).mask_id
        assert mask.counts() == good.counts()
