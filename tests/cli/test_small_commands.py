"""`list`, `config`, `doctor`."""

import json
import tomllib

import pytest
from subprobe.analysis.config import RunConfig


def test_config_writes_every_default(subprobe_command):
    code, out, err = subprobe_command("config")
    assert code == 0
    assert tomllib.loads(out) == RunConfig().plain()
    assert err == ""


@pytest.mark.parametrize(
    ("what", "known"),
    [
        ("tasks", {"cola", "sst2", "mrpc", "stsb", "qqp", "mnli", "qnli", "rte", "wnli",
                   "acceptability", "entailment"}),
        ("probes", {"attention-stats", "attention-trees", "dependency-heads", "attributions"}),
        ("models", {"embedded", "bert", "roberta", "xlm-roberta", "camembert", "electra",
                    "distilbert", "mpnet"}),
    ],
)  # fmt: skip
def test_list_names_everything(subprobe_command, what, known):
    code, out, _ = subprobe_command("list", what, "--json")
    assert code == 0
    named = {str(value) for record in json.loads(out) for value in record.values()}
    assert known <= named
    code, out, _ = subprobe_command("list", what)
    assert code == 0
    assert all(name in out for name in known)


def test_doctor_finds_the_offline_extra(subprobe_command):
    code, out, _ = subprobe_command("doctor", "--json")
    checks = json.loads(out)
    assert code == 0
    assert all(check["ok"] for check in checks)
    said = json.dumps(checks)
    for word in ("torch", "spaCy", "embedded"):
        assert word.lower() in said.lower()
