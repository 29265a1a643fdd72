"""The run that a folder already contains: whether to continue, extend or replace it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Literal

from ...data.errors import ConfigError, InputError
from ...data.files.temporaries import remove_stale
from ...data.output.folders import remove_own, write_record
from ...data.output.ownership import RECORD, RUN, Record, imprint, is_cell
from ...data.output.run_record import CONFIGURATION, SEEDS, run_configuration
from ...probes.registry import entries_of
from ..configuration.config import RunConfig, parse_config
from ..configuration.crossed_seeds import CROSSED_LISTS, without_crossed
from ..configuration.renamed import renamed
from ..plan.whole_run import SOURCES, THREADS, RunPlan

Existing = Literal["refuse", "add", "new"]
"""What to do with a different run in the folder."""

_NO_RESULT = {
    "workers", "threads", "device", "deterministic", "retrain.keep",
    "recipe.checkpoint_steps", "recipe.checkpoint_minutes", "probe.cache", "probe.cache_limit",
}  # fmt: skip
"""Options that change results by rounding at most."""

_LISTS = {"tasks", "seeds", *CROSSED_LISTS, "prune.methods", "probe.names", "probe.states"}
_COUNTS = {
    "curve.draws",
    "same_score.masks",
    "controls.draws",
    "controls.retrained_draws",
    "probe.draws",
}
_PLACES = {
    "model", "data_dir", "probe.corpus", "probe.train", "probe.dev", "probe.test",
    "probe.options.attention-patterns.weights",
}  # fmt: skip
_WHOLE_SECTIONS = {"curve": "shares", "same_score": "masks"}
"""Section that a run may have or not -> the option that asks for it."""
_LEARNT_FROM = {"probe.train", "probe.dev", "probe.train_sentences"}
_SWITCHES = {"controls.across_seeds", "controls.untrained", "controls.bag_of_words",
             "controls.artefacts", "controls.complement",
             "controls.untrained_search"}  # fmt: skip


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Option -> its two values, for options that differ; lists such as seeds count as sets."""
    one, other = dict(_flat(old, "")), dict(_flat(new, ""))
    found = {}
    for name in [*other, *(name for name in one if name not in other)]:
        pair = one.get(name), other.get(name)
        if name not in _NO_RESULT and not _same(name, *pair):
            found[name] = pair
    return found


def _same(name: str, one: Any, other: Any) -> bool:
    """Whether two values are equivalent: lists in any order and case, paths in any spelling."""
    if name in _LISTS and isinstance(one, list) and isinstance(other, list):
        return set(map(_key, one)) == set(map(_key, other))
    if name in _PLACES and isinstance(one, str) and isinstance(other, str) and one and other:
        if name == "model" and not (_is_path(one) and _is_path(other)):
            return one == other
        return Path(one).expanduser().resolve() == Path(other).expanduser().resolve()
    return bool(one == other)


def _key(value: Any) -> str:
    return str(value).casefold()


def _is_path(model: str) -> bool:
    return model.startswith((".", "/", "~"))


def _flat(options: Mapping[str, Any], above: str) -> Any:
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def said(different: Mapping[str, tuple[Any, Any]]) -> str:
    """Differences in words: `seeds: 1, 2 -> 5; recipe.epochs: 1.0 -> 2.0`."""
    return "; ".join(f"{name}: {_shown(a)} -> {_shown(b)}" for name, (a, b) in different.items())


def _shown(value: Any) -> str:
    if value is None or value in ("", []):
        return "not set"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def settled(
    config: RunConfig, folder: Path, existing: Existing, say: Callable[[str], None]
) -> RunConfig:
    """The configuration to run in a folder, which may already contain a run.

    Args:
        config: the requested options.
        folder: the run folder.
        existing: `refuse` a different configuration; `add` the requested options to it; or start
            `new`.
        say: receives a message that lists the differences.

    Raises:
        ConfigError: listing the differences.
    """
    earlier = run_configuration(folder)
    if earlier is None:
        return config
    earlier = _filled(earlier)
    different = differences(earlier, config.plain())
    if not different:
        return config if existing == "new" else _split_as_before(config, earlier)
    if existing == "new":
        say(f"starting a new run instead of the one in {folder}: {said(different)}")
        return config
    if existing == "refuse":
        raise ConfigError(
            f"contains a run with a different configuration ({said(different)})",
            where=str(folder),
            remedy="choose `add` to extend that run or `new` to start again, or name another "
            "folder",
        )
    both = _united(earlier, config.plain(), different, folder)
    if added := differences(earlier, both.plain()):
        say(f"adding to the run in {folder}: {said(added)}")
    return both


def _split_as_before(config: RunConfig, earlier: Mapping[str, Any]) -> RunConfig:
    """The configuration with crossed seeds in their earlier order: the first splits examples."""
    before = earlier.get("seeds_init")
    if not before or list(config.seeds_init) == before:
        return config
    return parse_config(without_crossed({**config.plain(), "seeds_init": before}), where=RECORD)


