"""`list`, `config`, `doctor`."""

import json
import subprocess
import sys
import tomllib

import pytest
from subprobe.analysis.configuration.config import RunConfig, parse_config
from subprobe.probes.registry import PROBES
from tiny import FAMILIES


def test_config_writes_every_default(subprobe_command):
    code, out, err = subprobe_command("config")
    assert code == 0
    written = tomllib.loads(out)
    assert written == RunConfig().model_dump(mode="json")
    assert parse_config(written, where="stdout").plain() == RunConfig().plain()
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


def test_lists_load_no_torch():
    """Names and options of everything cost no model library."""
    code = (
        "import sys\nfrom subprobe.cli import main\n"
        "for what in (['probes', '--verbose'], ['tasks'], ['models'], ['importance'],"
        " ['relations']):\n"
        "    sys.argv = ['subprobe', 'list', *what]\n"
        "    try:\n        main()\n"
        "    except SystemExit as ended:\n        assert not ended.code, what\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "subprobe" in loaded
    assert not {"torch", "transformers", "spacy", "datasets", "captum", "scipy"} & loaded


def test_the_options_of_probes_are_listed_in_full(subprobe_command):
    code, out, _ = subprobe_command("list", "probes", "--verbose", "--json")
    assert code == 0
    told = json.loads(out)
    assert [one["probe"] for one in told["probes"]] == sorted(PROBES)
    options = {one["option"]: one for one in told["options"]}
    assert options["attributions.n_steps"]["values"] == "integer >= 2"
    assert options["attention-patterns.maps"]["values"] == "list of raw | norm"
    assert all(one["what"] for one in options.values())
    code, out, _ = subprobe_command("list", "probes", "--verbose")
    assert code == 0
    code, _, err = subprobe_command("list", "tasks", "--verbose")
    assert (code, "tasks have no options to list" in err) == (2, True)


def test_the_old_option_of_a_classifier_is_refused_with_the_new_one(subprobe_command):
    words = ["probe", "embedded", "--probe", "attention-patterns", "--corpus", "natural"]
    code, _, err = subprobe_command(*words, "--patterns", "own.safetensors")
    assert code == 2
    assert "--patterns" in err
    assert "--option attention-patterns.weights=FILE" in err


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
