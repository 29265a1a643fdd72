"""The lottery protocol as cells: one training per round; the ticket is the last successful one.

`pruning.search.lottery.lottery` decides which round is next; each cell repeats the search with the
results of the earlier rounds.
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
    """The search has reached the round that a cell computes."""

    def __init__(self, mask: Subnetwork):
        super().__init__()
        self.mask = mask


def one_round(work: Work) -> CellOutput:
    """Train under the mask of a round; returns the metric for selection and the next mask."""
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
    """Without a mask, the model is the fine-tuned one, whatever the rewinding."""
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
    """Run the search with the results of the rounds before `number`; each is requested once.

    Raises:
        _ReachedError: when the search reaches that round.
    """
    options, count = work.options, 0

    def train_once(mask: Subnetwork) -> Trained:
        nonlocal count
        if count == number:
            raise _ReachedError(mask)
        role = f"round{count}"
        count += 1
        notes = work.output(role).notes
        # a ticket that diverged or did not learn is rejected, whatever it scores
        unsound = notes["flag"] or notes["metric"] is None
        return math.nan if unsound else float(notes["metric"]), work.read_mask(role)

    # a round depends only on earlier ones; only the ticket records how many there were
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
    """A round that the search does not reach."""
    return noted({"over": True})


def _plain(metric: float) -> float | None:
    return float(metric) if math.isfinite(metric) else None
