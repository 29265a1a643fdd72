"""Probes that learn, called from Python: parts in memory or in files, masks, comparisons."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from learner import NAME, learner
from subprobe.analysis.interactive.comparison import compare
from subprobe.analysis.interactive.measuring import probe
from subprobe.analysis.single.loaded import load_model
from subprobe.data.errors import ConfigError, InputError, SubprobeWarning
from subprobe.data.generated_treebank import treebank
from subprobe.models.encoder.fingerprint import weights_fingerprint
from subprobe.models.masks.subnetwork import full_subnetwork
from treebanks import write_conllu


@pytest.fixture(autouse=True)
def _known():
    with learner():
        yield


@pytest.fixture(scope="module")
def model(tiny_encoder):
    return load_model(str(tiny_encoder))


@pytest.fixture(scope="module")
def bank():
    return treebank({"train": 40, "dev": 12, "test": 24})


@pytest.fixture(scope="module")
def mask(model):
    whole = full_subnetwork(model.anatomy)
    heads = np.array(whole.head_mask)
    heads[:, 1:] = False
    return whole.with_meta(
        head_mask=heads, kind="good", fingerprint=weights_fingerprint(model.model)
    )


def test_sentences_in_memory_and_in_files_give_the_same(model, bank, tmp_path):
    files: dict[str, Any] = {
        name: write_conllu(tmp_path / f"{name}.conllu", getattr(bank, name))
        for name in ("train", "dev", "test")
    }
    # the files name no documents
    memory: dict[str, Any] = {
        name: [replace(one, document="") for one in getattr(bank, name)]
        for name in ("train", "dev", "test")
    }
    one, other = probe(model, NAME, **files), probe(model, NAME, **memory)
    columns = ["layer", "variant", "value", "ci_low", "ci_high", "n", "n_clusters"]
    assert one.to_frame()[columns].equals(other.to_frame()[columns])
    assert set(other.to_frame()["corpus"]) == {"test texts"}


def test_a_corpus_is_what_the_parts_leave_open(model, bank):
    scored = probe(model, NAME, bank.test, train=bank.train, dev=bank.dev)
    learnt = probe(model, NAME, bank.train, test=bank.test, dev=bank.dev)
    assert list(scored.to_frame()["value"]) == list(learnt.to_frame()["value"])
    assert set(scored.to_frame()["corpus"]) == {"texts"}


def test_probes_that_learn_nothing_read_the_test_part(model, bank):
    both = probe(model, [NAME, "attention-stats"], train=bank.train, test=bank.test).to_frame()
    alone = probe(model, "attention-stats", bank.test).to_frame()
    mine = both[both["probe"].eq("attention-stats")]
    assert list(mine["value"]) == list(alone["value"])
    assert set(mine["corpus"]) == {"test texts"}


def test_subnetworks_are_compared_variant_by_variant(model, bank, mask):
    parts: dict[str, Any] = {"train": bank.train, "dev": bank.dev, "test": bank.test}
    whole, good = probe(model, NAME, **parts), probe(model, NAME, mask=mask, **parts)
    assert set(good.to_frame()["variant"]) == {"own", "transferred"}
    table = compare(whole, good).to_frame()
    assert set(table["variant"]) == {"own"}
    assert sorted(table["layer"]) == [0, 1, 2]
    assert table["p_value"].notna().any()
    other = compare(good, good).to_frame()
    assert set(other["variant"]) == {"own", "transferred"}


def test_other_texts_to_learn_from_are_no_comparison(model, bank):
    one = probe(model, NAME, bank.test, train=bank.train, dev=bank.dev)
    other = probe(model, NAME, bank.test, train=bank.train[:-1], dev=bank.dev)
    with pytest.raises(InputError, match="are of different examples"):
        compare(one, other)


def test_states_are_kept_where_asked(model, bank, tmp_path):
    probe(model, NAME, bank.test, train=bank.train, dev=bank.dev, cache=tmp_path / "kept")
    assert len(list((tmp_path / "kept").glob("*.safetensors"))) == 2


def test_what_is_odd_is_warned_of(model, bank):
    twice = [replace(one, id=f"again-{one.id}") for one in bank.train[:3]]
    with pytest.warns(SubprobeWarning, match="3 of 27 test sentences also occur in train or dev"):
        probe(model, NAME, train=bank.train, dev=bank.dev, test=[*bank.test, *twice])


def test_parts_that_do_not_go_together_are_refused(model, bank):
    with pytest.raises(ConfigError, match="a file to score on is missing; add `test`"):
        probe(model, NAME, train=bank.train)
    with pytest.raises(InputError, match="train: no sentences to probe"):
        probe(model, NAME, train=[], test=bank.test)
    with pytest.raises(InputError, match="test: two sentences have the same id"):
        probe(model, NAME, train=bank.train, test=[*bank.test, bank.test[0]])
