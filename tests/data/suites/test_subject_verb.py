"""Subject-verb pairs of a treebank, and those of the generator."""

import gzip
from collections import Counter

import pytest
from subprobe.data.errors import ConfigError, DataFileError
from subprobe.data.suites.pair import word_change
from subprobe.data.suites.subject_verb import generated_agreement, treebank_pairs

SING, PLUR = "Number=Sing", "Number=Plur"
FINITE = "Mood=Ind|{}|Person=3|Tense=Pres|VerbForm=Fin"
SINGULAR, PLURAL = FINITE.format(SING), FINITE.format(PLUR)

TREES = {
    # the two nouns differ in number: one attractor
    "attractor": """
        The the DET _ 2 det
        key key NOUN Number=Sing 6 nsubj
        to to ADP _ 5 case
        the the DET _ 5 det
        cabinets cabinet NOUN Number=Plur 2 nmod
        opens open VERB SINGULAR 0 root
        doors door NOUN Number=Plur 6 obj
        . . PUNCT _ 6 punct""",
    "plural": """
        Doors door NOUN Number=Plur 2 nsubj
        open open VERB PLURAL 0 root""",
    # an auxiliary agrees, and a relative clause stands between; its noun has the same number
    "relative": """
        Dogs dog NOUN Number=Plur 8 nsubj:pass
        that that PRON PronType=Rel 5 nsubj
        the the DET _ 4 det
        cats cat NOUN Number=Plur 5 obj
        fear fear VERB PLURAL 1 acl:relcl
        ARE be AUX PLURAL 8 aux:pass
        often often ADV _ 8 advmod
        seen see VERB Tense=Past|VerbForm=Part 0 root""",
    "copula": """
        He he PRON Number=Sing|Person=3 3 nsubj
        is be AUX SINGULAR 3 cop
        calm calm ADJ _ 0 root""",
    # no pairs: first person, coordinated, past, verb first, another number, attached
    "first": """
        I I PRON Number=Sing|Person=1 2 nsubj
        open open VERB Number=Sing|Person=1|Tense=Pres|VerbForm=Fin 0 root""",
    "both": """
        Cat cat NOUN Number=Sing 4 nsubj
        and and CCONJ _ 3 cc
        dog dog NOUN Number=Sing 1 conj
        open open VERB PLURAL 0 root""",
    "past": """
        Doors door NOUN Number=Plur 2 nsubj
        opened open VERB Mood=Ind|Number=Plur|Person=3|Tense=Past|VerbForm=Fin 0 root""",
    "there": """
        There there PRON PronType=Dem 2 expl
        are be AUX PLURAL 0 root
        doors door NOUN Number=Plur 2 nsubj""",
    "group": """
        Group group NOUN Number=Sing 2 nsubj
        open open VERB PLURAL 0 root""",
    "attached": """
        He he PRON Number=Sing|Person=3 3 nsubj
        is be AUX SINGULAR 3 cop SpaceAfter=No
        n't not PART _ 0 root""",
}  # fmt: skip


def conllu(trees=TREES, change=lambda cells: cells) -> str:
    blocks = []
    for name, tree in trees.items():
        lines = [f"# sent_id = {name}"]
        for number, row in enumerate(tree.strip().splitlines(), start=1):
            form, lemma, tag, feats, head, relation, *misc = row.split()
            feats = feats.replace("SINGULAR", SINGULAR).replace("PLURAL", PLURAL)
            cells = [str(number), form, lemma, tag, "_", feats, head, relation, "_", *misc, "_"]
            lines.append("\t".join(change(cells[:10])))
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    path = tmp_path_factory.mktemp("treebank") / "bank.conllu.gz"
    path.write_bytes(gzip.compress(conllu().encode()))
    return treebank_pairs(path)


def test_pairs_have_the_other_form_of_the_treebank(suite):
    pairs = {pair.id: pair for pair in suite.pairs}
    assert set(pairs) == {"attractor/6", "plural/2", "relative/6", "copula/2"}
    assert pairs["attractor/6"].good == "The key to the cabinets opens doors ."
    assert pairs["attractor/6"].bad == "The key to the cabinets open doors ."
    assert pairs["plural/2"].bad == "Doors opens"
    assert pairs["relative/6"].bad == "Dogs that the cats fear IS often seen"
    assert pairs["copula/2"].bad == "He are calm"
    assert all(word_change(pair.good, pair.bad) for pair in suite.pairs)
    assert suite.name == "bank.conllu.gz"
    assert {pair.paradigm for pair in suite.pairs} == {"bank"}


