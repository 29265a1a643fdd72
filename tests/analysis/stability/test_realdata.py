"""The study's published masks give the figures that are known of them, digit for digit."""

import time

import numpy as np
import pytest
from subprobe.analysis.stability.mask_sets import MaskSet, read_mask_sets
from subprobe.analysis.stability.measure import measure_stability
from subprobe.analysis.stability.unit_weights import UnitWeights

BERT_BASE = UnitWeights.of_sizes(768, 64, 3072)


@pytest.fixture(scope="module")
def good(realdata):
    return read_mask_sets(realdata / "published-masks" / "heads_mlps")


@pytest.fixture(scope="module")
def found(good):
    return measure_stability(good, weights=BERT_BASE)


@pytest.fixture(scope="module")
def value(found):
    rows = found.stability.set_index(["task", "unit", "statistic"])["value"]
    return lambda task, unit, statistic: rows[task, unit, statistic]


def digits(number, text):
    """Whether a number, written with as many decimals as the text, is the text."""
    places = len(text.split(".")[1]) if "." in text else 0
    return f"{number:.{places}f}".replace("0.", ".", 1).replace("-0.", "-.") == text


@pytest.mark.parametrize(
    ("task", "unit", "statistic", "text"),
    [
        ("MNLI", "head", "fleiss_kappa", ".25757"),
        ("MNLI", "head", "krippendorff_alpha", ".25860"),
        ("MNLI", "head", "cochran_q", "4.083"),
        ("MNLI", "head", "cochran_p", ".39485"),
        ("CoLA", "head", "fleiss_kappa", ".228"),
        ("MRPC", "head", "fleiss_kappa", ".215"),
        ("RTE", "head", "fleiss_kappa", ".180"),
        ("CoLA", "mlp", "fleiss_kappa", ".444"),
        ("MRPC", "mlp", "fleiss_kappa", ".022"),
        ("MNLI", "mlp", "fleiss_kappa", ".167"),
        ("RTE", "mlp", "fleiss_kappa", "-.118"),
        ("CoLA", "head", "kept_in_all", "34"),
        ("MRPC", "head", "kept_in_all", "28"),
        ("MNLI", "head", "kept_in_all", "40"),
        ("RTE", "head", "kept_in_all", "11"),
        ("CoLA", "head", "kept_in_all_expected", "14.2"),
        ("MRPC", "head", "kept_in_all_expected", "13.0"),
        ("MNLI", "head", "kept_in_all_expected", "17.9"),
        ("RTE", "head", "kept_in_all_expected", "2.3"),
        ("CoLA", "head", "jaccard_mean", ".562"),
        ("MRPC", "head", "jaccard_mean", ".541"),
        ("MNLI", "head", "jaccard_mean", ".597"),
        ("RTE", "head", "jaccard_mean", ".410"),
    ],
)
def test_published_agreement(realdata, value, task, unit, statistic, text):
    assert digits(value(task, unit, statistic), text)


def test_sizes_differ_most_in_rte(realdata, value):
    assert f"{value('RTE', 'head', 'cochran_p'):.2e}" == "2.69e-36"


def test_heads_agree_beyond_chance_and_mlps_hardly(realdata, value):
    tasks = ("CoLA", "MNLI", "MRPC", "RTE")
    assert [value(task, "head", "permutation_p") for task in tasks] == [1 / 2001] * 4
    mlps = [value(task, "mlp", "permutation_p") for task in tasks]
    assert mlps == pytest.approx([0.003, 0.055, 0.38, 0.94], abs=0.04)
    assert mlps[0] < 0.01


def test_counts_of_each_seed(realdata, found):
    kept = found.counts.set_index(["task", "unit", "seed"])["kept"]
    seeds = (1337, 42, 86, 71, 166)
    assert [kept["CoLA", "head", seed] for seed in seeds] == [95, 81, 116, 102, 67]
    assert [kept["RTE", "head", seed] for seed in seeds] == [18, 116, 74, 74, 88]


@pytest.mark.parametrize(
    ("pair", "text"), [(("MNLI", "MRPC"), "64.4"), (("CoLA", "MNLI"), "62.4"),
                       (("CoLA", "MRPC"), "58.4")],
)  # fmt: skip
def test_heads_shared_by_tasks_with_the_same_seed(realdata, found, pair, text):
    table = found.overlap
    line = table[(table["task_a"] == pair[0]) & (table["task_b"] == pair[1])
                 & (table["unit"] == "head") & (table["seeds"] == "same")]  # fmt: skip
    assert digits(line["shared_mean"].item(), text)


def test_kept_share_of_prunable_weights(realdata, found, value):
    share = found.counts.set_index(["task", "unit", "seed"])["share"]
    assert digits(share["MRPC", "weight", 1337], ".6481")
    published = {"MRPC": ("71.8", "7.0"), "MNLI": ("68.7", "5.9"), "CoLA": ("81.3", "5.9"),
                 "RTE": ("68.2", "12.2")}  # fmt: skip
    for task, (mean, sd) in published.items():
        assert f"{100 * value(task, 'weight', 'survival_mean'):.1f}" == mean
        assert f"{100 * value(task, 'weight', 'survival_sd'):.1f}" == sd


def test_contamination_of_bad_by_good(realdata, good):
    bad = read_mask_sets(realdata / "published-masks" / "heads_mlps_bad_1")
    published = {"CoLA": (".41", ".88"), "MNLI": (".48", ".56"), "MRPC": (".38", ".68"),
                 "RTE": (".25", ".65")}  # fmt: skip
    for kept, other in zip(good, bad, strict=True):
        assert (kept.task, kept.seeds) == (other.task, other.seeds)
        for unit, text in zip(("head", "mlp"), published[kept.task], strict=True):
            a, b = kept.units[unit], other.units[unit]
            assert (a.sum(axis=1) == b.sum(axis=1)).all()
            assert digits(((a & b).sum(axis=1) / b.sum(axis=1)).mean(), text)


def test_super_masks_are_what_all_seeds_keep(realdata, good):
    folder = realdata / "published-masks"
    names = ("heads_mlps_super", "heads_mlps_super_bizzaro")
    both = [read_mask_sets(folder / name) for name in names]
    for kept, most, anti in zip(good, *both, strict=True):
        for unit, masks in kept.units.items():
            assert (most.units[unit] == masks.all(axis=0)).all()
        # nine of CoLA's 12 MLPs survive all seeds: nine others there are none
        assert not (anti.units["head"] & most.units["head"]).any()


def test_every_interval_that_is_given_holds_its_value(realdata, found):
    rows = found.stability[found.stability["ci_low"].notna()]
    assert {"fleiss_kappa", "jaccard_mean", "survival_mean"} <= set(rows["statistic"])
    assert (rows["ci_low"] < rows["value"]).all()
    assert (rows["value"] < rows["ci_high"]).all()
    assert "survival_sd" not in set(rows["statistic"])


@pytest.mark.timeout(120)
def test_nine_tasks_of_five_seeds_take_seconds():
    rng = np.random.default_rng(0)
    tasks = [
        MaskSet(
            f"task{i}", (1, 2, 3, 4, 5),
            {"head": rng.random((5, 144)) < 0.6, "mlp": rng.random((5, 12)) < 0.7},
            {"head": (12, 12), "mlp": (12,)},
        )
        for i in range(9)
    ]  # fmt: skip
    before = time.process_time()
    measured = measure_stability(tasks, draws=2000)
    assert time.process_time() - before < 20  # 2 cores for 10 s
    assert len(measured.stability) == 9 * 2 * 11
    assert len(measured.overlap) == 2 * (36 * 2 + 9)
