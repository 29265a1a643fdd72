"""Universal tags of a real treebank, coded from the states of a pretrained encoder."""

from __future__ import annotations

import pytest
from subprobe.data.sentences.conllu_reader import read_conllu
from subprobe.data.sentences.sentence import Example
from subprobe.models.checkpoint.checkpoint import load_encoder, load_tokenizer
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.probes.forward.base import Context
from subprobe.probes.learning.learning import Learning
from subprobe.probes.named import run_named_probes
from subprobe.probes.states.cache import StateCache


@pytest.mark.slow
def test_tags_are_far_shorter_than_their_entropy_and_informed_by_every_state(realdata, tmp_path):
    sentences = read_conllu(realdata / "ud" / "en_ewt-ud-dev.conllu")[:180]
    examples = [Example(id=one.id, first=one) for one in sentences]
    model = load_encoder("embedded")
    context = Context(model, load_tokenizer("embedded"), anatomy_of(model))
    learning = Learning(
        tuple(examples[:120]), tuple(examples[120:150]), "given", StateCache(tmp_path)
    )
    quick = {"epochs": 15, "rates": (3e-3,)}
    options = {"mdl": {"shuffles": 1, "control": "words", **quick}, "v-information": quick}
    coded, known = run_named_probes(
        context, examples[150:], list(options), options=options, learning=learning
    )
    rows = coded.rows[coded.rows["metric"].eq("codelength")]
    own = rows[rows["variant"].eq("own")]
    assert len(own) == 7 * 3
    assert (own["value"] < 0.85 * own["baseline_value"]).all()
    assert (own["value"] < 0.5 * own["baseline_value"])[own["layer"].eq(2)].all()
    random = coded.rows[coded.rows["variant"].ne("own") & coded.rows["metric"].eq("compression")]
    assert random["value"].between(0.8, 1.02).all()
    information = known.rows[known.rows["metric"].eq("v_information")]
    assert (information["value"] < information["baseline_value"]).all()
    assert (information["value"] > 1.5).all()
    assert (information["value"].max() > 2.5).all()