def _filled(earlier: dict[str, Any]) -> dict[str, Any]:
    """An earlier configuration, completed with the defaults of newer options."""
    try:
        return parse_config(renamed(earlier), where=RECORD).plain()
    except InputError:
        return earlier


def _united(
    old: dict[str, Any],
    new: dict[str, Any],
    different: Mapping[str, tuple[Any, Any]],
    folder: Path,
) -> RunConfig:
    """The union of two configurations.

    Raises:
        ConfigError: for different values of an option that must be the same in the whole run.
    """
    fixed = {
        name: pair
        for name, pair in different.items()
        if (name not in _LISTS | _COUNTS | _SWITCHES or _of_first_crossing(name, *pair))
        and not _of_new_probe(name, old, new)
        and not _of_first_learning(name, old)
        and not _of_one_side(name, old, new)
    }
    if fixed:
        raise ConfigError(
            f"these options must be the same in the whole run ({said(fixed)})",
            where=str(folder),
            remedy="`add` adds tasks, seeds, methods, probes and draws: keep the other options, "
            "start again with `new`, or name another folder",
        )
    both = json.loads(json.dumps(new))
    for section, asked in _WHOLE_SECTIONS.items():
        if _of_one_side(f"{section}.{asked}", old, new) and not new[section][asked]:
            both[section] = old[section]
    for name, (one, other) in different.items():
        if _of_one_side(name, old, new):
            continue
        *sections, last = name.split(".")
        place = both
        for section in sections:
            place = place.setdefault(section, {})
        if name in _LISTS:
            known = set(map(_key, one))
            place[last] = [*one, *(value for value in other if _key(value) not in known)]
        elif name in _COUNTS | _SWITCHES:
            place[last] = max(one, other)
        else:
            place[last] = one if other is None else other
    return parse_config(without_crossed(both), where=str(folder))


def _of_first_crossing(name: str, one: Any, other: Any) -> bool:
    """Whether seeds are crossed in only one of two configurations: their splits differ."""
    return name in CROSSED_LISTS and not (one and other)


def _of_new_probe(name: str, old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether an option belongs to a probe that only the configuration that sets it has."""
    parts = name.split(".")
    if parts[:2] != ["probe", "options"] or len(parts) < 3:
        return False
    return not all(parts[2] in side.get("probe", {}).get("names", ()) for side in (old, new))


def _of_one_side(name: str, old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether an option is in a section that only one configuration asks for."""
    section = name.partition(".")[0]
    if section not in _WHOLE_SECTIONS:
        return False
    return not all(side.get(section, {}).get(_WHOLE_SECTIONS[section]) for side in (old, new))


def _of_first_learning(name: str, old: dict[str, Any]) -> bool:
    """Whether an option names the training data of probes, and the run has no trained probe yet."""
    if name not in _LEARNT_FROM:
        return False
    entries = entries_of(old.get("probe", {}).get("names", ()))
    return not any("training-part" in entry.further for entry in entries)


def begin(plan: RunPlan, threads: int, existing: Existing) -> None:
    """Record the run that is about to be written to a folder; with `new`, remove an earlier one.

    Args:
        plan: the run; its folder is created if necessary.
        threads: number of threads per cell.
        existing: see `settled`.
    """
    folder = plan.folder
    remove_halves(folder)
    record = Record.of(folder)
    files = dict(record.files)
    if existing == "new":
        remove_own(folder, files.pop(RUN, {}))
        _remove_models(folder / "models", plan.seeds, set(plan.ids.values()))
    read = {**plan.sources.plain(), "configuration": plan.configuration}
    facts = {
        **record.facts,
        RUN: {
            CONFIGURATION: plan.config.plain(),
            SEEDS: plan.seeds,
            THREADS: threads,
            SOURCES: read,
        },
    }
    after = Record(facts, files)
    if after != record:
        write_record(folder, after)


def remove_halves(folder: Path) -> None:
    """Remove unfinished files in a run folder whose processes have ended."""
    for one in (folder / "cells", folder / "models", *(folder / "models").glob("*")):
        remove_stale(one)


def _remove_models(folder: Path, kept: Collection[str], cells: Collection[str]) -> None:
    """Remove the models of other tasks, seeds and cells that subprobe wrote."""
    if folder.is_symlink() or not folder.is_dir():
        return
    for model in folder.iterdir():
        if model.is_symlink() or not model.is_dir() or model.name in kept:
            continue
        record = Record.of(model)
        if record.facts.get("cell_id") in cells:
            continue
        own = {RECORD: imprint(model / RECORD)} if record.files else {}
        for names in record.files.values():
            remove_own(model, names)
        remove_own(model, own)
        if not any(model.iterdir()):
            model.rmdir()


def remove_unused(cells: Path, used: Collection[str]) -> None:
    """Remove the finished cells that do not belong to a run.

    Args:
        cells: their folder.
        used: identities of the cells of the run.
    """
    for path in cells.iterdir():
        identity = path.name.partition(".")[0]
        if is_cell(path.name) and identity not in used and not path.is_symlink():
            path.unlink()
