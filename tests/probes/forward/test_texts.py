"""What probes read: the texts that a task model reads, without those that have no word."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from family_tokenizers import FAMILY_TOKENIZERS
from probe_cases import random_examples, tiny_context
from subprobe.data.errors import InputError
from subprobe.data.sentences.annotate import annotate, find_pipeline
from subprobe.data.sentences.sentence import Example, Sentence, plain_sentence
from subprobe.data.tasks.task import TaskSpec
from subprobe.models.training.evaluate import evaluate
from subprobe.probes.attribution.attributions import attribute_words, run_attributions
from subprobe.probes.forward.batch import batch_view
from subprobe.probes.forward.texts import read_texts
from subprobe.probes.learning.learning import Learning
from subprobe.probes.named import run_named_probes
from subprobe.probes.registry import list_probes
from subprobe.probes.states.cache import StateCache
from tiers import mostly_slow
from tiny import FAMILIES

HARD = (
    "I don't think they can't've  gone.",
    '"Who\'s there?" she said - "no one\'s here."',
    "The state-of-the-art, well-known author\u2019s table\u2026",
    "The cats \U0001f469\u200d\U0001f467 saw \U0001f1e9\U0001f1ea houses!",
    "The\u00a0keys\u00a0are\u00a0on the\u2003table.",
    "The   children  were\tplaying ; gonna  sleep.",
    "Rock'n'roll isn't dead(ish)/gone...",
    "The dog slept.",
)
"""Contractions, quotes, hyphens, emoji, blanks that do not break, double ones; a plain sentence."""

SPEC = TaskSpec("toy", ("no", "yes"), "accuracy", ("accuracy",), pair=False, report_split="test")


@pytest.fixture(scope="module")
def parsed():
    """The hard texts as spaCy cuts them, as single examples and as pairs."""
    found = annotate(
        [plain_sentence(f"s{i}", text) for i, text in enumerate(HARD)], find_pipeline()
    )
    single = [Example(f"e{i}", one, label=i % 2) for i, one in enumerate(found)]
    pairs = [Example(f"p{i}", one, found[-1 - i], label=i % 2) for i, one in enumerate(found)]
    return {False: single, True: pairs}


def context_of(family, pair):
    """A tiny task model of a family with the tokenizer that the family has."""
    context = tiny_context(family, "classification")
    spec = replace(SPEC, pair=pair)
    make = FAMILY_TOKENIZERS.get(family)
    return replace(context, tokenizer=make() if make else context.tokenizer, spec=spec)


class Seen:
    """The ids that reach a model's embeddings, without padding."""

    def __init__(self, context):
        self._pad, self.ids = context.tokenizer.pad_token_id, set()
        embeddings = context.anatomy.embeddings(context.model)
        self._hook = embeddings.register_forward_pre_hook(self._note)

    def _note(self, _module, args):
        for row in args[0].tolist():
            while row and row[-1] == self._pad:
                row.pop()
            self.ids.add(tuple(row))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._hook.remove()


@pytest.mark.parametrize("pair", [False, True], ids=["single", "pair"])
@pytest.mark.parametrize("family", mostly_slow(FAMILIES))
def test_attributions_and_attention_read_what_evaluate_reads(family, pair, parsed):
    context, examples = context_of(family, pair), parsed[pair]
    with Seen(context) as scored:
        found = evaluate(context.model, context.tokenizer, examples, context.spec, max_length=128)
    with Seen(context) as attended:
        run_named_probes(context, examples, ["attention-stats"])
    assert attended.ids == scored.ids
    assert len(scored.ids) == len(examples)
    with Seen(context) as explained:
        words = attribute_words(context, examples, n_steps=2)
    assert explained.ids >= scored.ids
    assert [one.predicted for one in words] == found.predictions.tolist()
    texts = read_texts(context, examples)
    places = np.arange(len(examples))
    batch = batch_view(context, texts.examples, texts.encoded, texts.words, places)
    with torch.no_grad():
        logits = context.model(**batch.inputs).logits
    np.testing.assert_allclose(logits.numpy(), found.logits, atol=1e-9)


def test_words_read_alone_are_another_text(parsed):
    """The published reading is there, and differs: the test above can fail."""
    context = context_of("roberta", False)
    with Seen(context) as raw:
        run_named_probes(context, parsed[False], ["attention-stats"])
    with Seen(context) as alone:
        run_named_probes(replace(context, pre_split=True), parsed[False], ["attention-stats"])
    assert len(raw.ids & alone.ids) < len(raw.ids) - 3


# -- texts without a word ------------------------------------------------------------------------

OF_TEXTS = [
    one for one in list_probes() if one.reads == "corpus" and one.name != "attention-change"
]
LEARNING = [one.name for one in OF_TEXTS if "training-part" in one.further]
STREAMED = [one.name for one in OF_TEXTS if one.name not in LEARNING]
OF_WORDS = [*LEARNING, "state-similarity"]
"""Probes that need the states or maps of whole words."""


def wordless(name):
    """A parsed sentence whose one word the tokenizer removes."""
    return Sentence(name, ("\u200b\u200b",), text="\u200b\u200b", upos=("X",), heads=(-1,),
                    deprels=("root",), annotation="gold", scheme="ud")  # fmt: skip


def with_empty(examples, place):
    """The examples with one without a word among them."""
    empty = Example("empty", wordless("empty"), label=0)
    return [*examples[:place], empty, *examples[place:]]


def assert_same(ours, others):
    """Rows are equal but for what was left out."""
    columns = [name for name in ours.columns if name != "n_dropped"]
    pd.testing.assert_frame_equal(ours[columns], others[columns], check_exact=False, atol=1e-6)


