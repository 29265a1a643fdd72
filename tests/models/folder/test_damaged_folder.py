"""A model folder that is damaged, or contains invalid values: one line, nothing allocated."""

import json
import shutil
import time

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from subprobe.data.errors import CheckpointError, MaskError, UnknownNameError
from subprobe.models.checkpoint.checkpoint import (
    load_encoder,
    load_saved,
    load_tokenizer,
    load_untrained,
    read_meta,
)
from subprobe.models.checkpoint.compact_files import load_compact, save_compact
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.subnetwork import full_subnetwork
from tiny import tiny_model, tiny_tokenizer


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound")
    model = tiny_model("bert", "classification", layers=1, heads=2, hidden=8)
    tokenizer = tiny_tokenizer("wordpiece")
    for name, size in (("whole", "1GB"), ("sharded", "15KB")):
        model.save_pretrained(folder / name, max_shard_size=size)
        tokenizer.save_pretrained(folder / name)
    mask = full_subnetwork(anatomy_of(model)).with_meta(
        head_mask=np.array([[True, False]]), kind="good"
    )
    save_compact(model, tokenizer, folder / "smaller", mask, {})
    return folder


@pytest.fixture
def whole(sound, tmp_path):
    return shutil.copytree(sound / "whole", tmp_path / "whole")


@pytest.fixture
def sharded(sound, tmp_path):
    return shutil.copytree(sound / "sharded", tmp_path / "sharded")


def change(path, **fields):
    content = json.loads(path.read_text())
    content |= fields
    path.write_text(json.dumps(content))


def refused(call, *arguments, error=CheckpointError):
    started = time.monotonic()
    with pytest.raises(error) as caught:
        call(*map(str, arguments))
    assert time.monotonic() - started < 20
    line = str(caught.value)
    assert "\n" not in line
    return line


# -- the configuration --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["num_hidden_layers", "num_attention_heads", "hidden_size",
                                  "vocab_size", "intermediate_size", "max_position_embeddings",
                                  "num_labels"])  # fmt: skip
@pytest.mark.parametrize("value", [10**7 * 10, 2**63, 10**30, 0, -1, 0.5, True, "2", [], {"a": 1}])
def test_a_size_that_no_model_has_is_refused(whole, name, value):
    change(whole / "config.json", **{name: value})
    for load in (load_saved, load_encoder):
        assert f"{name} in its configuration must be an integer from " in refused(load, whole)
    line = refused(lambda place: load_untrained(place, None, seed=0), whole)
    assert f"{name} in its configuration must be" in line


@pytest.mark.parametrize("load", [load_saved, load_tokenizer])
def test_a_warning_of_the_library_is_no_second_line(whole, load, recwarn):
    change(whole / "config.json", rope_scaling=True)
    assert "(Class validation error for validator 'validate_rope': " in refused(load, whole)
    assert not [one for one in recwarn if one.category is FutureWarning]


def test_ten_million_layers_are_refused_at_once(whole):
    change(whole / "config.json", num_hidden_layers=10**7)
    assert "must be an integer from 1 to 1024, got 10000000" in refused(load_saved, whole)


@pytest.mark.parametrize(
    "fields",
    [
        {"hidden_size": 65536, "num_attention_heads": 2},
        {"max_position_embeddings": 2**23},
        {"vocab_size": 2**23},
        {"intermediate_size": 2**20, "num_hidden_layers": 1000},
    ],
)
def test_more_parameters_than_the_files_hold_are_refused(whole, fields):
    change(whole / "config.json", **fields)
    line = refused(load_saved, whole)
    assert "parameters, more than its files contain (" in line


def test_more_parameters_than_can_be_allocated_are_refused_without_weights(whole):
    change(whole / "config.json", hidden_size=2**17, num_hidden_layers=1000)
    line = refused(lambda place: load_untrained(place, None, seed=0), whole)
    assert "more than can be allocated" in line


