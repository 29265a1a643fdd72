"""What is worth knowing of a run, most important first: tested, corrected, with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from ..profile.probe_differences import FILE as DIFFERENCES
from ..statistics.corrections import ALPHA
from ..wording import between, cite, counted, decimal, p_text, percent
from .head_words import heads_that
from .lines import headline, kept_of, line_of, told_of
from .pattern_words import patterns_found
from .probe_words import SOURCE, differences_found, tested_differences

MOST = 7
"""Five comparisons, then the agreement of seeds and the size."""
_MOST_OF_A_KIND = 2
CONTENT, PROBES = "summary_survival_content.csv", "summary_probes.csv"
STABILITY = "summary_stability.csv"


def findings_of(tables: Mapping[str, pd.DataFrame], rows: pd.DataFrame) -> tuple[str, ...]:
    """At most seven sentences, each about a test that is clear after correction, or about a size.

    Five comparisons come first: which heads survive, in what good differs most from random, then
    patterns, the best heads and words.

    Args:
        tables: the lines of one answer: `summary_survival_content`, `summary_probes`,
            `summary_headline`, and where there are any `summary_stability` and
            `probe_differences`.
        rows: its tidy rows about whole models; `line` counts the lines of `rows.parquet`.
    """
    tested = [
        *_survival(tables["summary_survival_content"]),
        *differences_found(tables.get(DIFFERENCES)),
        *patterns_found(rows),
        *_best_heads(tables["summary_probes"]),
        *_shares(tables["summary_probes"]),
    ]
    last = [*_agreement(tables.get("summary_stability")), *_size(tables["summary_headline"])]
    tested = tested[: MOST - len(last)] or list(_nothing_clear(tables))
    return (*tested, *last)


def _ratio(value: float) -> str:
    return decimal(value, 2)


# -- which heads survive ------------------------------------------------------------------------


def _tested_predictors(table: pd.DataFrame) -> pd.DataFrame:
    """The predictors of survival, each tested alone."""
    return table[table["odds_ratio"].notna() & table["p_adjusted"].notna()]


def _survival(table: pd.DataFrame) -> Iterator[str]:
    tested = _tested_predictors(table)
    clear = tested[(tested["p_adjusted"] <= ALPHA) & tested["ci_low"].notna()]
    clear = clear[(clear["ci_low"] > 1) | (clear["ci_high"] < 1)]
    order = clear["z"].astype(float).abs().sort_values(ascending=False, kind="stable").index
    for place in order[:_MOST_OF_A_KIND]:
        line = clear.loc[place]
        fate = "kept" if line["odds_ratio"] > 1 else "pruned"
        low, high = (cite(line, name, CONTENT, _ratio) for name in ("ci_low", "ci_high"))
        yield (
            f"Heads that {heads_that(line)} are {fate} more often: their odds of being kept "
            "change by a factor of "
            f"{cite(line, 'odds_ratio', CONTENT, _ratio)} [{low}, {high}] per standard deviation "
            f"within a layer ({cite(line, 'p_adjusted', CONTENT, p_text)}, "
            f"{line['correction']} over {counted(int(line['family_size']), 'test')}; 95% interval "
            "over heads, for these masks)."
        )


def _best_heads(probes: pd.DataFrame) -> Iterator[str]:
    """Relations that surviving heads find better, or worse, than random sets of heads."""
    mine = probes[(probes["probe"] == "survivors") & (probes["kind"] == "good")]
    mine = mine[mine["baseline"] == "random-heads-per-layer"]
    p = mine["p_adjusted"].fillna(mine["p_value"])
    clear = mine[p <= ALPHA]
    for place in p[clear.index].sort_values(kind="stable").index[:_MOST_OF_A_KIND]:
        line = clear.loc[place]
        what = line["relation"]
        what = "dependency relations on average" if what == "all-relations" else f"`{what}`"
        better = "better" if line["mean"] > line["baseline_value"] else "worse"
        column = "p_value" if pd.isna(line["p_adjusted"]) else "p_adjusted"
        null = ""
        if between(line["null_low"], line["null_high"]):
            ends = (cite(line, end, PROBES) for end in ("null_low", "null_high"))
            null = f", middle 95% {' to '.join(ends)}"
        yield (
            f"In the full model, the best head among those that survive finds {what} {better} "
            f"than the best of random sets of heads from the same layers: accuracy "
            f"{cite(line, 'mean', PROBES)} against {cite(line, 'baseline_value', PROBES)}{null} "
            f"(largest {cite(line, column, PROBES, p_text)} over seeds)."
        )


# -- what predictions rest on -------------------------------------------------------------------


def _shares(probes: pd.DataFrame) -> Iterator[str]:
    """Relations whose share in the good subnetwork is larger, or smaller, than by chance."""
    for about, table in told_of(probes, "shares"):
        if not about.finding:
            continue
        mine = table[(table["kind"] == "good") & (table["state"] == "pruned")]
        mine = mine[mine["p_adjusted"] <= ALPHA].sort_values("p_adjusted", kind="stable")
        for _, line in mine.head(_MOST_OF_A_KIND).iterrows():
            more = "more" if line["mean"] > line["baseline_value"] else "less"
            found = (cite(line, name, PROBES, percent) for name in ("mean", "baseline_value"))
            yield (
                f"{about.finding.format(more, line['relation'], *found)} (largest "
                f"{cite(line, 'p_adjusted', PROBES, p_text)} over seeds)."
            )


# -- agreement and size ---------------------------------------------------------------------------


def _agreement(table: pd.DataFrame | None) -> Iterator[str]:
    """Whether the seeds keep the same heads more often than chance."""
    if table is None or table.empty:
        return
    heads = table[table["unit"] == "head"]
    lines = {name: line_of(heads, statistic=name) for name in (
        "kept_in_all", "kept_in_all_expected", "jaccard_mean", "jaccard_expected")}  # fmt: skip
    jaccard, expected = lines["jaccard_mean"], lines["jaccard_expected"]
    everywhere, by_chance = lines["kept_in_all"], lines["kept_in_all_expected"]
    if jaccard is None or expected is None or everywhere is None or by_chance is None:
        return
    if pd.isna(jaccard["p_value"]):
        return
    agree = "agree" if jaccard["p_value"] <= ALPHA else "do not agree"
    kept = f"{int(everywhere['value'])} head{'s are' if everywhere['value'] != 1 else ' is'}"
    yield (
        f"The {int(jaccard['n_seeds'])} seeds {agree} on which heads to keep beyond chance: {kept} "
        f"kept in every seed ({cite(by_chance, 'value', STABILITY, _one_place)} expected by "
        f"chance), Jaccard index {cite(jaccard, 'value', STABILITY)} "
        f"({cite(expected, 'value', STABILITY)} expected), "
        f"{cite(jaccard, 'p_value', STABILITY, p_text)}."
    )


def _one_place(value: float) -> str:
    return decimal(value, 1)


def _size(table: pd.DataFrame) -> Iterator[str]:
    good = line_of(table, kind="good")
    if good is None or pd.isna(good["parameters"]):
        return
    if pd.notna(good["weights_kept"]):
        yield (
            f"With {kept_of(good)}, {headline(good, 'parameters', percent)} of the full model's "
            "parameters are not zero; masking single weights saves no operations."
        )
        return
    yield (
        f"Without the pruned units, the model has {headline(good, 'parameters', percent)} of the "
        f"parameters and {headline(good, 'flops', percent)} of the operations (FLOPs) of the full "
        "model."
    )


# -- nothing --------------------------------------------------------------------------------------


def _nothing_clear(tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """That tests were made and none is clear after correction; nothing where none was made."""
    content = _tested_predictors(tables["summary_survival_content"])
    parts = [(content, CONTENT)]
    differences = tables.get(DIFFERENCES)
    if differences is not None and len(differences):
        parts.append((tested_differences(differences), SOURCE))
    probes = tables["summary_probes"]
    shares = {probe for _, table in told_of(probes, "shares") for probe in table["probe"]}
    about = probes["probe"].isin(["survivors", *shares]) & (probes["kind"] == "good")
    one_way = probes["baseline"] != "random-heads"
    tested = probes[about & one_way & probes["p_adjusted"].notna() & (probes["state"] == "pruned")]
    parts.append((tested, PROBES))
    count = sum(len(table) for table, _ in parts)
    if not count:
        return
    filled = [(table.loc[table["p_adjusted"].astype(float).idxmin()], file)
              for table, file in parts if len(table)]  # fmt: skip
    line, file = min(filled, key=lambda found: float(found[0]["p_adjusted"]))
    what = (
        "The one test of heads and probes is not"
        if count == 1
        else f"None of the {count} tests of heads and probes is"
    )
    smallest = "" if count == 1 else "smallest "
    yield f"{what} clear after correction ({smallest}{cite(line, 'p_adjusted', file, p_text)})."
