"""Every file that a user may hand to subprobe, sound to begin with, and what reads it."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fuzzing import Reader
from holmes_folder import write_holmes
from paired_run import write_paired_run
from report_rows import report_rows, report_words
from run_rows import MadeRun
from subprobe.analysis.cell_output import CellOutput
from subprobe.analysis.comparison.probe_items import read_probe_items
from subprobe.analysis.comparison.run_items import _read, _said
from subprobe.analysis.configuration.config import RunConfig, read_config
from subprobe.analysis.configuration.config_toml import config_toml
from subprobe.analysis.patterns.labelled_maps import read_labelled
from subprobe.analysis.report.asked import asked
from subprobe.analysis.report.attribution_examples import examples_of, read_word_frame
from subprobe.analysis.run_folder.reading import Run, load_manifest, load_rows
from subprobe.analysis.running.attributed_words import FILE
from subprobe.analysis.single.loaded import LoadedModel
from subprobe.analysis.stability.mask_sets import read_mask_sets
from subprobe.analysis.summary.summaries import summaries
from subprobe.analysis.verdict.answer import answers_of
from subprobe.data.files.atomic import canonical_json
from subprobe.data.files.word_vectors import read_word_vectors
from subprobe.data.holmes.folder import read_data_set
from subprobe.data.output.tables import write_csv
from subprobe.data.sentences.plain_text import read_corpus
from subprobe.data.spans.span_file import read_span_file
from subprobe.data.tasks.by_name import custom_task
from subprobe.data.tasks.task_parts import split_parts
from subprobe.models.checkpoint.checkpoint import load_saved, load_tokenizer, read_meta
from subprobe.models.checkpoint.compact_files import load_compact, save_compact
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.subnetwork import Subnetwork, full_subnetwork
from subprobe.probes.options import parse_options
from subprobe.probes.patterns.network import SHIPPED, PatternClassifier, shipped_classifier
from tiny import tiny_model, tiny_tokenizer

__all__ = ["mask_readers", "model_readers", "run_readers", "table_readers"]

_RECORD = {
    "cell_id": "finetune-9df881a59e206c33", "model": "embedded", "task": "acceptability",
    "seed_init": 1, "seed_order": 1, "selection": "validation", "fingerprint": "ab12",
    "recipe": {"learning_rate": 0.001, "epochs": 1.0, "batch_size": 16, "max_length": 64},
    "n_truncated": 0, "flag": "", "wall_s": 1.2,
}  # fmt: skip


# -- models -------------------------------------------------------------------------------------


def model_readers(folder: Path) -> dict[str, Reader]:
    """The files of a model folder, of a sharded one and of a smaller model."""
    whole, sharded, smaller = (folder / name for name in ("whole", "sharded", "smaller"))
    model = tiny_model("bert", "classification", layers=1, heads=2, hidden=8)
    tokenizer = tiny_tokenizer("wordpiece")
    for place, size in ((whole, "1GB"), (sharded, "15KB")):
        model.save_pretrained(place, max_shard_size=size)
        tokenizer.save_pretrained(place)
    (whole / "subprobe.json").write_text(json.dumps(_RECORD))
    heads = np.array([[True, False]])
    mask = full_subnetwork(anatomy_of(model)).with_meta(head_mask=heads, kind="good")
    save_compact(model, tokenizer, smaller, mask, _RECORD)

    def load(place: Path) -> Callable[[], Any]:
        return lambda: load_saved(str(place))

    return _named(
        Reader("config.json", "json", whole / "config.json", load(whole)),
        Reader("tokenizer.json", "json", whole / "tokenizer.json", _tokenize(whole)),
        Reader("tokenizer_config.json", "json", whole / "tokenizer_config.json", _tokenize(whole)),
        Reader("weights", "bytes", whole / "model.safetensors", load(whole)),
        Reader("index", "json", sharded / "model.safetensors.index.json", load(sharded)),
        Reader("record", "json", whole / "subprobe.json", lambda: _record(whole)),
        Reader("compact", "safetensors", smaller / "compact.safetensors",
               lambda: load_compact(smaller)),
        Reader("compact mask", "safetensors", smaller / "mask.safetensors",
               lambda: load_compact(smaller)),
    )  # fmt: skip


def _tokenize(place: Path) -> Callable[[], Any]:
    def read() -> None:
        tokenizer = load_tokenizer(str(place))
        assert isinstance(tokenizer.pad_token_id, int | None)

    return read


def _record(place: Path) -> None:
    meta = read_meta(place)
    loaded = LoadedModel("m", None, None, None, meta)
    np.random.default_rng(loaded.seeds)
    torch.manual_seed(loaded.seeds[0])
    assert loaded.max_length > 0
    canonical_json(meta).encode()


# -- texts, examples and options ----------------------------------------------------------------

_SPANS = (
    '{"text": "The cats sat .", "targets": [{"span1": [0, 2], "span2": [2, 3], "label": "ARG0"}], '
    '"info": {"document_id": "d"}}\n'
    '{"text": "A caf\u00e9", "targets": [{"span1": [0, 1], "span2": [1, 2], "label": ["a"]}]}\n'
)
_TREEBANK = (
    "# sent_id = a\n# text = The cats sat.\n"
    "1\tThe\tthe\tDET\tDT\tDefinite=Def|PronType=Art\t2\tdet\t_\t_\n"
    "2\tcats\tcat\tNOUN\tNNS\tNumber=Plur\t3\tnsubj\t2:nsubj|3:x\tSpaceAfter=No\n"
    "3\tsat\tsit\tVERB\tVBD\t_\t0\troot\t_\t_\n\n"
    "# sent_id = b\n1-2\tdon't\t_\t_\t_\t_\t_\t_\t_\t_\n"
    "1\tdo\tdo\tAUX\tVB\t_\t0\troot\t_\t_\n2\tn't\tnot\tPART\tRB\t_\t1\tadvmod\t_\t_\n"
    "2.1\tx\tx\tX\tX\t_\t_\t_\t_\t_\n\n"
)
_CELLS = [("The cat sat.", "left", 1.5), ('A dog, "big" one', "right", 2.0),
          ("naïve café", "left", -3.25), ("x", "right", 0.0)] * 2  # fmt: skip
_COLUMNS = {"first": "text", "label": "side"}
_SCORES = {"first": "text", "score": "mark"}


def table_readers(folder: Path) -> dict[str, Reader]:
    """Treebanks, texts, tables of examples, and options."""
    for name, content in (("t.conllu", _TREEBANK), ("t.txt", "The cats sat.\n\nnaïve café\n")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        (folder / f"{name}.gz").write_bytes(gzip.compress(content.encode(), mtime=0))
    config = folder / "run.toml"
    config.write_text(config_toml(RunConfig()))
    found = [
        *(Reader(name, kind, folder / name, _corpus(folder / name))
          for name, kind in (("t.conllu", "text"), ("t.txt", "text"), ("t.conllu.gz", "bytes"))),
        Reader("config", "text", config, lambda: read_config(config).plain()),
        *(_examples(folder / form, form, columns, kind) for form, columns, kind in (
            ("tsv", _COLUMNS, "text"), ("csv", _COLUMNS, "text"), ("jsonl", _COLUMNS, "json"),
            ("parquet", _COLUMNS, "bytes"), ("score.jsonl", _SCORES, "json"),
            ("score.csv", _SCORES, "text"))),
    ]  # fmt: skip
    option = folder / "option.txt"
    option.write_text("attention-trees.root='free'")
    found.append(Reader("option", "text", option, lambda: _options(option)))
    spans = folder / "spans.jsonl"
    spans.write_text(_SPANS)
    found.append(Reader("spans", "json", spans, lambda: read_span_file(spans)))
    place = write_holmes(folder / "holmes", count=10) / "srl"
    for name in ("samples.csv", "config-none.yaml"):
        found.append(Reader(name, "text", place / name, lambda: read_data_set(place)))
    vectors = folder / "vectors.txt"
    vectors.write_text("3 2\nthe 0.5 1\ncat 1 -2\nsat 3e-1 4\n")
    found.append(
        Reader("vectors", "text", vectors, lambda: read_word_vectors(vectors, ["the", "cat"]))
    )
    return _named(*found)


def _options(path: Path) -> None:
    parse_options([path.read_bytes().decode(errors="replace")])


def _corpus(path: Path) -> Callable[[], Any]:
    return lambda: [sentence.raw_text().encode() for sentence in read_corpus(path)]


def _examples(folder: Path, form: str, columns: Mapping[str, str], kind: str) -> Reader:
    import pandas as pd

    folder.mkdir(parents=True)
    frame = pd.DataFrame(_CELLS, columns=["text", "side", "mark"])
    suffix = form.rpartition(".")[2]
    for split in ("train", "validation"):
        path = folder / f"{split}.{suffix}"
        match suffix:
            case "parquet":
                frame.to_parquet(path, index=False)
            case "jsonl":
                # one line that is damaged as JSON, others that are damaged as text
                path.write_text(frame.to_json(orient="records", lines=True))
            case _:
                frame.to_csv(path, sep="\t" if suffix == "tsv" else ",", index=False)

    def read() -> None:
        data = custom_task("own", folder, columns)
        split_parts(data, seed=1)
        canonical_json([example.texts() for example in data.splits["train"]]).encode()

    return Reader(form, kind, folder / f"train.{suffix}", read)


# -- masks and maps -----------------------------------------------------------------------------


def mask_readers(folder: Path) -> dict[str, Reader]:
    """Masks of this and of the published layout, maps, and the pattern classifier."""
    folder.mkdir(parents=True, exist_ok=True)
    heads = np.array([[True, False, True], [True, True, False]])
    mask = Subnetwork(heads, np.array([True, False]), model="embedded", task="acceptability",
                      seed_init=1, history=({"target": 0.8, "metric": 0.9},))  # fmt: skip
    one = folder / "good.safetensors"
    mask.save(one)
    for seed in (1, 2):
        place = folder / "published" / "cola" / f"seed_{seed}"
        place.mkdir(parents=True)
        np.save(place / "head_mask.npy", heads.astype(float))
        np.save(place / "mlp_mask.npy", np.array([1, 0]))
    published = folder / "published" / "cola" / "seed_1" / "head_mask.npy"
    rng = np.random.default_rng(0)
    for form in ("npz", "safetensors"):
        maps: dict[str, Any] = {f"m{k}": rng.dirichlet(np.ones(8), 8) for k in range(3)}
        place = folder / form
        place.mkdir()
        (place / "labels.csv").write_text("map,pattern\nm0,diagonal\nm1,vertical\nm2,block\n")
        if form == "npz":
            np.savez_compressed(place / "maps.npz", **maps)
        else:
            from safetensors.numpy import save_file

            save_file(maps, place / "maps.safetensors")
    classifier = folder / SHIPPED
    shipped_classifier().save(classifier)
    return _named(
        Reader("mask", "safetensors", one, lambda: _use(Subnetwork.load(one))),
        Reader("npy", "bytes", published, lambda: read_mask_sets(folder / "published")),
        Reader("npz", "bytes", folder / "npz" / "maps.npz", lambda: read_labelled(folder / "npz")),
        Reader("maps", "bytes", folder / "safetensors" / "maps.safetensors",
               lambda: read_labelled(folder / "safetensors")),
        Reader("labels", "text", folder / "npz" / "labels.csv",
               lambda: read_labelled(folder / "npz")),
        Reader("classifier", "safetensors", classifier, lambda: _classify(classifier)),
    )  # fmt: skip


def _use(mask: Subnetwork) -> None:
    from subprobe.analysis.steps.degenerate import degenerate_search
    from subprobe.pruning.sampling import sample

    degenerate_search(mask)
    json.dumps(mask.describe(), ensure_ascii=False).encode()
    if mask.n_heads and not mask.empty and mask.kind == "good":
        sample("random", [mask], seed=mask.seed_init, draw=0)


def _classify(path: Path) -> None:
    classifier = PatternClassifier.load(path)
    assert classifier.classify(torch.full((1, 9, 9), 1 / 9, dtype=torch.float64)).shape == (1, 5)
    canonical_json([classifier.digest, classifier.threshold]).encode()


# -- run folders --------------------------------------------------------------------------------


def run_readers(folder: Path) -> dict[str, Reader]:
    """A run's manifest, rows, cells and attributed words."""
    paired = folder / "paired"
    write_paired_run(paired, n=30, sentences=6)
    (paired / "manifest.json").write_text(json.dumps(_manifest(), indent=2))
    cell = next(path for path in sorted((paired / "cells").iterdir()) if "good" in path.name)
    made = folder / "made"
    made.mkdir()
    rows = report_rows(MadeRun(seeds=(1,), draws=2, layers=2, heads=4))
    write_csv(report_words(rows), made / FILE)
    answers = answers_of(rows, summaries(rows))
    manifest = paired / "manifest.json"

    def read_items() -> None:
        _read.cache_clear()
        _said(cell)
        read_probe_items(cell)
        _ = Run(paired, load_rows(paired), {}).items

    def read_manifest() -> None:
        found = load_manifest(paired)
        asked(found)
        _ = Run(paired, rows, found).manifest_table
        json.dumps(found, ensure_ascii=False).encode()

    def read_words() -> None:
        list(examples_of(read_word_frame(made), answers))

    return _named(
        Reader("manifest", "json", manifest, read_manifest),
        Reader("rows", "bytes", paired / "rows.parquet", lambda: summaries(load_rows(paired))),
        Reader("cell", "bytes", _own_copy(cell, folder / "alone.parquet"),
               lambda: CellOutput.load(folder / "alone.parquet")),
        Reader("items", "bytes", cell, read_items),
        Reader("words", "text", made / FILE, read_words),
    )  # fmt: skip


def _own_copy(path: Path, target: Path) -> Path:
    shutil.copy(path, target)
    return target


def _manifest() -> dict[str, Any]:
    return {
        "config": RunConfig().plain(),
        "versions": {"subprobe": "0.1.0", "torch": "2"},
        "model": {"name": "embedded", "fingerprint": "ab12"},
        "corpus": {"name": "natural", "sentences": 12},
        "runs": [{"task": "acceptability", "seed_init": 1, "recipe": {"epochs": 1.0},
                  "examples": {"train": 48, "validation": 16}, "search": {"structured": []}}],
        "host": {"cores": 2, "wall_s": 1.5},
    }  # fmt: skip


def _named(*readers: Reader) -> dict[str, Reader]:
    return {reader.name: reader for reader in readers}