def test_heads_that_do_not_divide_the_width_are_refused(whole):
    change(whole / "config.json", num_attention_heads=3)
    assert "must divide the hidden size 8, got 3" in refused(load_saved, whole)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"architectures": {"a": 1}}, "must be a list of class names, got {'a': 1}"),
        ({"architectures": [3]}, "must be a list of class names, got [3]"),
        ({"id2label": [1]}, "id2label in its configuration must be an object, got [1]"),
        ({"transformers_weights": "adapter_model.bin"}, "'adapter_model.bin' as the weights file"),
        ({"hidden_act": "../../etc/passwd"}, "that transformers knows, got '../../etc/passwd'"),
        ({"hidden_act": ["gelu"]}, "that transformers knows, got ['gelu']"),
        ({"hidden_dropout_prob": []}, "cannot read the "),
        ({"dtype": []}, "cannot read the "),
        (
            {"rope_scaling": True},
            "cannot read the configuration (Class validation error for validator 'validate_rope': ",
        ),
        (
            {"quantization_config": {"quant_method": "gptq", "bits": 4}},
            "weights are quantised (gptq)",
        ),
        ({"pad_token_id": 10**6}, "cannot read the "),
        ({"auto_map": 9223372036854775808, "model_type": "bert"}, "cannot read the "),
        ({"return_dict": False}, "does not run with its configuration"),
        ({"chunk_size_feed_forward": 3}, "does not run with its configuration"),
    ],
)
def test_what_the_library_cannot_build_or_run_is_one_line(whole, fields, said):
    change(whole / "config.json", **fields)
    line = refused(load_saved, whole)
    assert said in line
    assert str(whole) in line


@pytest.mark.parametrize("content", ["true", "3", "[1]", "null", '""', "", "{", "[" * 100_000,
                                     '{"vocab_size": ' + "9" * 5000 + "}"])  # fmt: skip
def test_a_configuration_that_is_no_object_is_one_line(whole, content):
    (whole / "config.json").write_text(content)
    line = refused(load_saved, whole)
    assert str(whole) in line


def test_a_configuration_of_another_family_says_which_there_are(whole):
    change(whole / "config.json", model_type="gpt2")
    assert "gpt2" in refused(load_saved, whole, error=UnknownNameError)


def test_a_smaller_model_is_compared_with_its_mask_before_anything_is_allocated(sound, tmp_path):
    folder = shutil.copytree(sound / "smaller", tmp_path / "smaller")
    change(folder / "config.json", num_hidden_layers=1000)
    assert "but the configuration has [1000, 2]" in refused(load_compact, folder, error=MaskError)
    change(folder / "config.json", num_hidden_layers=1, hidden_size=2**16)
    assert "more than its files contain" in refused(load_compact, folder)


# -- weights ------------------------------------------------------------------------------------


def test_shards_in_the_folder_are_read(sharded, whole):
    one, other = load_saved(str(sharded)), load_saved(str(whole))
    ids = torch.arange(5)[None]
    torch.testing.assert_close(one(ids).logits, other(ids).logits, rtol=0, atol=0)


@pytest.mark.parametrize(
    "name",
    ["pytorch_model.bin", "../outside.safetensors", "{outside}", "in/inner.safetensors",
     "nowhere.safetensors", "link.safetensors", "..", "", 3, None, ["a"]],
)  # fmt: skip
def test_an_index_names_only_safetensors_in_the_folder(sharded, tmp_path, name):
    outside = tmp_path / "outside.safetensors"
    save_file({"x": torch.ones(1)}, outside)
    (sharded / "in").mkdir()
    for copy in (sharded / "in" / "inner.safetensors", sharded / "pytorch_model.bin"):
        shutil.copy(outside, copy)
    (sharded / "link.safetensors").symlink_to(outside)
    index = sharded / "model.safetensors.index.json"
    content = json.loads(index.read_text())
    first = next(iter(content["weight_map"]))
    content["weight_map"][first] = str(outside) if name == "{outside}" else name
    index.write_text(json.dumps(content))
    line = refused(load_saved, sharded)
    assert line.startswith(f"{index}: names ")
    assert "name .safetensors files in the folder of the model" in line


