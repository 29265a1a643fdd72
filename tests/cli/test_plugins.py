"""Probes, importance scores and tasks of another package, through the command line.

The package tests/plugin is installed into a folder on the path of a process of its own; nothing in
subprobe names it.
"""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import tomlkit
from plugin_site import PLUGIN, declare, install
from subprobe.probes.registry import PROBES
from tiny_run import save_tiny_encoder, tiny_options

CALLS = """
import contextlib, io, json, sys
from subprobe.cli import main

told = []
for words in json.loads(sys.argv[1]):
    sys.argv = ["subprobe", *words]
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
    told.append([code, out.getvalue(), err.getvalue()])
print(json.dumps(told))
"""


def called(site, place, *lines):
    """(exit code, stdout, stderr) of each command, and what else their process said."""
    path = os.pathsep.join([str(site), os.environ["PYTHONPATH"]])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CALLS, json.dumps(lines)],
        cwd=place, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [tuple(one) for one in json.loads(done.stdout.splitlines()[-1])], done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return install(PLUGIN, tmp_path_factory.mktemp("installed") / "site")


@pytest.mark.slow
def test_every_list_names_what_another_package_adds(site, tmp_path):
    (probes, options, scores, tasks, data), said = called(
        site, tmp_path,
        ["list", "probes", "--json"], ["list", "probes", "--verbose", "--json"],
        ["list", "importance", "--json"], ["list", "tasks", "--json"],
        ["data", "embedded", "--task", "animals", "--json"],
    )  # fmt: skip
    assert said == ""
    found = {one["probe"]: one["what"] for one in json.loads(probes[1])}
    assert found["busiest-token"].startswith("share of each head's attention")
    assert len(found) == len(PROBES) + 1
    own = [o for o in json.loads(options[1])["options"] if o["option"].startswith("busiest")]
    assert own == [
        {"option": "busiest-token.specials", "values": "true | false", "default": "true",
         "what": "whether special tokens count"}
    ]  # fmt: skip
    assert json.loads(scores[1])[-1]["importance"] == "gate-largest"
    last = json.loads(tasks[1])[-1]
    assert (last["task"], last["labels"], last["source"]) == (
        "animals", "thing, animal", "busiest 1.0",
    )  # fmt: skip
    assert data[0] == 0, data[2]
    assert "busiest 1.0" in data[1]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_another_package_adds_is_used_like_what_is_there(site, tmp_path):
    """Probe, importance and task in single commands and in a run, whose rows go everywhere."""
    save_tiny_encoder(tmp_path / "enc")
    options = tiny_options(
        tmp_path / "enc", tasks=["animals"], seeds=[1], examples=[],
        prune={"importance": "gate-largest", "keep": 0.5},
        controls={"draws": 2, "untrained": False, "retrained_draws": 0},
        probe={"names": ["busiest-token"], "sentences": 8, "subsets": 10, "states": ["pruned"],
               "options": {"busiest-token": {"specials": False}}},
    )  # fmt: skip
    (tmp_path / "run.toml").write_text(tomlkit.dumps(options), encoding="utf-8")
    probe = ["probe", "./enc", "--probe", "busiest-token", "--limit", "6", "--json", "--quiet"]
    probe += ["--corpus", "natural"]
    told, said = called(
        site, tmp_path,
        probe, [*probe, "--option", "busiest-token.specials=false"],
        [*probe, "--option", "busiest-token.special=false"],
        ["finetune", "./enc", "--task", "animals", "--epochs", "1", "--out", "tuned",
         "--quiet"],
        ["prune", "./tuned", "--task", "animals", "--importance", "gate-largest", "--keep", "0.5",
         "--out", "good.safetensors", "--quiet"],
        ["run", "--config", "run.toml", "--out", "one"],
        ["compare", "one", "--json"],
        ["export", "one", "--out", "tables"],
        ["report", "one"],
    )  # fmt: skip
    assert said == ""
    whole, words, wrong, *others = told
    for code, _, err in (whole, words, *others):
        assert code == 0, err
    rows = [pd.DataFrame(json.loads(out)) for _, out, _ in (whole, words)]
    assert set(rows[0]["variant"]) == {"specials=True"}
    assert set(rows[0]["n"]) == set(rows[0]["n_clusters"]) == {6}
    assert (rows[0]["value"] >= rows[1]["value"] - 1e-9).all()
    assert (rows[0]["value"] - rows[1]["value"]).max() > 1e-4
    assert wrong[0] == 2
    assert "known busiest-token options: specials" in wrong[2]

    stored = pd.read_parquet(tmp_path / "one" / "rows.parquet")
    mine = stored[stored["probe"] == "busiest-token"]
    assert set(mine["kind"]) == {"full", "good", "random", "bad"}
    assert set(mine["variant"]) == {"specials=False"}
    full = mine[(mine["kind"] == "full") & (mine["state"] == "finetuned")]
    summary = pd.read_csv(tmp_path / "one" / "summary_probes.csv")
    said_of = summary[(summary["probe"] == "busiest-token") & (summary["kind"] == "full")]
    assert np.isclose(said_of["mean"].item(), full["value"].mean())
    compared = pd.read_csv(tmp_path / "one" / "comparisons.csv")
    exported = pd.read_csv(tmp_path / "tables" / "rows.csv", low_memory=False)
    assert (exported["probe"] == "busiest-token").sum() == len(mine)
    assert len(compared)
    manifest = json.loads((tmp_path / "one" / "manifest.json").read_text("utf-8"))
    assert manifest["config"]["probe"]["options"] == {"busiest-token": {"specials": False}}


