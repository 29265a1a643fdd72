"""A made-up run that every part of the report has numbers for, and its files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from run_rows import MadeRun
from subprobe.analysis.running.attributed_words import COLUMNS, FILE
from subprobe.data.output.tables import rows_frame, write_csv, write_parquet

CURVES = {
    "rollout": ("map_to_first", "map_to_separator"),
    "token-identifiability": ("identified_linear", "identified_mlp"),
}
CLASSES = ("vertical", "diagonal", "block")
SENTENCE = ("The", "cats", "<b>saw</b>", "that", "dog", ".")


def report_rows(run: MadeRun | None = None) -> pd.DataFrame:
    """Rows of a made run with curves over layers and pattern shares."""
    rows = (run or MadeRun(tasks=("acceptability", "entailment"), draws=29)).rows()
    cells = rows[rows["probe"] == "attention-stats"].drop_duplicates("cell_id")
    rng = np.random.default_rng(0)
    frames = [rows]
    for about in cells.to_dict("records"):
        same = {name: about[name] for name in rows.columns[:16] if name != "schema_version"}
        layers = int(rows["layer"].max()) + 1
        for probe, metrics in CURVES.items():
            for metric in metrics:
                value = np.sort(rng.random(layers))
                curve = {"probe": probe, "unit": "layer", "metric": metric, "value": value,
                         "layer": range(layers), "n": 60, "baseline": "uniform",
                         "baseline_value": 0.1}  # fmt: skip
                frames.append(pd.DataFrame(curve).assign(**same))
        for variant in ("raw", "norm"):
            share = rng.dirichlet(np.ones(len(CLASSES)))
            pattern = {"probe": "attention-patterns", "variant": variant, "unit": "model",
                       "metric": "pattern_share", "relation": CLASSES, "value": share,
                       "n": 60}  # fmt: skip
            frames.append(pd.DataFrame(pattern).assign(**same))
    return rows_frame(pd.concat(frames, ignore_index=True))


def report_words(rows: pd.DataFrame) -> pd.DataFrame:
    """Attributed words of a few examples, for the models that a report shows."""
    rng = np.random.default_rng(1)
    cells = rows[(rows["probe"] == "attributions") & rows["state"].isin(["finetuned", "pruned"])]
    frames = []
    for about in cells.drop_duplicates("cell_id").to_dict("records"):
        for example in range(5):
            words = pd.DataFrame({"word": SENTENCE, "position": range(len(SENTENCE))})
            words["attribution"] = rng.normal(0, 1, len(words))
            same = {name: about[name] for name in COLUMNS[:9]}
            same |= {"variant": "saliency", "item_id": f"e{example}", "sentence": 0,
                     "prediction": "yes", "gold": ("yes", "no")[example % 2]}  # fmt: skip
            frames.append(words.assign(**same)[COLUMNS])
    return pd.concat(frames, ignore_index=True)


def write_report_files(
    rows: pd.DataFrame, tables: Mapping[str, pd.DataFrame], words: pd.DataFrame, folder: Path
) -> Path:
    """The tables that the page names, as a run writes them."""
    for name, table in tables.items():
        write_csv(table, folder / f"{name}.csv")
    write_parquet(rows, folder / "rows.parquet")
    write_csv(words, folder / FILE)
    return folder
