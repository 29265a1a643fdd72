"""The cloze tests of Ettinger: what is read, and what is refused."""

import gzip
from typing import Any

import pytest
from subprobe.data.errors import DataFileError
from subprobe.data.suites.ettinger import (
    NegationItem,
    NegationTest,
    PragmaticItem,
    PragmaticTest,
    RoleTest,
    read_cloze_test,
)

CPRAG = (
    "item\tcontext_s1\tcontext_s2\texpected\twithin_category\tbetween_category\tconstraint\n"
    "0\t“Checkmate,” Ann said.\tShe was good at\tchess\tmonopoly\tfootball\tH\n"
    "1\tThe patient was ill.\tThey had to use the\thelicopter\tplane\tferry\tL\n"
)
ROLE = (
    "item\tcontext\texpected\texp_cloze\ttarget\ttgt_cloze\ttgt_cloze(strict)\n"
    "71-b\tthe nanny knew which billionaire the housekeeper had \tworked for\t0.33\thired\t0\t0\n"
    "71-a\tthe nanny knew which housekeeper the billionaire had \thired|met\t.4\thired\t.4\t.4\n"
)
SIMP = (
    "item\tcontext_aff\tcontext_neg\ttarget_aff\ttarget_neg\n"
    "2\tAn ant is (a|an)\tAn ant is not (a|an)\tinsect\tvegetable\n"
)
NAT = (
    "item\tcontext_aff\tcontext_neg\ttarget_aff\ttarget_neg\tlicensing\n"
    "0\tScuba-diving is very\tScuba-diving isn't very\tsafe\tdangerous\tY\n"
    "8\tBulletproof vests are very\tBulletproof vests aren't very\tsafe\tdangerous\tN\n"
)


def read(tmp_path, text, name="test.tsv") -> Any:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return read_cloze_test(path)


def test_each_of_the_tests_is_told_by_its_header(tmp_path):
    pragmatic = read(tmp_path, CPRAG, "CPRAG-102.tsv")
    assert isinstance(pragmatic, PragmaticTest)
    assert pragmatic.name == "CPRAG-102"
    assert pragmatic.items[0] == PragmaticItem(
        "0", "“Checkmate,” Ann said.", "She was good at", "chess", "monopoly", "football", "high"
    )
    assert pragmatic.items[1].constraint == "low"
    assert pragmatic.items[1].completions == ("helicopter", "plane", "ferry")
    roles = read(tmp_path, ROLE.replace("\n", "\r\n"))
    assert isinstance(roles, RoleTest)
    ((good, reversed_),) = roles.pairs
    assert (good.id, good.order, reversed_.order) == ("71", "a", "b")
    assert good.expected == ("hired", "met")
    assert reversed_.expected == ("worked for",)
    assert (good.context, good.target) == (
        "the nanny knew which housekeeper the billionaire had", "hired",
    )  # fmt: skip
    assert (good.expected_cloze, reversed_.target_cloze, good.strict_cloze) == (0.4, 0, 0.4)


def test_negation_with_and_without_an_article(tmp_path):
    simple = read(tmp_path, SIMP)
    assert isinstance(simple, NegationTest)
    assert simple.items == (
        NegationItem("2", "An ant is", "An ant is not", "insect", "vegetable", True, None),
    )
    natural = read(tmp_path, NAT)
    assert isinstance(natural, NegationTest)
    assert [one.licensed for one in natural.items] == [True, False]
    assert not natural.items[0].needs_article


def test_words_in_brackets_are_part_of_a_context(tmp_path):
    found = read(tmp_path, SIMP.replace("An ant", "An ant (a small one)"))
    assert isinstance(found, NegationTest)
    assert found.items[0].affirmative == "An ant (a small one) is"


def test_columns_may_be_in_another_order_and_the_file_compressed(tmp_path):
    lines = [line.split("\t") for line in NAT.splitlines()]
    text = "".join("\t".join([line[-1], *line[:-1]]) + "\n" for line in lines)
    path = tmp_path / "NEG-136-NAT.tsv.gz"
    path.write_bytes(gzip.compress(text.encode()))
    assert read_cloze_test(path) == NegationTest("NEG-136-NAT", read(tmp_path, NAT).items)


@pytest.mark.parametrize(
    ("text", "old", "new", "problem"),
    [
        (CPRAG, "\tH\n", "\tM\n", "line 2: constraint is 'M', not H or L"),
        (CPRAG, "\tmonopoly", "\t", "line 2: within_category is empty"),
        (CPRAG, "\tmonopoly", "\tchess", "line 2: two completions are equal"),
        (CPRAG, "\n1\t", "\n0\t", "line 3: item 0 is also on line 2"),
        (CPRAG, "\tplane\tferry", "\tplane", "line 3 has 6 columns instead of 7"),
        (ROLE, "71-a", "71-c", "line 3: item '71-c' is not a number with -a or -b"),
        (ROLE, "71-a", "72-a", "line 2: item 71-b has no 71-a"),
        (ROLE, "0.33", "33%", "line 2: exp_cloze is '33%', not a number from 0 to 1"),
        (ROLE, "\t.4\thired", "\tnan\thired", "line 3: exp_cloze is 'nan', not a number from"),
        (ROLE, "|met", "|", "line 3: expected 'hired|' has an empty word"),
        (SIMP, "not (a|an)", "not", "line 2: only one of the contexts ends with an article"),
        (SIMP, "vegetable", "insect", "line 2: the two targets are equal"),
        (NAT, "\tY\n", "\tyes\n", "line 2: licensing is 'yes', not Y or N"),
        (NAT, "isn't", "is", "line 2: the two contexts are equal"),
        (NAT, "context_neg", "context", "line 1 is not the header of a cloze test"),
        ("0\tA context\tchess\tbecause\n", "\t", "\t", "line 1 is not the header of a cloze test"),
        (NAT, NAT, NAT.splitlines()[0], "has a header but no rows"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path, text, old, new, problem):
    assert old in text
    with pytest.raises(DataFileError) as caught:
        read(tmp_path, text.replace(old, new, 1))
    said = str(caught.value)
    assert problem in said
    assert str(tmp_path / "test.tsv") in said
    assert "\n" not in said


def test_equal_orders_are_refused(tmp_path):
    text = ROLE.replace("housekeeper the billionaire", "billionaire the housekeeper")
    with pytest.raises(DataFileError, match="line 2: 71-a and 71-b have equal contexts"):
        read(tmp_path, text)


def test_the_published_files(realdata):
    folder = realdata / "cloze"
    pragmatic: Any = read_cloze_test(folder / "CPRAG-102" / "CPRAG-102.tsv")
    assert len(pragmatic.items) == 34
    assert sum(len(one.completions) for one in pragmatic.items) == 102
    simple: Any = read_cloze_test(folder / "NEG-136" / "NEG-136-SIMP.tsv")
    natural: Any = read_cloze_test(folder / "NEG-136" / "NEG-136-NAT.tsv")
    # two contexts with two completions each
    assert [4 * len(one.items) for one in (simple, natural)] == [72, 64]
    assert all(one.needs_article for one in simple.items)
    assert [one.licensed for one in natural.items].count(True) == 8
    with pytest.raises(DataFileError, match="line 1 is not the header"):
        read_cloze_test(folder / "CPRAG-102" / "CPRAG-explanations.tsv")
