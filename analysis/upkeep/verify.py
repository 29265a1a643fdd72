"""Verify the cells of a run: check files against certificates, and compute some cells again."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...data.errors import ConfigError, InputError
from ..plan.whole_run import RunPlan
from ..run_folder.manifest_file import read_manifest
from ..running.execute import assess
from ..steps.progress import Progress, Silent
from .recorded import plan_of, threads_recorded

if TYPE_CHECKING:
    from .again import Again


@dataclass
class Verified:
    """The result of a verification.

    Attributes:
        folder: the run folder.
        cells: number of cells in its configuration.
        sound: number of finished cells with all files as they were written.
        damaged: cell -> what is wrong with it.
        missing: cells that are missing although the run is finished.
        unfinished: cells that are missing in a run that is not finished.
        recomputed: cells that were computed again.
        different: recomputed cell -> which outputs differ.
        notes: possible explanations of differences.
    """

    folder: str
    cells: int = 0
    sound: int = 0
    damaged: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    recomputed: list[str] = field(default_factory=list)
    different: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether no fault was found."""
        return not (self.damaged or self.missing or self.different)

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self) | {"good": self.good}

    def lines(self) -> list[str]:
        """The result in words, with one line for each faulty cell."""
        said = [f"{name}: DAMAGED: {why}" for name, why in self.damaged.items()]
        said += [f"{name}: MISSING" for name in self.missing]
        said += [f"{name}: DIFFERENT: {why}" for name, why in self.different.items()]
        if self.different:
            said += [f"note: {note}" for note in self.notes]
        said.append(f"{self.sound} of {self.cells} cells are intact")
        if self.unfinished:
            said.append(f"{len(self.unfinished)} cells are not computed yet")
        if self.recomputed:
            same = len(self.recomputed) - len(self.different)
            said.append(f"{same} of {len(self.recomputed)} recomputed cells agree")
        return said


def verify_run(
    folder: Path, *, sample: int = 0, seed: int = 0, every: bool = False,
    progress: Progress | None = None,
) -> Verified:  # fmt: skip
    """Check the content of every file of a run, and compute some of its cells again.

    Nothing is written into the run folder. Recomputed outputs are compared byte by byte with the
    stored ones and then removed.

    Args:
        folder: the run folder.
        sample: number of intact cells, drawn at random, that are computed again.
        seed: seed of this sample.
        every: compute all intact cells again.
        progress: where it reports to.

    Raises:
        ConfigError: for a folder without a run, for a negative sample, or if cells are to be
            computed again but their inputs have changed.
    """
    if sample < 0:
        raise ConfigError(f"sample must be >= 0, got {sample}")
    progress, plan = progress or Silent(), plan_of(folder)
    found = Verified(str(folder), len(plan.graph))
    with progress.stage("checking files"):
        state = assess(plan.graph, plan.ids, plan.store, whole=True)
    found.sound = len(state.proofs)
    known, manifest = _known_missing(plan)
    for name, why in state.todo.items():
        if why == "missing":
            (found.unfinished if name in known or not manifest else found.missing).append(name)
        else:
            found.damaged[name] = why
    chosen = list(state.proofs)
    if not every:
        chosen = sorted(
            random.Random(seed).sample(chosen, min(sample, len(chosen))), key=chosen.index
        )
    if chosen:
        again = _again(plan, found, manifest, progress)
        with (
            progress.stage("computing again") as advance,
            tempfile.TemporaryDirectory(prefix="subprobe-verify-") as scratch,
        ):
            for number, name in enumerate(chosen):
                advance(number, len(chosen))
                if wrong := again.differs(name, Path(scratch)):
                    found.different[name] = wrong
                found.recomputed.append(name)
            advance(len(chosen), len(chosen))
    return found


def _known_missing(plan: RunPlan) -> tuple[set[str], dict[str, Any]]:
    """The cells that the manifest lists as missing, and the manifest; empty if none exists."""
    try:
        manifest = read_manifest(plan.folder / "manifest.json")
    except InputError:
        return set(), {}
    listed = manifest.get("missing")
    held = listed if isinstance(listed, list) else []
    return {str(one.get("cell")) for one in held if isinstance(one, dict)}, manifest


def _again(
    plan: RunPlan, found: Verified, manifest: Mapping[str, Any], progress: Progress
) -> Again:
    # imports torch and transformers, which checking files does not need
    from ..running.manifest import versions
    from .again import Again

    then, now = manifest.get("versions"), versions()
    if isinstance(then, dict):
        found.notes += [
            f"{name} {then[name]} then, {now.get(name) or 'none'} now"
            for name in then
            if then[name] != now.get(name, "")
        ]
    return Again(plan, threads_recorded(plan.folder), progress)
