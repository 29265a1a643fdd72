"""The lottery protocol as cells: every round is a training, and the ticket the last good one.

`pruning.search.lottery.lottery` says which round comes next; each cell goes through it again with
what the rounds before have given.
"""

from __future__ import annotations

import math

from ...models.masks.subnetwork import Subnetwork
from ...models.training.evaluate import is_finite
from ...pruning.search.lottery import LotteryResult, lottery, next_round
from ...pruning.search.plan import Rule
from ..cell_output import CellOutput
from ..steps.selection import Chooser, stop_metric
from .searching import unsearched, whole_mask
from .training import train
from .work import Work, noted

Trained = tuple[float, Subnetwork]


class _ReachedError(Exception):
    """The search asks for the round that a cell is to compute."""

    def __init__(self, mask: Subnetwork):
        super().__init__()
        self.mask = mask


def one_round(work: Work) -> CellOutput:
    """Train under the mask of a round: the metric on the selection examples, and the next mask."""
    number = int(work.options["number"])
    if number == 0:
        return _first(work)
    if work.output("round0").notes.get("over"):
        return _over()
    try:
        _replayed(work, number)
    except _ReachedError as reached:
        mask = reached.mask
    else:
        return _over()
    trained, came_to = train(work, mask, rewind=int(work.options["rewind"]))
    assert came_to.scored is not None  # there are examples to choose on
    work.save_mask(next_round(trained.model, mask, float(work.options["share"])))
    metric = came_to.scored.metrics[stop_metric(work.parts.spec)]
    return noted({"metric": _plain(metric), **came_to.notes})


def _first(work: Work) -> CellOutput:
    """The whole model under no mask is the fine-tuned one, whatever is rewound."""
    model, _ = work.model("model")
    if work.output("model").notes["flag"] and not is_finite(model):
        return _over()
    metric = _chooser(work).metric(work.parts.selection)(_whole(work))
    work.save_mask(next_round(model, _whole(work), float(work.options["share"])))
    return noted({"metric": _plain(metric), "flag": ""})


def ticket(work: Work) -> CellOutput:
    """The last lottery ticket that still trains well on the selection examples."""
    if work.output("round0").notes.get("over"):
        return unsearched(work, "imp")
    found = _replayed(work, int(work.options["rounds"]) + 1)
    mask = found.ticket.with_meta(history=found.trace)
    work.save_mask(mask)
    return noted({"history": list(mask.history)})


def _replayed(work: Work, number: int) -> LotteryResult:
    """The search with the rounds before `number`, each of which is asked for once.

    Raises:
        _ReachedError: if it asks for that round.
    """
    options, count = work.options, 0

    def train_once(mask: Subnetwork) -> Trained:
        nonlocal count
        if count == number:
            raise _ReachedError(mask)
        role = f"round{count}"
        count += 1
        notes = work.output(role).notes
        # a ticket that did not train, or did not learn, is none, whatever a constant guess scores
        unsound = notes["flag"] or notes["metric"] is None
        return math.nan if unsound else float(notes["metric"]), work.read_mask(role)

    # a round asks for no more than itself; the ticket knows how many there were
    rounds = int(options.get("rounds", number))
    return lottery(
        train_once,
        _whole(work),
        rounds=rounds,
        rule=Rule(options["rule"], options["threshold"]),
        baseline=_chooser(work).baseline(work.parts.selection),
    )


def _whole(work: Work) -> Subnetwork:
    return whole_mask(work, "imp", importance="magnitude after training")


def _chooser(work: Work) -> Chooser:
    config, length = work.materials.config, work.setting.recipe.max_length
    return Chooser(*work.model("model"), work.parts, config.prune, length)


def _over() -> CellOutput:
    """A round that the search does not come to."""
    return noted({"over": True})


def _plain(metric: float) -> float | None:
    return float(metric) if math.isfinite(metric) else None
