"""A corpus on which a probe can score nothing is told, instead of tables without a value."""

import pandas as pd
import pytest
from subprobe.cli import main
from tiny_run import save_tiny_encoder

SENTENCE = (
    "1\tThe\tthe\tDET\t_\t_\t2\tdet\t_\t_\n2\t{noun}\t_\tNOUN\t_\t_\t3\tnsubj\t_\t_\n"
    "3\tsaw\tsee\tVERB\t_\t_\t0\troot\t_\t_\n4\tdogs\tdog\tNOUN\t_\t_\t3\tobj\t_\t_\n\n"
)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_tiny_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.mark.parametrize(("nouns", "told"), [(["cats"] * 8, True), (["cats", "keys"] * 4, False)])
def test_equal_sentences_alone_leave_nothing_to_score(
    encoder, tmp_path, monkeypatch, capsys, nouns, told
):
    corpus, out = tmp_path / "gold.conllu", tmp_path / "rows.csv"
    corpus.write_text("".join(SENTENCE.format(noun=noun) for noun in nouns))
    probes = ["dependency-heads", "attention-trees", "attention-stats"]
    asked = [word for probe in probes for word in ("--probe", probe)]
    options = [*asked, "--corpus", str(corpus), "--out", str(out)]
    monkeypatch.setattr("sys.argv", ["subprobe", "probe", str(encoder), *options])
    with pytest.raises(SystemExit, match="0"):
        main()
    lines = capsys.readouterr().err.splitlines()
    said = [line.split(":")[0] for line in lines if "no row has a value" in line]
    assert said == (["attention-trees", "dependency-heads"] if told else [])
    rows = pd.read_csv(out)
    scored = rows.groupby("probe")["value"].count().gt(0)
    assert scored.to_dict() == {
        "attention-stats": True, "attention-trees": not told, "dependency-heads": not told,
    }  # fmt: skip
