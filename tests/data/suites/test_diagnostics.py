"""The scored file of the GLUE diagnostics, in its published form."""

import pytest
from diagnostics_file import HEADER, write_diagnostics
from subprobe.data.errors import DataFileError
from subprobe.data.suites.diagnostics import read_diagnostics

ROWS = [
    ("Lexical entailment;Quantifiers", "", "Negation", "", "News", "All cats \"sleep\".",
     "Some cats sleep.", "entailment"),
    ("", "Core args", "", "World knowledge", "", "Some cats sleep.", "Dogs run.", "neutral"),
    ("", "", "", "", "ACL", "It rains.", "It does not rain.", "contradiction"),
]  # fmt: skip


def test_a_pair_has_several_categories(tmp_path):
    first, second, third = read_diagnostics(write_diagnostics(tmp_path / "ax.tsv", ROWS))
    assert first.categories == {
        "Lexical Semantics": ("Lexical entailment", "Quantifiers"), "Logic": ("Negation",),
    }  # fmt: skip
    assert first.premise == 'All cats "sleep".'
    assert (first.label, first.domain) == ("entailment", "News")
    assert second.categories == {
        "Predicate-Argument Structure": ("Core args",), "Knowledge": ("World knowledge",),
    }  # fmt: skip
    assert (third.categories, third.domain, second.domain) == ({}, "ACL", "")
    # the first two share a text, the third stands alone
    assert first.cluster == second.cluster == first.id
    assert third.cluster == third.id != first.id


def test_clusters_connect_through_others(tmp_path):
    texts = [("a", "b"), ("c", "d"), ("e", "f"), ("b", "c"), ("f", "g")]
    rows = [("", "", "", "", "", p, h, "neutral") for p, h in texts]
    found = read_diagnostics(write_diagnostics(tmp_path / "ax.tsv", rows))
    names = [one.cluster for one in found]
    assert names[0] == names[1] == names[3] != names[2] == names[4]


def test_columns_may_stand_in_any_order(tmp_path):
    order = [7, 0, 6, 1, 5, 2, 4, 3]
    lines = ["\t".join(["extra", *(HEADER[k] for k in order)])]
    lines += ["\t".join([str(n), *(row[k] for k in order)]) for n, row in enumerate(ROWS)]
    path = tmp_path / "ax.tsv"
    path.write_text("\n".join(lines) + "\n")
    assert read_diagnostics(path) == read_diagnostics(write_diagnostics(tmp_path / "b.tsv", ROWS))


@pytest.mark.parametrize("column", HEADER)
def test_a_missing_column_is_named(tmp_path, column):
    place = HEADER.index(column)
    path = tmp_path / "ax.tsv"
    lines = ["\t".join(cell for n, cell in enumerate(row) if n != place) for row in (HEADER, *ROWS)]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(DataFileError, match=f"has no column '{column}'"):
        read_diagnostics(path)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("", "", "", "", "", " ", "b", "neutral"), "Premise is empty"),
        (("", "", "", "", "", "a", "", "neutral"), "Hypothesis is empty"),
        (("", "", "", "", "", "a", "b", "0"), "is none of entailment"),
        (("", "", "", "", "", "a", "b", ""), "none of entailment, neutral, contradiction"),
    ],
)
def test_a_bad_line_is_named(tmp_path, row, said):
    path = write_diagnostics(tmp_path / "ax.tsv", [*ROWS, row])
    with pytest.raises(DataFileError, match=said) as error:
        read_diagnostics(path)
    assert "line 5" in str(error.value)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(DataFileError, match="is a folder"):
        read_diagnostics(tmp_path)
    path = tmp_path / "diagnostic.tsv"  # the file without labels of the release
    path.write_text("index\tsentence1\tsentence2\n0\ta\tb\n")
    with pytest.raises(DataFileError, match="has no column 'Lexical Semantics'"):
        read_diagnostics(path)
    with pytest.raises(DataFileError, match=r"has no pairs|no rows|holds no"):
        read_diagnostics(write_diagnostics(tmp_path / "empty.tsv", []))
