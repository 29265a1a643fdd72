"""Comparisons of a run equal plain loops over its items, and say what they cannot say."""

import numpy as np
import pandas as pd
import pytest
from paired_run import DEAD, HEADS, of, write_paired_run
from subprobe.analysis.cell_output import CellOutput
from subprobe.analysis.comparison.between_runs import Run, between_runs, run_names
from subprobe.analysis.comparison.pairs import pairs_of
from subprobe.analysis.comparison.score_comparisons import compare_scores
from subprobe.analysis.comparison.tables import comparison_tables
from subprobe.analysis.statistics.checks import LEAST_COVERAGE
from subprobe.analysis.statistics.corrections import adjust
from subprobe.analysis.statistics.paired import d_z
from subprobe.analysis.statistics.uncertainty import mcnemar_exact
from subprobe.data.output.tables import rows_frame
from subprobe.data.tasks.metrics import METRICS

SENTENCES = 120
"""Half of them report: enough for an interval over sentences."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("runs") / "first"
    write_paired_run(made, seeds=(1, 2, 3), sentences=SENTENCES, diverged=(2,), unlearned=(3,))
    return made


@pytest.fixture(scope="module")
def rows(folder):
    return rows_frame(pd.read_parquet(folder / "rows.parquet"))


@pytest.fixture(scope="module")
def tables(folder, rows):
    return comparison_tables(rows, folder / "cells", resamples=300)


def cell(folder, kind, state, seed=1, draw=0):
    path = folder / "cells" / f"acceptability-{seed}-{kind}-{state}-{draw}.parquet"
    return CellOutput.load(path).items


def right(folder, *place, **more):
    items = cell(folder, *place, **more)
    items = items[items["probe"] == "performance"]
    return (items["prediction"] == items["gold"]).to_numpy(dtype=bool)


def test_differences_are_those_of_the_rows_with_draws_averaged(tables, rows):
    scores = rows[(rows["probe"] == "performance") & (rows["state"] == "pruned")]
    for metric in ("accuracy", "matthews"):
        mine = scores[scores["metric"] == metric]
        values = mine.groupby(["kind", "seed"])["value"].mean()
        gaps = (values["good"] - values["random"]).to_numpy(dtype=float)
        found = of(tables["comparisons"], ("good", "pruned"), ("random", "pruned"), metric=metric)
        one = found[found["level"] == "one seed"]
        assert one["difference"].tolist() == pytest.approx(gaps)
        over = found[found["level"] == "these seeds"].iloc[0]
        assert over["difference"] == pytest.approx(gaps.mean())
        assert over["median_difference"] == pytest.approx(np.median(gaps))
        assert (over["draws_a"], over["draws_b"], over["n"], over["n_seeds"]) == (1, 3, 120, 3)
        wide = found[found["level"] == "seeds and examples"].iloc[0]
        assert wide["d_z"] == pytest.approx(d_z(gaps))


def test_the_interval_of_one_seed_equals_a_plain_bootstrap(folder, tables):
    a = right(folder, "good", "pruned").astype(float)
    b = np.mean([right(folder, "random", "pruned", draw=d) for d in range(3)], axis=0)
    rng = np.random.default_rng(0)
    chosen = rng.integers(0, 120, (4000, 120))
    plain = np.quantile((a - b)[chosen].mean(axis=1), [0.025, 0.975])
    found = of(tables["comparisons"], ("good", "pruned"), ("random", "pruned"), seed=1)
    line = found[found["metric"] == "accuracy"].iloc[0]
    width = plain[1] - plain[0]
    assert line["ci_low"] == pytest.approx(plain[0], abs=0.15 * width)
    assert line["ci_high"] == pytest.approx(plain[1], abs=0.15 * width)
    assert line["d_z"] == pytest.approx(d_z(a - b))
    assert line["ci_method"] == "paired bootstrap over examples (300), this seed"


def test_intervals_over_seeds_are_wider_and_say_what_they_cover(tables):
    found = of(tables["comparisons"], ("good", "pruned"), ("bad", "pruned"), metric="accuracy")
    by_level = found.set_index("level")
    these, beyond = by_level.loc["these seeds"], by_level.loc["seeds and examples"]
    assert these["ci_method"].endswith("these seeds")
    assert "over seeds and examples" in beyond["ci_method"]
    assert beyond["ci_high"] - beyond["ci_low"] > these["ci_high"] - these["ci_low"]


def test_an_interval_is_given_only_where_simulations_trust_it(tables, tmp_path):
    few = write_paired_run(tmp_path, seeds=(1,), sentences=40, draws=1, kinds=("good",))
    small = comparison_tables(few, tmp_path / "cells", resamples=50)
    compared = pd.concat([tables["comparisons"], small["comparisons"]], ignore_index=True)
    given = compared["ci_low"].notna()
    assert given.any()
    assert (~given).any()
    assert (compared.loc[given, "coverage"] >= LEAST_COVERAGE).all()
    assert compared.loc[~given, "ci_method"].str.startswith("no paired bootstrap").all()
    assert (compared["ci_low"].isna() == compared["ci_high"].isna()).all()


def test_mcnemar_is_made_of_each_draw_of_each_seed(folder, tables):
    found = of(tables["tests"], ("good", "pruned"), ("random", "pruned"), test="McNemar, exact")
    places = list(zip(found["seed"], found["draw"], strict=True))
    assert places == [(seed, draw) for seed in (1, 2, 3) for draw in (0, 1, 2)]
    assert set(found["level"]) == {"one draw"}
    for line in found.itertuples():
        a = right(folder, "good", "pruned", seed=line.seed)
        b = right(folder, "random", "pruned", seed=line.seed, draw=line.draw)
        exact = mcnemar_exact(a, b)
        assert line.p_value == pytest.approx(exact.p_value)
        assert (line.only_first, line.only_second) == (exact.only_first, exact.only_second)
        more = 0.5 if exact.only_second == 0 else 0.0
        ratio = (exact.only_first + more) / (exact.only_second + more)
        assert line.effect_size == pytest.approx(ratio)
        assert line.difference == pytest.approx(a.mean() - b.mean())


def test_families_are_named_and_corrected(tables):
    tests = tables["tests"]
    for family, group in tests.groupby("family"):
        known = group[group["p_value"].notna()]
        assert set(known["family_size"]) <= {len(known)}, family
        assert known["p_adjusted"].tolist() == pytest.approx(adjust(known["p_value"]).tolist())
        assert set(known["correction"]) <= {"Holm"}
    assert "embedded · performance · McNemar, exact" in set(tests["family"])


def test_benjamini_hochberg_is_an_option(folder, rows):
    found = comparison_tables(
        rows, folder / "cells", probes=False, correction="fdr_bh", resamples=50
    )["tests"]
    assert set(found["correction"].dropna()) == {"Benjamini-Hochberg"}


def test_three_seeds_have_no_test_over_seeds(tables):
    found = tables["tests"][tables["tests"]["test"] == "sign flips over seeds"]
    assert found["p_value"].isna().all()
    assert found["flag"].str.contains("3 seeds; 6 are needed").all()


def test_six_seeds_have_one(tmp_path):
    rows = write_paired_run(tmp_path, seeds=range(1, 7), n=40, draws=1, kinds=("good", "bad"))
    found = compare_scores(rows, tmp_path / "cells", resamples=50).corrected("holm").tests
    line = of(found, ("good", "pruned"), ("bad", "pruned"), test="sign flips over seeds")
    line = line[line["metric"] == "accuracy"].iloc[0]
    assert line["p_value"] == pytest.approx(2 / 64)
    assert line["p_floor"] == pytest.approx(2 / 64)


def test_failed_trainings_are_flagged_and_medians_stand_beside_means(tables):
    found = of(tables["comparisons"], ("bad", "retrained"), ("bad", "pruned"), metric="accuracy")
    by_seed = found[found["level"] == "one seed"].set_index("seed")
    assert by_seed["n_diverged"].to_dict() == {1: 0, 2: 1, 3: 0}
    assert by_seed["n_unlearned"].to_dict() == {1: 0, 2: 0, 3: 1}
    assert by_seed.loc[[2, 3], "flag"].to_list() == ["diverged", "unlearned"]
    over = tables["over_seeds"]
    line = over[(over["kind"] == "bad") & (over["state"] == "retrained")]
    line = line[line["metric"] == "accuracy"].iloc[0]
    points = tables["seed_points"]
    mine = points[(points["kind"] == "bad") & (points["state"] == "retrained")]
    mine = mine[mine["metric"] == "accuracy"].set_index("seed")["mean"]
    assert (line["n_diverged"], line["n_unlearned"]) == (1, 1)
    # what did not learn counts: that it did not is what was found
    assert line["mean_without_diverged"] == pytest.approx((mine[1] + mine[3]) / 2)
    assert line["median"] == pytest.approx(mine.median())
    notes = " ".join(tables["comparison_notes"]["note"])
    assert "bad retrained of structured, seed 2, diverged: its scores say nothing" in notes
    assert "bad retrained of structured, seed 3, did not learn in the training given" in notes
    assert "a mixed model needs at least 3 tasks and 5 seeds; this run has 1 and 3" in notes


def test_every_seed_keeps_its_point(tables, rows):
    points = tables["seed_points"]
    scores = points[points["probe"] == "performance"]
    assert len(scores) == 7 * 2 * 3
    line = scores[(scores["kind"] == "random") & (scores["metric"] == "accuracy")].iloc[0]
    mine = rows[(rows["kind"] == "random") & (rows["metric"] == "accuracy")]
    mine = mine[mine["seed"] == line["seed"]]["value"].astype(float)
    assert (line["mean"], line["median"]) == pytest.approx((mine.mean(), mine.median()))
    assert (line["low"], line["high"], line["n_draws"]) == (mine.min(), mine.max(), 3)


def test_probes_are_compared_over_heads_alive_in_both(folder, tables):
    found = of(
        tables["comparisons"], ("good", "pruned"), ("random", "pruned"),
        metric="dependency_accuracy", relation="nsubj", seed=1,
    ).iloc[0]  # fmt: skip
    alive = [head for head in HEADS if head not in DEAD["good"] + DEAD["random"]]
    values = []
    for kind in ("good", "random"):
        items = cell(folder, kind, "pruned")
        mine = items[(items["relation"] == "nsubj") & (items["metric"] == "dependency_accuracy")]
        pairs = list(zip(mine["layer"], mine["head"], strict=True))
        mine = mine[[pair in alive for pair in pairs]]
        values.append(mine["numerator"].sum() / mine["denominator"].sum())
    assert (found["value_a"], found["value_b"]) == pytest.approx(tuple(values), rel=1e-6)
    assert found["n"] == SENTENCES / 2
    assert found["difference"] > 0.05


def test_the_best_head_of_a_row_is_compared_by_its_own_items(folder, rows, tables):
    best = rows[(rows["metric"] == "best_head_accuracy") & (rows["relation"] == "obj")]
    best = best[(best["seed"] == 2) & (best["state"] == "pruned")].set_index("kind")["value"]
    found = of(
        tables["comparisons"], ("good", "pruned"), ("bad", "pruned"),
        metric="best_head_accuracy", relation="obj", seed=2,
    ).iloc[0]  # fmt: skip
    values = found["value_a"], found["value_b"]
    assert values == pytest.approx((best["good"], best["bad"]), rel=1e-6)


def test_the_interval_of_a_probe_resamples_sentences(folder, tables):
    found = of(
        tables["comparisons"], ("good", "pruned"), ("full", "finetuned"),
        metric="dependency_accuracy", relation="obj", seed=1,
    ).iloc[0]  # fmt: skip
    sums = []
    for kind, state in (("good", "pruned"), ("full", "finetuned")):
        items = cell(folder, kind, state)
        items = items[(items["relation"] == "obj") & (items["metric"] == "dependency_accuracy")]
        dead = [(a, b) in DEAD["good"] for a, b in zip(items["layer"], items["head"], strict=True)]
        items = items[~np.array(dead)]
        sums.append(
            items.groupby("sentence_id")[["numerator", "denominator"]].sum().to_numpy(float)
        )
    rng = np.random.default_rng(2)
    chosen = rng.integers(0, len(sums[0]), (4000, len(sums[0])))
    a, b = (s[chosen].sum(axis=1) for s in sums)
    spread = (a[:, 0] / a[:, 1] - b[:, 0] / b[:, 1]).std()
    # a little wider than 1.96 on both sides: 60 sentences
    assert (found["ci_high"] - found["ci_low"]) / (2 * spread) == pytest.approx(2.02, abs=0.15)
    assert found["d_z"] == pytest.approx(
        d_z(sums[0][:, 0] / sums[0][:, 1] - sums[1][:, 0] / sums[1][:, 1]), rel=1e-5
    )


def test_items_that_only_chose_a_head_are_in_no_comparison(tables):
    metrics = set(tables["comparisons"]["metric"])
    assert metrics == {"accuracy", "matthews", "dependency_accuracy", "best_head_accuracy"}


def test_a_run_without_cells_says_so(rows, tmp_path):
    found = comparison_tables(rows, tmp_path / "cells")
    assert found["comparisons"].empty
    assert found["tests"].empty
    notes = " ".join(found["comparison_notes"]["note"])
    assert "nothing is compared by example" in notes
    assert "no items of probes" in notes
    assert len(found["seed_points"])


def test_nothing_at_all_has_empty_tables(tmp_path):
    found = comparison_tables(rows_frame([]), tmp_path)
    assert {"comparisons", "tests", "over_seeds", "seed_points"} <= set(found)
    assert all(table.empty for table in found.values())


def test_pairs_hold_whole_models_against_every_method():
    models = [("full", "full", "finetuned"), ("full", "bag-of-words", "trained")]
    models += [(m, k, "pruned") for m in ("structured", "magnitude") for k in ("good", "random")]
    found = {(pair.first, pair.second) for pair in pairs_of(models)}
    assert (models[0], models[1]) in found
    for method in ("structured", "magnitude"):
        good = (method, "good", "pruned")
        assert (good, models[0]) in found
        assert (good, (method, "random", "pruned")) in found
        assert (good, models[1]) in found
    assert (("structured", "good", "pruned"), ("magnitude", "good", "pruned")) in found
    assert (("structured", "good", "pruned"), ("magnitude", "random", "pruned")) not in found
    assert len(found) == len(pairs_of(models))


def test_the_same_run_gives_the_same_tables(folder, rows, tables):
    again = comparison_tables(rows, folder / "cells", resamples=300)
    for name, table in tables.items():
        pd.testing.assert_frame_equal(table, again[name])


# -- two runs ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two(folder, rows, tmp_path_factory):
    other = tmp_path_factory.mktemp("runs") / "second"
    more = write_paired_run(other, seeds=(1, 2, 3, 4), shift=-0.2, entropy=5, kinds=("good",))
    runs = [Run("first", rows, folder / "cells"), Run("second", more, other / "cells")]
    return between_runs(runs, resamples=300), rows, more


def score(rows, kind, state, metric="accuracy"):
    mine = rows[(rows["kind"] == kind) & (rows["state"] == state) & (rows["metric"] == metric)]
    return mine.groupby("seed")["value"].mean().to_numpy(dtype=float)


def test_two_runs_are_compared_by_the_means_of_their_seeds(two):
    tables, first, second = two
    found = tables["between_runs"]
    line = found[(found["kind"] == "good") & (found["state"] == "pruned")]
    line = line[(line["metric"] == "accuracy") & (line["level"] == "these seeds")].iloc[0]
    a, b = score(first, "good", "pruned"), score(second, "good", "pruned")
    assert line["difference"] == pytest.approx(a.mean() - b.mean())
    assert (line["seeds_a"], line["seeds_b"]) == (3, 4)
    assert line["ci_method"].startswith("paired bootstrap")
    assert line["ci_low"] > 0
    tested = tables["between_tests"]
    tested = tested[(tested["kind"] == "good") & (tested["state"] == "pruned")]
    assert tested["p_floor"].tolist() == pytest.approx([1 / 35] * 2)
    assert tested["p_value"].tolist() == pytest.approx([1 / 35] * 2)


def test_scores_of_one_run_only_are_counted(two):
    notes = " ".join(two[0]["comparison_notes"]["note"])
    assert "scores are in one of them only" in notes  # the probe


def test_two_runs_with_different_ablations_are_compared_with_a_note(folder, rows):
    masked = rows["kind"].isin(["good", "random", "bad"])
    assert masked.any()

    def run(name, ablation):
        given = rows.assign(
            ablation=rows["ablation"].mask(masked, ablation),
            mask_id=rows["mask_id"].mask(masked, "0123"),
        )
        return Run(name, given, folder / "cells")

    def noted(*runs):
        notes = between_runs(runs, resamples=20)["comparison_notes"]["note"]
        return [note for note in notes if "ablation" in note]

    # rows of earlier versions do not say it: pruned units gave zero
    earlier, zero, mean = run("earlier", pd.NA), run("zero", "zero"), run("mean", "mean")
    (said,) = noted(zero, mean)
    assert "ablation zero in the one and mean in the other" in said
    assert len(noted(earlier, mean)) == 1
    assert noted(earlier, zero) == noted(mean, mean) == []


def test_other_examples_are_unpaired(folder, rows, tmp_path):
    more = write_paired_run(tmp_path, seeds=(1, 2), n=90, prefix="other", kinds=("full",))
    runs = [Run("a", rows, folder / "cells"), Run("b", more, tmp_path / "cells")]
    found = between_runs(runs, resamples=100)
    assert "unpaired" in " ".join(found["comparison_notes"]["note"])
    methods = found["between_runs"]["ci_method"]
    assert not methods.str.startswith("paired").any()


def test_a_run_against_itself_differs_by_nothing(folder, rows):
    found = between_runs([Run("a", rows, folder / "cells"), Run("b", rows, folder / "cells")],
                         resamples=50)  # fmt: skip
    assert set(found["between_runs"]["difference"]) == {0.0}
    assert METRICS["accuracy"](np.zeros(2), np.zeros(2)) == 1


def test_gold_and_silver_trees_are_no_two_sides_of_a_difference(folder, rows):
    probed = rows["probe"] == "dependency-heads"

    def read(name, annotation, scheme):
        trees = rows.assign(
            annotation=rows["annotation"].mask(probed, annotation),
            scheme=rows["scheme"].mask(probed, scheme),
        )
        return Run(name, trees, folder / "cells")

    gold, again, silver = (
        read("a", "gold", "ud"), read("b", "gold", "ud"), read("c", "silver", "clearnlp")
    )  # fmt: skip
    found = between_runs([gold, silver], resamples=50)
    assert set(found["between_runs"]["probe"]) == {"performance"}
    said = " ".join(found["comparison_notes"]["note"])
    assert "probes read gold ud trees in the one and silver clearnlp in the other" in said
    assert set(found["seed_points"]["annotation"].dropna()) == {"gold", "silver"}
    alike = between_runs([gold, again], resamples=50)
    assert set(alike["between_runs"]["probe"]) == {"performance", "dependency-heads"}
    assert set(alike["between_runs"]["annotation"].dropna()) == {"gold"}
    assert not len(alike["comparison_notes"])


def test_names_of_runs_tell_them_apart(tmp_path):
    assert run_names([tmp_path / "a", tmp_path / "b"]) == ["a", "b"]
    twins = [tmp_path / "x" / "run", tmp_path / "y" / "run"]
    assert run_names(twins) == [str(twin) for twin in twins]
