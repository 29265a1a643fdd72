"""Masking: shares, fates, whole words, and the same bytes for the same seed."""

from typing import Any

import numpy as np
import pytest
from masked_texts import PIECES, WORDS, masked_examples
from scipy.stats import binomtest
from subprobe.data.encoding.literal import encode_literally
from subprobe.data.errors import CheckpointError, InputError
from subprobe.data.masking.choice import IGNORED
from subprobe.data.masking.masked_batches import masked_batches, task_batches_once, vocabulary_of
from subprobe.data.masking.unigram import unigram_of
from subprobe.data.sentences.sentence import Example, plain_sentence
from tiny import tiny_tokenizer
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import PreTrainedTokenizerFast

SIZES: dict[str, Any] = {"batch_size": 8, "max_length": 64}


@pytest.fixture(scope="module")
def tokenizer():
    return tiny_tokenizer("wordpiece")


@pytest.fixture(scope="module", params=[PIECES, WORDS], ids=["pieces", "words"])
def read(request, tokenizer):
    """Every piece of 400 texts: before masking, after it, its label, its word."""
    examples = masked_examples(400)
    batches = masked_batches(tokenizer, examples, request.param, **SIZES)
    encoded = encode_literally(
        tokenizer, [e.texts()[0] for e in examples], pre_split=False, max_length=64
    )
    before, after, labels, words = [], [], [], []
    for n, one in enumerate(encoded):
        batch = batches.batch((n,))
        before += one.kept.ids
        after += batch.input_ids[0].tolist()
        labels += batch.labels[0].tolist()
        words += [None if word is None else (n, word) for word in one.kept.word_ids]
    return request.param, np.array(before), np.array(after), np.array(labels), words


def test_special_tokens_are_never_chosen_and_what_is_not_chosen_stays(read, tokenizer):
    _, before, after, labels, _ = read
    special = np.isin(before, tokenizer.all_special_ids)
    assert special.sum() >= 800
    assert (labels[special] == IGNORED).all()
    assert (after[labels == IGNORED] == before[labels == IGNORED]).all()
    chosen = labels != IGNORED
    assert (labels[chosen] == before[chosen]).all()


def test_shares_are_within_their_binomial_intervals(read, tokenizer):
    spec, before, after, labels, words = read
    chosen, plain = labels != IGNORED, ~np.isin(before, tokenizer.all_special_ids)
    if spec is PIECES:
        drawn, count = int(chosen.sum()), int(plain.sum())
    else:
        every = {word for word, use in zip(words, plain, strict=True) if use}
        drawn = len({word for word, use in zip(words, chosen, strict=True) if use})
        count = len(every)
    assert binomtest(drawn, count, 0.15).pvalue > 0.001
    became_mask = int((after[chosen] == tokenizer.mask_token_id).sum())
    assert binomtest(became_mask, int(chosen.sum()), 0.8).pvalue > 0.001
    # a random piece is the same as before once in V
    replaced = int(((after != before) & (after != tokenizer.mask_token_id)).sum())
    assert binomtest(replaced, int(chosen.sum()), 0.1).pvalue > 0.001
    random = after[chosen & (after != before) & (after != tokenizer.mask_token_id)]
    assert not np.isin(random, tokenizer.all_special_ids).any()


def test_whole_words_are_chosen_with_all_of_their_pieces(read):
    spec, _, _, labels, words = read
    states = {}
    for word, label in zip(words, labels, strict=True):
        if word is not None:
            states.setdefault(word, set()).add(bool(label != IGNORED))
    split = sum(len(seen) > 1 for seen in states.values())
    assert (split == 0) is (spec is WORDS)


def test_masks_depend_on_text_and_seed_alone(tokenizer):
    examples = masked_examples(30)
    whole = masked_batches(tokenizer, examples, PIECES, **SIZES)
    part = masked_batches(
        tokenizer, examples[20:][::-1], PIECES, batch_size=3, max_length=64, by_length=False
    )
    assert whole.batch((25,)).input_ids.equal(part.batch((4,)).input_ids)
    assert whole.batch((25,)).labels.equal(part.batch((4,)).labels)
    assert (
        whole.content_digest()
        == masked_batches(tokenizer, examples, PIECES, **SIZES).content_digest()
    )
    other = masked_batches(tokenizer, examples, PIECES, seed=1, **SIZES)
    digests = {b.content_digest() for b in (whole, other, whole.drawn(1), whole.drawn(2))}
    assert len(digests) == 4
    assert whole.drawn(0).content_digest() == whole.content_digest()
    once = task_batches_once(tokenizer, examples, PIECES, **SIZES)
    assert once is task_batches_once(tokenizer, examples, PIECES, **SIZES)
    assert once is not task_batches_once(tokenizer, examples, WORDS, **SIZES)


def test_what_cannot_be_masked_is_refused(tokenizer):
    bare = tiny_tokenizer("wordpiece")
    bare.mask_token = None
    with pytest.raises(CheckpointError, match="the tokenizer has no mask token"):
        vocabulary_of(bare)
    # of one piece, 15% are masked: the first id whose draw leaves it
    for n in range(20):
        short = (Example(str(n), plain_sentence(str(n), "a")),)
        try:
            masked_batches(tokenizer, short, PIECES, **SIZES)
        except InputError:
            break
    with pytest.raises(InputError, match=r"none of \d+ pieces was drawn to be masked"):
        masked_batches(tokenizer, short, PIECES, **SIZES)
    with pytest.raises(InputError, match="no texts to read"):
        masked_batches(tokenizer, (), PIECES, **SIZES)


def test_the_unigram_is_that_of_a_plain_count(tokenizer):
    examples = masked_examples(20)
    counts = {}
    for example in examples:
        for id in tokenizer(example.texts()[0], add_special_tokens=False)["input_ids"]:
            counts[id] = counts.get(id, 0) + (id not in tokenizer.all_special_ids)
    found, total, size = unigram_of(tokenizer, examples), sum(counts.values()), len(tokenizer)
    gold = np.array(sorted(counts)[:50])
    wanted = [-np.log2((counts[id] + 1) / (total + size)) for id in gold]
    assert found.bits[gold] == pytest.approx(wanted)
    assert (2**-found.bits).sum() == pytest.approx(1.0)
    assert counts[found.most_frequent] == max(counts.values())
    scores = found.scores(gold)
    assert scores["bits"] == pytest.approx(np.mean(wanted))
    assert scores["accuracy"] == pytest.approx(1 / 50 * (found.most_frequent in gold))


def test_a_tokenizer_of_special_tokens_alone_and_a_text_without_a_piece_are_refused():
    def of(*pieces):
        model = WordLevel({piece: n for n, piece in enumerate(pieces)}, unk_token="[MASK]")
        backend = Tokenizer(model)
        backend.pre_tokenizer = Whitespace()
        return PreTrainedTokenizerFast(
            tokenizer_object=backend, mask_token="[MASK]", pad_token="[PAD]"
        )

    texts = [
        Example(str(n), plain_sentence(str(n), text)) for n, text in enumerate(("a " * 40, ""))
    ]
    with pytest.raises(CheckpointError, match="has only special tokens, which are never masked"):
        masked_batches(of("[MASK]", "[PAD]"), texts[:1], PIECES, **SIZES)
    one = of("[MASK]", "[PAD]", "a")
    (batch,) = masked_batches(one, texts[:1], PIECES, **SIZES)
    assert set(batch.labels.unique().tolist()) == {IGNORED, 2}
    with pytest.raises(InputError, match="example '1': has no subword"):
        masked_batches(one, texts, PIECES, **SIZES)
