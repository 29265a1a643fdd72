"""A training that was stopped ends at the bytes of one that was not."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from masked_texts import masked_parts
from random_masks import every_third_weight_dead
from safetensors import safe_open
from safetensors.torch import save_file
from subprobe.data.files.temporaries import temporary_in
from subprobe.models.checkpoint.checkpoint import load_encoder
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.subnetwork import full_subnetwork
from subprobe.models.training import trainer
from subprobe.models.training.checkpointing import NAME
from subprobe.models.training.finetune import finetune
from subprobe.models.training.recipes import Recipe
from subprobe.models.training.training_state import TrainingState
from tiers import mostly_slow
from tiny_run import save_tiny_encoder
from toy_parts import toy_parts

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
RECIPE = Recipe(learning_rate=1e-3, epochs=3, batch_size=16, max_length=64, warmup=0.1)
"""Nine steps of three an epoch."""


class Stopped(Exception):
    """What ends a training in these tests, as a signal would."""


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_tiny_encoder(tmp_path_factory.mktemp("encoder") / "m")


def units(encoder):
    """A mask without a head and an MLP."""
    full = full_subnetwork(anatomy_of(load_encoder(str(encoder))), kind="good", method="structured")
    heads, mlps = full.head_mask.copy(), full.mlp_mask.copy()
    heads[0, 1] = heads[1, 2] = mlps[1] = False
    return replace(full, head_mask=heads, mlp_mask=mlps)


def weights_mask(encoder):
    return every_third_weight_dead(load_encoder(str(encoder)))


def train(encoder, recipe=RECIPE, *, stop=None, parts=None, **options):
    def progress(done, _total):
        if done == stop:
            raise Stopped

    return finetune(
        str(encoder), parts or toy_parts(), recipe, seed_init=1, seed_order=1,
        progress=progress, **options,
    )  # fmt: skip


def stopped(encoder, folder, stop, recipe=RECIPE, **options):
    """Train until a step, with a state after each step before it."""
    with pytest.raises(Stopped):
        train(encoder, recipe, stop=stop, checkpoints=folder, checkpoint_steps=1, **options)
    assert (folder / NAME).exists()


def content(trained):
    return {name: tensor.numpy().tobytes() for name, tensor in trained.model.state_dict().items()}


def outcome(trained):
    return content(trained), trained.losses, trained.steps, trained.loss_limit, trained.scores


WAYS: dict[str, Any] = {
    "whole": (lambda encoder: None, {}, RECIPE),
    "masked": (units, {}, RECIPE),
    "compact": (units, {"route": "compact"}, RECIPE),
    "bfloat16": (units, {}, replace(RECIPE, precision="bfloat16")),
    "weights": (weights_mask, {}, replace(RECIPE, weight_decay=0.1)),
    "rewound": (weights_mask, {"rewind": 4}, RECIPE),
    "micro-batches": (lambda encoder: None, {}, replace(RECIPE, micro_batch=5)),
    "part of an epoch": (lambda encoder: None, {}, replace(RECIPE, epochs=2.4)),
    "masked pieces": (units, {"parts": masked_parts()}, replace(RECIPE, micro_batch=5)),
    "stopping early": (lambda encoder: None, {}, replace(RECIPE, patience=9, evaluate_every=2)),
}


@pytest.fixture(scope="module")
def exact(encoder):
    """Way -> its training without a stop."""

    @cache
    def trained(way):
        make_mask, options, recipe = WAYS[way]
        return train(encoder, recipe, subnetwork=make_mask(encoder), **options)

    return trained


@pytest.mark.parametrize("stop", mostly_slow([2, 4, 5, 6], [4, 6]))
@pytest.mark.parametrize("way", WAYS)
def test_it_ends_at_the_same_bytes(way, stop, encoder, exact, tmp_path):
    """At the end of an epoch and inside one, before and after the weights are held."""
    make_mask, options, recipe = WAYS[way]
    options, exact = {**options, "subnetwork": make_mask(encoder)}, exact(way)
    said = []
    stopped(encoder, tmp_path / "state", stop, recipe, **options)
    again = train(encoder, recipe, checkpoints=tmp_path / "state", say=said.append, **options)
    assert said == [f"resumes after step {stop - 1} of {exact.steps}"]
    assert outcome(again) == outcome(exact)
    assert not (tmp_path / "state").exists()


def test_the_random_states_matter_in_these_trainings(encoder, exact, tmp_path, monkeypatch):
    """Else nothing above would show that they are put back."""
    stopped(encoder, tmp_path / "s", 6)
    monkeypatch.setattr(trainer, "set_random_state", lambda *_: None)
    assert content(train(encoder, checkpoints=tmp_path / "s")) != content(exact("whole"))


def test_writing_the_state_changes_nothing(encoder, exact, tmp_path):
    exact = exact("whole")
    for often in ({"checkpoint_steps": 2}, {"checkpoint_minutes": 1e-9}):
        assert outcome(train(encoder, checkpoints=tmp_path / "s", **often)) == outcome(exact)
        assert not (tmp_path / "s").exists()


@pytest.mark.slow
def test_a_training_that_is_killed_goes_on(encoder, tmp_path):
    state = tmp_path / "s"
    code = f"""
