"""The mixed model against a complete block design, and where there is none."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from run_rows import made_rows
from subprobe.analysis.comparison.mixed_model import fit_kinds, mixed_models

KINDS = ("full", "good", "random")


@pytest.fixture(scope="module")
def values():
    rng = np.random.default_rng(2)
    records = [
        {"task": task, "seed": seed, "kind": kind,
         "value": 0.8 - 0.1 * k + 0.05 * t + run + 0.01 * rng.normal()}
        for t, task in enumerate("abc")
        for seed in range(5)
        for run in [0.03 * rng.normal()]
        for k, kind in enumerate(KINDS)
    ]  # fmt: skip
    return pd.DataFrame(records)


def test_balanced_contrasts_are_those_of_the_block_design(values):
    found = fit_kinds(values).set_index(["kind_a", "kind_b"])
    # runs as fixed blocks: the same contrasts, and the same errors, where runs are complete
    blocks = values.assign(run=values["task"] + values["seed"].astype(str))
    plain = smf.ols("value ~ C(kind, Treatment('full')) + C(run)", blocks).fit()
    for kind in ("good", "random"):
        name = f"C(kind, Treatment('full'))[T.{kind}]"
        line = found.loc[("full", kind)]
        assert line["estimate"] == pytest.approx(-plain.params[name], abs=1e-6)
        assert line["se"] == pytest.approx(plain.bse[name], rel=1e-3)
        assert line["df"] == plain.df_resid == 28
        assert line["p_value"] == pytest.approx(plain.pvalues[name], rel=0.05)
        low, high = plain.conf_int().loc[name]
        assert (line["ci_low"], line["ci_high"]) == pytest.approx((-high, -low), abs=1e-4)
    assert found.loc[("good", "random"), "estimate"] == pytest.approx(
        found.loc[("full", "random"), "estimate"] - found.loc[("full", "good"), "estimate"]
    )


def test_the_variance_of_runs_is_found(values):
    line = fit_kinds(values).iloc[0]
    assert line["sd_run"] == pytest.approx(0.03, abs=0.015)
    assert line["sd_residual"] == pytest.approx(0.01, abs=0.004)


def test_runs_that_lack_a_kind_are_left_out(values):
    lost = values[~((values["task"] == "a") & (values["seed"] == 0) & (values["kind"] == "good"))]
    assert set(fit_kinds(lost)["n"]) == {14}


def test_from_five_seeds_and_three_tasks_on():
    small = {"draws": 2, "probes": False, "layers": 2, "heads": 4}
    rows = made_rows(("a", "b", "c"), (1, 2, 3, 4, 5), **small)
    table, notes = mixed_models(rows)
    assert notes == []
    assert set(table["state"]) == {"pruned", "retrained"}
    assert set(table["family_size"]) == {12}
    pruned = table[table["state"] == "pruned"].set_index(["kind_a", "kind_b"])
    assert pruned.loc[("good", "random"), "p_adjusted"] < 0.001
    table, notes = mixed_models(made_rows(("a", "b"), (1, 2, 3, 4, 5), **small))
    assert table.empty
    assert "a mixed model needs at least 3 tasks and 5 seeds; this run has 2 and 5" in notes[0]