def test_attractors_and_constructions_are_those_of_the_tree(suite):
    found = {pair.id: (pair.attractors, pair.term) for pair in suite.pairs}
    assert found == {
        "attractor/6": (1, "prepositional-phrase"),
        "plural/2": (0, "adjacent"),
        "relative/6": (0, "relative-clause"),
        "copula/2": (0, "adjacent"),
    }


def test_what_is_no_pair_is_counted_by_reason(suite):
    # the relative pronoun has no number, the first person another form for each number
    assert suite.skipped == {
        "coordinated subject": 1,
        "no other form in the treebank": 1,
        "another number than the subject": 1,
        "attached to another word": 1,
    }


def test_more_attractors_are_all_counted(tmp_path):
    tree = ["The the DET _ 2 det", "key key NOUN Number=Sing {verb} nsubj"]
    for at in range(3):
        head = 2 + 2 * at
        tree += [f"of of ADP _ {head + 2} case", f"cats cat NOUN Number=Plur {head} nmod"]
    tree += ["of of ADP _ 10 case", "Ann Ann PROPN Number=Sing 8 nmod"]
    tree += ["opens open VERB SINGULAR 0 root"]
    text = "\n".join(tree).replace("{verb}", "11")
    path = tmp_path / "bank.conllu"
    path.write_text(conllu({"long": text, "plural": TREES["plural"]}))
    counts = {pair.id: pair.attractors for pair in treebank_pairs(path).pairs}
    assert counts == {"long/11": 3, "plural/2": 0}


@pytest.mark.parametrize(
    ("column", "name", "problem"),
    [
        (2, "lemmas", "has no sentence with lemmas, features, tags and trees"),
        (5, "features", "has no sentence with lemmas, features, tags and trees"),
        (3, "tags", "has no sentence with lemmas, features, tags and trees"),
    ],
)
def test_treebanks_without_a_column_are_refused(tmp_path, column, name, problem):
    path = tmp_path / f"{name}.conllu"
    path.write_text(conllu(change=lambda cells: [*cells[:column], "_", *cells[column + 1 :]]))
    with pytest.raises(DataFileError, match=problem) as caught:
        treebank_pairs(path)
    assert str(path) in str(caught.value)


def test_a_treebank_without_pairs_is_refused(tmp_path):
    path = tmp_path / "bank.conllu"
    path.write_text(conllu({"plural": TREES["plural"]}))
    with pytest.raises(DataFileError, match=r"no subject-verb pair \(no other form in the .*: 1\)"):
        treebank_pairs(path)


def test_generated_pairs_have_no_or_one_attractor():
    suite = generated_agreement(0, 40)
    assert len(suite.pairs) == 40
    assert Counter((pair.term, pair.attractors) for pair in suite.pairs) == {
        ("adjacent", 0): 20, ("prepositional-phrase", 1): 20,
    }  # fmt: skip
    assert suite == generated_agreement(0, 40)
    assert suite.pairs != generated_agreement(1, 40).pairs
    for pair in suite.pairs:
        change = word_change(pair.good, pair.bad)
        assert change is not None
        # the verb agrees with the first noun, which is plural where it ends in s
        form = pair.good[change.start : change.good_end]
        plural = pair.good.split()[1].endswith(("s", "men", "people"))
        assert plural == (form == "are" or (form != "is" and not form.endswith("s"))), pair.good
    with pytest.raises(ConfigError, match="must be >= 1, got 0"):
        generated_agreement(0, 0)


def test_the_published_treebank(realdata):
    suite = treebank_pairs(realdata / "ud" / "en_ewt-ud-dev.conllu")
    assert len(suite.pairs) == 503
    counts = Counter(pair.attractors for pair in suite.pairs)
    assert counts == {0: 491, 1: 10, 2: 2}
