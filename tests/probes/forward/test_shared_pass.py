from __future__ import annotations

import numpy as np
import pytest
import torch
from probe_cases import hooks_on, random_examples, tiny_context, with_dead_heads
from subprobe.data.encoding.alignment import encode_words
from subprobe.data.errors import InputError, SubprobeError
from subprobe.probes.forward.base import Probe
from subprobe.probes.forward.shared_pass import run_probes
from tiers import mostly_slow
from tiny import FAMILIES, POST_NORM, SDPA


class Recorder(Probe):
    """Keeps every map and state: what a probe must not do, and a test may."""

    name = "recorder"

    def __init__(self, *, attention: bool = True, hidden: bool = True, fail_at: int | None = None):
        self.needs_attention, self.needs_hidden, self.fail_at = attention, hidden, fail_at
        self.maps: dict[tuple[int, int], torch.Tensor] = {}
        self.states: dict[tuple[int, int], torch.Tensor] = {}
        self.implementation = ""

    def begin(self, batch):
        self.batch = batch

    def layer(self, layer, attention):
        if layer == self.fail_at:
            raise RuntimeError("the probe broke")
        self._keep(self.maps, layer, attention)

    def hidden(self, layer, states):
        self._keep(self.states, layer, states)

    def _keep(self, store, layer, tensor):
        for row, position in enumerate(self.batch.position):
            n = int(self.batch.real[row].sum())
            crop = tensor[row, :n] if tensor.ndim == 3 else tensor[row, :, :n, :n]
            store[int(position), layer] = crop.clone()

    def end(self):
        pass

    def result(self):
        return self


def recorded(context, examples, **options) -> Recorder:
    recorder = Recorder()
    run_probes(context, examples, [recorder], **options)
    return recorder


def one_by_one(context, example):
    """Attentions and hidden states of transformers itself, one text without padding."""
    seconds = None if example.second is None else [example.second]
    encoded = encode_words(
        context.tokenizer, [example.first], seconds, max_length=context.max_length
    )[0]
    inputs = {"input_ids": torch.tensor([encoded.input_ids])}
    if encoded.token_type_ids is not None:
        inputs["token_type_ids"] = torch.tensor([encoded.token_type_ids])
    before = context.model.config._attn_implementation
    context.model.set_attn_implementation("eager")
    with torch.no_grad():
        output = context.model.base_model(
            **inputs, output_attentions=True, output_hidden_states=True
        )
    context.model.set_attn_implementation(before)
    return [a[0] for a in output.attentions], [h[0] for h in output.hidden_states]


@pytest.mark.parametrize("family", mostly_slow(FAMILIES))
def test_deliveries_equal_what_transformers_returns(family):
    # ModernBERT's eager attention rounds to single precision, where a double's mask overflows
    double = family != "modernbert"
    context = tiny_context(family, layers=3, double=double)
    examples = random_examples(6)
    recorder = recorded(context, examples, batch_size=4)
    for i, example in enumerate(examples):
        maps, states = one_by_one(context, example)
        assert len(maps) == 3
        assert len(states) == 4
        for found, all_expected in ((recorder.maps, maps), (recorder.states, states)):
            for layer, expected in enumerate(all_expected):
                torch.testing.assert_close(
                    found[i, layer], expected, atol=1e-9 if double else 1e-5, rtol=0
                )


@pytest.mark.parametrize("family", FAMILIES)
def test_maps_are_the_same_to_the_last_bit_where_nobody_reads_states(family):
    context, examples = with_dead_heads(tiny_context(family), [(0, 1)]), random_examples(5)
    states, run = [], []
    model = context.model
    hook = context.anatomy.states_module(model, 1).register_forward_hook(
        lambda _m, _a, output: states.append(output[0] if isinstance(output, tuple) else output)
    )
    for hidden in (True, False):
        recorder = Recorder(hidden=hidden)
        run_probes(context, examples, [recorder])
        run.append(recorder.maps)
    hook.remove()
    assert run[0].keys() == run[1].keys()
    assert all(torch.equal(run[0][key], run[1][key]) for key in run[0])
    assert (states[-1].shape[1] == 1) == (family in POST_NORM)
    assert states[0].shape[1] > 1


def test_rows_sum_to_one_over_real_tokens():
    context = tiny_context("bert")
    keeper = recorded(context, random_examples(9), batch_size=4)
    assert len({maps.shape for maps in keeper.maps.values()}) > 1  # some were padded
    for maps in keeper.maps.values():
        torch.testing.assert_close(maps.sum(-1), torch.ones_like(maps[..., 0]), atol=1e-9, rtol=0)


