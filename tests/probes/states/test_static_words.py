"""Vectors of words from a file stand where hidden states stand, and are scored beside them."""

from dataclasses import replace

import numpy as np
import pytest
from probe_cases import random_examples, tiny_context, with_dead_heads
from subprobe.analysis.intervals.class_intervals import class_intervals
from subprobe.analysis.intervals.edge_intervals import edge_intervals
from subprobe.analysis.profile.sentence_sums import summed
from subprobe.data.errors import DataFileError
from subprobe.probes.entry import STATIC
from subprobe.probes.learning.learning import Learning
from subprobe.probes.named import run_named_probes
from subprobe.probes.options import typed_options
from subprobe.probes.registry import find_probe
from subprobe.probes.states.cache import StateCache
from subprobe.probes.states.static_words import static_states

OPTIONS = {
    "tokens": {"epochs": 60, "rates": (0.1,), "tasks": ("upos", "arc-label")},
    "structural": {"epochs": 2, "ranks": (2, 4)},
    "edges": {"epochs": 3, "projection": 8, "tasks": ("upos", "dependencies")},
}
TAGS = ("ADJ", "NOUN", "VERB")


def tag_of(word):
    return TAGS[len(word) % 3]


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    """Sentences whose tags hang on the word alone, and vectors that tell them for all words but
    one.
    """
    folder = tmp_path_factory.mktemp("static")

    def tagged(count, seed):
        return tuple(
            replace(one, first=replace(one.first, upos=tuple(map(tag_of, one.first.words))))
            for one in random_examples(count, seed=seed)
        )

    train, dev, test = tagged(30, 1), tagged(10, 2), tagged(8, 3)
    words = sorted(
        {word for part in (train, dev, test) for one in part for word in one.first.words}
    )
    unknown = test[0].first.words[0]
    file = folder / "vectors.txt"
    file.write_text("".join(
        f"{word} {' '.join(str(int(tag_of(word) == tag)) for tag in TAGS)} 0.5\n"
        for word in words if word.lower() != unknown.lower()
    ))  # fmt: skip
    learning = Learning(train, dev, "given", StateCache(folder / "states"))
    return tiny_context("bert", double=False), learning, list(test), str(file), unknown


def found(ground, name, context=None, **options):
    own, learning, test, file, _ = ground
    given = {"static_vectors": file, **OPTIONS[name], **options}
    (result,) = run_named_probes(
        context or own, test, [name], options={name: given}, learning=learning
    )
    return result


@pytest.fixture(scope="module")
def tokens(ground):
    return found(ground, "tokens")


def test_a_word_has_its_vector_and_zeros_where_it_is_unknown(ground):
    context, learning, test, file, unknown = ground
    states = learning.states.of(context, test)
    static, said = static_states({"test": states}, file, learning.states.folder)
    numbers = static["test"].state(0).numpy()
    assert static["test"].num_states == 1
    words = [word for one in test for word in one.first.words]
    for word, vector in zip(words, numbers, strict=True):
        wanted = [0.0] * 4
        if word.lower() != unknown.lower():
            wanted = [float(tag_of(word) == tag) for tag in TAGS] + [0.5]
        np.testing.assert_allclose(vector, wanted)
    count = sum(word.lower() == unknown.lower() for word in words)
    assert said["static_vectors_unknown_words"] == f"{count} of {len(words)} test"
    assert said["static_vectors"] == "vectors.txt, 4 dimensions"
    assert not list(learning.states.folder.glob("static-*"))


