"""What is known of a probe before any of its code is loaded: one entry, written in one place.

Everything that others need to know of a probe comes from here: the command line, configurations,
the docs, tables, summaries and figures. Nothing here imports torch.
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
from .forward.needs import Layer

Reads = Literal["corpus", "task", "suite"]
"""`corpus`: any sentences; `task`: examples of the model's task; `suite`: texts that the probe
brings itself, of its own `source`."""

Need = Literal["second-model", "language-model-head", "task-head", "classes", "training-part"]
"""What a probe reads beside a model and texts: a model to compare with, the head of masked language
modelling, the head of the model's task, classes (a run leaves it out where labels are numbers), or
texts to learn from that it does not score. A probe with a training part is called with the keyword
`learning` (`learning/learning.py`)."""

STATIC = "static-vectors"
"""Variant of what was learnt from vectors of words in a file, not from hidden states."""

Units = tuple[Literal["head", "mlp", "layer", "model"], ...]

Curves = Literal["layers", "hidden states"]
"""What the rows of unit `layer` count: L blocks, or hidden states 0..L with 0 = embeddings."""


def _as_tuple(given: Any) -> Any:
    """One word or number, or a list as TOML writes it."""
    if isinstance(given, str | int | float) and not isinstance(given, bool):
        return (given,)
    return tuple(given) if isinstance(given, list) else given


Several = BeforeValidator(_as_tuple)
"""Of a field `tuple[...]`: one word or number counts as one of several."""
PathText = Annotated[str, AfterValidator(user_text)]
"""A text that may be a path: `~` is the home folder."""


class Options(BaseModel):
    """The options of a probe: each field is a keyword that the probe takes, with its default.

    Values must have the type of the field: "5" is not a number.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def inputs(self) -> Mapping[str, str]:
        """Option -> a hash of what it names, for options that name a file: its content decides.

        Raises:
            InputError: if a file is missing or damaged.
        """
        return {}


@dataclass(frozen=True)
class Measure:
    """A number that a probe writes into its rows.

    Attributes:
        metric: name; `*` stands for one of several words.
        units: what it is measured of.
        meaning: one clause.
        items: the metric of the items that it sums up, where that is another one.
        better: which way it is better, where it has a direction.
    """

    metric: str
    units: Units
    meaning: str
    items: str = ""
    better: Literal["", "higher", "lower"] = ""

    def covers(self, metric: str) -> bool:
        """Whether a metric is this one."""
        return fnmatchcase(metric, self.metric)


@dataclass(frozen=True)
class Phenomenon:
    """What some items of a probe are about, for the linguistic profile.

    Attributes:
        subfield: the part of linguistics.
        metric: of the items; each has a numerator and a denominator.
        relation: of the items; `*` stands for anything.
        name: what it is called; empty = as the relation.
        variant: how the variant of the items begins.
    """

    subfield: Subfield
    metric: str
    relation: str = ""
    name: str = ""
    variant: str = ""

    def covers(self, metric: str, relation: str, variant: str) -> bool:
        """Whether items are about it."""
        return (
            metric == self.metric
            and fnmatchcase(relation, self.relation)
            and variant.startswith(self.variant)
        )


@dataclass(frozen=True)
class Headline:
    """The figures by which a summary speaks of a probe.

    Attributes:
        metric: name; `*` stands for one of several words.
        unit: `head`: the mean over living heads, beside the same heads of the full model; `layer`:
            the mean over hidden states 1..L, of what a probe says of hidden states; `model`: the
            rows of unit `model` as they are.
        by_variant: whether the variant is part of the metric's name.
        mean_over_relations: whether the mean over relations stands beside each of them.
    """

    metric: str
    unit: Literal["head", "layer", "model"]
    by_variant: bool = False
    mean_over_relations: bool = False


@dataclass(frozen=True)
class ProbeEntry:
    """Everything about one probe.

    Attributes:
        name: as the user writes it; goes into every row.
        help: one line.
        code: the probe, or where it is, as `package.module:Name`, which is loaded when it runs. A
            class of `Probe` is fed by the shared pass and is called with (context, **options). A
            function has a pass of its own and is called with (context, examples, progress=...,
            **options); it returns a `ProbeResult`.
        reads: what its texts are.
        source: of a probe that reads a suite: what the column `corpus` of its rows says.
        needs: layers of annotation that an example needs to be read at all.
        uses: further layers, without which an example is in some of the rows alone.
        further: what else it needs; without `second-model` and so on it does not run.
        counts_arcs: whether its rows count arcs rather than examples.
        shared: settings of all probes that it takes as keywords, such as `selection`.
        options: its own options.
        analysed: those of them that analysis reads, and not the probe.
        rows: what it writes.
        headline: the figures by which a summary speaks of it; None leaves it out.
        transfers: whether its `arrays` on the whole model are read again under a mask, from
            `learning.whole`.
        phenomena: what its items are about, for the linguistic profile of a run.
        beside: name of what analysis computes on the same model beside it.
        finish: name of what analysis adds to its rows, such as intervals and tests.
        figure: name of the picture that a report draws of its headline.
        curves: what its rows of unit `layer` count.
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
    rows: tuple[Measure, ...] = ()
    headline: Headline | None = None
    transfers: bool = False
    phenomena: tuple[Phenomenon, ...] = ()
    beside: str = ""
    finish: str = ""
    figure: str = ""
    curves: Curves = "layers"
    curve_metrics: tuple[str, ...] = ()

    def better_of(self, metric: str) -> str | None:
        """`higher` or `lower`; None for a metric without a direction."""
        known = (one.better for one in self.rows if one.better and one.covers(metric))
        return next(known, None)

    def load(self) -> Callable[..., Any]:
        """The probe itself: a class of `Probe`, or a function with a pass of its own."""
        code = pkgutil.resolve_name(self.code) if isinstance(self.code, str) else self.code
        assert callable(code)
        return code
