"""A cell that fails stops no other: what is missing is said everywhere, and computed later."""

import json
import shutil
from typing import Any

import pytest
from few_cells import rows_alone
from subprobe.analysis.cells import probing, scoring, training
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.run_folder.reading import load_run
from subprobe.analysis.steps.probing import probe_model
from subprobe.analysis.steps.progress import Silent
from subprobe.data.errors import CheckpointError, SubprobeError
from subprobe.data.output.ownership import foreign
from subprobe.models.training.evaluate import evaluate
from subprobe.models.training.finetune import finetune
from tiny_run import tiny_config, tiny_options, without_report

pytestmark = pytest.mark.slow

OPTIONS: dict[str, Any] = {
    "seeds": [1],
    "prune": {"keep": 0.5},
    "controls": {"draws": 1, "untrained": False, "bag_of_words": False},
    "probe": {"names": ["attention-stats", "attention-trees"], "sentences": 4, "draws": 1},
}
FAILED = "acceptability/seed1/structured/random/0/retrain"


class Heard(Silent):
    """Progress that remembers its lines."""

    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


def failing(real, *, when, error):
    def call(*arguments, **options):
        if when(arguments, options):
            raise error
        return real(*arguments, **options)

    return call


def random_masks(_arguments, options):
    mask = options["subnetwork"]
    return mask is not None and mask.kind == "random"


@pytest.fixture(scope="module")
def partial(tiny_encoder, tmp_path_factory):
    """A run in which the random mask could not be trained again; its lines."""
    folder, heard = tmp_path_factory.mktemp("partial") / "run", Heard()
    with pytest.MonkeyPatch.context() as patch:
        broken = failing(finetune, when=random_masks, error=ValueError("<b>broken</b>"))
        patch.setattr(training, "finetune", broken)
        finished = run_experiment(tiny_config(tiny_encoder, **OPTIONS), folder, heard)
    return finished, heard.lines


def test_what_fails_is_missing_with_all_that_reads_it_and_nothing_else(partial):
    finished, lines = partial
    assert {one["cell"] for one in finished.missing} == {
        FAILED,
        FAILED.replace("retrain", "retrained/score"),
        *(FAILED.replace("retrain", f"retrained/probe/{name}")
          for name in OPTIONS["probe"]["names"]),
    }  # fmt: skip
    first = finished.missing[0]
    assert (first["cell"], first["why"]) == (FAILED, "ValueError: <b>broken</b>")
    log = (finished.folder / first["log"]).read_text()
    assert "Traceback" in log
    assert FAILED in log
    assert {one["why"] for one in finished.missing[1:]} == {f"reads {FAILED}, which failed"}
    assert any(f"{FAILED} FAILED: ValueError" in line for line in lines)
    rows = finished.rows
    kinds = {state: set(mine["kind"]) for state, mine in rows.groupby("state")}
    assert kinds["retrained"] == {"good", "bad"}
    assert {"good", "random", "bad"} <= kinds["pruned"]


def test_everything_that_reads_the_run_says_so(partial):
    finished, _ = partial
    said = finished.summary()["verdict"]
    assert said.startswith(
        f"PARTIAL: 4 cells of the run are missing because 1 cell failed ({FAILED}). All numbers "
        "come from the finished cells. Run the same command again to compute them."
    )
    page = (finished.folder / "report.html").read_text()
    assert "PARTIAL: 4 cells" in page
    assert "<b>broken</b>" not in page
    assert load_run(finished.folder).manifest["missing"] == list(finished.missing)
    assert list(foreign(finished.folder)) == []


def test_the_same_call_computes_what_is_missing(partial, tiny_encoder, tmp_path):
    folder = shutil.copytree(partial[0].folder, tmp_path / "run")
    with rows_alone():
        again = run_experiment(tiny_config(tiny_encoder, **OPTIONS), folder)
    assert again.missing == ()
    assert "random" in set(again.rows[again.rows["state"] == "retrained"]["kind"])
    assert list((folder / "logs").iterdir()) == []


def test_a_cell_is_tried_again_as_often_as_asked_for(tiny_encoder, tmp_path, monkeypatch):
    tries = []

    def twice(*_):
        tries.append(1)
        return len(tries) <= 2

    broken = failing(finetune, when=twice, error=ValueError("no"))
    monkeypatch.setattr(training, "finetune", broken)
    few = {**OPTIONS, "probe": {"names": []}, "controls": {"draws": 1, "retrained_draws": 0}}
    heard = Heard()
    with rows_alone():
        finished = run_experiment(
            tiny_config(tiny_encoder, **few), tmp_path / "run", heard, retries=2
        )
    assert finished.missing == ()
    assert sum("and is tried again: ValueError: no" in line for line in heard.lines) == 2


def test_where_nothing_can_be_scored_the_error_itself_is_raised(
    tiny_encoder, tmp_path, monkeypatch
):
    error = CheckpointError("is damaged", where="m", remedy="copy it again")
    broken = failing(finetune, when=lambda *_: True, error=error)
    monkeypatch.setattr(training, "finetune", broken)
    few = {**OPTIONS, "controls": {"draws": 1, "untrained": False, "bag_of_words": False}}
    with pytest.raises(SubprobeError, match="m: is damaged") as caught:
        run_experiment(tiny_config(tiny_encoder, **few), tmp_path / "run")
    assert caught.value.exit_code == 2
    assert not (tmp_path / "run" / "report.html").exists()


def test_the_command_ends_with_3(tiny_encoder, tmp_path, monkeypatch, subprobe_command):
    import tomlkit

    controls = {**OPTIONS["controls"], "retrained_draws": 0}
    probe = {**OPTIONS["probe"], "names": ["attention-stats"], "states": ["pruned"]}
    options = tiny_options(tiny_encoder, **{**OPTIONS, "controls": controls, "probe": probe})
    (tmp_path / "run.toml").write_text(tomlkit.dumps(options))
    broken = failing(probe_model, when=lambda *_: True, error=ValueError("no probe"))
    monkeypatch.setattr(probing, "probe_model", broken)
    words = ["run", "--config", tmp_path / "run.toml", "--out", tmp_path / "run", "--quiet"]
    with without_report():
        code, out, err = subprobe_command(*words, "--json")
        assert code == 3
        assert json.loads(out)["missing"][0]["why"] == "ValueError: no probe"
        assert "PARTIAL: " in err
        assert "ValueError: no probe (" in err
        monkeypatch.undo()
        assert subprobe_command(*words)[0] == 0


def test_models_that_are_not_kept_go_as_soon_as_they_are_read(tiny_encoder, tmp_path, monkeypatch):
    """At no time are more of them there than are being read."""
    counts = []

    def counting(*arguments, **options):
        models = tmp_path / "run" / "models"
        counts.append(sum("retrained" in path.name for path in models.iterdir()))
        return evaluate(*arguments, **options)

    monkeypatch.setattr(scoring, "evaluate", counting)
    few = {**OPTIONS, "controls": {"draws": 1, "untrained": False, "retrained_draws": 3}}
    spare = {**few, "probe": {"names": []}, "retrain": {"keep": False}}
    with rows_alone():
        finished = run_experiment(tiny_config(tiny_encoder, **spare), tmp_path / "run")
    assert len(finished.rows[finished.rows["state"] == "retrained"]["mask_id"].unique()) >= 3
    assert [path.name for path in (tmp_path / "run" / "models").iterdir()] == [
        "acceptability-seed1"
    ]
    assert max(counts) == 1
