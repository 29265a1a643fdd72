import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from family_tokenizers import FAMILY_TOKENIZERS
from subprobe.data.encoding.tokenizer_check import (
    check_ids,
    check_padding,
    check_segments,
    check_specials,
    missing_specials,
    unreachable_entries,
    unreachable_said,
)
from subprobe.data.encoding.unreadable import without_unreadable
from subprobe.data.errors import CheckpointError
from subprobe.data.sentences.sentence import Example, plain_sentence
from subprobe.data.tasks.task import UNREADABLE, Reading, TaskData, TaskSpec
from tiny import tiny_tokenizer
from tokenizers import AddedToken, Tokenizer, normalizers, processors
from transformers import PreTrainedTokenizerFast

MAKERS: dict[str, Callable[[], Any]] = {
    **{kind: partial(tiny_tokenizer, kind) for kind in ("wordpiece", "bpe", "unigram")},
    **FAMILY_TOKENIZERS,
}
every_kind = pytest.mark.parametrize("kind", MAKERS)


def without_post_processor(kind):
    """As a tokenizer is saved whose post-processor was forgotten."""
    tokenizer = MAKERS[kind]()
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    state["post_processor"] = None
    names = {
        name: getattr(tokenizer, name)
        for name in ("cls_token", "sep_token", "bos_token", "eos_token", "pad_token", "unk_token")
    }
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(state)),
        **{name: token for name, token in names.items() if token},
    )


@every_kind
def test_sound_tokenizers_pass(kind):
    tokenizer = MAKERS[kind]()
    check_ids(tokenizer, len(tokenizer))
    check_segments(tokenizer, 2, pairs=True)
    check_padding(tokenizer)
    assert check_specials(tokenizer) == ""


@every_kind
def test_special_tokens_that_are_known_and_never_added_are_refused(kind):
    tokenizer = without_post_processor(kind)
    cls, sep = tokenizer.cls_token, tokenizer.sep_token
    assert missing_specials(tokenizer) == (cls, sep)
    with pytest.raises(CheckpointError, match=r"never adds them; .*`allow_no_specials`"):
        check_specials(tokenizer, where="m")
    said = check_specials(tokenizer, allowed=True)
    assert cls in said
    assert sep in said
    assert "no-specials" in said


def test_one_token_that_is_missing_is_named():
    tokenizer = tiny_tokenizer("wordpiece")
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A", pair="[CLS] $A $B:1", special_tokens=[("[CLS]", 2)]
    )
    with pytest.raises(CheckpointError, match=r"has \[SEP\] but never adds it"):
        check_specials(tokenizer)


def test_begin_and_end_count_where_there_is_no_cls_and_sep():
    state = tiny_tokenizer("unigram").backend_tokenizer
    state.post_processor = processors.Sequence([])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=state, bos_token="<s>", eos_token="</s>")
    assert missing_specials(tokenizer) == ("<s>", "</s>")
    assert missing_specials(PreTrainedTokenizerFast(tokenizer_object=state)) == ()


@every_kind
def test_ids_without_embeddings_are_refused_added_tokens_too(kind):
    tokenizer = MAKERS[kind]()
    rows = len(tokenizer)
    with pytest.raises(CheckpointError, match=f"1 token of .* with id {rows - 1}, has no embedd"):
        check_ids(tokenizer, rows - 1)
    tokenizer.add_tokens([AddedToken("qzx"), AddedToken("zqx")])
    with pytest.raises(
        CheckpointError, match=rf"2 tokens .*'qzx' with id {rows}, have no .*{rows}"
    ):
        check_ids(tokenizer, rows, where="m")
    check_ids(tokenizer, rows + 2)


def test_segments_of_pairs_need_embeddings():
    tokenizer = tiny_tokenizer("wordpiece")
    check_segments(tokenizer, 1, pairs=False)
    with pytest.raises(
        CheckpointError, match="pairs the segment id 1, but the model has 1 segment em"
    ):
        check_segments(tokenizer, 1, pairs=True)
    check_segments(tiny_tokenizer("wordpiece", token_types=False), 1, pairs=True)


