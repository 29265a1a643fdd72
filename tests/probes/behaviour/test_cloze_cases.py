"""Cloze tests without a model: what is asked, and how probabilities become scores."""

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
from subprobe.data.suites.ettinger import (
    NegationItem,
    NegationTest,
    PragmaticItem,
    PragmaticTest,
    RoleSentence,
    RoleTest,
    read_cloze_test,
)
from subprobe.data.suites.generated import generated_pairs
from subprobe.probes.behaviour.cloze_cases import (
    cases_of,
    generic_context,
    perturbed_context,
    quartiles,
    words_of,
)
from subprobe.probes.behaviour.cloze_scores import Table, answered, contrasted
from subprobe.probes.behaviour.entries import ENTRIES
from subprobe.probes.behaviour.word_entries import CLOZE_TESTS

CHESS = PragmaticItem(
    "0", "“Checkmate,” Ann said. Loudly.", "She was really good at", "chess", "monopoly",
    "football", "high",
)  # fmt: skip
HELICOPTER = PragmaticItem(
    "1", "The man was ill.", "They called the", "helicopter", "plane", "ferry", "low"
)


def role(
    id: str, order: Any, context: str, expected: str, cloze: float, target_cloze: float
) -> RoleSentence:
    words = tuple(expected.split("|"))
    return RoleSentence(id, order, context, words, cloze, "served", target_cloze, 0.0)


PAIRS = tuple(
    (
        role(id, "a", f"{who} knew which lord the chef had", "served", good, good),
        role(id, "b", f"{who} knew which chef the lord had", "hired|paid for", bad, bad / 2),
    )
    for id, who, good, bad in (
        ("1", "Ann", 0.4, 0.1), ("2", "Bob", 0.2, 0.1), ("3", "Al", 0.6, 0.3),
        ("4", "Eve", 0.8, 0.4),
    )
)  # fmt: skip


def test_every_completion_of_an_item_follows_the_same_context():
    cases = cases_of(PragmaticTest("CPRAG", (CHESS, HELICOPTER)))
    context = "“Checkmate,” Ann said. Loudly. She was really good at"
    assert cases.questions[0].context == context
    assert cases.questions[0].correct == ("chess",)
    assert [one.groups for one in cases.questions] == [
        ("", "high-constraint"), ("", "low-constraint"),
    ]  # fmt: skip
    assert cases.contrasts[0].better == (context, "chess")
    assert cases.contrasts[0].worse == ((context, "monopoly"), (context, "football"))


def test_repeated_contexts_are_asked_once():
    again = PragmaticItem(
        "7", HELICOPTER.first, HELICOPTER.second, "doctor", "nurse", "cook", "low"
    )
    cases = cases_of(PragmaticTest("CPRAG", (HELICOPTER, again)))
    assert [one.item for one in cases.questions] == ["1"]
    assert len(cases.contrasts) == 2


def test_perturbed_contexts_keep_what_they_keep():
    def made(kind, seed):
        return perturbed_context(CHESS, kind, np.random.default_rng(seed))

    assert made("truncated", 0) == "“Checkmate,” Ann said. Loudly. good at"
    words = ["“Checkmate,”", "Ann", "said", "Loudly"]
    orders = {made("shuffled", seed) for seed in range(20)}
    assert len(orders) > 5
    for text in orders:
        first, _, second = text.partition(". ")
        assert sorted(first.split()) == sorted(words)
        assert second == "She was really good at"
    assert made("shuffled", 3) == made("shuffled", 3)
    both = made("shuffled-truncated", 3)
    assert both == made("shuffled", 3).replace("She was really good at", "good at")


