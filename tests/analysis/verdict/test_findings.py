"""What is worth knowing: only what is clear after correction, each number that of its cell."""

import pandas as pd
import pytest
from made_comparisons import made_costs
from run_rows import made_rows
from subprobe.analysis.verdict.findings import MOST
from subprobe.analysis.verdict.material import answer_tables
from subprobe.analysis.verdict.verdict import verdicts
from subprobe.data.output.tables import rows_frame

WHO = {"model": "embedded", "task": "acceptability", "method": "structured"}
MANIFEST = {"sizes": {"acceptability": made_costs()}}


@pytest.fixture(scope="module")
def rows():
    return made_rows(probes=False)


@pytest.fixture(scope="module")
def tables(rows):
    return answer_tables(rows, MANIFEST)


def content(**changed):
    line = {**WHO, "state": "finetuned", "probe": "attention-stats",
            "metric": "attention_to_first", "predictor": "attention-stats/attention_to_first",
            "odds_ratio": 0.26, "ci_low": 0.15, "ci_high": 0.45, "p_value": 0.001,
            "p_adjusted": 0.011, "correction": "Holm", "family_size": 11, "z": -4.5,
            "relation": pd.NA, "direction": pd.NA, "target": pd.NA}  # fmt: skip
    return {**line, **changed}


def difference(**changed):
    line = {**WHO, "state": "pruned", "probe": "tokens", "metric": "accuracy", "variant": "own",
            "relation": "deprel", "direction": pd.NA, "good": 0.765, "random": 0.728,
            "random_low": 0.702, "random_high": 0.755, "difference": 0.037, "ci_low": 0.035,
            "ci_high": 0.039, "ci_method": "paired bootstrap over clusters (2000), this seed",
            "p_adjusted": 0.002, "correction": "Holm", "family_size": 4, "n_draws": 5,
            "n_seeds": 1}  # fmt: skip
    return {**line, **changed}


def found(rows, tables, **known):
    frames = {name: pd.DataFrame(lines) for name, lines in known.items()}
    (one,) = verdicts(rows, {**tables, **frames}, MANIFEST)
    return one.findings


def test_heads_that_survive_and_those_that_are_pruned(rows, tables):
    lines = [
        content(),
        content(metric="attention_distance", odds_ratio=2.5, ci_low=1.2, ci_high=5.1, z=2.4,
                p_adjusted=0.03),
        content(metric="entropy of something", probe="own", odds_ratio=9.0, p_adjusted=0.06),
    ]  # fmt: skip
    first, second, *rest = found(rows, tables, summary_survival_content=lines)
    assert first == (
        "Heads that attend more to the first token are pruned more often: their odds of being kept "
        "change by a factor of .26 [.15, .45] per standard deviation within a layer (p = .011, "
        "Holm over 11 tests; 95% interval over heads, for these masks)."
    )
    assert second.startswith("Heads that attend over longer distances are kept more often: ")
    assert "2.50 [1.20, 5.10]" in second
    assert not any("Heads that" in sentence for sentence in rest)


def test_other_predictors_are_named(rows, tables):
    line = content(metric="head_share", probe="own", relation="nsubj")
    first, *_ = found(rows, tables, summary_survival_content=[line])
    assert first.startswith("Heads that have a higher head share of nsubj (probe own) are pruned")


def test_good_minus_random_in_probes_is_told_with_what_varies(rows, tables):
    lines = [
        difference(),
        difference(probe="attention-stats", metric="attention_to_next", variant=pd.NA,
                   relation=pd.NA, good=0.071, random=0.074, difference=-0.003, ci_low=-0.004,
                   ci_high=-0.002, n_seeds=2, n_draws=1,
                   ci_method="paired bootstrap over examples (2000), these seeds"),
        difference(state="retrained", relation="retrained"),
        difference(relation="unclear", p_adjusted=0.06),
        difference(relation="wide", ci_low=-0.01),
        difference(relation="second"), difference(relation="third"),
    ]  # fmt: skip
    said = found(rows, tables, probe_differences=lines)
    first, second, third = (s for s in said if "than in random ones" in s)
    assert first == (
        "Accuracy of `deprel` (own probe `tokens`, mean over hidden states 1 to L) is higher in "
        "the good subnetwork than in random ones: .765 against .728 (single random masks: .702 to "
        ".755). The difference is .037 [.035, .039] (p = .002, Holm over 4 tests; p and 95% "
        "interval over groups of sentences, for these 5 random masks)."
    )
    assert second == (
        "Attention to the next token (probe `attention-stats`, heads that both keep) is lower in "
        "the good subnetworks than in random ones: .071 against .074. The difference is -.003 "
        "[-.004, -.002] (p = .002, Holm over 4 tests; p and 95% interval over sentences, for one "
        "random mask per seed)."
    )
    assert "`second`" in third  # two of a probe at most


