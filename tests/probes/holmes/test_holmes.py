"""`holmes` on a folder of data sets and on a corpus: rows, items, means and marks."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from holmes_folder import write_data_set, write_holmes
from probe_cases import random_examples, tiny_context, with_dead_heads
from scipy.stats import pearsonr
from sklearn.metrics import f1_score
from subprobe.analysis.intervals.holmes_intervals import NO_SAMPLE, holmes_intervals
from subprobe.analysis.profile.leaderboard import FORM, leaderboard
from subprobe.data.errors import ConfigError, InputError
from subprobe.data.holmes.folder import read_data_set
from subprobe.models.masks.gates import gated
from subprobe.probes.holmes.encoding import sample_vectors
from subprobe.probes.holmes.entries import HolmesOptions
from subprobe.probes.learning.learning import Learning
from subprobe.probes.named import run_named_probes
from subprobe.probes.options import typed_options
from subprobe.probes.registry import find_probe
from subprobe.probes.states.cache import StateCache

SHORT = {"epochs": 2, "seeds": 2}


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    place = tmp_path_factory.mktemp("holmes")
    folder = write_holmes(place / "holmes", count=30)
    # a second data set of a phenomenon
    write_data_set(folder, "blimp-passive_2", "SENTENCE", 2, [
        {"inputs": [f"cat {n} sees"], "label": n % 2, "set-0": part}
        for n, part in enumerate(["train"] * 6 + ["dev"] * 2 + ["test"] * 4)
    ])  # fmt: skip
    learnt = random_examples(30, seed=1)
    states = StateCache(place / "states")
    context = with_dead_heads(tiny_context("bert"), [(1, 0)])
    return context, Learning(tuple(learnt[:20]), tuple(learnt[20:]), "given", states), folder


def found(ground, **options):
    context, learning, _ = ground
    (result,) = run_named_probes(
        context, random_examples(6), ["holmes"], options={"holmes": {**SHORT, **options}},
        learning=learning,
    )  # fmt: skip
    return result


@pytest.fixture(scope="module")
def of_folder(ground):
    return found(ground, folder=str(ground[2]))


@pytest.fixture(scope="module")
def of_corpus(ground):
    return found(ground)


def test_every_data_set_of_the_folder_has_its_score(of_folder):
    rows = of_folder.rows
    scores = rows[rows["metric"].isin(["macro_f1", "pearson"])].set_index("relation")
    assert scores.loc["flesch", "metric"] == "pearson"
    assert set(scores.index) == {
        "SemAntoNeg", "blimp-passive_1", "blimp-passive_2", "coref", "discourse-connective",
        "flesch", "srl", "upos",
    }  # fmt: skip
    assert (scores["n"] == [6, 6, 4, 6, 6, 6, 6, 6]).all()
    assert set(rows["corpus"]) == {"holmes"}
    assert (rows["unit"] == "model").all()


def test_scores_are_means_over_seeds_of_the_items(of_folder):
    items = of_folder.items
    seeds = items["item_id"].str.rpartition("#")[2]
    for relation, own in items.groupby("relation"):
        rows = of_folder.rows[of_folder.rows["relation"] == relation].set_index("metric")
        by_seed = [part for _, part in own.groupby(seeds.loc[own.index])]
        assert len(by_seed) == 2
        if relation == "flesch":
            values = [pearsonr(one["prediction"], one["gold"])[0] for one in by_seed]
            error = -(own["prediction"] - own["gold"]).abs()
            assert rows.loc["negative_error", "value"] == pytest.approx(error.mean())
            np.testing.assert_allclose(own["score"].astype(float), error.astype(float))
        else:
            values = [f1_score(one["gold"], one["prediction"], average="macro", zero_division=0)
                      for one in by_seed]  # fmt: skip
            assert rows.loc["accuracy", "value"] == pytest.approx(own["score"].mean())
        metric = "pearson" if relation == "flesch" else "macro_f1"
        assert rows.loc[metric, "value"] == pytest.approx(np.mean(values))
        assert rows.loc[f"{metric}_seed_sd", "value"] == pytest.approx(np.std(values, ddof=1))


def test_means_are_over_data_sets_and_over_phenomena_and_empty_without_any(of_folder):
    rows = of_folder.rows
    score = rows[rows["metric"].isin(["macro_f1", "pearson"])].set_index("relation")["value"]
    means = {name: own.set_index("relation") for name, own in rows.groupby("metric")}
    by_set, by_phenomenon = means["mean_by_data_set"], means["mean_by_phenomenon"]
    syntax = ["blimp-passive_1", "blimp-passive_2", "flesch", "upos"]
    assert by_set.loc["syntax", "value"] == pytest.approx(score[syntax].mean())
    assert by_set.loc["syntax", "n"] == 4
    of = [score[syntax[:2]].mean(), score["flesch"], score["upos"]]
    assert by_phenomenon.loc["syntax", "value"] == pytest.approx(np.mean(of))
    assert by_phenomenon.loc["syntax", "n"] == 3
    assert by_set.loc["all", "value"] == pytest.approx(score.mean())
    for table in (by_set, by_phenomenon):
        assert pd.isna(table.loc["morphology", "value"])
        assert table.loc["morphology", "n"] == 0


def test_only_the_protocol_on_holmes_own_folder_is_comparable(ground, of_folder, of_corpus):
    assert set(of_folder.rows["variant"]) == set(of_corpus.rows["variant"]) == {"not comparable"}
    assert of_folder.notes["holmes_not_comparable"] == "seeds is 2, not 5; epochs is 2, not 20"
    assert "not those of Holmes" in str(of_corpus.notes["holmes_not_comparable"])
    whole = found(ground, folder=str(ground[2]), sets=("blimp-passive_2",), seeds=5, epochs=20)
    assert set(whole.rows["variant"]) == set(whole.items["variant"]) == {"comparable"}
    options = typed_options(find_probe("holmes"), {"folder": "x", "loss": "cross-entropy"})
    assert isinstance(options, HolmesOptions)
    assert options.departures() == ["loss is cross-entropy, not as-published"]


def test_a_corpus_gives_the_tasks_that_it_is_annotated_with(of_corpus):
    rows = of_corpus.rows
    assert list(rows.loc[rows["metric"] == "macro_f1", "relation"]) == ["upos", "dep"]
    assert of_corpus.notes["n_texts_read"] == 6
    words = of_corpus.items[of_corpus.items["relation"] == "upos"]
    assert words["item_id"].iloc[0] == "e0:1#0"
    assert words["sentence_id"].iloc[0] == "s0"


def test_vectors_are_means_over_pieces_of_the_last_state(ground, tmp_path):
    context, _, folder = ground
    model, tokenizer = context.model, context.tokenizer

    def last(text):
        given = tokenizer(text, return_tensors="pt", return_offsets_mapping=True)
        offsets = given.pop("offset_mapping")[0].tolist()
        with torch.no_grad(), gated(model, context.subnetwork):
            states = model(**given, output_hidden_states=True).hidden_states[-1][0]
        return states, offsets

    def stretch(text, one, shift=0):
        if one.end is None:
            return last(text)[0].mean(0)
        states, offsets = last(text)
        inside = [k for k, (a, b) in enumerate(offsets)
                  if a < one.end + shift and b > one.start + shift and b > a]  # fmt: skip
        return states[inside].mean(0)

    for name in ("upos", "srl", "SemAntoNeg", "discourse-connective", "coref", "flesch"):
        data_set = read_data_set(folder / name)
        vectors = sample_vectors(context, data_set, tmp_path / name, length=512, batch_size=4)
        samples = [one for part in data_set.parts.values() for one in part]
        assert vectors.whole.all()
        for row in (0, 7, 29):
            sample = samples[row]
            wanted = []
            for reading in sample.readings:
                found_ = []
                for one in reading:
                    text, shift = sample.texts[one.text], 0
                    if data_set.joined:
                        text = " [SEP] ".join(sample.texts)
                        shift = one.text * (len(sample.texts[0]) + 7)
                    found_.append(stretch(text, one, shift))
                wanted.append(torch.stack(found_).mean(0))
            np.testing.assert_allclose(
                vectors.numbers[row], torch.cat(wanted).numpy(), rtol=1e-4, atol=1e-5
            )


def test_samples_that_are_cut_off_are_counted(ground):
    folder = ground[2]
    whole = found(ground, folder=str(folder), sets=("coref",))
    assert (whole.rows["n_dropped"] == 0).all()
    cut = found(ground, folder=str(folder), sets=("coref",), length=36)
    lost = cut.rows[cut.rows["metric"] == "macro_f1"].iloc[0]
    assert lost["n_dropped"] > 0
    assert lost["n"] + lost["n_dropped"] == 6
    assert str(cut.notes["holmes_coref_cut_off"]).endswith(f"{lost['n_dropped']} test")
    assert "holmes_coref_cut_off" not in whole.notes
    with pytest.raises(InputError, match="truncation cuts off every sample of the part train"):
        found(ground, folder=str(folder), sets=("coref",), length=4)


def test_wrong_names_are_refused(ground):
    with pytest.raises(InputError, match="no data set matches blimp-x"):
        found(ground, folder=str(ground[2]), sets=("blimp-x*",))
    with pytest.raises(InputError, match="no data set matches ner"):
        found(ground, sets=("ner",))
    with pytest.raises(ConfigError, match=r"holmes\.seeds"):
        typed_options(find_probe("holmes"), {"seeds": 0})


def test_same_seed_same_bytes_and_the_content_of_the_folder_counts(ground, of_folder, tmp_path):
    again = found(ground, folder=str(ground[2]))
    pd.testing.assert_frame_equal(again.items, of_folder.items)
    entry = find_probe("holmes")
    before, after = (
        typed_options(entry, {"folder": str(write_holmes(tmp_path / name, seed=seed))}).inputs()
        for name, seed in (("a", 0), ("b", 1))
    )
    assert before.keys() == after.keys()
    assert before["upos/samples.csv"] != after["upos/samples.csv"]


def test_intervals_are_of_the_scores(of_folder):
    rows = holmes_intervals(of_folder)
    scored = rows[rows["metric"].isin(["macro_f1", "accuracy", "pearson", "negative_error"])]
    assert (scored["ci_low"] <= scored["value"] + 0.1).all()
    assert scored["ci_low"].notna().all()
    means = rows[rows["metric"].str.startswith("mean_")]
    assert (means["ci_method"] == NO_SAMPLE).all()
    assert means["ci_low"].isna().all()
    # cases of one sentence, weighted alike, give the score itself
    from subprobe.analysis.intervals import holmes_intervals as module

    for relation, own in of_folder.items.groupby("relation"):
        said, gold, units, clustered = module._cases(own.assign(cluster_id=pd.NA))
        score = module._numbers if relation == "flesch" else module._classes
        own_rows = rows[rows["relation"] == relation].set_index("metric")
        for metric, value in score(said, gold, np.ones(len(gold), np.float32)).items():
            assert value == pytest.approx(own_rows.loc[metric, "value"], abs=1e-6)
        assert len(np.unique(units)) == len(gold)
        assert not clustered


def test_the_leaderboard_has_a_line_a_data_set_and_a_column_a_model(of_folder):
    rows = pd.concat([
        of_folder.rows.assign(model="m", kind="full", state="finetuned", seed=1, method="full"),
        of_folder.rows.assign(model="m", kind="random", state="pruned", seed=1, draw=0,
                              method="structured"),
        of_folder.rows.assign(model="m", kind="random", state="pruned", seed=1, draw=1,
                              value=0.0, method="structured"),
    ])  # fmt: skip
    table = leaderboard(rows)
    assert list(table.columns[: len(FORM)]) == FORM
    assert list(table.columns[len(FORM) :]) == ["m random pruned", "m full finetuned"]
    line = table.set_index("probing dataset").loc["flesch"]
    assert line["linguistic subfield"] == "syntax"
    assert line["linguistic phenomena"] == "readability"
    assert line["probe type"] == "sentence classification"
    assert not line["comparable"]
    value = of_folder.rows.query("relation == 'flesch' and metric == 'pearson'")["value"].item()
    assert line["m full finetuned"] == pytest.approx(value)
    assert line["m random pruned"] == pytest.approx(value / 2)
    alone = leaderboard(of_folder.rows.assign(model="bert"))
    assert list(alone.columns[len(FORM) :]) == ["bert"]


def test_a_model_of_another_family_reads_pairs(tmp_path):
    context = replace(tiny_context("roberta"), max_length=64)
    folder = write_holmes(tmp_path, count=20)
    learnt = tuple(random_examples(4))
    learning = Learning(learnt, learnt, "given", StateCache(tmp_path / "states"))
    (result,) = run_named_probes(
        context, random_examples(2), ["holmes"], learning=learning,
        options={"holmes": {**SHORT, "folder": str(folder), "sets": ("coref", "upos")}},
    )  # fmt: skip
    assert (result.rows.loc[result.rows["metric"] == "macro_f1", "n"] == 4).all()
