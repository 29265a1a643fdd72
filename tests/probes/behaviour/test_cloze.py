"""Cloze tests with a model, against a plain loop over forward passes."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from probe_cases import tiny_context, with_dead_heads
from subprobe.data.errors import CheckpointError, ConfigError, DataFileError, InputError
from subprobe.data.suites.ettinger import read_cloze_test
from subprobe.models.masks.gates import gated
from subprobe.probes.behaviour.cloze import run_cloze
from subprobe.probes.behaviour.cloze_cases import cases_of, words_of
from subprobe.probes.behaviour.word_entries import MultiPiece

CPRAG = (
    "item\tcontext_s1\tcontext_s2\texpected\twithin_category\tbetween_category\tconstraint\n"
    "0\tThe cats slept.\tThey chased the\tdog\tfox\tjudge\tH\n"
    "1\tNobody ever saw him.\tHe was an\tauthor\tactor\tfox\tL\n"
    "2\tIt was raining.\tThey called the\thelicopter\tdog\tcats\tL\n"
)
ROLE = (
    "item\tcontext\texpected\texp_cloze\ttarget\ttgt_cloze\ttgt_cloze(strict)\n"
    "1-b\tAnn knew which judge the fox had\tlast|hired\t.1\tnear\t0\t0\n"
    "1-a\tAnn knew which fox the judge had\tnear\t.5\tnear\t.5\t.5\n"
    "2-b\tBob saw which dog the actor had\thas been\t.2\thas seen\t.1\t0\n"
    "2-a\tBob saw which actor the dog had\thas\t.4\thas seen\t.4\t.4\n"
)
NEG = (
    "item\tcontext_aff\tcontext_neg\ttarget_aff\ttarget_neg\n"
    "0\tA fox is (a|an)\tA fox is not (a|an)\tdog\tauthor\n"
    "1\tAn actor is (a|an)\tAn actor is not (a|an)\tjudge\tmanuscript\n"
)
FILES = {"CPRAG-102.tsv": CPRAG, "ROLE-88.tsv": ROLE, "NEG-136-SIMP.tsv": NEG}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cloze")
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return [str(folder / name) for name in FILES]


@pytest.fixture(scope="module")
def bert():
    return tiny_context("bert", "language", double=False)


def predicted(context: Any, text: str, start: int, end: int) -> tuple[list[int], torch.Tensor]:
    """The ids of a word's pieces, and log-probabilities at each, one masked at a time [P, V]."""
    encoded = context.tokenizer(text, return_offsets_mapping=True, return_tensors="pt")
    offsets = encoded.pop("offset_mapping")[0].tolist()
    places = [at for at, (first, last) in enumerate(offsets) if first < end and last > start]
    found = []
    for place in places:
        ids = encoded["input_ids"].clone()
        ids[0, place] = context.tokenizer.mask_token_id
        with torch.no_grad(), gated(context.model, context.subnetwork):
            logits = context.model(**{**encoded, "input_ids": ids}).logits
        found.append(logits[0, place].float().log_softmax(-1))
    return encoded["input_ids"][0, places].tolist(), torch.stack(found)


def oracle(context: Any, path: str, ending: str, *, pll: bool, margin: float = 0.01) -> Any:
    """Metric -> mean over the cases of a file that can be scored."""
    found: dict[str, list[float]] = {}
    cases = cases_of(read_cloze_test(path))

    def scored(context_text: str, word: str) -> tuple[list[int], float, torch.Tensor]:
        text = f"{context_text} {word}{ending}"
        start = len(context_text) + 1
        ids, log_probs = predicted(context, text, start, start + len(word))
        return ids, sum(float(row[id]) for id, row in zip(ids, log_probs, strict=True)), log_probs

    for question in cases.questions:
        answers = [scored(question.context, word) for word in question.correct]
        single = [(ids[0], rows[0]) for ids, _, rows in answers if len(ids) == 1]
        for k in (1, 5) if single else ():
            top = single[0][1].topk(k).indices.tolist()
            hit = any(id in top for id, _ in single)
            found.setdefault(f"accuracy_top_{k}", []).append(hit)
    for contrast in cases.contrasts:
        pieces = [scored(*one) for one in (contrast.better, *contrast.worse)]
        if not pll and any(len(ids) > 1 for ids, _, _ in pieces):
            continue
        better, *worse = (math.exp(score) for _, score, _ in pieces)
        found.setdefault("sensitivity", []).append(all(better > one for one in worse))
        found.setdefault("sensitivity_above_margin", []).append(
            all(better - one > margin for one in worse)
        )
        found.setdefault("log_odds", []).append(math.log(better / max(worse)))
    return {metric: (np.mean(values), len(values)) for metric, values in found.items()}


@pytest.mark.parametrize("masked", [False, True])
def test_scores_are_those_of_a_plain_loop(bert, files, masked):
    context = with_dead_heads(bert, [(0, 1), (1, 0), (1, 2)]) if masked else bert
    ways: tuple[MultiPiece, ...] = ("pll",) if masked else ("skip", "pll")
    for way in ways:
        result = run_cloze(context, (), files=files, period="both", several_pieces=way, tokens=60)
        rows = result.rows.set_index(["variant", "relation", "metric"])
        said = ", pll" if way == "pll" else ""
        for path, name in zip(files, FILES, strict=True):
            for ending, variant in (("", "original"), (".", "original, period")):
                wanted = oracle(context, path, ending, pll=way == "pll")
                for metric, (value, n) in wanted.items():
                    if metric.startswith("accuracy") and name.startswith("NEG"):
                        relation = f"{name.removesuffix('.tsv')}/affirmative"
                    else:
                        relation = name.removesuffix(".tsv")
                    row = rows.loc[f"{variant}{said}", relation, metric]
                    assert row["value"] == pytest.approx(value, abs=2e-5), (name, metric)
                    assert row["n"] == n