def test_bits_are_named_as_a_loss(rows, tables):
    line = difference(probe="transfer", metric="bits", variant=pd.NA, relation="nested",
                      good=8.1, random=8.4, difference=-0.3, ci_low=-0.4, ci_high=-0.2)  # fmt: skip
    said = [s for s in found(rows, tables, probe_differences=[line]) if "`transfer`" in s]
    assert said[0].startswith(
        "Loss in bits on masked tokens of `nested` (probe `transfer`) is lower in the good "
        "subnetwork than in random ones: 8.100 against 8.400"
    )


def test_unclear_differences_count_among_the_tests(rows, tables):
    lines = [difference(p_adjusted=0.3), difference(p_adjusted=float("nan"))]
    first, *_ = found(rows, tables, probe_differences=lines)
    assert first == "The one test of heads and probes is not clear after correction (p = .300)."


def test_nothing_clear_is_one_sentence(rows, tables):
    lines = [content(p_adjusted=0.3), content(p_adjusted=0.296)]
    first, *rest = found(rows, tables, summary_survival_content=lines)
    assert first == (
        "None of the 2 tests of heads and probes is clear after correction (smallest p = .296)."
    )
    assert not any("clear" in sentence for sentence in rest)
    (one, *_) = found(rows, tables, summary_survival_content=lines[:1])
    assert one == "The one test of heads and probes is not clear after correction (p = .300)."


def test_an_interval_that_holds_1_supports_no_claim(rows, tables):
    first, *_ = found(rows, tables, summary_survival_content=[content(ci_high=1.2)])
    assert not first.startswith("Heads that")


def test_agreement_and_size_come_last(rows, tables):
    *_, agreement, size = found(rows, tables)
    stability = tables["summary_stability"]
    heads = stability[stability["unit"] == "head"].set_index("statistic")
    agree = "agree" if heads.loc["jaccard_mean", "p_value"] <= 0.05 else "do not agree"
    assert agreement.startswith(f"The 2 seeds {agree} on which heads to keep beyond chance: ")
    assert f" {int(heads.loc['kept_in_all', 'value'])} heads are kept in every seed" in agreement
    good = tables["summary_headline"].set_index("kind").loc["good"]
    assert size == (
        f"Without the pruned units, the model has {100 * good['parameters']:.0f}% of the "
        f"parameters and {100 * good['flops']:.0f}% of the operations (FLOPs) of the full model."
    )


def test_at_most_seven_with_five_comparisons_first(rows, tables):
    many = [content(z=-k) for k in range(1, 9)]
    differences = [difference(probe=name) for name in ("tokens", "structural", "control")] * 3
    said = found(rows, tables, summary_survival_content=many, probe_differences=differences)
    assert len(said) == MOST == 7
    assert sum("odds of being kept" in sentence for sentence in said[:5]) == 2
    assert sum("than in random ones" in sentence for sentence in said[:5]) == 3


def patterns(rows, p_values, **changed):
    """Rows of surviving minus pruned heads: one p a seed."""
    about = rows[(rows["probe"] == "mask") & (rows["kind"] == "good")].drop_duplicates("seed")
    made = about.assign(probe="pattern-survivors", metric="pattern_share", relation="block",
                        target="survivors - pruned", unit="model", value=0.12, ci_low=0.05,
                        ci_high=0.19, p_adjusted=p_values, family_size=10, layer=pd.NA, head=pd.NA,
                        variant="raw maps of the full model",
                        ci_method="percentile bootstrap over texts (2000)")  # fmt: skip
    return rows_frame(pd.concat([rows, made.assign(**changed)], ignore_index=True))


@pytest.mark.parametrize(("p_values", "changed", "clear"), [
    ([0.01, 0.04], {}, True),
    ([0.01, 0.06], {}, False),
    ([0.01, 0.04], {"flag": "unconfirmed"}, False),
    ([0.01, 0.04], {"value": [0.12, -0.12]}, False),
])  # fmt: skip
def test_patterns_of_survivors_are_told_where_every_seed_agrees(
    rows, tables, p_values, changed, clear
):
    more = patterns(rows, p_values, **changed)
    said = [s for s in found(more, tables) if "attention maps" in s]
    assert bool(said) == clear
    if clear:
        assert said[0] == (
            "In the full model, heads that survive have block attention maps more often than "
            "pruned heads: difference in share .120 [.050, .190] in seed 2, where it is least "
            "clear (p = .040, Holm over 10 tests; 95% interval over texts)."
        )


def test_a_degenerate_run_has_no_findings():
    (one,) = verdicts(made_rows(probes=False, degenerate=("acceptability",)))
    assert one.findings == ()
