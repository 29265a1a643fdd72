"""What was asked of a run, and its answer in at most three sentences with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

import pandas as pd

from ..flags import DIVERGED, FAILED, UNLEARNED
from ..statistics.corrections import ALPHA
from ..statistics.draws import LEAST_DRAWS
from ..statistics.variation import CROSSED_T
from ..summary.headline import RANKED
from ..wording import cite, counted, named, p_text, percent
from .lines import headline, interval_of, kept_of, line_of, varies

ENCODERS = {"embedded": "the embedded encoder (all-MiniLM-L6-v2)"}
"""Name of a model that is none by itself -> what sentences call it."""


@dataclass(frozen=True)
class Asked:
    """One model, task and method, with the lines that its answer is made from.

    Attributes:
        model: the encoder.
        label: the task, with the method where the task has several.
        headline: its lines of the headline table.
        ranks: its lines of `summary_against_random`.
        scores: its lines of `summary_performance`, of the primary metric.
        gaps: the difference between good and random in each seed, by state.
        lost_seeds: how many seeds carry no claim.
        trained: how much training each model had; empty where it is not known.
    """

    model: str
    label: str
    headline: pd.DataFrame
    ranks: pd.DataFrame
    scores: pd.DataFrame
    gaps: dict[str, list[float]]
    lost_seeds: int = 0
    trained: str = ""

    def line(self, kind: str) -> pd.Series | None:
        """The line of a kind of subnetwork."""
        return line_of(self.headline, kind=kind)

    def has(self, kind: str, column: str = "score") -> bool:
        """Whether a kind has a number in a column."""
        line = self.line(kind)
        return line is not None and pd.notna(line[column])

    @property
    def n_seeds(self) -> int:
        """Seeds of the run."""
        return int(self.headline["n_seeds"].max())

    @property
    def many(self) -> bool:
        """Whether there are several good subnetworks."""
        return self.n_seeds > 1


def question_of(asked: Asked) -> tuple[str, ...]:
    """One sentence that says what was asked; none where nothing was scored."""
    if asked.headline.empty:
        return ()
    encoder, good = _encoder(asked.model), asked.line("good")
    if good is None:
        return (f"How well does {encoder} do on {asked.label}?",)
    retrained = pd.notna(good["retrained_score"])
    if not asked.has("random"):
        later = ", and after retraining" if retrained else ""
        return (
            f"How much of its score on {asked.label} does {encoder} keep when pruning leaves "
            f"{kept_of(good)}{later}?",
        )
    do, whose = ("Do", "subnetworks") if asked.many else ("Does", "subnetwork")
    keep, their = ("keep", "their") if asked.many else ("keeps", "its")
    later = f", and does {their} advantage survive retraining" if retrained else ""
    return (
        f"{do} the good {whose} of {encoder}, which {keep} {kept_of(good)}, score higher on "
        f"{asked.label} than random subnetworks of the same size{later}?",
    )


def _encoder(model: str) -> str:
    """What sentences call an encoder; of one in a folder, its last part."""
    in_folder = model.startswith((".", "/", "~")) or "\\" in model
    return ENCODERS.get(model, PurePath(model).name if in_folder else model)


def answer_of(asked: Asked) -> tuple[str, ...]:
    """At most three sentences: what is kept, good against random, and what retraining changes."""
    if asked.headline.empty or not asked.has("full"):
        return ()
    if asked.lost_seeds:
        return (
            f"This run cannot answer the question for {asked.label}: in {asked.lost_seeds} of "
            f"{counted(asked.n_seeds, 'seed')} the full model is not clearly above the "
            f"{_baseline(asked)} baseline, or the good mask is empty.",
        )
    said = [_kept(asked), _against_random(asked), _retrained(asked)]
    return tuple(filter(None, said))


def _baseline(asked: Asked) -> str:
    return str(asked.headline["baseline"].iloc[0])


def _kept(asked: Asked) -> str:
    """What share of the units keeps what share of the gain, and what random ones keep."""
    full, good, random = (asked.line(kind) for kind in ("full", "good", "random"))
    assert full is not None
    metric = named(full["metric"])
    if good is None or pd.isna(good["score"]):
        return (
            f"The full model has {metric} {headline(full, 'score')} on {asked.label} "
            f"({_baseline(asked)} baseline {headline(full, 'baseline_value')})."
        )
    those, keep = ("subnetworks", "keep") if asked.many else ("subnetwork", "keeps")
    said = (
        f"With {kept_of(good)}, the good {those} {keep} {headline(good, 'gain_kept', percent)} of "
        f"the full model's gain over the {_baseline(asked)} baseline ({metric} "
        f"{headline(good, 'score')}; full model {headline(full, 'score')})"
    )
    if random is not None and pd.notna(random["score"]):
        said += (
            f"; random subnetworks of the same size keep {headline(random, 'gain_kept', percent)} "
            f"({headline(random, 'score')})"
        )
    return f"{said}."


def _against_random(asked: Asked) -> str:
    good, random = asked.line("good"), asked.line("random")
    if good is None or pd.isna(good["score"]):
        return ""
    if random is None or pd.isna(good["difference"]):
        return (
            "No random subnetworks of the same size were scored, so the run does not show whether "
            "the choice of units matters."
        )
    draws = int(random["n_draws"])
    those, score = ("subnetworks", "score") if asked.many else ("subnetwork", "scores")
    gap = _gap(good, draws, asked)
    if pd.isna(good["p_adjusted"]):
        return f"The good {those} {score} {gap}; {_too_few(draws, asked)}."
    rank = line_of(asked.ranks[asked.ranks["seed"].isna()], kind="good", state="pruned")
    share = ""
    if rank is not None and pd.notna(rank["beyond"]):
        beyond = cite(rank, "beyond", "summary_against_random.csv", percent)
        share = f", and higher than {beyond} of the random masks"
    p = f"{headline(good, 'p_adjusted', p_text)}, {_test(good, '', asked)}, Holm-corrected"
    if good["p_adjusted"] <= ALPHA:
        return f"The good {those} {score} {gap}{share} ({p})."
    if rank is not None and rank["p_floor"] * rank["family_size"] > ALPHA:
        seeds, masks = counted(asked.n_seeds, "seed"), counted(draws, "random mask")
        return (
            f"The good {those} {score} {gap}{share}; {seeds} and {masks} are too few for a clear "
            f"test ({p})."
        )
    are, they = ("are", "they") if asked.many else ("is", "it")
    return (
        f"The good {those} {are} not clearly better than random masks: {they} {score} {gap}{share} "
        f"({p})."
    )


def _gap(good: pd.Series, draws: int, asked: Asked) -> str:
    """The difference from random with its interval, and what that varies."""
    each = " per seed" if asked.many else ""
    mean = f"the random mask{each}" if draws == 1 else f"the mean of {draws} random masks{each}"
    size = f"{headline(good, 'difference')} {interval_of(good)}".strip()
    about = _covers(good, "", asked)
    if good["difference"] < 0:
        return f"below {mean} (difference {size}{f'; {about}' if about else ''})"
    return f"{size} above {mean}{f' ({about})' if about else ''}"


def _covers(good: pd.Series, before: str, asked: Asked) -> str:
    """What the interval of a difference is over; empty where there is none."""
    if pd.isna(good[f"{before}ci_low"]):
        return ""
    return f"{varies(good[f'{before}ci_method'], asked.n_seeds)} and these masks"


def _test(line: pd.Series, before: str, asked: Asked) -> str:
    if line[f"{before}test"] == RANKED:
        return "over random masks"
    if line[f"{before}test"] == CROSSED_T:
        return f"t test over a {line['seed_grid']} grid of seeds"
    return f"sign flips over {asked.n_seeds} seeds"


def _too_few(draws: int, asked: Asked) -> str:
    """Why nothing is said of other random masks."""
    each = " per seed" if asked.many else ""
    masks = counted(draws, "random mask")
    return (
        f"{masks}{each} cannot show whether this holds for other random masks (a test needs "
        f"{LEAST_DRAWS})"
    )


def _retrained(asked: Asked) -> str:
    """Whether the advantage survives retraining, or why that cannot be read."""
    good, random = asked.line("good"), asked.line("random")
    if good is None or pd.isna(good["retrained_score"]):
        return ""
    those, reach = ("subnetworks", "reach") if asked.many else ("subnetwork", "reaches")
    before = "Retrained from the pretrained weights, "
    reached = f"the good {those} {reach} {headline(good, 'retrained_score')}"
    if random is None or pd.isna(random["retrained_score"]):
        return f"{before}{reached}; no random subnetwork was retrained to compare with."
    draws = int(random["retrained_n_draws"])
    ones = "ones" if asked.many or draws > 1 else "one"
    reached += f" and the random {ones} {headline(random, 'retrained_score')}"
    if why := _untrained(asked):
        return f"{before}{reached}, but this comparison cannot be read: {why}."
    size = f"{headline(good, 'retrained_difference')} {interval_of(good, 'retrained_')}".strip()
    about = _covers(good, "retrained_", asked)
    gap = f"difference {size}{f' ({about})' if about else ''}"
    if pd.isna(good["retrained_p_adjusted"]):
        return f"{before}{reached}: {gap}; {_open(asked, draws)}."
    p = f"{headline(good, 'retrained_p_adjusted', p_text)}, {_test(good, 'retrained_', asked)}"
    sure = good["retrained_p_adjusted"] <= ALPHA and good["retrained_difference"] > 0
    left = (
        "the advantage survives retraining"
        if sure
        else "no clear advantage is left after retraining"
    )
    return f"{before}{reached}: {gap}; {left} ({p}, Holm-corrected)."


def _open(asked: Asked, draws: int) -> str:
    """What may be said of a retrained difference without a test over masks or seeds."""
    gaps = asked.gaps.get("retrained", [])
    higher = sum(gap > 0 for gap in gaps)
    where = ""
    if len(gaps) > 1 and 0 < higher < len(gaps):
        where = f"good is higher in {higher} of {len(gaps)} seeds only, and "
    each = " per seed" if asked.many else ""
    masks = counted(draws, "random mask")
    return f"{where}{masks}{each} cannot show whether the advantage survives retraining"


def _untrained(asked: Asked) -> str:
    """Which retrained subnetworks did not learn, of those that are compared; empty if all did."""
    said = []
    for kind in ("good", "random"):
        line, scored = asked.line(kind), line_of(asked.scores, kind=kind, state="retrained")
        if line is None or scored is None or not line["n_unlearned"]:
            continue
        total = asked.n_seeds * int(line["retrained_n_draws"])
        flags = [flag for flag in FAILED if flag in str(scored["flag"])]
        how = {UNLEARNED: "did not learn the task", DIVERGED: "diverged"}
        failed = " or ".join(how[flag] for flag in flags) or how[UNLEARNED]
        ones = f"{kind} {'subnetwork' if total == 1 else 'subnetworks'}"
        said.append(f"{line['n_unlearned']} of {total} {ones} {failed}")
    if not said:
        return ""
    given = f" ({asked.trained})" if asked.trained else ""
    return f"{' and '.join(said)} in the training given{given}"