def test_generic_contexts_name_one_and_other():
    context = "Ann knew which lord the chef had"
    assert generic_context(context, "generic-object") == "Ann knew which one the chef had"
    assert generic_context(context, "generic-subject") == "Ann knew which lord the other had"
    assert generic_context(context, "generic-both") == "Ann knew which one the other had"
    cases = cases_of(RoleTest("ROLE", PAIRS), "generic-both")
    # both orders read the same: nothing is left to compare
    assert (len(cases.questions), len(cases.contrasts), cases.n_unfit) == (8, 0, (0, 4))
    odd = (role("9", "a", "Ann served", "tea", 0.5, 0.5), role("9", "b", "Tea had", "x", 0.5, 0.5))
    cases = cases_of(RoleTest("ROLE", (*PAIRS, odd)), "generic-object")
    assert (len(cases.questions), len(cases.contrasts), cases.n_unfit) == (8, 4, (2, 1))


def test_roles_are_grouped_by_quartiles_of_cloze_probability():
    cases = cases_of(RoleTest("ROLE", PAIRS))
    assert cases.questions[1].correct == ("hired", "paid")  # the first word of `paid for`
    assert cases.contrasts[0].better == ("Ann knew which lord the chef had", "served")
    assert cases.contrasts[0].worse == (("Ann knew which chef the lord had", "served"),)
    # the published rule, for each of the sentences and for the targets of the good orders
    cloze = [one.expected_cloze for pair in PAIRS for one in pair]
    first, second, third = (float(np.percentile(cloze, q)) for q in (25, 50, 75))
    wanted = [1 if c <= first else 2 if c <= second else 3 if c <= third else 4 for c in cloze]
    assert quartiles(cloze) == wanted
    assert [one.groups[1] for one in cases.questions] == [f"cloze-quartile-{q}" for q in wanted]
    assert [one.groups[1][-1] for one in cases.contrasts] == ["2", "1", "3", "4"]


def test_the_article_is_that_of_the_word():
    item = NegationItem("2", "An ant is", "An ant is not", "insect", "vegetable", True, None)
    cases = cases_of(NegationTest("NEG", (item,)))
    (question,) = cases.questions
    assert (question.context, question.groups) == ("An ant is an", ("affirmative",))
    positive, negative = cases.contrasts
    assert positive.better == ("An ant is an", "insect")
    assert positive.worse == (("An ant is a", "vegetable"),)
    assert negative.better == ("An ant is not a", "vegetable")
    assert negative.worse == (("An ant is not an", "insect"),)
    assert negative.groups == ("", "negative")
    assert len(set(words_of(cases))) == 4


def test_natural_negation_is_a_group():
    items = tuple(
        NegationItem(str(n), f"{n} is", f"{n} is not", "safe", "risky", False, natural)
        for n, natural in enumerate((True, False, True))
    )
    contrasts = cases_of(NegationTest("NEG", items)).contrasts
    assert contrasts[0].groups == ("", "affirmative", "natural", "natural-affirmative")
    assert contrasts[3].groups == ("", "negative", "less-natural", "less-natural-negative")


def published(better: float, worse: list[float], margin: float) -> tuple[int, int]:
    """Sensitivity as the published code has it, from probabilities."""
    top = all(better > one for one in worse)
    return int(top), int(top and all(abs(better - one) > margin for one in worse))


def test_sensitivity_is_that_of_the_published_rule():
    cases = cases_of(PragmaticTest("CPRAG", (CHESS,)))
    (contrast,) = cases.contrasts
    grid = (0.001, 0.2, 0.205, 0.25)
    for probs in product(grid, repeat=3):
        named = dict(zip((contrast.better, *contrast.worse), map(math.log, probs), strict=True))
        scores = contrasted(contrast, named, 0.01).scores
        found = scores["sensitivity"], scores["sensitivity_above_margin"]
        assert found == published(probs[0], list(probs[1:]), 0.01), probs
        assert scores["log_odds"] == pytest.approx(math.log(probs[0] / max(probs[1:])))
        assert scores["tied"] == float(probs[0] == max(probs[1:]))


