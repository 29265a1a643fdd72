"""A seed that no generator takes is refused when it is given, in every command that takes one."""

import pytest

COMMANDS = {
    "run": ["run", "--out", "{out}", "--seed", "{seed}"],
    "finetune": ["finetune", "embedded", "--task", "acceptability", "--out", "{out}",
                 "--seed", "{seed}"],
    "finetune order": ["finetune", "embedded", "--task", "acceptability", "--out", "{out}",
                       "--order-seed", "{seed}"],
    "gates": ["gates", "embedded", "--task", "acceptability", "--penalty", "1", "--out", "{out}",
              "--seed", "{seed}"],
    "sample": ["sample", "nowhere.safetensors", "--kind", "bad", "--out", "{out}",
               "--seed", "{seed}"],
    "probe": ["probe", "embedded", "--untrained", "{seed}"],
    "spread": ["spread", "nowhere", "--seed", "{seed}"],
    "same-score": ["same-score", "nowhere", "--masks", "3", "--seed", "{seed}"],
    "stability": ["stability", "nowhere", "--seed", "{seed}"],
    "survival": ["survival", "nowhere", "--seed", "{seed}"],
    "artefacts": ["artefacts", "acceptability", "--out", "{out}", "--seed", "{seed}"],
    "groups": ["groups", "acceptability", "--out", "{out}", "--seed", "{seed}"],
    "patterns": ["patterns", "train", "nowhere", "--out", "{out}", "--seed", "{seed}"],
}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("seed", ["-1", "4294967296"])
def test_a_seed_out_of_range_is_refused(subprobe_command, tmp_path, command, seed):
    out = tmp_path / "out"
    arguments = [word.format(out=out, seed=seed) for word in COMMANDS[command]]
    code, said, line = subprobe_command(*arguments)
    assert (code, said) == (2, "")
    assert line.startswith("error: ")
    assert len(line.splitlines()) == 1
    assert seed in line
    assert not out.exists()
