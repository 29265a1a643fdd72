"""Files of minimal pairs: what is read, and what is refused in one line."""

import json
import pickle
from collections import Counter

import pytest
from subprobe.data.errors import ConfigError, DataFileError
from subprobe.data.suites.generated import generated_pairs
from subprobe.data.suites.pair import word_change
from subprobe.data.suites.reading import read_suite, suite_files

BLIMP = {
    "sentence_good": "Susan revealed herself.",
    "sentence_bad": "Susan revealed themselves.",
    "field": "morphology",
    "linguistics_term": "anaphor_agreement",
    "UID": "anaphor_number_agreement",
    "pairID": "0",
}
GULORDAVA = (
    "pattern\tconstr_id\tsent_id\tcorrect_number\tform\tclass\ttype\tprefix\tn_attr\tpunct\tfreq"
    "\tlen_context\tlen_prefix\tsent"
)


def written(path, text):
    path.write_text(text, "utf-8")
    return path


def json_lines(path, *records):
    return written(path, "".join(f"{json.dumps(one)}\n" for one in records))


def gulordava_row(form, which, sent="The old cats near it hears a dog . <eos>", prefix=5, n=1):
    quoted = sent.replace('"', '""')
    return f'NV\t3\t7\tplur\t{form}\t{which}\toriginal\tThe\t{n}\tFalse\t9\t2\t{prefix}\t"{quoted}"'


def test_blimp_lines_are_pairs(tmp_path):
    path = json_lines(tmp_path / "a.jsonl", BLIMP, {**BLIMP, "pairID": 1, "field": "syntax"})
    first, second = read_suite(path).pairs
    assert (first.id, first.good, first.bad) == (
        "anaphor_number_agreement/0", "Susan revealed herself.", "Susan revealed themselves.",
    )  # fmt: skip
    assert (first.paradigm, first.field, first.term) == (
        "anaphor_number_agreement", "morphology", "anaphor_agreement",
    )  # fmt: skip
    assert (second.id, second.field, second.place) == (
        "anaphor_number_agreement/1", "syntax", "line 2",
    )  # fmt: skip
    bare = json_lines(tmp_path / "own.jsonl", {"sentence_good": "a b", "sentence_bad": "b a"})
    (pair,) = read_suite(bare).pairs
    assert (pair.id, pair.paradigm, pair.group) == ("own/1", "own", "")


def test_marvin_and_linzen_get_a_full_stop_and_an_intrusive_pair(tmp_path):
    text = "template\tsentences...\nsing\tthe author laughs\tthe author laugh\n"
    (pair,) = read_suite(written(tmp_path / "simple_agrmt.tsv", text)).pairs
    assert (pair.good, pair.bad) == ("the author laughs.", "the author laugh.")
    assert (pair.paradigm, pair.field, pair.term) == ("simple_agrmt", "agreement", "sing")
    assert (pair.group, pair.source) == ("", "simple_agrmt.tsv")
    text = (
        "template\tsentences...\npast\tno man ever slept\tthe man ever slept\tmost men ever slept\n"
    )
    both = read_suite(written(tmp_path / "simple_npi_anim.tsv", text)).pairs
    assert [one.paradigm for one in both] == ["simple_npi_anim", "simple_npi_anim_intrusive"]
    assert [one.bad for one in both] == ["the man ever slept.", "most men ever slept."]
    assert {one.field for one in both} == {"npi"}
    assert len({one.group for one in both}) == 1
    assert len({one.id for one in both}) == 2


def test_gulordava_pairs_hold_the_forms_at_their_place(tmp_path):
    sent = 'Cats " near " it hears . <eos>'
    rows = [
        gulordava_row("hear", "correct"), gulordava_row("hears", "wrong"),
        gulordava_row("is", "correct", n=0), gulordava_row("are", "wrong", n=0),
        gulordava_row("run", "correct", sent).replace("\t7\t", "\t8\t"),
        gulordava_row("runs", "wrong", sent).replace("\t7\t", "\t8\t"),
    ]  # fmt: skip
    found = read_suite(written(tmp_path / "generated.tab", "\n".join([GULORDAVA, *rows])))
    assert found.skipped == {"is/are": 1}
    first, second = found.pairs
    assert (first.good, first.bad) == (
        "The old cats near it hear a dog .", "The old cats near it hears a dog .",
    )  # fmt: skip
    assert second.good == 'Cats " near " it run .'
    assert (first.attractors, first.term, first.paradigm) == (1, "original", "generated")
    assert first.group == second.group == "NV/3"  # variants of one construction