def test_classifiers_of_vectors_stand_beside_those_of_states(ground, tokens):
    rows = tokens.rows[tokens.rows["variant"] == STATIC]
    assert set(rows["relation"]) == {"upos", "arc-label"}
    assert set(rows["layer"]) == {0}
    assert set(rows["metric"]) == {"accuracy", "macro_f1"}
    items = tokens.items[tokens.items["variant"] == STATIC]
    words = {f"{one.id}:{k + 1}": word for one in ground[2]
             for k, word in enumerate(one.first.words)}  # fmt: skip
    of_tags = items[items["relation"] == "upos"]
    known = of_tags["item_id"].map(words).str.lower() != ground[4].lower()
    # the vectors tell the tag
    assert of_tags.loc[known, "score"].mean() == 1
    assert rows.loc[(rows["relation"] == "upos") & (rows["metric"] == "accuracy"),
                    "value"].item() == pytest.approx(of_tags["score"].mean())  # fmt: skip
    assert "of" in str(tokens.notes["tokens_static_vectors_unknown_words"])
    finished = class_intervals(tokens)
    assert finished.loc[finished["variant"] == STATIC, "ci_low"].notna().all()


def test_states_are_probed_as_without_vectors(ground, tokens):
    alone = found(ground, "tokens", static_vectors="")
    own = tokens.rows[tokens.rows["variant"] == "own"]
    assert own["value"].tolist() == alone.rows["value"].tolist()


def test_the_trees_of_vectors_are_scored_by_rank(ground):
    result = found(ground, "structural")
    rows = result.rows[result.rows["variant"].str.startswith(STATIC)]
    assert set(rows["variant"]) == {f"{STATIC};rank=2", f"{STATIC};rank=4"}
    assert set(rows["metric"]) == {"uuas", "dspr", "root_accuracy", "nspr"}
    assert set(rows["layer"]) == {0}
    assert "structural_static_vectors" in result.notes


def test_spans_of_vectors_have_a_score_and_no_layers(ground):
    result = found(ground, "edges")
    finished = edge_intervals(result)
    rows = finished[finished["variant"] == STATIC]
    assert set(rows["metric"]) == {"mix_micro_f1"}
    assert set(rows["relation"]) == {"upos", "dependencies"}
    assert rows["ci_method"].notna().all()
    own = finished[finished["variant"] == "own"]
    assert {"mix_gain", "summed_gain", "expected_layer"} <= set(own["metric"])
    alone = found(ground, "edges", static_vectors="").rows
    own = result.rows[result.rows["variant"] == "own"]
    assert own["value"].tolist() == alone["value"].tolist()
    sums = summed(result.items, find_probe("edges"))
    assert sums
    assert all(one.vectors is not None for one in sums.values())
    options = typed_options(find_probe("edges"), {"static_vectors": ground[3]})
    assert set(options.inputs()) == {"static_vectors"}


def test_a_mask_has_no_vectors_of_its_own(ground):
    masked = with_dead_heads(ground[0], [(0, 0)])
    for name in OPTIONS:
        result = found(ground, name, masked, epochs=1)
        assert not result.rows["variant"].str.startswith(STATIC).any()


def test_the_profile_has_the_score_of_vectors_beside_that_of_embeddings(tokens):
    sums = summed(tokens.items, find_probe("tokens"))
    (about,) = (one for one in sums if one.phenomenon == "parts of speech")
    assert about.variant == "own"
    top, bottom = sums[about].vectors.sum(1)
    rows = tokens.rows[(tokens.rows["variant"] == STATIC) & (tokens.rows["relation"] == "upos")]
    assert top / bottom == pytest.approx(rows.set_index("metric").loc["accuracy", "value"])
    top, bottom = sums[about].static.sum(1)
    own = tokens.rows[(tokens.rows["variant"] == "own") & (tokens.rows["relation"] == "upos")]
    own = own[(own["metric"] == "accuracy") & (own["layer"] == 0)]
    assert top / bottom == pytest.approx(own["value"].item())


def test_the_content_of_the_file_counts(ground, tmp_path):
    path = tmp_path / "v.txt"
    seen = set()
    for text in ("the 1 2\n", "the 1 3\n"):
        path.write_text(text)
        options = typed_options(find_probe("tokens"), {"static_vectors": str(path)})
        seen.add(options.inputs()["static_vectors"])
    assert len(seen) == 2
    missing = typed_options(find_probe("structural"), {"static_vectors": str(tmp_path / "none")})
    with pytest.raises(DataFileError, match="no such file"):
        missing.inputs()
