"""Pseudo-log-likelihoods against bare forward passes, and against a peer's scorer.

On the files of BLiMP where SUBPROBE_REALDATA names the folder of test data, else on the generated
pairs; the embedded encoder has a new tied head. Where SUBPROBE_MINICONS names a folder that holds
the package minicons, its scorer is called on the same sentences.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from subprobe.data.suites.generated import GENERATED
from subprobe.models.checkpoint.checkpoint import load_tokenizer
from subprobe.models.language.head import language_head
from subprobe.models.language.loading import load_language_model
from subprobe.probes.behaviour.minimal_pairs import read_suites
from subprobe.probes.behaviour.pieces import Pieces, pieces_of
from subprobe.probes.behaviour.pseudo_likelihood import TOKENS, piece_log_probs

from .models import MODEL
from .timing import REPEATS, Measure, ratio

LIMIT, PEER_LIMIT = 1.10, 0.5
_PEER, _AT_ONCE = "SUBPROBE_MINICONS", 10
"""Folder of the peer, and sentences that it is given at a time: it keeps all of their logits."""


def sentences(count: int) -> list[str]:
    """Different sentences, the same number of each paradigm."""
    folder = Path(os.environ.get("SUBPROBE_REALDATA") or "") / "blimp"
    suites = read_suites([str(folder)] if folder.is_dir() else [GENERATED])
    by_paradigm: dict[str, list[str]] = {}
    for suite in suites:
        for pair in suite.pairs:
            by_paradigm.setdefault(pair.paradigm, []).extend([pair.good, pair.bad])
    turns = zip(*by_paradigm.values(), strict=False)
    return list(dict.fromkeys(text for turn in turns for text in turn))[:count]


def masked_batches(tokenizer: Any, texts: Sequence[Pieces]) -> list[tuple[Any, Any, Any]]:
    """Padded inputs, masked place and its id of each variant, by length and token budget."""
    variants = sorted(
        ((one.ids, place) for one in texts for place in one.places), key=lambda one: -len(one[0])
    )
    found, start = [], 0
    while start < len(variants):
        part = variants[start : start + max(1, TOKENS // len(variants[start][0]))]
        start += len(part)
        padded = tokenizer.pad({"input_ids": [list(ids) for ids, _ in part]}, return_tensors="pt")
        places = torch.tensor([place for _, place in part])
        rows = torch.arange(len(part))
        gold = padded["input_ids"][rows, places]
        padded["input_ids"][rows, places] = tokenizer.mask_token_id
        found.append((padded, places, gold))
    return found


def language(count: int = 80, repeats: int = REPEATS) -> list[Measure]:
    """Scores of `count` sentences over the passes that they need, and over the peer's."""
    model, tokenizer = load_language_model(MODEL, new_head=True), load_tokenizer(MODEL)
    texts = sentences(count)
    batches = masked_batches(tokenizer, pieces_of(tokenizer, texts, 128))
    head = language_head(model)

    def ours() -> list[float]:
        read = pieces_of(tokenizer, texts, 128)
        return [float(one.sum()) for one in piece_log_probs(model, tokenizer, read)]

    def bare() -> None:
        with torch.inference_mode():
            for inputs, places, gold in batches:
                states = model.base_model(**inputs).last_hidden_state
                logits = head(states[torch.arange(len(places)), places])
                assert (logits.gather(1, gold[:, None])[:, 0] - logits.logsumexp(1)).max() < 0

    found = [ratio("pseudo-log-likelihood / bare masked passes", ours, bare, limit=LIMIT,
                   repeats=repeats)]  # fmt: skip
    folder = os.environ.get(_PEER)
    if folder:
        peer = _peer(folder, model, tokenizer, texts)
        largest = max(abs(a - b) for a, b in zip(ours(), peer(), strict=True))
        assert largest < 1e-3, f"the peer's scores differ by {largest}"
        found.append(
            ratio("pseudo-log-likelihood / minicons", ours, peer, limit=PEER_LIMIT,
                  repeats=repeats)
        )  # fmt: skip
    return found


def _peer(folder: str, model: Any, tokenizer: Any, texts: Sequence[str]) -> Any:
    """The peer's scores of the same sentences, with the same model."""
    sys.path.insert(0, folder)
    scorer = importlib.import_module("minicons.scorer")

    sys.path.remove(folder)
    if not hasattr(type(tokenizer), "batch_encode_plus"):
        # a name that transformers 5 took away; it is what a tokenizer does when it is called
        type(tokenizer).batch_encode_plus = type(tokenizer).__call__
    theirs = scorer.MaskedLMScorer(model, "cpu", tokenizer=tokenizer)

    def run() -> list[float]:
        found: list[float] = []
        for start in range(0, len(texts), _AT_ONCE):
            found += theirs.sequence_score(
                list(texts[start : start + _AT_ONCE]), reduction=lambda x: x.sum(0).item()
            )
        return found

    return run