@pytest.mark.parametrize("content", ["[]", "{}", '{"weight_map": []}', '{"weight_map": {}}', "{"])
def test_a_damaged_index_is_one_line(sharded, content):
    index = sharded / "model.safetensors.index.json"
    index.write_text(content)
    assert refused(load_saved, sharded).startswith(f"{index}: ")


def test_links_of_the_hub_cache_are_read(sharded, tmp_path):
    blobs, snapshot = tmp_path / "cache" / "blobs", tmp_path / "cache" / "snapshots" / "abc"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for number, path in enumerate(sorted(sharded.iterdir())):
        shutil.move(path, blobs / f"b{number}")
        (snapshot / path.name).symlink_to(f"../../blobs/b{number}")
    assert load_saved(str(snapshot)).num_labels == 2


# -- the tokenizer ------------------------------------------------------------------------------


@pytest.mark.parametrize("id", [2**31, 10**30, -1, "3", None, 0.5])
def test_ids_that_no_table_has_are_refused(whole, id):
    content = json.loads((whole / "tokenizer.json").read_text())
    content["model"]["vocab"]["quick"] = id
    (whole / "tokenizer.json").write_text(json.dumps(content))
    line = refused(load_tokenizer, whole)
    assert "tokenizer.json: the id of the token 'quick' must be an integer from 0 to " in line
    content["model"]["vocab"]["quick"] = 599
    content["added_tokens"][0]["id"] = id
    (whole / "tokenizer.json").write_text(json.dumps(content))
    line = refused(load_tokenizer, whole)
    assert "the id of the token '[PAD]' must be an integer from 0 to " in line


@pytest.mark.parametrize(
    ("part", "value"),
    [("pre_tokenizer", 0.5), ("added_tokens", 7), ("model", {"type": "None"}), ("normalizer", [])],
)
def test_a_tokenizer_that_the_library_cannot_build_is_one_line(whole, part, value):
    change(whole / "tokenizer.json", **{part: value})
    assert "cannot read the tokenizer (" in refused(load_tokenizer, whole)


def test_a_library_that_panics_says_nothing_beside_the_line(whole, capfd):
    # a template that names a token it does not describe makes the library give up in Rust
    content = json.loads((whole / "tokenizer.json").read_text())
    content["post_processor"]["special_tokens"] = {}
    (whole / "tokenizer.json").write_text(json.dumps(content))
    refused(load_tokenizer, whole)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "fields",
    [
        {"model_input_names": 2},
        {"model_input_names": []},
        {"tokenizer_class": 0.5},
        {"tokenizer_class": []},
        {"extra_special_tokens": 10**30},
        {"added_tokens_decoder": {"9" * 40: {"content": "x"}}},
    ],
)
def test_a_damaged_tokenizer_configuration_is_one_line(whole, fields):
    change(whole / "tokenizer_config.json", **fields)
    assert str(whole) in refused(load_tokenizer, whole)


# -- the record ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ([1], "is not a JSON object but a list"),
        ({"recipe": 0}, "recipe must be an object, got 0"),
        ({"recipe": {"max_length": "64"}}, "recipe.max_length must be an integer from 1 to"),
        ({"recipe": {"max_length": 10**9}}, "recipe.max_length must be an integer from 1 to"),
        ({"seed_init": -1}, "seed_init must be an integer from 0 to 4294967295, got -1"),
        (
            {"seed_order": 2**32},
            "seed_order must be an integer from 0 to 4294967295, got 4294967296",
        ),
        ({"seed_init": True}, "seed_init must be an integer from 0 to 4294967295, got True"),
        ({"task": ["cola"]}, "task must be text, got ['cola']"),
        ({"fingerprint": None}, "fingerprint must be text, got None"),
        ({"cell_id": [10**6]}, "cell_id must be text, got [1000000]"),
    ],
)
def test_a_record_of_other_types_is_one_line(tmp_path, record, said):
    (tmp_path / "subprobe.json").write_text(json.dumps(record))
    assert f"{tmp_path / 'subprobe.json'}: {said}" in refused(read_meta, tmp_path)