def results_of(context, examples, probe, learning=None):
    """The result of one probe, as cheaply as it can be had."""
    options: dict[str, dict[str, Any]] = {
        **{name: {"epochs": 1} for name in LEARNING if name != "amnesic"},
        "token-identifiability": {"steps": 2},
        "hidden-token-attribution": {"projections": 1},
    }
    return run_named_probes(
        context, examples, [probe], options=options, batch_size=2, learning=learning
    )


@pytest.fixture
def learning(tmp_path):
    return Learning(
        tuple(random_examples(20, seed=1)), tuple(random_examples(10, seed=2)), "given",
        StateCache(tmp_path),
    )  # fmt: skip


@pytest.mark.parametrize("probe", mostly_slow(STREAMED, [p for p in STREAMED if p != "flow"]))
def test_a_text_without_a_word_is_left_out_wherever_it_stands(probe):
    context, examples = tiny_context("bert", double=False), random_examples(5)
    (expected,) = results_of(context, examples, probe)
    assert expected.notes["n_texts_wordless"] == 0
    for place in (0, 2, 5):
        (found,) = results_of(context, with_empty(examples, place), probe)
        assert_same(found.rows, expected.rows)
        assert found.notes["n_texts_wordless"] == 1
        assert found.notes["n_texts_read"] == 5
        assert "empty" not in set(found.items["item_id"])
        if probe not in ("dependency-heads", "attention-trees"):
            assert set(found.rows["n_dropped"]) == {1}
            assert set(expected.rows["n_dropped"]) == {0}
    with pytest.raises(InputError, match="no text to probe: no text contains a word"):
        results_of(context, with_empty([], 0), probe)


def test_a_pair_with_an_empty_half_is_not_attributed_and_the_rest_is():
    context = tiny_context("bert", "classification")
    examples = random_examples(4, pairs=True)
    expected = run_attributions(context, examples, n_steps=4, permutations=20)
    empty = Sentence("empty", (), text="", annotation="silver", scheme="clearnlp")
    for first, second in [(examples[0].first, empty), (empty, examples[0].first)]:
        odd = Example("odd", first, second, label=1)
        for place in (0, 2, 4):
            mixed = [*examples[:place], odd, *examples[place:]]
            found = run_attributions(context, mixed, n_steps=4, permutations=20)
            assert_same(found.rows, expected.rows)
            assert found.notes["n_texts_wordless"] == 1
            shares = found.rows[found.rows["metric"] == "attribution_share"]
            before = expected.rows[expected.rows["metric"] == "attribution_share"]
            assert (shares["n_dropped"] == before["n_dropped"] + 1).all()
            assert "odd" not in set(found.items["item_id"])
    with pytest.raises(InputError, match="no text to probe"):
        run_attributions(context, [odd], n_steps=2)


def test_words_that_are_not_in_the_text_are_left_out_unless_read_alone():
    context, examples = tiny_context("bert"), random_examples(3)
    examples[1] = replace(examples[1], first=replace(examples[1].first, text="Something else."))
    texts = read_texts(context, examples)
    assert (texts.n_unlocated, texts.n_wordless, texts.n_dropped) == (1, 0, 1)
    assert [one.id for one in texts.examples] == ["e0", "e2"]
    assert read_texts(replace(context, pre_split=True), examples).n_dropped == 0
    with pytest.raises(InputError, match="the words are not found in any text"):
        read_texts(context, examples[1:2])


@pytest.mark.parametrize("probe", LEARNING)
def test_probes_that_learn_leave_out_a_text_without_a_word(probe, learning):
    context, examples = tiny_context("bert", double=False), random_examples(5)
    (expected,) = results_of(context, examples, probe, learning)
    (found,) = results_of(context, with_empty(examples, 2), probe, learning)
    assert_same(found.rows, expected.rows)
    assert (found.rows["n_dropped"] >= expected.rows["n_dropped"]).all()
    assert "empty" not in set(found.items["item_id"])
    if probe == "mdl":  # it codes the texts that it learns from
        return
    assert found.notes["n_texts_wordless"] == 1
    if probe not in ("tokens", "control", "v-information", "holmes"):  # these count words
        assert (found.rows["n_dropped"] > expected.rows["n_dropped"]).any()
    with pytest.raises(InputError, match="no text to probe: no text contains a word"):
        results_of(context, with_empty([], 0), probe, learning)


def cut_examples(n, seed=0):
    """Texts whose first word has more pieces than a text keeps."""
    return [
        replace(one, first=replace(one.first, words=("antimanuscripts", *one.first.words[1:])))
        for one in random_examples(n, seed=seed)
    ]


@pytest.mark.parametrize("probe", OF_WORDS)
def test_where_every_text_is_cut_inside_its_first_word_it_is_said(probe, learning):
    context = tiny_context("bert", double=False, max_length=3)
    cut = replace(learning, train=tuple(cut_examples(6, 1)), dev=tuple(cut_examples(4, 2)))
    with pytest.raises(InputError, match="truncation to 3 subwords leaves no whole word"):
        results_of(context, cut_examples(4), probe, cut)


@pytest.mark.parametrize("probe", [name for name in STREAMED if name not in OF_WORDS])
def test_texts_cut_inside_their_first_word_are_counted(probe):
    context = tiny_context("bert", double=False, max_length=3)
    examples = cut_examples(4)
    (found,) = results_of(context, examples, probe)
    assert found.notes["n_texts_cut"] == 4
    assert found.notes["n_texts_wordless"] == 0


def test_a_model_without_padding_is_refused_in_one_line():
    context = tiny_context("bert")
    context.tokenizer.pad_token = None
    with pytest.raises(InputError, match="no padding token"):
        run_named_probes(context, random_examples(5), ["attention-stats"])
