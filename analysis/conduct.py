"""One run from its input to its report: compute missing cells, then write the tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ..data.errors import ConfigError, DataFileError, SubprobeError
from ..data.files.full_disk import room_asked_for
from ..data.output.folders import atomic_folder, check_no_links
from ..data.output.ownership import LOCKS, RUN
from ..data.output.tables import write_csv, write_parquet
from .attributed.word_agreement import FILE as AGREEMENT_FILE
from .attributed.word_agreement import agreement_table
from .calibration.of_folder import WRITTEN as ANSWERED
from .calibration.of_run import answer_tables_of, classes_of
from .comparison.tables import comparison_tables
from .configuration.config import RunConfig
from .cost.estimate import seconds_of
from .cost.inputs import workload_of
from .cost.model_sizes import counted_sizes, tasks_of
from .cost.rates import usual_rates
from .curve.written import run_curves
from .experiment import Finished, unchanged
from .hypotheses.of_run import NAME as HYPOTHESES
from .hypotheses.of_run import run_hypotheses
from .learning.parts import write_learning
from .learning.state_folder import run_states
from .plan.preparing import Prepared, check_learning, check_probes, summaries_of, told_of_heads
from .plan.whole_run import RunPlan, read_plan
from .profile.probe_differences import FILE as DIFFERENCES
from .profile.probe_differences import probe_differences
from .profile.profile import has_profile, profile_table
from .report.report import write_report
from .run_folder.dictionary import typed
from .running.attacked_texts import FILE as ATTACKED_FILE
from .running.attacked_texts import attacked_frame
from .running.attributed_words import FILE as WORDS_FILE
from .running.attributed_words import WORDS, compared_words, word_frame, words_table
from .running.collect import Collected
from .running.earlier import Existing, begin, remove_unused, settled
from .running.engine import EngineMaker, InThisProcess
from .running.execute import State, assess, execute, first_error
from .running.locks import RunLocks, named, owners
from .running.manifest import write_manifest
from .running.pool import Pool
from .running.resources import computing_with, threads_of, workers_of
from .running.stopping import stopped_by_signals
from .same_score.written import run_same_score
from .steps.data_summary import summary_lines, without_texts
from .steps.identity import flagged, flagged_by_label
from .steps.probing import corpus_note
from .steps.progress import Progress, Silent
from .storage.store import WRITTEN
from .summary.degenerate import flag_degenerate
from .summary.summaries import summaries
from .upkeep.room import room_needed
from .verdict.answers_table import write_answers
from .verdict.material import COMPARED


def conduct(
    config: RunConfig,
    out: Path,
    progress: Progress,
    existing: Existing,
    started: float,
    *,
    retries: int = 0,
    maker: EngineMaker | None = None,
) -> Finished:
    """Compute the missing cells of a run, then write its tables and report (`run_experiment`)."""
    with progress.stage("reading tasks and sentences"):
        plan, prepared = read_plan(config, out, progress)
        corpus = check_probes(config, progress)
        parts, learnt = check_learning(prepared, progress)
        read = summaries_of(prepared)
    check_no_links(out, WRITTEN)
    with (
        room_asked_for(out, lambda: room_needed(plan)),
        RunLocks(out, plan.configuration) as locks,
        stopped_by_signals(),
    ):
        for other in locks.others:
            progress.say(f"{named(other)} also computes in {out}: the cells are shared")
        with locks.writing():
            _check_same(config, out, existing)
            threads = threads_of(config, out)
            begin(plan, threads, existing)
        for line in told_of_heads(prepared):
            progress.say(line)
        for line in (line for summary in read for line in summary_lines(summary)):
            progress.say(line)
        state = State()
        collected = _computed(plan, prepared, threads, progress, retries, maker, state)
        missing = _missing(plan, state)
        with locks.writing():
            if not missing and (finished := unchanged(plan)) is not None:
                # a process that shared the work has written the tables already
                return finished
            # masks, tables and report come into the folder together; a file of the user's that was
            # not there when the folder was checked is set aside
            with atomic_folder(out, RUN, overwrite=True) as folder:
                flag = next(iter(prepared.tasks.values())).flag
                rows = flagged(flag_degenerate(collected.rows), flag)
                if config.prune.ablation == "resample" and "label" in config.prune.match_donors:
                    rows = flagged_by_label(rows)
                collected.copy_masks(folder / "masks")
                manifest = write_manifest(
                    folder, plan, collected,
                    outcome=state.outcome(plan.configuration), threads=threads, started=started,
                    data=[without_texts(one) for one in read], said=_said(prepared),
                    corpus=corpus_note(corpus, config.probe),
                    learning=learnt, missing=missing, sizes=counted_sizes(out, tasks_of(rows)),
                )  # fmt: skip
                if parts is not None and learnt is not None:
                    write_learning(folder, {"learning": {**learnt, "ids": parts.ids}})
                words = word_frame(collected)
                tables = write_tables(rows, folder, out / "cells", manifest)
                if len(words):
                    write_csv(words, folder / WORDS_FILE)
                    write_csv(words_table(words, collected), folder / f"{WORDS}.csv")
                    tables |= _agreement(collected, config.probe.correction, folder)
                attacked = attacked_frame(collected)
                if len(attacked):
                    write_csv(attacked, folder / ATTACKED_FILE)
                    tables |= {Path(ATTACKED_FILE).stem: attacked}
                write_report(rows, manifest, folder / "report.html", words=words, tables=tables)
            if existing == "new":
                remove_unused(out / "cells", set(plan.ids.values()))
            if not config.retrain.keep and state.whole:
                for name in plan.graph.cells:
                    _spend(plan, state, name)
            if parts is not None and not config.probe.cache and not owners(out / LOCKS)[1:]:
                run_states(out, "", config.probe.cache_limit).remove()
    return Finished(out, rows, manifest, tuple(read), tuple(missing))


def _agreement(collected: Collected, correction: str, folder: Path) -> dict[str, pd.DataFrame]:
    """Write the agreement of subnetworks in their attributions to words, if there are several."""
    table = agreement_table(compared_words(collected), correction=correction)
    if table.empty:
        return {}
    write_csv(table, folder / AGREEMENT_FILE)
    return {Path(AGREEMENT_FILE).stem: table}


def _check_same(config: RunConfig, out: Path, existing: Existing) -> None:
    """Check that no other run has started in the folder meanwhile.

    Raises:
        ConfigError: if one has.
    """
    if settled(config, out, existing, Silent().say) != config:
        raise ConfigError(
            "another run has started there meanwhile",
            where=str(out),
            remedy="run the same command again, or name another folder",
        )


def _computed(
    plan: RunPlan,
    prepared: Prepared,
    threads: int,
    progress: Progress,
    retries: int,
    maker: EngineMaker | None,
    state: State,
) -> Collected:
    """The outputs of all cells; missing and damaged ones are computed.

    Raises:
        SubprobeError: if nothing could be scored.
    """
    for whole in (False, True):
        # a cell that was altered without a trace in size and time is found when it is read
        state.take(assess(plan.graph, plan.ids, plan.store, whole=whole))
        if state.todo:
            _compute(plan, prepared, threads, progress, retries, maker, state)
        if not whole and any(isinstance(d.error, DataFileError) for d in state.failed.values()):
            continue
        collected = Collected(plan.graph, plan.ids, plan.store, state.proofs)
        try:
            collected.check_masks()
            if len(collected.rows):
                return collected
        except DataFileError:
            if whole:
                raise
            continue
        break
    why = next(iter(state.failed.values())).why if state.failed else "no cell has rows"
    raise first_error(state) or SubprobeError(
        f"nothing could be scored: {why}", where=str(plan.folder)
    )


def _compute(
    plan: RunPlan,
    prepared: Prepared,
    threads: int,
    progress: Progress,
    retries: int,
    maker: EngineMaker | None,
    state: State,
) -> None:
    workers = workers_of(plan.config, threads, len(state.todo))
    with computing_with(threads, deterministic=plan.config.deterministic):
        if maker is not None:
            engine = maker(plan, threads, progress)
        elif workers > 1:
            engine = Pool(plan.config, plan.folder, workers, threads, progress)
        else:
            engine = InThisProcess(prepared, plan.folder, progress)
        try:
            execute(
                plan.graph, plan.ids, plan.store, engine, state, progress,
                retries=retries, seconds=_expected(plan, prepared, threads, state),
                spent=None if plan.config.retrain.keep else lambda name: _spend(plan, state, name),
            )  # fmt: skip
        finally:
            engine.close()


def _expected(plan: RunPlan, prepared: Prepared, threads: int, state: State) -> dict[str, float]:
    """Expected seconds of each cell, estimated from the finished ones."""
    data = {task.data.spec.name: task.data for task in prepared.tasks.values()}
    work = workload_of(plan.config, plan.sources.facts, data)
    rates = usual_rates(plan.config.device, threads)
    return seconds_of(plan.graph, work, state.proofs, rates)


def _missing(plan: RunPlan, state: State) -> list[dict[str, str]]:
    """The cells that are missing from the tables, each with its reason."""
    found = [
        {"cell": name, "why": done.why, "log": f"logs/{plan.store.log(plan.ids[name]).name}"}
        for name, done in state.failed.items()
    ]
    return found + [
        {"cell": name, "why": f"reads {cause}, which failed", "log": ""}
        for name, cause in state.skipped.items()
    ]


def _said(prepared: Prepared) -> list[str]:
    """The messages about the tokenizer and the lengths, each line once."""
    return list(dict.fromkeys(line for task in prepared.tasks.values() for line in task.said))


def _spend(plan: RunPlan, state: State, name: str) -> None:
    """Remove a model that was trained only to be scored and probed; the full model stays."""
    if plan.graph[name].step in ("retrain", "untrained") and name in state.proofs:
        for mark in state.proofs[name].files[1:2]:
            plan.store.remove_model(mark)


def write_tables(
    rows: pd.DataFrame, out: Path, cells: Path, manifest: Mapping[str, Any]
) -> dict[str, pd.DataFrame]:
    """Write the rows as `rows.parquet`, and the tables computed from them as CSV.

    Args:
        rows: every tidy row of the run.
        out: the folder to write to.
        cells: the folder of its cells.
        manifest: what `manifest.json` holds.

    Returns:
        The summaries by name, comparisons and tests of scores, the linguistic profile and the
        differences between good and random in probes where there are any, calibration and metrics
        by label of tasks with classes, hypotheses where complements were scored, curves over
        sizes, masks of equal score, and the headline table.
    """
    write_parquet(rows, out / "rows.parquet")
    summed = summaries(rows)
    compared = comparison_tables(rows, cells, probes=False)
    own = {"profile": profile_table(rows, cells)} if has_profile(rows) else {}
    if len(found := probe_differences(rows, cells)):
        own[DIFFERENCES] = found
    answered = answer_tables_of(rows, cells, classes_of(manifest))
    own |= {name: answered[name] for name in ANSWERED if len(answered[name])}
    if len(found := run_hypotheses(rows, cells)):
        own[HYPOTHESES] = found
    own |= run_curves(rows, cells) | run_same_score(rows, cells)
    for name, table in {**summed, **compared, **own}.items():
        # counts without a value in some line are floats in pandas, and whole numbers in the file
        write_csv(typed(name, table), out / f"{name}.csv")
    known = {**summed, **own, **{name: compared[name] for name in COMPARED}}
    return write_answers(rows, manifest, out, known)