def test_padding_is_needed():
    tokenizer = tiny_tokenizer("wordpiece")
    tokenizer.pad_token = None
    with pytest.raises(CheckpointError, match="m: the tokenizer has no padding token; set"):
        check_padding(tokenizer, where="m")


def cased(normalizer, kind="wordpiece", extra=("The", "##LY", "É", "été", "ok")):
    """A tokenizer with cased entries and this normaliser."""
    tokenizer = tiny_tokenizer(kind)
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    if kind == "unigram":
        state["model"]["vocab"] += [[piece, -3.0] for piece in extra]
    else:
        vocabulary = state["model"]["vocab"]
        for piece in extra:
            vocabulary.setdefault(piece, len(vocabulary))
    backend = Tokenizer.from_str(json.dumps(state))
    backend.normalizer = normalizer
    return PreTrainedTokenizerFast(tokenizer_object=backend, **tokenizer.special_tokens_map)


def test_entries_that_lower_casing_never_reaches_are_counted():
    lower = normalizers.BertNormalizer(lowercase=True, strip_accents=False)
    assert set(unreachable_entries(cased(lower))) == {"The", "##LY", "É"}
    both = normalizers.BertNormalizer(lowercase=True)
    assert {"The", "##LY", "É", "été"} <= set(unreachable_entries(cased(both)))
    accents = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()])
    assert {"É", "été"} <= set(unreachable_entries(cased(accents)))
    assert "The" not in unreachable_entries(cased(accents))
    said = unreachable_said(cased(lower))
    assert said.startswith("3 of ")
    assert "'##LY'" in said
    assert "lowercase" in said


def test_entries_that_texts_lead_to_are_not_counted():
    plain = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    assert unreachable_entries(cased(plain)) == ()
    assert unreachable_entries(cased(normalizers.NFKC(), "unigram")) == ()
    for kind in ("wordpiece", "bpe", "unigram", "deberta", "deberta-v2", "modernbert"):
        assert unreachable_said(MAKERS[kind]()) == ""


def test_byte_level_entries_are_read_as_the_text_that_they_spell():
    tokenizer = cased(normalizers.Lowercase(), "bpe", ("ĠThe", "Ã©", "Ãī", "<0xAB>"))
    lost = unreachable_entries(tokenizer)
    assert {"ĠThe", "Ãī"} <= set(lost)
    assert not {"Ã©", "Ã", "Ġ", "ĠThe".lower()} & set(lost)
    assert "<0xAB>" not in unreachable_entries(
        cased(normalizers.Lowercase(), "unigram", ("<0xAB>",))
    )


def test_the_embedded_tokenizer_has_nothing_to_tell():
    from subprobe.models.checkpoint.checkpoint import load_tokenizer

    tokenizer = load_tokenizer("embedded")
    assert unreachable_said(tokenizer) == ""
    check_ids(tokenizer, 30522)


def test_examples_of_which_nothing_is_left_are_left_out():
    spec = TaskSpec("toy", ("a", "b"), "accuracy", ("accuracy",), pair=True, report_split="test")
    texts = [("a dog", ""), ("", "\u200b"), ("", "a"), ("", "")]
    examples = tuple(
        Example(str(i), plain_sentence("a", one), plain_sentence("b", two), 0)
        for i, (one, two) in enumerate(texts)
    )
    data = TaskData(spec, {"train": examples, "test": examples[:1]}, "toy")
    assert without_unreadable(data, tiny_tokenizer("wordpiece")) == (data, 0)
    kept, lost = without_unreadable(data, without_post_processor("wordpiece"))
    assert [one.id for one in kept.splits["train"]] == ["0", "2"]
    assert (lost, kept.readings) == (2, {"train": Reading(("toy",), 4, {UNREADABLE: 2})})
