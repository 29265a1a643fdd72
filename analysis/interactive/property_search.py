"""Learn masks for a property of words on a loaded encoder, with their scores and controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...data.errors import InputError, UnknownNameError
from ...data.files.atomic import digest
from ...data.generated_treebank import GENERATED
from ...data.output.tables import rows_frame
from ...data.sentences.plain_text import NATURAL, read_corpus
from ...data.sentences.sentence import Sentence
from ...data.sentences.word_labels import check_property
from ...models.masks.subnetwork import Subnetwork
from ...pruning.search.property_options import recorded_options
from ..cell_output import CellOutput
from ..property_search.compared import compared_masks
from ..property_search.files import check_whole, items_of, tables_of, write_found
from ..property_search.loaded_search import search_loaded
from ..property_search.names import RANKS
from ..property_search.parts import read_parts
from ..property_search.search import Controls, Found
from ..single.loaded import LoadedModel
from ..steps.masks import fitted
from ..steps.probing import Corpus
from ..steps.progress import Progress, Warned
from .measurement import Measurement, filled
from .named_texts import Texts, named_texts


@dataclass(frozen=True, repr=False, eq=False)
class PropertySearch:
    """The result of `search_property`: a mask for each penalty, with scores and controls.

    Attributes:
        property_name: the property, such as `upos`.
        found: masks with their read-outs, and records of rows, items and overlap.
        read: hash of the sentences that were scored.
    """

    property_name: str
    found: Found
    read: str

    @property
    def masks(self) -> dict[float, Subnetwork]:
        """Penalty -> mask, in the order given."""
        return {penalty: one.subnetwork for penalty, one in self.found.learnt.items()}

    def to_frame(self) -> pd.DataFrame:
        """Tidy rows: scores and sizes of masks, controls and full encoders; a copy."""
        return rows_frame(self.found.rows)

    def items(self) -> pd.DataFrame:
        """Correct words and all words of each sentence, for each score; a copy."""
        return items_of(self.found)

    def curve(self) -> pd.DataFrame:
        """Accuracy and size of each mask, control and full encoder, one line each."""
        return tables_of(self.found)["curve"]

    def overlap(self) -> pd.DataFrame:
        """Overlap of the masks with those of `against`; empty without them."""
        return tables_of(self.found).get("overlap", pd.DataFrame())

    def comparisons(self, *, correction: str = "holm") -> dict[str, pd.DataFrame]:
        """Differences between each mask and its controls on the same sentences, with tests.

        Args:
            correction: `holm` or `fdr_bh`.

        Returns:
            the tables of `subprobe compare`: `comparisons`, `tests`, `seed_points` and
            `comparison_notes`.
        """
        return compared_masks(self.to_frame(), self.items(), correction=correction)

    def measurement(
        self,
        kind: str = "good",
        *,
        penalty: float | None = None,
        score: str = "refit",
        state: str = "pretrained",
        draw: int = 0,
    ) -> Measurement:
        """One score, for `compare` with another score on the same sentences.

        Args:
            kind: `good`, `complement`, `random` or `full`.
            penalty: of the mask; None = the first one. Ignored for `full`.
            score: `refit`, `hardened` or `soft`; for `full`, `refit` or for example `mlp;rank=5`.
            state: `pretrained` or `untrained`.
            draw: number of the random mask.

        Raises:
            UnknownNameError: if there is no such score; the message lists the scores.
        """
        first = next(iter(self.found.learnt)) if penalty is None else penalty
        units = next(iter(self.found.learnt.values())).options.units
        settings = "" if kind == "full" else f"lambda={first:g};units={units};"
        cell = f"{state} {kind} {draw} {settings}score={score}"
        items, rows = self.items(), self.to_frame()
        if cell not in set(items["cell_id"]):
            raise UnknownNameError("score", cell, list(dict.fromkeys(items["cell_id"])))
        # two masks, or a mask and its encoder, are compared under what they have in common
        mine = {"variant": f"score={score}"}
        output = CellOutput(
            rows_frame(rows[rows["cell_id"].eq(cell)].assign(**mine)),
            items[items["cell_id"].eq(cell)].assign(**mine).reset_index(drop=True),
        )
        return Measurement(output, self.read)

    def save(self, folder: Path | str, *, overwrite: bool = False) -> None:
        """Write masks, read-outs and tables to a folder, as `subprobe prune` does.

        Args:
            folder: the folder; `subprobe compare` reads it.
            overwrite: write even if the folder contains other files.
        """
        write_found(self.found, Path(folder), overwrite=overwrite)

    def __repr__(self) -> str:
        shown = ", ".join(f"{penalty:g}" for penalty in self.found.learnt)
        return f"PropertySearch({self.property_name}: masks at penalties {shown})"

    def _repr_html_(self) -> str:
        shown: str = filled(self.curve()).to_html(max_rows=20)
        return shown


def search_property(
    model: LoadedModel,
    property_name: str,
    corpus: Texts | None = None,
    *,
    train: Texts | None = None,
    dev: Texts | None = None,
    test: Texts | None = None,
    penalties: float | Sequence[float] = 1.0,
    units: str = "weights",
    draws: int = 5,
    ranks: Sequence[int] = RANKS,
    reset: str = "encoder",
    against: Mapping[str, Subnetwork] | None = None,
    sentences: int = 0,
    epochs: int = 0,
    mask_rate: float = 0.0,
    readout_rate: float = 0.0,
    batch_size: int = 0,
    dropout: bool | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> PropertySearch:
    """Learn which part of an encoder suffices to predict a property of words (Cao et al. 2021).

    Args:
        model: the encoder, loaded without a task.
        property_name: `upos`, `xpos`, `deprel`, `feats:Number`, or another label of words.
        corpus: a treebank (file, or `Sentence`s with labels) that is split into parts, or the
            training part if `dev` or `test` is given; None or `natural` = the generated treebank.
        train: the training part, in place of `corpus`.
        dev: part for early stopping of read-outs; None = a tenth of the training part.
        test: part for scores; None = the dev part, as published.
        penalties: lambda, or several for a curve: the cost in nats if all gates are open.
        units: `weights`, `heads-neurons`, `heads-mlps`, `heads` or `neurons`.
        draws: random masks of the same size, for each mask.
        ranks: ranks of the MLP probes on full encoders.
        reset: control encoder with random weights: `encoder` keeps the trained embeddings, `all`
            resets them too; `none` = no control encoder.
        against: name -> mask of a task, whose overlap with the learnt masks is measured.
        sentences: maximum number of sentences of each part, evenly spaced; 0 = all.
        epochs: passes over the training part; 0 = the value recorded for the model.
        mask_rate: learning rate of Adam for the gates; 0 = as recorded.
        readout_rate: learning rate of Adam for the read-out; 0 = as recorded.
        batch_size: sentences per step; 0 = as recorded.
        dropout: whether the encoder has dropout in training; None = as recorded.
        seed: seed of gates, read-outs, draws and random weights.
        progress: receives messages; by default each is issued as a `SubprobeWarning`.

    Returns:
        The masks, kind `good` and method `l0`, with scores, controls and sizes.

    Raises:
        UnknownNameError: for an unknown property, reset or unit.
        ConfigError: for an option out of range, incompatible parts, or a compact model.
        InputError: if the model was loaded with a task.
        AnnotationError: if no sentence has the property.
        MaskError: for a mask in `against` that does not fit the model.
    """
    check_property(property_name)
    progress = progress or Warned()
    check_whole(model)
    if model.task is not None:
        raise InputError(
            "was loaded with a task, but a property is read from an encoder without task head",
            where=model.name,
            remedy="load it without `task`",
        )
    given = {"epochs": epochs, "mask_rate": mask_rate, "readout_rate": readout_rate,
             "batch_size": batch_size}  # fmt: skip
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value}
    chosen |= {"units": units, "seed": seed} | ({} if dropout is None else {"dropout": dropout})
    options = recorded_options(model.name, chosen)
    controls = Controls(draws=draws, ranks=tuple(ranks), reset=reset, seed=seed)
    texts: dict[str, list[Sentence]] = {}
    names = {
        role: named_texts(role, one, texts)
        for role, one in (("corpus", corpus), ("train", train), ("dev", dev), ("test", test))
    }
    names["corpus"] = "" if names["corpus"] == NATURAL else names["corpus"]
    parts = read_parts(
        **names, limit=sentences, read=lambda name: texts.get(name) or read_corpus(name)
    )
    others = {
        name: fitted(mask, model.model, model.meta, model.name, other_weights=True,
                     refreshed=True, say=progress.say)
        for name, mask in (against or {}).items()
    }  # fmt: skip
    scored_on = Path(names["test"] or names["dev"] or names["corpus"] or GENERATED).name
    found, words = search_loaded(
        model, property_name, parts, scored_on,
        [float(one) for one in np.atleast_1d(penalties)],
        options, controls, {name: mask for name, mask in others.items() if mask is not None},
        progress,
    )  # fmt: skip
    read = digest([property_name, Corpus(scored_on, tuple(words.test.sentences)).digest])
    return PropertySearch(property_name, found, read)