def test_goldbergs_masked_table_is_read(tmp_path):
    text = "2\tthe keys to it are here\tthe keys to it ***mask*** here\tare\tis\n"
    (pair,) = read_suite(written(tmp_path / "lgd_dataset.tsv", text)).pairs
    assert (pair.good, pair.bad, pair.attractors) == (
        "the keys to it are here", "the keys to it is here", 2,
    )  # fmt: skip


def test_own_tables_need_two_columns(tmp_path):
    text = 'bad,good,note\n"No, dogs barks.","No, dogs bark.",x\n'
    (pair,) = read_suite(written(tmp_path / "mine.csv", text)).pairs
    assert (pair.id, pair.good, pair.bad) == ("mine/2", "No, dogs bark.", "No, dogs barks.")
    text = (
        "good\tbad\tparadigm\tfield\tterm\tgroup\titem\tattractors\n"
        "Dogs bark.\tDogs barks.\tnumber\tsyntax\tverbs\tg1\tn1\t3\n"
    )
    (pair,) = read_suite(written(tmp_path / "mine.tsv", text)).pairs
    assert (pair.id, pair.paradigm, pair.field, pair.term, pair.group, pair.attractors) == (
        "number/n1", "number", "syntax", "verbs", "g1", 3,
    )  # fmt: skip


def test_quotes_in_tabbed_tables_are_text_unless_they_enclose_cells(tmp_path):
    speech = 'good\tbad\n"Stop" he says\t"Stop" he say\n"No dogs bark\tNo dogs barks\n'
    found = read_suite(written(tmp_path / "speech.tsv", speech)).pairs
    assert [(one.good, one.bad) for one in found] == [
        ('"Stop" he says', '"Stop" he say'), ('"No dogs bark', "No dogs barks"),
    ]  # fmt: skip
    # two quotes that are far apart do not make one cell of several lines
    apart = 'good\tbad\n"a b\tb a\nc d\td c"\n'
    found = read_suite(written(tmp_path / "apart.tsv", apart)).pairs
    assert [one.good for one in found] == ['"a b', "c d"]
    (pair,) = read_suite(written(tmp_path / "q.tsv", 'good\tbad\n"a ""b"""\tb a\n')).pairs
    assert pair.good == 'a "b"'


def test_generated_pairs_are_minimal_and_repeatable():
    found = generated_pairs(0, 60)
    assert found.pairs == generated_pairs(0, 60).pairs
    assert found.pairs[:20] == generated_pairs(0, 20).pairs
    assert found.pairs != generated_pairs(1, 60).pairs
    by_phenomenon = Counter(one.paradigm for one in found.pairs)
    assert len(by_phenomenon) == 14
    assert by_phenomenon["agreement-attractor"] == 4
    assert {one.field for one in found.pairs} == {
        "morphology", "semantics", "syntax", "syntax_semantics",
    }  # fmt: skip
    assert len({one.id for one in found.pairs}) == 60
    assert set(Counter(one.group for one in found.pairs).values()) == {2}
    for one in found.pairs:
        if one.paradigm == "agreement-attractor":
            assert word_change(one.good, one.bad) is not None
    assert len(generated_pairs(0, 3).pairs) == 3
    with pytest.raises(ConfigError, match="must be >= 1, got 0"):
        generated_pairs(0, 0)


def test_the_word_that_changes():
    cases = {
        ("The dog laughs.", "The dog laugh."): ("laughs", "laugh"),
        ("It hasn't gone.", "It haven't gone."): ("hasn't", "haven't"),
        ("himself left", "herself left"): ("himself", "herself"),
        ("He saw it", "He saw them"): ("it", "them"),
        ("banana", "bananana"): ("banana", "bananana"),
        ("a well-known man", "a well-know man"): ("well-known", "well-know"),
    }
    for (good, bad), (right, wrong) in cases.items():
        found = word_change(good, bad)
        assert found is not None
        assert (good[found.start : found.good_end], bad[found.start : found.bad_end]) == (
            right, wrong,
        )  # fmt: skip
        assert good[: found.start] == bad[: found.start]
        assert good[found.good_end :] == bad[found.bad_end :]
    for good, bad in (
        ("He has left", "He left"), ("a b", "b a"), ("same", "same"), ("He left.", "He left!"),
        ("Mary saw that he left", "Mary saw he left"),
    ):  # fmt: skip
        assert word_change(good, bad) is None


