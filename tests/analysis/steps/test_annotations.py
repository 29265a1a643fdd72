"""What probes read: gold stays gold, and a parser is called only for what needs a parse."""

import subprocess
import sys

import pytest
from subprobe.analysis.configuration.config import ProbeOptions
from subprobe.analysis.steps import annotations
from subprobe.analysis.steps.annotations import as_read, left_out
from subprobe.analysis.steps.probing import annotated_examples, corpus_note, read_probe_corpus
from subprobe.data.errors import AnnotationError
from subprobe.data.sentences.annotate import annotate, find_pipeline, split_words, unicode_words
from subprobe.data.sentences.sentence import Example, Sentence, plain_sentence
from subprobe.data.tasks.by_name import load_task
from subprobe.probes.forward.token_kinds import is_punctuation

TEXTS = (
    "The author's keys don't fit, do they?",
    "A well-known cafe\u0301 (in U.S. dollars: $1,250.50) closed...",
    "She  said \u201cno\u201d\u00a0\u2014 twice.",
)


@pytest.fixture
def no_parser(monkeypatch):
    """Any call of the parser fails the test."""

    def parse(*_args, **_options):
        raise AssertionError("the parser was called")

    monkeypatch.setattr(annotations, "annotate", parse)


def gold(name="g", **changed):
    layers = {"upos": ("NOUN", "VERB"), "heads": (1, -1), "deprels": ("nsubj", "root")}
    made = {**layers, **changed}
    return Sentence(name, ("Cats", "sleep"), annotation="gold", scheme="ud", **made)


def plain():
    return [plain_sentence(str(i), text) for i, text in enumerate(TEXTS)]


def test_gold_is_never_parsed_again(no_parser):
    mixed = [gold("a"), gold("b", heads=(), deprels=()), gold("c", upos=())]
    for probes in (["attention-trees", "dependency-heads"], ["attention-stats"], ["attributions"]):
        assert as_read(mixed, probes, reparse=False) == mixed


def test_plain_text_is_parsed_only_for_a_probe_that_needs_it(no_parser):
    read = as_read(plain(), ["attention-stats", "norms"], reparse=False)
    assert {(one.annotation, one.scheme, one.heads) for one in read} == {("", "", ())}
    for probe in ("attention-trees", "edges"):
        with pytest.raises(AssertionError, match="the parser was called"):
            as_read(plain(), ["attention-stats", probe], reparse=False)


def test_words_without_a_parse_are_those_of_unicode_and_their_marks_those_of_the_parser():
    silver = as_read(plain(), ["attention-trees"], reparse=False)
    words = as_read(plain(), ["attention-stats"], reparse=False)
    ours, theirs = (
        ["".join(w for w in one.words if is_punctuation(w)) for one in read]
        for read in (words, silver)
    )
    assert (ours[0], ours[2]) == (theirs[0], theirs[2])
    assert ours[1].replace("(.", "(") == theirs[1]  # the dot of U.S. is a mark of its own
    assert words[0].words == ("The", "author's", "keys", "don't", "fit", ",", "do", "they", "?")
    assert silver[0].words == ("The", "author", "'s", "keys", "do", "n't", "fit", ",", "do",
                               "they", "?")  # fmt: skip
    assert [one.annotation for one in words] == [""] * len(words)
    assert {one.annotation for one in silver} == {"silver"}
    for one in words:
        assert one.spans
        assert [one.raw_text()[start:end] for start, end in one.spans] == list(one.words)


def test_a_named_pipeline_splits_as_it_does_when_it_parses():
    pipeline = find_pipeline().meta
    name = f"{pipeline['lang']}_{pipeline['name']}"
    silver = as_read(plain(), ["attention-trees"], pipeline=name, reparse=False)
    words = as_read(plain(), ["attention-stats"], pipeline=name, reparse=False)
    assert [one.words for one in words] == [one.words for one in silver]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's 3.5 or 1,250 km.", ["It's", "3.5", "or", "1,250", "km", "."]),
        ("(well-known) – “so”…", ["(", "well", "-", "known", ")", "–", "“", "so", "”", "…"]),
        ("naïve cafe\u0301s", ["naïve", "cafe\u0301s"]),
        ("a  b\tc", ["a", "b", "c"]),
        ("👩‍👩‍👧 x_y", ["👩‍👩‍👧", "x_y"]),
        ("  ", []),
        ("", []),
    ],
)
def test_words_of_unicode(text, words):
    assert unicode_words(text) == words


