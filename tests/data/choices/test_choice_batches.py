"""Encoding of questions: one input per option, cut in the context alone."""

from dataclasses import replace

import pytest
from questions import batches_of, questions
from subprobe.data.choices.choice_texts import choice_texts
from subprobe.data.errors import ConfigError, InputError
from subprobe.data.masking.masked_batches import task_batches_once
from subprobe.data.tasks.choices.generated import READING
from tiny import tiny_tokenizer

KINDS = ("wordpiece", "bpe", "unigram")


def plain(tokenizer, batch, question, option):
    """The subwords of one input without padding."""
    ids = batch.input_ids[question, option]
    return ids[batch.attention_mask[question, option].bool()].tolist()


def known(tokenizer, text):
    """A text without spaces, in which characters outside the vocabulary are replaced."""
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    return tokenizer.decode(ids).replace(" ", "")


@pytest.mark.parametrize("kind", KINDS)
def test_inputs_are_those_of_the_tokenizer(kind):
    tokenizer, examples = tiny_tokenizer(kind), questions()
    found = batches_of(tokenizer, examples, 3)
    seen = 0
    for batch in found:
        assert batch.input_ids.dim() == 3
        for row, place in enumerate(batch.index):
            example = examples[place]
            assert int(batch.labels[row]) == example.label
            for option, text in enumerate(example.options):
                before = " ".join(example.texts())
                assert plain(tokenizer, batch, row, option) == tokenizer(before, text)["input_ids"]
                seen += 1
    assert seen == 4 * len(examples)
    assert (found.n_truncated, found.n_wordless) == (0, 0)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("kind", KINDS)
def test_only_the_context_is_cut(kind, side):
    tokenizer, examples = tiny_tokenizer(kind), questions()
    tokenizer.truncation_side = side
    whole = batches_of(tokenizer, examples, 1, 200).batch((0,))
    longest = int(whole.attention_mask.sum(-1).max())
    found = batches_of(tokenizer, examples, 8, longest - 12)
    assert found.n_truncated > 0
    batch = found.batch((0,))
    question = known(tokenizer, examples[0].second.raw_text())
    for option, text in enumerate(examples[0].options):
        full, cut = plain(tokenizer, whole, 0, option), plain(tokenizer, batch, 0, option)
        assert len(cut) == min(len(full), longest - 12)
        # the kept subwords are a beginning and an end of all of them
        same = next(n for n in range(len(cut) + 1) if n == len(cut) or cut[n] != full[n])
        rest = cut[same:]
        assert full[len(full) - len(rest) :] == rest
        shown = tokenizer.decode(cut).replace(" ", "")
        assert question in shown
        assert known(tokenizer, text) in shown
    before = tokenizer.decode(plain(tokenizer, batch, 0, 0)).replace(" ", "").split(question)[0]
    start = known(tokenizer, examples[0].first.raw_text())[:12]
    assert (start in before) == (side == "right")


def test_a_question_that_does_not_fit_is_refused():
    examples = questions()
    with pytest.raises(
        ConfigError, match=r"the question and an option of .* alone have \d+ subwords"
    ):
        batches_of(tiny_tokenizer("wordpiece"), examples, 8, 8)


def test_questions_with_other_numbers_of_options_are_refused():
    examples = questions()
    odd = (replace(examples[0], options=examples[0].options[:3]), *examples[1:])
    with pytest.raises(InputError, match="3 and 4 options"):
        batches_of(tiny_tokenizer("wordpiece"), odd, 8)
    with pytest.raises(InputError, match="no examples"):
        batches_of(tiny_tokenizer("wordpiece"), (), 8)


def test_batches_go_by_length_and_pad_with_the_padding_token():
    tokenizer, examples = tiny_tokenizer("wordpiece"), questions()
    found = batches_of(tokenizer, examples, 2)
    lengths = [batch.input_ids.shape[-1] for batch in found]
    assert lengths == sorted(lengths, reverse=True)
    assert found.longest() == next(iter(found)).index[0]
    batch = found.batch(tuple(range(8)))
    assert (batch.input_ids[batch.attention_mask == 0] == tokenizer.pad_token_id).all()
    assert sorted(place for one in found for place in one.index) == list(range(8))


def test_a_cached_encoding_knows_the_options():
    tokenizer, examples = tiny_tokenizer("wordpiece"), questions()
    swapped = tuple(replace(e, options=tuple(reversed(e.options))) for e in examples)
    same = {"batch_size": 8, "max_length": 192}
    one, two = (task_batches_once(tokenizer, e, READING, **same) for e in (examples, swapped))
    assert not one.batches[0].input_ids.equal(two.batches[0].input_ids)
    assert task_batches_once(tokenizer, examples, READING, **same) is one


def test_the_texts_of_the_inputs():
    example = questions()[0]
    assert choice_texts(example)[2] == (" ".join(example.texts()), example.options[2])
