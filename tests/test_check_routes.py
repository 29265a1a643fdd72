"""What the comparison of routes says of made trainings."""

import pandas as pd
from benchmark_code import load

compared = load("check_routes").compared


def test_differences_are_taken_within_seeds():
    lines = [
        {"seed": seed, "route": route, "score": 0.8 + 0.01 * seed + gap, "seconds": seconds,
         "flag": {2: "diverged", 3: "unlearned"}.get(seed, "") if route == "masked" else ""}
        for seed, gap in ((1, 0.02), (2, 0.0), (3, 0.01))
        for route, gap, seconds in (("masked", 0.0, 10.0), ("compact", gap, 7.0))
    ]  # fmt: skip
    said = compared(pd.DataFrame(lines))
    assert "masked: mean 0.8200, sd 0.0100" in said
    # mean .01, sd .01, three seeds: t = 4.3027
    assert "compact - masked: +0.0100 [-0.0148, +0.0348] (t, 3 seeds)" in said
    assert "masked: 0.700 (0.700 to 0.700)" in said
    assert "diverged: 1 of 6 trainings" in said
    assert "unlearned: 1 of 6 trainings" in said
