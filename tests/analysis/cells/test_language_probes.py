"""Probes of masked language models in runs: of the task mlm alone, on every model of it."""

import pytest
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.figures.figures import figures
from subprobe.analysis.plan.preparing import prepare
from subprobe.analysis.run_folder.reading import load_rows
from subprobe.analysis.steps.progress import Silent
from subprobe.data.errors import ConfigError
from tiny_run import WORDS, tiny_config, without_report

PROBE = {"names": ["minimal-pairs"], "draws": 2, "states": ["pruned"],
         "options": {"minimal-pairs": {"generated": 28}}}  # fmt: skip


def test_a_run_without_the_task_is_refused(tiny_encoder):
    config = tiny_config(tiny_encoder, probe=PROBE)
    with pytest.raises(
        ConfigError,
        match="minimal-pairs: needs a masked-LM head, which models of acceptability do not have",
    ):
        prepare(config, Silent())


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_model_of_the_task_is_scored_on_the_same_pairs(tiny_encoder, tmp_path):
    texts = tmp_path / "texts"
    texts.mkdir()
    for split, count in (("train", 60), ("validation", 24)):
        lines = [f"The {WORDS[n % 8]} saw the {WORDS[n * 3 % 7]} near {WORDS[n * 5 % 8]} {n}."
                 for n in range(count)]  # fmt: skip
        (texts / f"{split}.txt").write_text("\n".join(lines) + "\n")
    config = tiny_config(
        tiny_encoder, tasks=["mlm"], data_dir=str(texts), seeds=[1], examples=[48, 16, 24],
        controls={"draws": 2, "untrained": True, "retrained_draws": 0}, probe=PROBE,
    )  # fmt: skip
    with without_report():
        run_experiment(config, tmp_path / "run")
    everything = load_rows(tmp_path / "run")
    rows = everything[everything["probe"].eq("minimal-pairs")]
    rows = rows[rows["metric"].eq("overall_accuracy")]
    models = list(zip(rows["kind"], rows["state"], rows["draw"].fillna(0), strict=True))
    assert sorted(models) == [
        ("bad", "pruned", 0), ("bad", "pruned", 1), ("full", "finetuned", 0),
        ("full", "untrained", 0), ("good", "pruned", 0), ("random", "pruned", 0),
        ("random", "pruned", 1),
    ]  # fmt: skip
    assert set(rows["n"]) == {28}
    assert set(rows["corpus"]) == {"generated"}
    assert rows["value"].between(0, 1).all()
    assert len(set(rows["value"])) > 1
    drawn = [one for one in figures(everything) if one.name.startswith("minimal-pairs")]
    assert [one.name for one in drawn] == ["minimal-pairs-pll-mlm"]
    assert set(drawn[0].table["metric"]) == {"accuracy_pll"}
    assert drawn[0].table["relation"].nunique() == 14
