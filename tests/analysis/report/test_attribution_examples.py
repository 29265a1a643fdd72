"""Examples word by word: what the run keeps, and which of it the page shows."""

from dataclasses import replace

import pandas as pd
import pytest
from few_cells import rows_alone
from report_rows import SENTENCE, report_words
from run_rows import MadeRun
from subprobe.analysis.configuration.config import parse_config
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.report.attribution_examples import (
    MOST_EXAMPLES,
    examples_of,
    read_word_frame,
    shown_examples,
)
from subprobe.analysis.running.attributed_words import FILE
from subprobe.analysis.summary.summaries import summaries
from subprobe.analysis.verdict.answer import answers_of
from subprobe.data.output.tables import read_rows, write_csv
from tiny_run import tiny_options


@pytest.fixture(scope="module")
def made():
    rows = MadeRun(draws=2).rows()
    return answers_of(rows, summaries(rows)), report_words(rows)


def test_a_run_keeps_the_words_of_its_examples(finished_run):
    words = read_word_frame(finished_run)
    rows = read_rows(finished_run / "rows.parquet")
    assert set(words["kind"]) == {"full", "good", "random", "bad"}
    assert words.groupby(["seed", "kind"])["item_id"].nunique().tolist() == [4] * 8
    assert set(words["cell_id"]) <= set(rows["cell_id"])
    deltas = rows[(rows["metric"] == "convergence_delta_mean") & (rows["kind"] == "full")]
    assert deltas["n"].tolist() == [4, 4]
    # words of one example are the same whoever reads it, and whole: positions leave no gap
    for _, one in words.groupby(["seed", "item_id"]):
        texts = {tuple(part["word"]) for _, part in one.groupby("kind")}
        assert len(texts) == 1
        first = one[one["kind"] == "full"]
        assert first["position"].tolist() == list(range(len(first)))
    assert set(words["gold"]) <= {"acceptable", "unacceptable"}
    assert words["attribution"].abs().max() > 0


def test_words_survive_the_file(made, tmp_path):
    words = made[1].assign(word=["-", "=1+1", "it's", "@x", "NA", ""] * (len(made[1]) // 6))
    write_csv(words, tmp_path / FILE)
    again = read_word_frame(tmp_path)
    assert again["word"].tolist() == words["word"].tolist()
    assert again["attribution"].tolist() == words["attribution"].tolist()


def test_what_is_shown_is_what_was_measured(made):
    (answer,), words = made
    (shown, *_) = shown_examples(words, answer, 2)
    assert [reading.kind for reading in shown.readings] == ["full", "good", "random", "bad"]
    first = words[(words["seed"] == 1) & (words["draw"] == 0)]
    for reading in shown.readings:
        (sentence,) = reading.sentences
        assert [word.text for word in sentence] == list(SENTENCE)
        largest = max(sentence, key=lambda word: abs(word.level))
        assert abs(largest.level) == 5
        mine = first[(first["kind"] == reading.kind) & (first["item_id"] == "e1")]
        signs = [word.level for word in sentence]
        for level, value in zip(signs, mine["attribution"], strict=True):
            assert level == 0 or (level > 0) == (value > 0)
    assert shown.gold == "no"
    assert not shown.readings[0].right


def test_a_page_shows_a_dozen_at_most(made):
    (answer,), words = made
    tasks = [f"t{number}" for number in range(14)]
    many = [replace(answer, label=t, who=("embedded", t, "structured")) for t in tasks]
    every = pd.concat([words.assign(task=task) for task in tasks], ignore_index=True)
    for count in (1, 3, 14):
        shown = list(examples_of(every, many[:count]))
        assert len(shown) == count
        assert count <= sum(map(len, shown)) + 2
        assert sum(map(len, shown)) <= MOST_EXAMPLES


def test_without_words_there_are_no_examples(made, tmp_path):
    answers, words = made
    assert list(examples_of(None, answers)) == [[]]
    assert list(examples_of(words.head(0), answers)) == [[]]
    assert read_word_frame(tmp_path) is None


def test_words_of_plain_texts_are_those_that_the_parser_made(tiny_encoder, tmp_path):
    for split in ("train", "dev"):
        lines = [f"gj04\t{place % 2}\t\tThe cats, too, saw {place} dogs." for place in range(24)]
        path = tmp_path / "glue" / "CoLA" / f"{split}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    options = tiny_options(
        tiny_encoder, tasks=["cola"], data_dir=str(tmp_path / "glue"), seeds=[1],
        controls={"draws": 1, "untrained": False, "retrained_draws": 0},
        probe={"names": ["attributions"], "examples": 3,
               "options": {"attributions": {"n_steps": 2}},
               "states": ["pruned"]},
    )  # fmt: skip
    del options["examples"]
    with rows_alone():
        run_experiment(parse_config(options, where="test"), tmp_path / "run")
    words = read_word_frame(tmp_path / "run")
    one = words[(words["kind"] == "full") & (words["item_id"] == words["item_id"].iloc[0])]
    assert one["word"].tolist()[:5] == ["The", "cats", ",", "too", ","]
    assert one["word"].tolist()[-1] == "."


def test_of_several_methods_the_first_is_shown(made, tmp_path):
    (answer,), words = made
    other = words.assign(variant="kernel-shap", attribution=0.0)
    both = pd.concat([words, other], ignore_index=True)
    alone, shown = (shown_examples(one, answer, 2) for one in (words, both))
    assert [one.readings for one in shown] == [one.readings for one in alone]
    # a run of an earlier version had one method and did not name it
    write_csv(words.drop(columns="variant"), tmp_path / FILE)
    assert set(read_word_frame(tmp_path)["variant"]) == {""}
