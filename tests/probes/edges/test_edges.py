"""The probe `edges` from texts to rows."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from probe_cases import random_examples, tiny_context, with_dead_heads
from sklearn.metrics import f1_score
from span_cases import made_states, made_table, tiny_learning, word_file
from subprobe.data.errors import ConfigError, InputError
from subprobe.data.sentences.sentence import Example
from subprobe.probes.edges.edge_rows import ratio
from subprobe.probes.edges.edges import run_edges
from subprobe.probes.edges.span_probes import SpanForm, SpanProbes
from subprobe.probes.edges.training import Part, Settings, _found, train_mixes
from subprobe.probes.named import run_named_probes

QUICK: dict[str, Any] = {"projection": 8, "epochs": 2, "rates": (1e-2,)}
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def context():
    return tiny_context(double=False)


@pytest.fixture(scope="module")
def learning(tmp_path_factory):
    return tiny_learning(tmp_path_factory.mktemp("edges"))


@pytest.fixture(scope="module")
def examples():
    return random_examples(10, seed=5)


@pytest.fixture(scope="module")
def plain(context, learning, examples):
    """The default tasks of a gold treebank, two seeds."""
    return run_edges(context, examples, learning=learning, seeds=2, **QUICK)


def of(rows, metric, relation=None):
    """The rows of a metric."""
    found = rows[rows["metric"] == metric]
    return found if relation is None else found[found["relation"] == relation]


def test_rows_of_a_gold_treebank(plain):
    rows = plain.rows
    assert set(rows["relation"]) == {"dependencies", "upos"}  # it has no entities
    f1 = of(rows, "mix_micro_f1", "upos")
    assert f1.groupby("baseline")["layer"].apply(list).to_dict() == {
        "layer-0": [1, 2],
        "majority": [0, 1, 2],
    }
    assert (f1["variant"] == "own").all()
    assert (f1["better"] == "higher").all()
    first = f1[f1["layer"] == 0]["value"].item()
    assert (f1[f1["baseline"] == "layer-0"]["baseline_value"] == first).all()
    assert of(rows, "mix_micro_f1_seed_sd")["layer"].tolist() == [0, 1, 2] * 2
    weights = of(rows, "mix_weight", "dependencies")
    assert weights["value"].sum() == pytest.approx(1)
    centre = of(rows, "centre_of_gravity", "dependencies")
    assert centre["value"].item() == pytest.approx((weights["value"] * weights["layer"]).sum())
    assert centre["baseline_value"].item() == 1
    assert (of(rows, "mix_weights_kl")["value"] >= 0).all()
    assert "expected_layer" not in set(rows["metric"])  # it needs an interval: analysis adds it


def test_rows_are_a_function_of_items(plain):
    items = plain.items
    sums = items.groupby(["relation", "layer"])[["numerator", "denominator"]].sum()
    f1 = of(plain.rows, "mix_micro_f1").drop_duplicates(["relation", "layer"])
    for row in f1.itertuples():
        above, below = sums.loc[(row.relation, row.layer)]
        assert row.value == pytest.approx(above / below)
    assert (items["variant"] == "own").all()
    assert set(items["sentence_id"]) <= {f"s{place}" for place in range(10)}


def test_counts_of_spans(plain, examples):
    words = sum(len(one.first.words) for one in examples)
    f1 = of(plain.rows, "mix_micro_f1")
    assert set(f1["n"]) == {words}
    assert set(f1["n_dropped"]) == {0}
    assert plain.notes["edges_upos_test_spans"] == words
    assert plain.notes["edges_upos_parts"] == "by sentence"
    assert plain.notes["edges_upos_train_sentences"] == 24


def test_the_majority_label(plain, examples, learning):
    train = pd.Series([tag for one in learning.train for tag in one.first.upos])
    common = sorted(train.unique(), key=lambda tag: (-(train == tag).sum(), tag))[0]
    assert plain.notes["edges_upos_majority_label"] == common
    gold = [tag for one in examples for tag in one.first.upos]
    expected = f1_score(gold, [common] * len(gold), average="micro")
    found = of(plain.rows, "mix_micro_f1", "upos")
    assert found[found["baseline"] == "majority"]["baseline_value"].iloc[0] == pytest.approx(
        expected
    )


def test_the_same_bytes_twice_and_from_kept_states(context, learning, examples, plain):
    again = run_edges(context, examples, learning=learning, seeds=2, **QUICK)
    pd.testing.assert_frame_equal(again.rows, plain.rows)
    pd.testing.assert_frame_equal(again.items, plain.items)
    assert again.notes == plain.notes


def test_a_mask_is_probed_on_its_own_states(context, learning, examples, plain):
    masked = with_dead_heads(context, [(0, 0), (0, 1), (1, 2)])
    found = run_edges(masked, examples, learning=learning, seeds=2, **QUICK)
    assert len(found.rows) == len(plain.rows)
    first = (
        of(one.rows, "mix_micro_f1").drop_duplicates(["relation", "layer"])
        for one in (found, plain)
    )
    mine, whole = (one.set_index(["relation", "layer"])["value"] for one in first)
    # embeddings come before every head
    assert (mine.xs(0, level="layer") == whole.xs(0, level="layer")).all()
    weights = [of(one.rows, "mix_weight")["value"].to_numpy() for one in (found, plain)]
    assert not np.allclose(*weights)


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("hidden", [(), (1,)])
def test_micro_f1_is_that_of_scikit_learn(pairs, hidden):
    K, texts = 4, 12
    states, table = made_states(texts, 6, 3), made_table(texts, pairs=pairs, labels=K)
    scored = np.array([label not in hidden for label in range(K)])
    # labels that do not count are taken out of the gold ones where spans are read
    keeps = np.isin(table.labels, np.flatnonzero(scored))
    kept = np.concatenate([[0], np.cumsum(keeps)])[table.starts]
    table = replace(table, labels=table.labels[keeps], starts=kept)
    probes = SpanProbes(SpanForm(3, 6, K, pairs=pairs, projection=5), [0, 1, 2], [0, 1, 2])
    with torch.no_grad():
        for parameters in probes.parameters():
            parameters[-1] += 0.5 * torch.randn(K, generator=torch.Generator().manual_seed(1))
    part = Part(states, table)
    found = _found(probes, 3, part, scored, CPU, texts=5)
    gold = np.zeros(texts, dtype=np.int64)
    np.add.at(gold, table.text, np.diff(table.starts) + table.unseen)
    [batch] = part.batches(K, CPU, 100)
    given = (probes.logits(range(3), batch) > 0).numpy() & scored
    # a label that was not learnt is a column that no probe ever gives
    truth = np.hstack([batch.gold.numpy(), table.unseen[:, None]])
    for place in range(3):
        said = np.hstack([given[place], np.zeros((len(table), 1))])
        expected = f1_score(truth, said, average="micro", zero_division=0)
        sums = np.stack([2 * found[place, :, 0], found[place, :, 1] + gold], axis=1)
        assert ratio(sums) == pytest.approx(expected)
        assert 0 < ratio(sums) < 1


def test_probes_that_do_not_fit_into_memory_together_are_the_same():
    states, form = made_states(12, 6, 3), SpanForm(3, 6, 4, projection=5)
    tables = [made_table(12, pairs=False, labels=4, seed=seed) for seed in range(3)]
    parts = {
        name: Part(states, one) for name, one in zip(("train", "dev", "test"), tables, strict=True)
    }
    scored = np.ones(4, dtype=np.bool_)
    settings = Settings(seeds=2, rates=(1e-3,), epochs=2, texts=4)
    seen = []
    whole = train_mixes(form, parts, settings, scored, device=CPU)
    cut = train_mixes(
        form, parts, replace(settings, memory=1), scored, device=CPU,
        progress=lambda done, most: seen.append((done, most)),
    )  # fmt: skip
    assert [(one.depth, one.seed) for one in whole] == [(k, s) for s in range(2) for k in range(3)]
    for one, other in zip(whole, cut, strict=True):
        assert (one.depth, one.seed, one.course.lr) == (other.depth, other.seed, other.course.lr)
        assert one.course.dev_losses == pytest.approx(other.course.dev_losses, abs=1e-4)
        assert np.allclose(one.weights, other.weights, atol=1e-4)
    assert seen == sorted(seen)
    assert seen[-1] == (6 * 2, 6 * 2)


def test_the_rate_of_the_least_dev_loss_is_used_for_all_seeds_of_a_mix():
    states, form = made_states(12, 6, 2), SpanForm(2, 6, 4, projection=5)
    parts = {
        name: Part(states, made_table(12, pairs=False, labels=4))
        for name in ("train", "dev", "test")
    }
    settings = Settings(seeds=2, rates=(1e-6, 1e-2), epochs=3, texts=4)
    found = train_mixes(form, parts, settings, np.ones(4, dtype=np.bool_), device=CPU)
    assert {one.course.lr for one in found} == {1e-2}  # 1e-6 learns nothing in 3 epochs


# -- files of spans -----------------------------------------------------------------------------


def test_a_label_that_the_embeddings_have_is_learnt(context, learning, examples, tmp_path):
    path = word_file(tmp_path / "articles.jsonl")
    found = run_edges(
        context, examples, learning=learning, spans=str(path), projection=16, epochs=12,
        rates=(1e-2,),
    )  # fmt: skip
    assert set(found.rows["relation"]) == {"articles"}
    assert set(found.rows["corpus"]) == {"articles.jsonl"}
    assert set(found.rows["annotation"]) == {""}
    f1 = of(found.rows, "mix_micro_f1")
    assert (f1["value"] > 0.95).all()
    assert f1["baseline_value"].min() < 0.9
    assert found.notes["edges_articles_parts"] == "by sentence"
    assert found.notes["edges_articles_test_sentences"] == 6
    assert all(one.startswith("articles.jsonl:") for one in found.items["item_id"])


def test_files_for_each_part_beside_a_task_of_the_corpus(context, learning, examples, tmp_path):
    paths: dict[str, Any] = {
        f"spans_{part}": str(word_file(tmp_path / f"{part}.jsonl", lines=10, seed=seed))
        for seed, part in enumerate(("train", "dev", "test"))
    }
    found = run_edges(context, examples, learning=learning, tasks=("upos",), **paths, **QUICK)
    assert set(found.rows["relation"]) == {"upos", "test"}
    corpus = found.rows.groupby("relation")["corpus"].first()
    assert corpus["test"] == "test.jsonl"
    assert pd.isna(corpus["upos"])
    assert found.notes["edges_test_parts"] == "given"


def test_labels_that_do_not_count(context, learning, examples, tmp_path):
    path = str(word_file(tmp_path / "articles.jsonl"))
    given: dict[str, Any] = {"learning": learning, "spans": path, **QUICK}
    found = run_edges(context, examples, unscored=("OTH*",), **given)
    test = found.notes["edges_articles_test_spans"]
    items = found.items[found.items["layer"] == 2]
    assert items["denominator"].sum() < 2 * test
    assert found.notes["edges_articles_majority_label"] == "THE"
    with pytest.raises(
        ConfigError, match=r"edges\.unscored: all labels of the task articles are excluded"
    ):
        run_edges(context, examples, unscored=("*",), **given)


def pair_file(path, label, lines=30):
    """Pairs of the first and second word; `label` makes the labels of a line."""
    with path.open("w") as stream:
        for number in range(lines):
            target = {"span1": [0, 1], "span2": [1, 3], "label": label(number)}
            stream.write(
                json.dumps({"text": f"the {number} dog slept", "targets": [target]}) + "\n"
            )
    return str(path)


def test_pairs_with_several_labels_with_none_and_with_rare_ones(context, learning, tmp_path):
    labels = [["A", "B"], [], ["A"]]
    path = pair_file(tmp_path / "spr.jsonl", lambda number: labels[number % 3])
    found = run_edges(context, (), learning=learning, spans=path, symmetric=True, **QUICK)
    assert of(found.rows, "mix_micro_f1")["value"].notna().all()
    # one class of one member, and labels of the test part that were never learnt
    path = pair_file(tmp_path / "rare.jsonl", lambda number: f"once {number}")
    found = run_edges(context, (), learning=learning, spans=path, **QUICK)
    assert of(found.rows, "mix_micro_f1")["value"].eq(0).all()
    assert str(found.notes["edges_rare_labels_unseen"]).count("once") == 3


def test_one_label_alone(context, learning, tmp_path):
    path = pair_file(tmp_path / "one.jsonl", lambda _: "A")
    found = run_edges(
        context, (), learning=learning, spans=path, projection=8, epochs=30, rates=(3e-2,)
    )
    assert of(found.rows, "mix_micro_f1")["value"].eq(1).all()


def test_the_sentences_of_a_step_decide_how_many_steps_there_are(context, learning, examples):
    few, many = (
        run_edges(
            context, examples, learning=learning, tasks=("upos",), sentences=sentences, **QUICK
        )
        for sentences in (24, 2)
    )
    first, second = (
        float(str(one.notes["edges_upos_dev_losses"]).split()[0]) for one in (few, many)
    )
    assert second < first - 0.1


def test_training_sentences_are_drawn_among_those_with_spans(context, learning, examples):
    silent = tuple(
        replace(one, id=f"x{one.id}", first=replace(one.first, id=f"x{one.id}", upos=()))
        for one in learning.train
    )
    mixed = replace(learning, train=(*silent, *learning.train[:8]))
    found = run_edges(context, examples, learning=mixed, tasks=("upos",), max_train=8, **QUICK)
    expected = sum(len(one.first.words) for one in learning.train[:8])
    assert found.notes["edges_upos_train_spans"] == expected


def test_training_sentences_are_drawn(context, learning, examples):
    notes = []
    for seed in (0, 0, 1):
        found = run_edges(
            context, examples, learning=learning, tasks=("upos",), max_train=6, seed=seed, **QUICK
        )
        assert found.notes["edges_upos_train_sentences"] == 6
        notes.append(found.notes["edges_upos_labels"])
    assert notes[0] == notes[1] != notes[2]


# -- bad input ----------------------------------------------------------------------------------


def test_a_task_without_annotation(context, learning, examples):
    with pytest.raises(
        InputError, match="no sentence of the train part has a span of the task ent"
    ):
        run_edges(context, examples, learning=learning, tasks=("entities",), **QUICK)
    bare = [
        replace(one, first=replace(one.first, upos=(), heads=(), deprels=())) for one in examples
    ]
    with pytest.raises(
        InputError, match="none of dependencies, upos, entities is annotated in every part"
    ):
        run_edges(context, bare, learning=learning, **QUICK)


def test_entities_of_a_parser(context, tmp_path, learning):
    def marked(one: Example) -> Example:
        tags = ("B-PER", *("O",) * (len(one.first.words) - 1))
        return replace(one, first=replace(one.first, entities=tags, annotation="silver"))

    silver = replace(
        learning, train=tuple(map(marked, learning.train)), dev=tuple(map(marked, learning.dev))
    )
    test = list(map(marked, random_examples(6, seed=8)))
    found = run_edges(context, test, learning=silver, tasks=("entities",), **QUICK)
    assert set(of(found.rows, "mix_micro_f1")["n"]) == {6}


def test_gold_and_silver_are_not_mixed(context, learning, examples):
    silver = [replace(one, first=replace(one.first, annotation="silver")) for one in examples]
    with pytest.raises(InputError, match="gold ud tree among silver ud trees"):
        run_edges(context, silver, learning=learning, **QUICK)


def test_a_file_that_is_named_as_a_task(context, learning, examples, tmp_path):
    path = str(word_file(tmp_path / "upos.jsonl"))
    with pytest.raises(ConfigError, match="the file of spans and the task upos have the same name"):
        run_edges(context, examples, learning=learning, tasks=("upos",), spans=path, **QUICK)


def test_spans_that_are_all_cut_off(context, learning, tmp_path):
    path = tmp_path / "late.jsonl"
    with path.open("w") as stream:
        for number in range(30):
            text = "the dog " * 20 + str(number)
            stream.write(
                json.dumps({"text": text, "targets": [{"span1": [39, 40], "label": "A"}]}) + "\n"
            )
    short = replace(context, max_length=16)
    with pytest.raises(
        InputError, match="truncation cuts off every span of the task late in the train part"
    ):
        run_edges(short, (), learning=learning, spans=str(path), **QUICK)


def test_states_that_are_no_numbers(learning, examples):
    broken = tiny_context(double=False, seed=3)
    with torch.no_grad():
        broken.model.get_input_embeddings().weight[5:] = float("nan")
    with pytest.raises(InputError, match="NaN or infinit"):
        run_edges(broken, examples, learning=learning, tasks=("upos",), **QUICK)


def test_by_name_and_without_texts_to_learn_from(context, learning, examples):
    [found] = run_named_probes(
        context, examples, ["edges"], options={"edges": {"tasks": ("upos",), **QUICK}},
        learning=learning,
    )  # fmt: skip
    assert found.probe == "edges"
    assert found.notes["n_texts_read"] == 10
    with pytest.raises(ConfigError, match="needs training texts"):
        run_named_probes(context, examples, ["edges"])