def test_plain_text_for_a_probe_without_a_parse_loads_no_spacy():
    code = (
        "import sys; from subprobe.analysis.steps.annotations import as_read; "
        "from subprobe.data.sentences.sentence import Sentence; "
        "found = as_read([Sentence('a', (), text='Cats sleep.')], ['attention-stats'], "
        "reparse=False); print(len(found[0].words), 'spacy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["3", "False"]


def test_splitting_into_words_keeps_annotated_ones():
    kept = gold("a", heads=(), deprels=(), upos=())
    (found,) = split_words([kept])
    assert found == kept
    with pytest.raises(AnnotationError, match="no installed spaCy pipeline xx_none"):
        split_words(plain(), "xx_none")


def test_reparsing_is_explicit_and_keeps_gold_words():
    bare = gold("bare", heads=(), deprels=(), upos=())
    told = Sentence("t", ("do", "n't"), text="don't", annotation="gold", scheme="ud")
    for probes in (["attention-stats"], ["dependency-heads"]):
        read = as_read([gold("a"), bare, told], probes, reparse=True)
        assert {one.annotation for one in read} == {"silver"}
        assert [one.words for one in read] == [("Cats", "sleep")] * 2 + [("do", "n't")]
        assert all(one.heads for one in read)


def test_a_task_keeps_its_own_trees(no_parser):
    generated = load_task("acceptability", sizes={"train": 4, "validation": 4, "test": 4})
    examples = generated.splits["test"]
    assert all(one.first.heads and one.first.annotation == "gold" for one in examples)
    assert annotated_examples(examples, ProbeOptions(names=("attributions",))) == examples


def test_pairs_are_annotated_in_their_places():
    one = plain_sentence("1", "It rains.")
    two, empty = plain_sentence("2", "The cats that slept ate."), plain_sentence("3", "")
    examples = (Example("a", one, two), Example("b", one), Example("c", two, empty))
    options = ProbeOptions(names=("attributions",))
    read = annotated_examples(examples, options)
    assert [one.first.words for one in read] == [
        sentence.words for sentence in annotate([one, one, two])
    ]
    assert [one.second and len(one.second.words) for one in read] == [6, None, 0]
    # the empty text blocks nothing: it is counted
    assert left_out(read, ["attributions"]) == {"attributions": {"words": 1}}


def test_the_manifest_counts_by_probe_and_layer(tmp_path):
    line = "{0}\t{1}\tx\t{2}\t_\t_\t{3}\t{4}\t_\t_\n"

    def tree(upos="NOUN", heads=("2", "0"), deprels=("nsubj", "root")):
        return "".join(
            line.format(i + 1, word, upos, heads[i], deprels[i])
            for i, word in enumerate(("Cats", "sleep"))
        )

    blocks = [tree(), tree(heads=("_", "_")), tree(deprels=("_", "_")), tree(upos="_")]
    path = tmp_path / "bank.conllu"
    path.write_text("\n".join(blocks) + "\n", encoding="utf-8")
    names = ("attention-stats", "dependency-heads", "attention-trees", "attributions")
    options = ProbeOptions(corpus=str(path), names=names)
    corpus = read_probe_corpus(options)
    assert corpus_note(corpus, options) == {
        "name": "bank.conllu",
        "sentences": 4,
        "annotation": "gold",
        "left_out": {
            "dependency-heads": {"heads": 1, "deprels": 2},
            "attention-trees": {"heads": 1, "upos": 1},
        },
    }
    silver = read_probe_corpus(options.model_copy(update={"reparse": True}))
    assert corpus_note(silver, options)["annotation"] == "silver"
    assert corpus_note(silver, options)["left_out"] == {}
    assert silver.digest != corpus.digest