def test_files_of_folders_are_found(tmp_path):
    for name in ("b.jsonl", "a.tsv", "notes.md"):
        written(tmp_path / name, "x")
    assert [one.name for one in suite_files([str(tmp_path)])] == ["a.tsv", "b.jsonl"]
    with pytest.raises(DataFileError, match="same name"):
        suite_files([str(tmp_path), str(tmp_path / "a.tsv")])
    with pytest.raises(DataFileError, match="no such file"):
        suite_files([str(tmp_path / "c.tsv")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataFileError, match="contains no files of pairs; use JSON lines"):
        suite_files([str(tmp_path / "empty")])


GOOD_ML = "template\tsentences...\nsing\tthe author laughs\tthe author laugh\n"
REFUSED = {
    "empty cells": ("a.csv", '""\n""\n', "all cells are empty"),
    "not JSON": ("a.jsonl", "nothing\n", r"a\.jsonl, line 1: is not valid JSON"),
    "no object": ("a.jsonl", "[1]\n", "line 1: is not a JSON object but a list"),
    "no pair": ("a.jsonl", '{"text": "x"}\n', "line 1: has no sentence_good: the file does not"),
    "results": ("a.jsonl", '{"UID": "overall", "BERT": 0.8}\n', "it is a summary of results"),
    "number": ("a.jsonl", '{"sentence_good": 3}\n', "sentence_good is 3, not a text"),
    "equal": ("a.jsonl", json.dumps({**BLIMP, "sentence_bad": BLIMP["sentence_good"]}),
              "line 1: the two sentences of the pair are equal; correct or remove the pair"),
    "empty sentence": ("a.csv", "good,bad\nDogs bark.,\n", "line 2: the bad sentence is empty"),
    "equal in csv": ("a.csv", "good,bad\nx y,x y\n", r"a\.csv, line 2: the two sentences"),
    "one column": ("a.csv", "good,worse\nx,y\n", "no column 'bad'; columns found: good, worse"),
    "no rows": ("a.csv", "good,bad\n", "has a header but no rows"),
    "no pairs": ("a.tsv", "template\tsentences...\n", "contains no usable pairs"),
    "same id": ("a.csv", "good,bad,item\nx,y,1\nx,z,1\n", "line 3: has the id 'a/1' of line 2"),
    "attractors": ("a.csv", "good,bad,attractors\nx,y,-1\n", "line 2: attractors '-1' is not"),
    "short line": ("a.tsv", GOOD_ML + "sing\tthe author\n", "line 3 has 2 columns instead of 3"),
    "table": ("a.tsv", "x\ty\n1\t2\n", "line 1 is not the header of a known table; use JSON"),
    "forms": ("a.tab", "\n".join([GULORDAVA, gulordava_row("hear", "correct")]),
              "line 2 and the next are not the correct and the wrong form"),
    "place": ("a.tab", "\n".join([GULORDAVA, gulordava_row("hear", "correct", prefix=40),
                                  gulordava_row("hears", "wrong", prefix=40)]),
              "line 2 has len_prefix 40 but 9 words"),
    "only is/are": ("a.tab", "\n".join([GULORDAVA, gulordava_row("is", "correct"),
                                        gulordava_row("are", "wrong")]), "no usable pairs"),
    "masked": ("a.tsv", "1\ta\tb ***mask***\tc\td\n1\ta\tb\tc\td\n", "line 2 is not: attractors"),
    "format": ("a.xml", "<a/>", "has an unknown format; use JSON lines"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_other_files_are_refused_in_one_line(tmp_path, case):
    name, text, said = REFUSED[case]
    path = written(tmp_path / name, text)
    with pytest.raises(DataFileError, match=said) as caught:
        read_suite(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_pickles_are_never_loaded(tmp_path):
    for name in ("simple_agrmt.pickle", "renamed.tsv"):
        path = tmp_path / name
        path.write_bytes(pickle.dumps({"sing": [("a", "b")]}))
        with pytest.raises(
            DataFileError, match="is a pickle, which can run code and is not loaded"
        ):
            read_suite(path)
    with pytest.raises(DataFileError, match="no such file"):
        read_suite(tmp_path / "missing.tsv")


def test_real_files(realdata):
    for path in sorted((realdata / "blimp").glob("*.jsonl")):
        found = read_suite(path).pairs
        assert len(found) == 1000
        assert {one.paradigm for one in found} == {path.stem}
    generated = read_suite(realdata / "agreement" / "generated.tab")
    # 13 more have a form that is no single piece of BERT: 27 of 410 in Goldberg (2019)
    assert (len(generated.pairs), generated.skipped) == (396, {"is/are": 14})
    assert Counter(one.attractors for one in generated.pairs) == {0: 320, 1: 66, 2: 10}
    counts = {
        path.stem: len(read_suite(path).pairs)
        for path in sorted((realdata / "agreement").glob("*.tsv"))
    }
    assert counts == {
        "obj_rel_across_anim": 11200, "prep_anim": 16800, "simple_agrmt": 140,
        "simple_npi_anim": 240,
    }  # fmt: skip