def test_words_of_several_pieces_are_counted(bert, files):
    result = run_cloze(bert, (), files=files)
    rows = result.rows.set_index(["relation", "metric"])
    assert rows.loc["CPRAG-102", "coverage"][["value", "n"]].tolist() == [8 / 9, 9]
    lost = rows.loc["CPRAG-102", "sensitivity"]
    assert (lost["n"], lost["n_dropped"]) == (2, 1)
    assert rows.loc["CPRAG-102/low-constraint", "accuracy_top_1"][["n", "n_dropped"]].tolist() == [
        1, 1,
    ]  # fmt: skip
    assert result.notes["cloze CPRAG-102"] == (
        "8 of 9 words are a single piece; several pieces: 1 (helicopter)"
    )
    # `hired` is not a piece, but one of two tied words is enough to ask
    assert rows.loc["ROLE-88", "accuracy_top_5"][["n", "n_dropped"]].tolist() == [4, 0]
    assert "several pieces: 1 (hired)" in str(result.notes["cloze ROLE-88"])
    pll = run_cloze(bert, (), files=files, several_pieces="pll").rows
    kept = pll[(pll["metric"] == "sensitivity") & (pll["relation"] == "CPRAG-102")]
    assert kept[["n", "n_dropped"]].to_numpy().tolist() == [[3, 0]]
    l2r = run_cloze(bert, (), files=files[:1], several_pieces="pll-word-l2r").rows
    odds = [frame[frame["metric"] == "log_odds"]["value"].iloc[0] for frame in (pll, l2r)]
    assert odds[0] != odds[1]


def test_rows_are_means_of_items_and_repeat(bert, files):
    options: Any = {"files": files, "perturbations": ("shuffled", "generic-subject"), "k": (3,)}
    result = run_cloze(bert, (), **options)
    again = run_cloze(bert, (), **options, tokens=30)
    assert result.rows["metric"].tolist() == again.rows["metric"].tolist()
    np.testing.assert_allclose(
        result.rows["value"].astype(float), again.rows["value"].astype(float), atol=1e-4
    )
    means = result.items.groupby(["variant", "relation", "metric"])["score"].mean()
    rows = result.rows[result.rows["metric"] != "coverage"]
    for row in rows[rows["n"] > 0].itertuples():
        assert means[row.variant, row.relation, row.metric] == pytest.approx(row.value)
    assert set(rows["variant"]) == {"original", "shuffled", "generic-subject"}
    assert "accuracy_top_3" in set(rows["metric"])


def test_the_same_words_after_other_tokenizers(files):
    context = tiny_context("roberta", "language", double=False)
    result = run_cloze(context, (), files=files, several_pieces="pll")
    wanted = oracle(context, files[0], "", pll=True)
    rows = result.rows.set_index(["relation", "metric"])
    assert rows.loc["CPRAG-102", "log_odds"]["value"] == pytest.approx(
        wanted["log_odds"][0], abs=2e-5
    )
    assert len(list(words_of(cases_of(read_cloze_test(files[0]))))) == 12


def test_bad_input_is_refused_in_one_line(bert, files, tmp_path):
    def refused(error, match, context=bert, **options):
        with pytest.raises(error, match=match) as caught:
            run_cloze(context, (), **{"files": files, **options})
        assert caught.value.exit_code == 2
        assert "\n" not in str(caught.value)

    refused(ConfigError, "no cloze test is named; set cloze.files=CPRAG-102.tsv", files=())
    refused(ConfigError, "shuffled does not apply to ROLE-88", files=files[1:2],
            perturbations=("shuffled",))  # fmt: skip
    rare = tmp_path / "CPRAG-102.tsv"
    words = {"dog": "zebra", "author": "helicopter", "actor": "plane", "cats": "boats"}
    lines = [
        "\t".join(words.get(cell, f"x{cell}" if cell in ("fox", "judge") else cell)
                  for cell in line.split("\t"))
        for line in CPRAG.splitlines()
    ]  # fmt: skip
    rare.write_text("\n".join(lines))
    refused(InputError, "cloze, CPRAG-102: 0 of 9 words are usable .several pieces: 9",
            files=[str(rare)])  # fmt: skip
    refused(ConfigError, "two files are named CPRAG-102", files=[files[0], str(rare)])
    (tmp_path / "pairs.tsv").write_text("template\tgood\tbad\nx\ta b\ta c\n")
    refused(DataFileError, "line 1 is not the header", files=[str(tmp_path / "pairs.tsv")])
    refused(InputError, "k must be between 1 and", k=(1, 10_000))
    bare = tiny_context("bert", None, double=False)
    refused(CheckpointError, "has no masked-LM head; train one: subprobe finetune", context=bare)
    tokenizer = tiny_context("bert", "language", double=False).tokenizer
    tokenizer.mask_token = None
    unmasked = replace(bert, tokenizer=tokenizer)
    refused(CheckpointError, "the tokenizer has no mask token", context=unmasked)
