import pytest
import torch
from family_tokenizers import FAMILY_TOKENIZERS
from subprobe.data.errors import CheckpointError, ConfigError
from subprobe.models.checkpoint.inputs import (
    check_inputs,
    check_max_length,
    positions_of,
)
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.folder.sources import resolve_model
from subprobe.models.folder.text_lengths import fitting_length
from tiny import FAMILIES, TOKENIZER_OF, tiny_model, tiny_tokenizer


def tokenizer_of(family, **options):
    make = FAMILY_TOKENIZERS.get(family)
    return make() if make else tiny_tokenizer(TOKENIZER_OF[family], **options)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_and_its_tokenizer_fit(family):
    model, tokenizer = tiny_model(family), tokenizer_of(family)
    found = check_inputs(model, tokenizer, where=family, pairs=True)
    assert found.flag == ""
    assert all("can never occur" in line or "segment" in line for line in found.said)


@pytest.mark.parametrize("family", FAMILIES)
def test_length_is_checked_against_the_usable_positions(family, tmp_path):
    model = tiny_model(family)
    limit = anatomy_of(model).max_tokens
    assert limit == 128
    check_max_length(model, limit)
    with pytest.raises(ConfigError, match=f"`x` must be <= {limit}, .* got {limit + 1}"):
        check_max_length(model, limit + 1, option="x")
    with torch.no_grad():
        model(input_ids=torch.full((1, limit), 7), attention_mask=torch.ones(1, limit))
    model.config.save_pretrained(tmp_path)
    assert positions_of(resolve_model(str(tmp_path))) == limit


def test_a_length_that_nobody_asked_for_is_cut_at_the_positions_and_told():
    assert fitting_length(512, 0) == (128, "")
    assert fitting_length(512, 300) == (300, "")
    assert fitting_length(512, 0, 256) == (256, "")
    length, said = fitting_length(32, 0)
    assert length == 32
    assert "32 positions" in said
    with pytest.raises(ConfigError, match=">= 0, got -3"):
        fitting_length(32, -3)


@pytest.mark.parametrize("family", ["distilbert", "mpnet", "modernbert"])
def test_segment_ids_that_a_family_does_not_read_are_left_out(family):
    model, tokenizer = tiny_model(family), tiny_tokenizer("wordpiece", token_types=True)
    found = check_inputs(model, tokenizer, where="m", pairs=True)
    assert "reads no segment ids" in found.said[0]
    assert "token_type_ids" not in tokenizer("a", "b")


def test_what_a_model_cannot_read_is_refused():
    model = tiny_model("bert", type_vocab_size=1)
    check_inputs(model, tiny_tokenizer("wordpiece"), where="m")
    with pytest.raises(CheckpointError, match=r"m: .*segment id 1"):
        check_inputs(model, tiny_tokenizer("wordpiece"), where="m", pairs=True)
    tokenizer = tiny_tokenizer("wordpiece")
    tokenizer.add_tokens([f"new{i}" for i in range(600)])
    with pytest.raises(CheckpointError, match=r"m: .*no embedding: the model has 600"):
        check_inputs(model, tokenizer, where="m")
    tokenizer = tiny_tokenizer("wordpiece")
    tokenizer.pad_token = None
    with pytest.raises(CheckpointError, match=r"m: .*padding"):
        check_inputs(model, tokenizer, where="m")
    assert check_inputs(model, tokenizer, where="m", padding=False).said == ()


def test_special_tokens_that_are_never_added_are_refused_or_flagged():
    from tokenizers import processors

    model, tokenizer = tiny_model("bert"), tiny_tokenizer("wordpiece")
    tokenizer.backend_tokenizer.post_processor = processors.Sequence([])
    with pytest.raises(CheckpointError, match=r"m: .*\[CLS\] and \[SEP\] but never"):
        check_inputs(model, tokenizer, where="m")
    found = check_inputs(model, tokenizer, where="m", allow_no_specials=True)
    assert found.flag == "no-specials"
    assert len(found.said) == 1
