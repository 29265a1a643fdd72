"""A random sample of a model's own maps, for labels by hand and for distances to synthetic maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ...data.errors import InputError
from ...data.output.tables import items_frame, rows_frame
from ...data.sentences.sentence import Example
from ...probes.forward.attention_block import LayerValues
from ...probes.forward.base import BatchView, Context, Probe, ProbeResult
from ...probes.forward.shared_pass import run_probes
from ...probes.forward.texts import encode_examples
from ...probes.patterns.attention_patterns import possible_maps
from ...probes.patterns.classes import LONGEST, SHORTEST


@dataclass(frozen=True)
class OwnMap:
    """One map of a model.

    Attributes:
        text: id of the example.
        layer: counted from 0.
        head: counted from 0.
        variant: `raw` or `norm`.
        weights: the map cut to its real tokens [n, n].
    """

    text: str
    layer: int
    head: int
    variant: str
    weights: npt.NDArray[np.float32]

    @property
    def name(self) -> str:
        """`text/layer-head/variant`."""
        return f"{self.text}/{self.layer}-{self.head}/{self.variant}"


class _Sampler(Probe):
    """Keeps the chosen maps of a pass, and no other."""

    name = "pattern-sample"
    needs_attention = True

    def __init__(self, chosen: dict[str, set[tuple[int, int, int]]]):
        self._chosen = chosen  # variant -> (place of the text in the corpus, layer, head)
        self.needs_values = bool(chosen.get("norm"))
        self.found: dict[tuple[int, int, int, str], OwnMap] = {}

    def begin(self, batch: BatchView) -> None:
        self._batch, self._length = batch, batch.real.sum(1).tolist()

    def layer(self, layer: int, attention: torch.Tensor) -> None:
        self._keep("raw", layer, attention)

    def values(self, layer: int, block: LayerValues) -> None:
        self._keep("norm", layer, block.attention * block.transformed_norms()[:, :, None])

    def _keep(self, variant: str, layer: int, maps: torch.Tensor) -> None:
        chosen = self._chosen.get(variant, set())
        for row, place in enumerate(self._batch.position.tolist()):
            for head in range(maps.shape[1]):
                if (place, layer, head) in chosen:
                    n = self._length[row]
                    weights = maps[row, head, :n, :n].to("cpu", torch.float32).numpy().copy()
                    one = OwnMap(self._batch.examples[row].id, layer, head, variant, weights)
                    self.found[place, layer, head, variant] = one

    def end(self) -> None:
        del self._batch

    def result(self) -> ProbeResult:
        return ProbeResult(self.name, rows_frame([]), lambda: items_frame([]))


def sample_maps(
    context: Context,
    examples: list[Example],
    n_maps: int,
    *,
    seed: int = 0,
    batch_size: int = 32,
) -> list[OwnMap]:
    """Draw maps of kept heads uniformly over texts, heads and kinds of map.

    Args:
        context: the model.
        examples: the corpus; texts of fewer than 8 or more than 128 tokens are left out.
        n_maps: maximum number of maps of each kind.
        seed: same seed, same maps.
        batch_size: texts per forward pass.

    Raises:
        InputError: if no text is long enough or no head is kept.
    """
    encoded = encode_examples(context, examples)
    texts = [
        place
        for place, one in enumerate(encoded)
        if one.readable and SHORTEST <= len(one.input_ids) <= LONGEST
    ]
    heads = np.argwhere(context.alive)
    if not texts or not len(heads):
        raise InputError(
            f"no text of {SHORTEST} to {LONGEST} tokens, or no kept head",
            remedy="name a corpus of longer sentences",
        )
    every = len(texts) * len(heads)
    chosen: dict[str, set[tuple[int, int, int]]] = {}
    for number, variant in enumerate(possible_maps(context)):
        rng = np.random.default_rng([seed, number])
        drawn = rng.choice(every, size=min(n_maps, every), replace=False)
        pairs = [divmod(int(k), len(heads)) for k in drawn]
        chosen[variant] = {(texts[t], int(heads[h][0]), int(heads[h][1])) for t, h in pairs}
    read = sorted({place for places in chosen.values() for place, _, _ in places})
    again = {place: k for k, place in enumerate(read)}
    moved = {v: {(again[p], la, h) for p, la, h in places} for v, places in chosen.items()}
    sampler = _Sampler(moved)
    run_probes(context, [examples[k] for k in read], [sampler], batch_size=batch_size)
    return [sampler.found[key] for key in sorted(sampler.found)]
