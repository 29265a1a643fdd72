"""The description of a probe, which can be read before its code is loaded.

The command line, configurations, docs, tables, summaries and figures take all they need about a
probe from its entry. Nothing here imports torch.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from ..data.holmes.published import Subfield
from ..data.output.outputs import user_text
from ..data.tasks.task import TaskSpec
from .forward.needs import Layer
from .passes import Passes

Reads = Literal["corpus", "task", "suite"]
"""`corpus`: any sentences; `task`: examples of the model's task; `suite`: texts that the probe
brings itself, of its own `source`."""

Need = Literal[
    "second-model",
    "language-model-head",
    "task-head",
    "classes",
    "named-classes",
    "choices",
    "training-part",
]
"""What a probe needs in addition to a model and texts: a second model for comparison, the masked
language modelling head, the task head, classes (a run skips the probe if labels are numbers),
classes that the model itself names, multiple-choice questions (a run skips the probe for other
tasks), or training texts that it does not score. A probe with a training part is called with the
keyword `learning` (`learning/learning.py`)."""

STATIC = "static-vectors"
"""The variant of rows that are based on static word vectors from a file, not on hidden states."""

Units = tuple[Literal["head", "mlp", "layer", "model"], ...]

Curves = Literal["layers", "hidden states"]
"""What the rows of unit `layer` count: L blocks, or hidden states 0..L with 0 = embeddings."""


def _as_tuple(given: Any) -> Any:
    """Wrap a single word or number in a tuple; leave a TOML list as it is."""
    if isinstance(given, str | int | float) and not isinstance(given, bool):
        return (given,)
    return tuple(given) if isinstance(given, list) else given


Several = BeforeValidator(_as_tuple)
"""For a field of type `tuple[...]`: a single word or number stands for a list of one."""
PathText = Annotated[str, AfterValidator(user_text)]
"""Text that may be a path: `~` stands for the home folder."""


class Options(BaseModel):
    """The options of a probe: each field is a keyword argument of the probe, with its default.

    Values must have the type of the field: "5" is NaN or infinite.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def inputs(self) -> Mapping[str, str]:
        """Option -> hash of the file that it names, for options that name files.

        Raises:
            InputError: if a file is missing or damaged.
        """
        return {}

    def unfit(self, spec: TaskSpec) -> str:
        """Why the probe cannot be run on a model of this task; empty if it can."""
        return ""


@dataclass(frozen=True)
class Measure:
    """A metric that a probe writes to its rows.

    Attributes:
        metric: name; `*` stands for one of several words.
        units: the units that it is measured for.
        meaning: its meaning, in one clause.
        items: the metric of the items that it summarises, if it has another name.
        better: whether higher or lower values are better, if either is.
        right: whether each item is right (1) or wrong (0), half for a tie, so that two models are
            also compared by McNemar's exact test.
        words: its name in a sentence, where the metric's own says too little.
        more: what heads with a higher value do, as the end of "heads that ..."; empty = they have a
            higher value of the metric.
        column: column of `heads.csv` with this number of each head of the full model, averaged over
            seeds; empty = none.
        largest: column of `heads.csv` that names, of all measures with this word here, the one that
            is largest for the head, by its column without `to_`.
    """

    metric: str
    units: Units
    meaning: str
    items: str = ""
    better: Literal["", "higher", "lower"] = ""
    right: bool = False
    words: str = ""
    more: str = ""
    column: str = ""
    largest: str = ""

    def covers(self, metric: str) -> bool:
        """Whether this entry describes the metric."""
        return fnmatchcase(metric, self.metric)


@dataclass(frozen=True)
class Phenomenon:
    """The linguistic phenomenon that some items of a probe measure, for the linguistic profile.

    Attributes:
        subfield: the subfield of linguistics.
        metric: of the items; each has a numerator and a denominator.
        relation: of the items; `*` stands for anything.
        name: its name; empty = the relation.
        variant: how the variant of the items begins.
    """

    subfield: Subfield
    metric: str
    relation: str = ""
    name: str = ""
    variant: str = ""

    def covers(self, metric: str, relation: str, variant: str) -> bool:
        """Whether items measure this phenomenon."""
        return (
            metric == self.metric
            and fnmatchcase(relation, self.relation)
            and variant.startswith(self.variant)
        )


@dataclass(frozen=True)
class Headline:
    """The metrics with which a summary represents a probe.

    Attributes:
        metric: name; `*` stands for one of several words.
        unit: `head`: the mean over kept heads, next to that of the same heads in the full model;
            `layer`: the mean over hidden states 1..L, of what a probe says of hidden states;
            `model`: the rows of unit `model` as they are.
        by_variant: whether the variant is part of the metric's name.
        mean_over_relations: whether the mean over relations stands beside each of them.
    """

    metric: str
    unit: Literal["head", "layer", "model"]
    by_variant: bool = False
    mean_over_relations: bool = False


