"""What a run reads before anything is computed: encoder, tasks, sentences, and their checks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ...data.tasks.class_order import parse_pairs
from ...models.checkpoint.checkpoint import load_encoder, load_tokenizer, resolve_model
from ...models.checkpoint.inputs import check_inputs, fitting_length
from ...models.encoder.anatomy import anatomy_of
from ...models.encoder.device import device_of
from ...models.encoder.fingerprint import weights_fingerprint
from ...models.smaller.shrink import check_removable
from ..configuration.asked_probes import needs_corpus
from ..configuration.config import ProbeOptions, RunConfig
from ..configuration.recipe import chosen_recipe, fitting_recipe
from ..steps.data_summary import summarise
from ..steps.probing import Corpus, read_probe_corpus
from ..steps.progress import Progress, Silent
from ..steps.readable import readable
from ..steps.selection import parts_for
from ..steps.task_head import check_whole, kept_head, start_of_head
from .seed_model import Setting
from .seed_run import SeedRun


def prepare(
    config: RunConfig, out: Path, corpus: Corpus | None, progress: Progress, *, tell: bool = False
) -> list[SeedRun]:
    """Read the encoder and the tasks of a run; its seeds in the order of their rows.

    With `tell`, what is odd about the tokenizer and the lengths is told.
    """
    device_of(config.device)
    teller = progress if tell else Silent()
    source = resolve_model(config.model)
    encoder, tokenizer = load_encoder(config.model), load_tokenizer(config.model)
    base = weights_fingerprint(encoder)
    if config.retrain.route == "compact":
        check_removable(encoder)
    check_whole(encoder, config.model)
    seeds: list[SeedRun] = []
    positions = anatomy_of(encoder).max_tokens
    for task in config.tasks:
        data = config.choice(task).load(config.sizes())
        found = check_inputs(
            encoder,
            tokenizer,
            where=config.model,
            pairs=data.spec.pair,
            allow_no_specials=config.allow_no_specials,
        )
        recipe = chosen_recipe(source, data.spec.name, config.recipe)
        recipe, cut = fitting_recipe(recipe, config.recipe, positions)
        said = tuple(line for line in (*found.said, cut) if line)
        if found.flag:
            data = readable(data, tokenizer, teller)
        head = kept_head(config, data.spec) if recipe.head == "kept" else ""
        setting = Setting(
            _with_length(config, positions),
            source,
            base,
            recipe,
            out,
            corpus,
            data,
            head=head,
            flag=found.flag,
            said=said,
        )
        for seed in config.seeds:
            parts = parts_for(data, config.prune, seed=seed)
            seeds.append(SeedRun(setting, parts, seed, progress))
    for line in dict.fromkeys(line for run in seeds for line in run.setting.said):
        teller.say(line)
    return seeds


def summaries_of(seeds: list[SeedRun]) -> list[dict[str, Any]]:
    """What was read of each task; the parts are those of its first seed."""
    firsts: dict[str, SeedRun] = {}
    for run in seeds:
        firsts.setdefault(run.parts.spec.name, run)
    return [
        summarise(
            run.setting.data,
            run.parts,
            load_tokenizer(run.setting.source.name),
            max_length=run.setting.recipe.max_length,
        )
        for run in firsts.values()
    ]


def _with_length(config: RunConfig, positions: int) -> RunConfig:
    """The options with the length that probed sentences keep: the usual one unless one is given."""
    length, _ = fitting_length(positions, config.probe.max_length, option="probe.max_length")
    probe = config.probe.model_copy(update={"max_length": length})
    return config.model_copy(update={"probe": probe})


def corpus_of(options: ProbeOptions, progress: Progress) -> Corpus | None:
    """The sentences that the probes of attention read; None where none is asked for."""
    return read_probe_corpus(options, progress) if needs_corpus(options) else None


def told_of_heads(seeds: Iterable[SeedRun]) -> list[str]:
    """What a run does with the head of the model that it starts from: a line a task and seed."""
    lines = []
    for run in seeds:
        setting = run.setting
        labels = parse_pairs(setting.config.labels)
        kept = setting.recipe.head == "kept"
        lines.append(
            start_of_head(setting.source.name, run.parts.spec, run.seed, kept=kept, labels=labels)
        )
    return [line for line in dict.fromkeys(lines) if line]
