"""Gold and silver on the command line: what is left out is said, and nothing is swapped."""

import pandas as pd
import pytest

WORDS = ("the", "cats", "see", "old", "houses")
HEADS = ((2, 3, 0, 5, 3), (3, 1, 0, 3, 4), (2, 0, 5, 5, 2), (5, 1, 2, 3, 0))
RELATIONS = ("det", "nsubj", "advmod", "amod", "obj")


def bank(path, *, headless=(), n=12):
    """A treebank of n sentences of changing trees; those of `headless` have no heads."""
    blocks = []
    for i in range(n):
        heads = HEADS[i % len(HEADS)]
        lines = [f"# sent_id = s{i}"]
        for place, word in enumerate(WORDS):
            head = heads[place]
            cells = ("_", "_") if i in headless else (head, RELATIONS[place] if head else "root")
            form = word if place else f"{word}{i}"
            lines.append(f"{place + 1}\t{form}\t_\tNOUN\t_\t_\t{cells[0]}\t{cells[1]}\t_\t_")
        blocks.append("\n".join(lines) + "\n")
    path.write_text("\n".join(blocks) + "\n", encoding="utf-8")
    return path


def without(path, *places):
    blocks = path.read_text(encoding="utf-8").split("\n\n")
    path.write_text(
        "\n\n".join(block for i, block in enumerate(blocks) if i not in places), encoding="utf-8"
    )
    return path


@pytest.fixture
def probe(subprobe_command, tiny_encoder, tmp_path):
    def call(corpus, *more):
        out = tmp_path / "rows.csv"
        code, _, err = subprobe_command(
            "probe", tiny_encoder, "--corpus", corpus, "--out", out, *more
        )
        return code, " ".join(err.split()), pd.read_csv(out) if code == 0 else None

    return call


def test_one_sentence_without_heads_changes_no_number_of_the_others(probe, tmp_path):
    probes = ["--probe", "attention-trees", "--probe", "attention-stats"]
    gap = bank(tmp_path / "gap.conllu", headless=[4])
    code, err, rows = probe(gap, *probes)
    assert code == 0, err
    assert "attention-trees leaves out 1 of 12 texts (no dependency tree)" in err
    assert "attention-stats leaves out" not in err
    # without the sentence: the same figures, and the chain that only gold trees give
    code, err, rest = probe(without(bank(tmp_path / "rest.conllu"), 4), *probes)
    assert code == 0
    assert "leaves out" not in err
    trees, expected = (one[one["probe"] == "attention-trees"] for one in (rows, rest))
    assert (trees["value"] - expected["value"]).abs().max() < 1e-6
    assert (trees["n"].to_numpy() == expected["n"].to_numpy()).all()
    assert (trees["n_dropped"] == 4).all()
    assert (expected["n_dropped"] == 0).all()
    assert set(rows["annotation"]) == {"gold"}
    stats = rows[rows["probe"] == "attention-stats"]
    assert (stats["n"] == 12).all()


def test_no_heads_at_all_is_refused_and_reparsed_only_on_request(probe, tmp_path):
    bare = bank(tmp_path / "bare.conllu", headless=range(12))
    code, err, _ = probe(bare, "--probe", "attention-trees", "--quiet")
    assert code == 2
    assert err == (
        "error: attention-trees: none of the 12 texts can be read: they have no dependency tree; "
        "name an annotated treebank, or parse this one with spaCy (--reparse)"
    )
    code, err, rows = probe(bare, "--probe", "attention-stats")
    assert code == 0
    code, err, rows = probe(bare, "--probe", "attention-trees", "--reparse")
    assert code == 0, err
    assert set(rows["annotation"]) == {"silver"}
    assert set(rows["scheme"]) == {"clearnlp"}


def test_plain_text_needs_no_pipeline_without_a_tree(probe, tmp_path, monkeypatch):
    from subprobe.data.sentences import annotate

    monkeypatch.setattr(annotate, "PIPELINES", ("no_such_pipeline",))
    path = tmp_path / "lines.txt"
    path.write_text("Cats sleep.\nThe dogs don't, though.\n", encoding="utf-8")
    code, err, rows = probe(path, "--probe", "attention-stats")
    assert code == 0, err
    assert rows["annotation"].isna().all()
    code, err, _ = probe(path, "--probe", "attention-trees", "--quiet")
    assert code == 2
    assert "no installed spaCy pipeline no_such_pipeline" in err


FRENCH = """\
# text = Il vient du marché.
1	Il	il	PRON	_	_	2	nsubj	2:nsubj	_
2	vient	vient	VERB	_	_	0	root	0:root	_
3-4	du	_	_	_	_	_	_	_	_
3	de	de	ADP	_	_	5	case	5:case	_
4	le	le	DET	_	_	5	det	5:det	_
5	marché	marché	NOUN	_	_	2	obl	2:obl	_
6	.	.	PUNCT	_	_	2	punct	2:punct	_

"""


def test_words_of_a_treebank_are_syntactic_or_surface_tokens(probe, tmp_path):
    path = tmp_path / "mwt.conllu"
    path.write_text(FRENCH * 25, encoding="utf-8")
    chosen = ["--probe", "dependency-heads", "--head-selection", "reported"]
    found = {}
    for tokens in ("syntactic", "surface"):
        code, err, rows = probe(path, *chosen, "--tokens", tokens)
        assert code == 0, err
        found[tokens] = rows[rows["metric"] == "offset_accuracy"].set_index("relation")["n"]
    # `du` is one piece, which goes to `de`: `le` has none in the raw text
    assert found["syntactic"].to_dict() == {
        "all": 100, "case": 25, "nsubj": 25, "obl": 25, "punct": 25,
    }  # fmt: skip
    code, err, rows = probe(path, *chosen, "--pre-split")
    alone = rows[rows["metric"] == "offset_accuracy"].set_index("relation")["n"]
    assert alone.to_dict() == {
        "all": 125, "case": 25, "det": 25, "nsubj": 25, "obl": 25, "punct": 25,
    }  # fmt: skip
    assert found["surface"].to_dict() == {
        "all": 100, "case": 25, "nsubj": 25, "obl": 25, "punct": 25,
    }  # fmt: skip
    code, err, _ = probe(path, *chosen)
    assert code == 0
    code, err, _ = probe("natural", *chosen, "--tokens", "surface", "--quiet")
    assert code == 2
    assert "only a treebank has surface tokens" in err
    code, err, _ = probe(path, *chosen, "--tokens", "written", "--quiet")
    assert code == 2
    assert "--tokens must be " in err
