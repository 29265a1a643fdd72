"""What the pattern classifier gets right of real maps that were labelled by eye."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import subprobe
from subprobe.probes.patterns.classes import PATTERNS
from subprobe.probes.patterns.network import shipped_classifier
from subprobe.probes.patterns.real_maps import (
    confirmed_patterns,
    flag_unconfirmed,
    real_maps,
    real_report,
)

PAGE = Path(subprobe.__file__).parent / "docs" / "attention-patterns.md"


@pytest.fixture(scope="module")
def report():
    return real_report(shipped_classifier())


def test_the_maps_are_one_of_each_head_raw_and_norm_weighted():
    real = real_maps()
    places = [name.split("/")[1:] for name in real.names]
    every = [[f"{layer}-{head}", kind] for layer in range(6) for head in range(12)
             for kind in ("raw", "norm")]  # fmt: skip
    assert sorted(places) == sorted(every)
    assert all(10 <= len(one) <= 40 and one.shape == (len(one),) * 2 for one in real.maps)


def test_the_readings_agree_beyond_chance():
    real = real_maps()
    n = len(real.first)
    counts = np.zeros((len(PATTERNS),) * 2)
    for one, other in zip(real.first, real.second, strict=True):
        counts[one, other] += 1
    agreed = counts.trace() / n
    chance = sum(counts[k].sum() * counts[:, k].sum() for k in range(len(PATTERNS))) / n**2
    assert real.kappa == pytest.approx((agreed - chance) / (1 - chance))
    assert real.kappa >= 0.9
    assert real.agreed.sum() == counts.trace() == 139


def test_the_page_has_the_figures_of_the_shipped_classifier(report):
    text = " ".join(PAGE.read_text("utf-8").split())
    low, high = (f"{report[end]:.0%}" for end in ("ci_low", "ci_high"))
    assert f"correct in {report['accuracy']:.0%} of cases (95% interval {low} to {high}" in text
    assert f"kappa {report['kappa']:.2f}".replace("0.", ".") in text
    share, answered = report["selective_accuracy"], report["answered"]
    assert f"{share:.0%} of the {answered} maps for which it does not abstain" in text
    for pattern, counts in report["patterns"].items():
        line = f"| {pattern} | {counts['labelled']} | {counts['called']} | {counts['right']} |"
        assert line in text
    named = re.search(r"Only (.*?) are therefore confirmed", text)
    assert named
    assert re.findall(r"`([^`]+)`", named[1]) == report["confirmed"]


def test_it_is_better_than_always_naming_the_most_frequent_pattern(report):
    real = real_maps()
    most = np.bincount(real.first[real.agreed]).max() / real.agreed.sum()
    assert report["ci_low"] > most


def test_rows_about_patterns_that_real_maps_do_not_confirm_say_so():
    rows = pd.DataFrame({"relation": [*PATTERNS, None, "block"], "flag": [None] * 6 + ["dead"]})
    confirmed = confirmed_patterns(shipped_classifier())
    found = flag_unconfirmed(rows, confirmed)["flag"]
    said = [None if pattern in confirmed else "unconfirmed" for pattern in PATTERNS]
    assert found.fillna("").tolist() == [one or "" for one in [*said, None, "dead"]]
    assert "block" not in confirmed