def test_pairs_carry_their_token_types():
    context = tiny_context("bert")
    examples = random_examples(4, pairs=True)
    recorder = recorded(context, examples, batch_size=3)
    for i, example in enumerate(examples):
        maps, _ = one_by_one(context, example)
        torch.testing.assert_close(recorder.maps[i, 1], maps[1], atol=1e-9, rtol=0)


def test_gates_of_the_subnetwork_are_applied():
    context = tiny_context("bert")
    examples = random_examples(3)
    masked = with_dead_heads(context, [(0, 0), (0, 1)])
    whole = recorded(context, examples)
    pruned = recorded(masked, examples)
    torch.testing.assert_close(whole.maps[0, 0], pruned.maps[0, 0])
    assert (whole.maps[0, 1] - pruned.maps[0, 1]).abs().max() > 1e-3
    again = recorded(context, examples)
    torch.testing.assert_close(whole.states[0, 2], again.states[0, 2], atol=0, rtol=0)


@pytest.mark.parametrize("family", mostly_slow(FAMILIES))
def test_model_is_left_as_it_was(family):
    context = tiny_context(family)
    context.model.train()
    before = context.model.config._attn_implementation, hooks_on(context.model)
    assert before[0] == ("sdpa" if family in SDPA else "eager")
    run_probes(context, random_examples(3), [Recorder()])
    assert (context.model.config._attn_implementation, hooks_on(context.model)) == before
    assert context.model.training


def test_model_is_left_as_it_was_when_a_probe_breaks():
    context = with_dead_heads(tiny_context("bert"), [(1, 0)])
    before = hooks_on(context.model)
    with pytest.raises(RuntimeError, match="the probe broke"):
        run_probes(context, random_examples(3), [Recorder(fail_at=1)])
    assert hooks_on(context.model) == before
    assert context.model.config._attn_implementation == "sdpa"


def test_sdpa_stays_where_no_probe_wants_attention():
    seen = []

    class Hidden(Recorder):
        def begin(self, batch):
            super().begin(batch)
            seen.append(context.model.config._attn_implementation)

    context = tiny_context("bert")
    probe = Hidden(attention=False)
    run_probes(context, random_examples(3), [probe])
    assert seen == ["sdpa"]
    assert not probe.maps
    assert len(probe.states) == 3 * 3


def test_a_layer_that_delivers_nothing_is_an_error(monkeypatch):
    context = tiny_context("bert")
    monkeypatch.setattr(
        "subprobe.probes.forward.shared_pass.eager_attention", lambda model: torch.no_grad()
    )
    with pytest.raises(SubprobeError, match="layer 0 of the bert model delivered no attention"):
        run_probes(context, random_examples(2), [Recorder()])
    assert hooks_on(context.model) == 0


def test_empty_corpus_and_mixed_examples_are_refused():
    context = tiny_context("bert")
    with pytest.raises(InputError, match="no sentences"):
        run_probes(context, [], [Recorder()])
    mixed = random_examples(1) + random_examples(1, pairs=True)
    with pytest.raises(InputError, match="single sentences and sentence pairs"):
        run_probes(context, mixed, [Recorder()])


def test_progress_counts_examples():
    calls = []
    run_probes(
        tiny_context("bert"),
        random_examples(7),
        [Recorder()],
        batch_size=3,
        progress=lambda done, total: calls.append((done, total)),
    )
    assert calls == [(3, 7), (6, 7), (7, 7)]


def test_word_attention_sums_targets_and_averages_sources():
    context = tiny_context("bert")
    examples = random_examples(5)

    class Words(Recorder):
        def layer(self, layer, attention):
            words = self.batch.word_attention(attention)
            for row, position in enumerate(self.batch.position):
                n = len(self.batch.kept[row])
                self.maps[int(position), layer] = words[row, :, :n, :n].clone()
                assert not words[row, :, n:].any()
                assert not words[row, :, :, n:].any()

    probe = Words(hidden=False)
    run_probes(context, examples, [probe], batch_size=5)
    some_word_is_split = False
    for i, example in enumerate(examples):
        encoded = encode_words(context.tokenizer, [example.first], max_length=128)[0]
        pieces = np.array(encoded.word_of_piece)
        maps, _ = one_by_one(context, example)
        for source in range(len(example.first.words)):
            for target in range(len(example.first.words)):
                rows, columns = np.flatnonzero(pieces == source), np.flatnonzero(pieces == target)
                some_word_is_split |= len(rows) > 1
                expected = sum(maps[1][:, row, column] for row in rows for column in columns) / len(
                    rows
                )
                found = probe.maps[i, 1][:, source, target]
                torch.testing.assert_close(found, expected, atol=1e-9, rtol=0)
    assert some_word_is_split
