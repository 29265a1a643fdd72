"""`list`, `config`, `doctor`."""

import json
import tomllib

import pytest
from subprobe.analysis.configuration.config import RunConfig
from tiny import FAMILIES


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
        ("probes", {"attention-stats", "dependency-heads", "attributions", "norms",
                    "effective-attention", "token-identifiability",
                    "hidden-token-attribution", "rollout", "flow",
                     "alti", "value-zeroing", "attention-trees", "attention-change",
                     "attention-patterns", "head-distances"}),
        ("relations", {"dobj", "obj", "nsubjpass", "prep"}),
        ("models", {"embedded", *FAMILIES}),
        ("importance", {"gate-example", "gate-token", "gate-batch-accumulated", "fisher",
                        "taylor-weight", "magnitude", "ablation", "random"}),
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


def test_list_names_the_exceptions_of_families(subprobe_command):
    _, out, _ = subprobe_command("list", "models", "--json")
    records = {record["family"]: record for record in json.loads(out)}
    eager = {name for name, record in records.items() if record["attention"] == "eager only"}
    shared = {name for name, record in records.items() if record["weights"] == "shared by layers"}
    assert eager == {"mpnet", "deberta", "deberta-v2"}
    assert shared == {"albert"}


def test_doctor_finds_the_offline_extra(subprobe_command):
    code, out, _ = subprobe_command("doctor", "--json")
    checks = json.loads(out)
    assert code == 0
    assert all(check["ok"] for check in checks)
    said = json.dumps(checks)
    for word in ("torch", "spaCy", "embedded"):
        assert word.lower() in said.lower()