def test_equal_words_have_no_margin_and_are_wrong():
    (contrast,) = cases_of(RoleTest("ROLE", PAIRS[:1])).contrasts
    scored = contrasted(contrast, {contrast.better: -2.0, contrast.worse[0]: -2.0}, 0.0)
    assert scored.scores == {
        "sensitivity": 0, "sensitivity_above_margin": 0, "log_odds": 0, "tied": 1,
    }  # fmt: skip
    assert scored.chance == 0.5


def test_one_of_the_tied_words_is_enough():
    question = cases_of(RoleTest("ROLE", PAIRS[:1])).questions[1]
    scores = answered(question, [7, 9], (1, 9, 3, 7, 5), (1, 2, 5)).scores
    assert scores == {"accuracy_top_1": 0, "accuracy_top_2": 1, "accuracy_top_5": 1}
    assert not answered(question, [], (), (1,)).scores


def test_rows_are_means_of_their_items_and_count_what_is_skipped():
    cases = cases_of(RoleTest("ROLE", PAIRS))
    pairs = [(one.better, one.worse[0]) for one in cases.contrasts]
    named = {}
    for number, (good, bad) in enumerate(pairs[:3]):
        named |= {good: -1.0, bad: -2.0 + number}
    table = Table("ROLE", "original", ["sensitivity", "log_odds"],
                  [contrasted(one, named, 0.01) for one in cases.contrasts])  # fmt: skip
    rows = {(row["relation"], row["metric"]): row for row in table.rows()}
    top = rows["ROLE", "sensitivity"]
    assert (top["value"], top["n"], top["n_dropped"]) == (pytest.approx(1 / 3), 3, 1)
    assert (top["baseline"], top["baseline_value"]) == ("chance level", 0.5)
    assert rows["ROLE", "log_odds"]["value"] == pytest.approx(0)
    lost = rows["ROLE/cloze-quartile-4", "sensitivity"]
    assert math.isnan(lost["value"])
    assert (lost["n"], lost["n_dropped"]) == (0, 1)
    items = table.items()
    for (relation, metric), row in rows.items():
        own = items[(items["relation"] == relation) & (items["metric"] == metric)]
        assert len(own) == row["n"]
        if row["n"]:
            assert own["score"].mean() == pytest.approx(row["value"])
    assert set(items["cluster_id"]) == {"ROLE/1", "ROLE/2", "ROLE/3"}


def test_the_published_items(realdata):
    folder = realdata / "cloze"
    pragmatic = cases_of(read_cloze_test(folder / "CPRAG-102" / "CPRAG-102.tsv"))
    assert (len(pragmatic.questions), len(set(words_of(pragmatic)))) == (34, 102)
    for name, n_items in (("SIMP", 18), ("NAT", 16)):
        cases = cases_of(read_cloze_test(folder / "NEG-136" / f"NEG-136-{name}.tsv"))
        assert (len(cases.questions), len(cases.contrasts)) == (n_items, 2 * n_items)
        assert len(set(words_of(cases))) == 4 * n_items
        assert not any(context.endswith(("a insect", "(a|an)")) for context, _ in words_of(cases))


def test_the_profile_counts_each_item_of_a_test_once():
    def covered(entry, metric, relation, variant):
        return sum(one.covers(metric, relation, variant) for one in entry.phenomena)

    for relation in ("CPRAG-102", "ROLE-88", "NEG-136-SIMP", "NEG-136-NAT"):
        assert covered(CLOZE_TESTS, "sensitivity", relation, "original") == 1
    for relation in ("NEG-136-NAT/natural", "NEG-136-SIMP/negative", "CPRAG-102/low-constraint"):
        assert covered(CLOZE_TESTS, "sensitivity", relation, "original") == 0
    (pairs,) = ENTRIES
    paradigms = {one.paradigm for one in generated_pairs(0, 28).pairs}
    assert len(paradigms) == 14
    for paradigm in paradigms:
        assert covered(pairs, "accuracy", paradigm, "pll") == 1
