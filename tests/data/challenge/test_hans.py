"""Files of HANS in their published forms, and generated pairs of the same structure."""

import json
from collections import Counter

import pandas as pd
import pytest
from subprobe.data.challenge.classes import entailment_class
from subprobe.data.challenge.generated import N_TEMPLATES, generated_heuristics
from subprobe.data.challenge.hans import read_hans
from subprobe.data.errors import ConfigError, DataFileError, InputError
from subprobe.data.generator import entailment

COLUMNS = (
    "gold_label", "sentence1_binary_parse", "sentence2_binary_parse", "sentence1_parse",
    "sentence2_parse", "sentence1", "sentence2", "pairID", "heuristic", "subcase", "template",
)  # fmt: skip


def line(number, **changed):
    """One record of the published file."""
    entailed = number % 2 == 0
    record = {
        "gold_label": "entailment" if entailed else "non-entailment",
        "sentence1_binary_parse": "( the )", "sentence2_binary_parse": "( the )",
        "sentence1_parse": "(ROOT)", "sentence2_parse": "(ROOT)",
        "sentence1": f'The author said "it" {number} .', "sentence2": f"It said {number} .",
        "pairID": f"ex{number}", "heuristic": "subsequence",
        "subcase": "se_conjunction" if entailed else "sn_NP/S",
        "template": f"temp{number % 2}",
    }  # fmt: skip
    return {**record, **changed}


def write(path, records):
    """The records in the form that the suffix stands for."""
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(one) + "\n" for one in records))
    elif path.suffix == ".parquet":
        pd.DataFrame(records).to_parquet(path)
    elif path.suffix == ".csv":
        pd.DataFrame(records).to_csv(path, index=False)
    else:
        rows = ["\t".join(COLUMNS), *("\t".join(one[name] for name in COLUMNS) for one in records)]
        path.write_text("\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize("suffix", [".txt", ".tsv", ".jsonl", ".csv", ".parquet"])
def test_every_form_gives_the_same_pairs(tmp_path, suffix):
    records = [line(number) for number in range(6)]
    read = read_hans(write(tmp_path / f"hans{suffix}", records))
    for record, pair in zip(records, read.pairs, strict=True):
        assert pair.example.texts() == (record["sentence1"], record["sentence2"])
        assert (pair.heuristic, pair.subcase, pair.template) == (
            record["heuristic"], record["subcase"], record["template"],
        )  # fmt: skip
        assert pair.entailed == (record["gold_label"] == "entailment")
        assert (pair.example.id, pair.example.cluster) == (record["pairID"], record["template"])


def test_the_copy_on_the_hub_numbers_its_labels(tmp_path):
    records = [
        {"premise": f"a {n}", "hypothesis": "b", "label": n % 2, "heuristic": "h",
         "subcase": f"s{n % 2}", "template": f"t{n % 2}"}
        for n in range(4)
    ]  # fmt: skip
    read = read_hans(write(tmp_path / "hans.parquet", records))
    assert [pair.entailed for pair in read.pairs] == [True, False, True, False]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"gold_label": "neutral"}, "unknown gold label 'neutral'"),
        ({"gold_label": "0"}, "unknown gold label '0'"),
        ({"sentence2": " "}, "sentence2 is empty"),
        ({"template": ""}, "template is empty"),
        ({"pairID": "ex0"}, "has the id 'ex0' of line 1"),
        ({"subcase": "other", "template": "temp0"}, "belongs to the subcases"),
        ({"sentence1": 3}, "sentence1 is 3, not a text"),
    ],
)
def test_a_bad_line_is_named(tmp_path, changed, said):
    path = write(tmp_path / "hans.jsonl", [line(0), line(2), line(1, **changed)])
    with pytest.raises(DataFileError, match="line 3") as raised:
        read_hans(path)
    assert said in str(raised.value)


def test_a_file_without_the_columns_or_of_another_form_is_refused(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("sentence1\tsentence2\tgold_label\na\tb\tentailment\n")
    with pytest.raises(DataFileError, match="no column 'heuristic', 'subcase', 'template'"):
        read_hans(path)
    for name, said in (("pairs.xlsx", "unknown format"), ("none.txt", "no such file")):
        if name.startswith("pairs"):
            (tmp_path / name).write_bytes(b"PK")
        with pytest.raises(DataFileError, match=said):
            read_hans(tmp_path / name)


@pytest.mark.realdata
def test_the_published_sample(realdata):
    read = read_hans(realdata / "hans" / "heuristics_evaluation_set_sample.txt")
    subcases = Counter(pair.subcase for pair in read.pairs)
    assert len(read.pairs) == 6000
    assert len(subcases) == 30
    assert set(subcases.values()) == {200}
    cells = Counter((pair.heuristic, pair.entailed) for pair in read.pairs)
    heuristics = ("constituent", "lexical_overlap", "subsequence")
    assert cells == {(h, gold): 1000 for h in heuristics for gold in (True, False)}
    labels = {(pair.subcase, pair.entailed) for pair in read.pairs}
    assert len(labels) == 30
    assert len({pair.template for pair in read.pairs}) == 60


def test_generated_pairs_have_the_structure_of_hans():
    read = generated_heuristics(3, 4 * N_TEMPLATES)
    heuristics = Counter((pair.heuristic, pair.entailed) for pair in read.pairs)
    assert {name for name, _ in heuristics} == {"lexical_overlap", "subsequence", "constituent"}
    for name in ("lexical_overlap", "subsequence", "constituent"):
        assert heuristics[name, True] == heuristics[name, False]
    assert len({pair.template for pair in read.pairs}) == N_TEMPLATES
    assert len({(pair.subcase, pair.entailed) for pair in read.pairs}) == 2 * 12
    for pair in read.pairs:
        first, second = (
            set(text.lower().strip(".").replace(",", "").split()) for text in pair.example.texts()
        )
        # `did smile` and `managed to smile` are asked about as `smiled`
        if "negation" not in pair.subcase and "implicative" not in pair.subcase:
            assert second <= first
    assert generated_heuristics(3, 5).pairs == read.pairs[:8]
    own = {example.texts() for example in entailment(0, {"test": 400})["test"]}
    new = {pair.example.texts() for pair in generated_heuristics(1, 400).pairs}
    assert len(own & new) < 20
    with pytest.raises(ConfigError, match="must be >= 1"):
        generated_heuristics(0, 0)


@pytest.mark.parametrize(
    ("labels", "place"),
    [
        (("contradiction", "Entailment", "neutral"), 1),
        (("not_entailment", "ENTAILMENT"), 1),
        (("entailment", "neutral", "contradiction"), 0),
    ],
)
def test_entailment_is_found_by_its_name(labels, place):
    assert entailment_class(labels) == place


@pytest.mark.parametrize(
    "labels",
    [("LABEL_0", "LABEL_1"), ("not_entailment", "non-entailment"), (), ("entailment",),
     ("entailment", "Entailment")],
)  # fmt: skip
def test_entailment_is_never_found_by_position(labels):
    with pytest.raises(InputError, match="named entailment"):
        entailment_class(labels)