import os, signal, sys
sys.path[:0] = {[str(HERE), str(HERE.parents[1] / "support")]}
from pathlib import Path
from test_resume import train
from subprobe.models.training.training_state import TrainingState

save = TrainingState.save

def killed(state, path):
    if state.facts["trainer"]["global_step"] == 6:
        os.kill(os.getpid(), signal.SIGKILL)
    save(state, path)

TrainingState.save = killed
train({str(encoder)!r}, checkpoints=Path({str(state)!r}), checkpoint_steps=2)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    said = []
    again = train(encoder, checkpoints=state, say=said.append)
    assert said == ["resumes after step 4 of 9"]
    assert outcome(again) == outcome(train(encoder))


def test_what_a_killed_process_was_writing_is_removed(encoder, tmp_path):
    name = temporary_in(tmp_path, NAME).name.replace(f"-{os.getpid()}-", "-999999999-")
    left = tmp_path / name
    left.write_bytes(b"half")
    train(encoder, replace(RECIPE, epochs=1), checkpoints=tmp_path)
    assert not left.exists()


@pytest.mark.parametrize(
    ("named", "change"),
    [
        ("recipe", {"recipe": replace(RECIPE, learning_rate=2e-3)}),
        ("recipe", {"recipe": replace(RECIPE, micro_batch=8)}),
        ("examples", {"parts": toy_parts(train=64)}),
        ("weights", {"start": "random"}),
        ("mask", {"subnetwork": units}),
    ],
)
def test_the_state_of_another_training_is_not_used(named, change, encoder, tmp_path):
    change = {k: v(encoder) if callable(v) else v for k, v in change.items()}
    stopped(encoder, tmp_path / "s", 4)
    said = []
    found = train(encoder, checkpoints=tmp_path / "s", say=said.append, **change)
    (line,) = said
    assert f"differs in {named}" in line
    assert "starts anew" in line
    assert outcome(found) == outcome(train(encoder, **change))


def test_another_number_of_threads_starts_anew(encoder, tmp_path, monkeypatch):
    """Sums of other threads may end in other bits."""
    stopped(encoder, tmp_path / "s", 4)
    said = []
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    train(encoder, checkpoints=tmp_path / "s", say=said.append)
    assert "differs in threads" in said[0]


def _flipped(path):
    raw = bytearray(path.read_bytes())
    raw[-5] ^= 1
    path.write_bytes(raw)


def _other_step(path):
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        meta = {
            k: v.replace('"global_step":3', '"global_step":2') for k, v in file.metadata().items()
        }
    save_file(tensors, path, metadata=meta)


def _without_facts(path):
    save_file({"weights/x": torch.zeros(2)}, path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\xff" * 200),
        _flipped,
        _other_step,
        _without_facts,
    ],
)
def test_a_damaged_state_is_said_and_not_used(damage, encoder, exact, tmp_path):
    stopped(encoder, tmp_path / "s", 4)
    damage(tmp_path / "s" / NAME)
    said = []
    found = train(encoder, checkpoints=tmp_path / "s", say=said.append)
    (line,) = said
    assert line.startswith(f"{tmp_path / 's' / NAME}: is damaged")
    assert line.endswith("the training starts anew")
    assert outcome(found) == outcome(exact("whole"))


def test_the_state_before_stays_until_the_next_is_written(encoder, exact, tmp_path, monkeypatch):
    """A disk that is full costs the state, not the training."""
    stopped(encoder, tmp_path / "s", 4)
    before = (tmp_path / "s" / NAME).read_bytes()

    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    said = []
    with monkeypatch.context() as patch:
        patch.setattr("subprobe.models.training.training_state.save_file", full)
        with pytest.raises(Stopped):
            train(encoder, stop=6, checkpoints=tmp_path / "s", checkpoint_steps=1, say=said.append)
    assert (tmp_path / "s" / NAME).read_bytes() == before
    assert [one.name for one in (tmp_path / "s").iterdir()] == [NAME]
    assert "was not written (No space left on device)" in said[1]
    assert outcome(train(encoder, checkpoints=tmp_path / "s")) == outcome(exact("whole"))


def test_the_state_holds_no_pickle_and_equal_states_are_equal_bytes(encoder, tmp_path):
    stopped(encoder, tmp_path / "s", 3)
    state = TrainingState.load(tmp_path / "s" / NAME)
    state.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "s" / NAME).read_bytes()
    assert {name.split("/")[0] for name in state.tensors} == {
        "weights", "optimizer", "random", "losses",
    }  # fmt: skip
