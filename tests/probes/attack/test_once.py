"""The full model is attacked once for all masks of a process."""

from copy import deepcopy
from dataclasses import replace

import pandas as pd
import pytest
import torch
from attack_cases import made_examples, made_source, made_tags, tiny_encoder
from probe_cases import tiny_context, with_dead_heads
from subprobe.probes.attack import attack as module
from subprobe.probes.attack import once


@pytest.fixture
def attacked(monkeypatch):
    """Whether each attack that was made was made with its answers known before."""
    made = []
    real = module.attack_with

    def counted(*arguments, **more):
        made.append(arguments[0])
        return real(*arguments, **more)

    monkeypatch.setattr(once, "_MADE", type(once._MADE)())
    monkeypatch.setattr(module, "attack_with", counted)
    monkeypatch.setattr(module, "_source", lambda *_: made_source)
    monkeypatch.setattr(module, "tagging", lambda _: made_tags)
    monkeypatch.setattr(module, "load_encoder", lambda _: None)
    monkeypatch.setattr(module, "load_tokenizer", lambda _: None)
    monkeypatch.setattr(module, "SentenceEncoder", lambda *_: tiny_encoder())
    return made


def test_masks_share_the_attack_on_the_full_model(attacked):
    context = tiny_context("bert", "classification", double=False)
    masks = [with_dead_heads(context, heads) for heads in ([(0, 1)], [(1, 0), (1, 2)])]
    examples = made_examples(6)
    full = module.run_attack(context, examples)
    first, second = (module.run_attack(one, examples) for one in masks)
    # the full model, and each mask
    assert len(attacked) == 3
    once._MADE.clear()
    again = module.run_attack(masks[1], examples)
    assert len(attacked) == 5
    pd.testing.assert_frame_equal(second.rows, again.rows)
    pd.testing.assert_frame_equal(second.items, again.items)
    assert "accuracy_on_full_attacks" in set(first.rows["metric"])
    assert "accuracy_on_full_attacks" not in set(full.rows["metric"])


def test_another_head_text_or_setting_is_another_attack(attacked):
    context = tiny_context("bert", "classification", double=False)
    examples = made_examples(6)
    module.run_attack(context, examples)
    other = replace(context, model=deepcopy(context.model))
    with torch.no_grad():
        other.model.classifier.bias.add_(1.0)
    for changed in (
        lambda: module.run_attack(other, examples),
        lambda: module.run_attack(context, examples[:4]),
        lambda: module.run_attack(context, examples, count=5),
        lambda: module.run_attack(context, examples, threshold="paper"),
    ):
        before = len(attacked)
        changed()
        assert len(attacked) == before + 1
    module.run_attack(context, examples)
    assert len(attacked) == 5


def test_few_attacks_are_kept(attacked, monkeypatch):
    monkeypatch.setattr(once, "_MOST", 2)
    context = tiny_context("bert", "classification", double=False)
    for count in (3, 4, 5):
        module.run_attack(context, made_examples(count))
    assert len(once._MADE) == 2