@pytest.mark.slow
def test_a_broken_package_is_said_in_one_line_and_stops_nothing(tmp_path):
    site = tmp_path / "site"
    declare(site, "broken", "[subprobe.probes]\nlost = no_such_module:ENTRY\n")
    declare(
        site, "wrong", "[subprobe.probes]\nlist = json:dumps\n[subprobe.tasks]\nx = json:loads\n"
    )
    declare(site, "rows", "[subprobe.probes]\nsurvivors = rows_module:ENTRY\n")
    (site / "rows_module.py").write_text(
        "from subprobe.probes.entry import ProbeEntry\n"
        "ENTRY = ProbeEntry(name='survivors', help='', code='x:y')\n",
        encoding="utf-8",
    )
    declare(site, "leaving", "[subprobe.importances]\nbye = leaving_module:ENTRY\n")
    (site / "leaving_module.py").write_text("raise SystemExit('good\\nbye')\n", encoding="utf-8")
    declare(
        site, "clashing", "[subprobe.probes]\nnorms = json:dumps\n[subprobe.tasks]\nrte = a:b\n"
    )
    told, said = called(
        site, tmp_path,
        ["list", "probes", "--json"], ["list", "tasks", "--json"], ["list", "importance", "--json"],
        ["probe", "embedded", "--probe", "lost", "--corpus", "natural"],
    )  # fmt: skip
    assert [code for code, _, _ in told] == [0, 0, 0, 2]
    warned = [line for _, _, err in told for line in err.splitlines()] + said.splitlines()
    lines = sorted(line for line in warned if line.startswith("warning: "))
    assert lines == [
        "warning: the importance 'bye' of leaving 1.0 is left out: SystemExit: good\\nbye",
        "warning: the probe 'list' of wrong 1.0 is left out: TypeError: json:dumps is not a "
        "ProbeEntry",
        "warning: the probe 'lost' of broken 1.0 is left out: ModuleNotFoundError: No module named "
        "'no_such_module'",
        "warning: the probe 'norms' of clashing 1.0 is left out: subprobe already has a probe of "
        "that name",
        "warning: the probe 'survivors' of rows 1.0 is left out: ValueError: the name is reserved "
        "for rows that subprobe writes",
        "warning: the task 'rte' of clashing 1.0 is left out: subprobe already has a task of that "
        "name",
        "warning: the task 'x' of wrong 1.0 is left out: TypeError: json:loads is not a TaskEntry",
    ]
    assert len(json.loads(told[0][1])) == len(PROBES)
    assert "unknown probe 'lost'" in told[3][2]