@dataclass(frozen=True)
class BestGain:
    """One number for each head from a probe's rows about relations: its largest gain.

    Which heads survive is then predicted from this number, not from each relation and direction.

    Attributes:
        metric: of the rows, each with its `relation` and `baseline_value`.
        name: what the number is called: the largest difference between value and baseline.
        more: what heads with a higher value do, as the end of "heads that ...".
    """

    metric: str
    name: str
    more: str = ""


@dataclass(frozen=True)
class Told:
    """What the answer of a run says of one metric in a sentence.

    Attributes:
        form: `kinds`: the mean over relations of every kind of subnetwork; `heads`: the mean over
            the heads of the good subnetwork; `shares`: the share of each relation in the good
            subnetwork, compared with chance; `survivors`: what heads that survive find, compared
            with random heads.
        metric: name; of `survivors`, that of the probe itself.
        words: of `kinds` and `shares`, the beginning of the sentence; of `heads`, what they do,
            with {} for the share; of `survivors`, the end of "better than random heads at ...".
        baseline: what the baseline is.
        finding: of `shares`, the sentence about a share that is clearly not by chance, with {} for
            more or less, the relation, the share and chance.
    """

    form: Literal["kinds", "heads", "shares", "survivors"]
    metric: str
    words: str
    baseline: str = ""
    finding: str = ""


@dataclass(frozen=True)
class ProbeEntry:
    """The complete description of one probe.

    Attributes:
        name: the name that users write; it is in every row.
        help: one line.
        code: the probe, or its location as `package.module:Name`, which is loaded when it runs. A
            class of `Probe` is run in the shared pass and is called with (context, **options). A
            function runs its own pass and is called with (context, examples, progress=...,
            **options); it returns a `ProbeResult`.
        reads: what its texts are.
        source: for a probe that reads a suite: the value of the column `corpus` in its rows.
        needs: annotation layers without which an example cannot be used.
        uses: further layers; examples without them contribute to only some of the rows.
        further: further requirements, such as `second-model`; without them it does not run.
        counts_arcs: whether its rows count arcs instead of examples.
        shared: settings shared by all probes that it accepts as keywords, such as `selection`.
        options: its own options.
        analysed: those options that the analysis reads, not the probe.
        passes: forward passes per text, for estimates of cost; of a probe with a training part,
            per text that it is not trained on. None = one.
        rows: the metrics that it writes.
        headline: the metrics with which a summary represents it; None = none.
        transfers: whether its `arrays` from the full model are reused under a mask, from
            `learning.whole`.
        phenomena: the phenomena that its items measure, for the linguistic profile of a run.
        told: what the answer of a run says of its headline metrics.
        best_gain: the one number for each head that stands for its rows about relations where the
            survival of heads is predicted; None = each row stands for itself.
        survivors: how a run compares survivors with random heads by what the probe found of the
            full model: `heads` (from the arrays `correct` [2, R, 2, L, H] and `total` [2, R], the
            counts of both halves, and the note `relations`) or `patterns` (shares of patterns).
        beside: name of an analysis that is computed together with it on the same model.
        finish: name of the analysis that adds intervals and tests to its rows, or its location as
            `package.module:function`: called with (result, options of all probes), it returns rows.
        figure: name of the figure that a report draws of its headline.
        curves: what the rows of unit `layer` count: blocks or hidden states.
        curve_metrics: the metrics whose curves over layers are drawn; empty = the first six.
    """

    name: str
    help: str
    code: str | Callable[..., Any]
    reads: Reads = "corpus"
    source: str = ""
    needs: tuple[Layer, ...] = ()
    uses: tuple[Layer, ...] = ()
    further: tuple[Need, ...] = ()
    counts_arcs: bool = False
    shared: tuple[Literal["selection"], ...] = ()
    options: type[Options] = Options
    analysed: tuple[str, ...] = ()
    passes: Passes | None = None
    rows: tuple[Measure, ...] = ()
    headline: Headline | None = None
    transfers: bool = False
    phenomena: tuple[Phenomenon, ...] = ()
    told: tuple[Told, ...] = ()
    best_gain: BestGain | None = None
    survivors: Literal["", "heads", "patterns"] = ""
    beside: str = ""
    finish: str = ""
    figure: str = ""
    curves: Curves = "layers"
    curve_metrics: tuple[str, ...] = ()

    def better_of(self, metric: str) -> str | None:
        """`higher` or `lower`; None for a metric without a direction."""
        known = (one.better for one in self.rows if one.better and one.covers(metric))
        return next(known, None)

    def measure_of(self, metric: str) -> Measure | None:
        """The description of a metric; None if it is not in the rows."""
        return next((one for one in self.rows if one.covers(metric)), None)

    def load(self) -> Callable[..., Any]:
        """The probe itself: a subclass of `Probe`, or a function that runs its own pass."""
        code = pkgutil.resolve_name(self.code) if isinstance(self.code, str) else self.code
        assert callable(code)
        return code
