"""subprobe: find the subnetworks of Transformer encoders and test what each still knows.

The names below are loaded when first used, so that importing the package costs nothing. Type
checkers, which run nothing, read the imports instead; a test holds the two to each other.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

_HOMES = {
    "Anatomy": "models.encoder.anatomy",
    "AnnotationError": "data.errors",
    "CheckpointError": "data.errors",
    "Comparison": "analysis.interactive.comparison",
    "ConfigError": "data.errors",
    "Context": "probes.forward.base",
    "DataFileError": "data.errors",
    "Example": "data.sentences.sentence",
    "Finished": "analysis.experiment",
    "Gates": "models.masks.gates",
    "Hypotheses": "analysis.interactive.mask_hypotheses",
    "InputError": "data.errors",
    "LoadedModel": "analysis.single.loaded",
    "MaskError": "data.errors",
    "Measurement": "analysis.interactive.measurement",
    "MemoryLimitError": "data.errors",
    "Probe": "probes.forward.base",
    "ProbeEntry": "probes.entry",
    "ProbeResult": "probes.forward.base",
    "Progress": "analysis.steps.progress",
    "PropertySearch": "analysis.interactive.property_search",
    "Rule": "pruning.search.plan",
    "Run": "analysis.run_folder.reading",
    "RunConfig": "analysis.configuration.config",
    "Scored": "pruning.search.structured",
    "SearchResult": "pruning.search.structured",
    "Sentence": "data.sentences.sentence",
    "Size": "pruning.search.plan",
    "Subnetwork": "models.masks.subnetwork",
    "SubprobeError": "data.errors",
    "SubprobeWarning": "data.errors",
    "TaskData": "data.tasks.task",
    "TaskParts": "data.tasks.task",
    "TaskSpec": "data.tasks.task",
    "UnknownNameError": "data.errors",
    "across_seeds": "pruning.across_seeds",
    "anatomy_of": "models.encoder.anatomy",
    "bad_of": "pruning.controls",
    "compare": "analysis.interactive.comparison",
    "evaluate": "analysis.interactive.measuring",
    "find_probe": "probes.registry",
    "fine_tune": "analysis.interactive.fine_tuning",
    "full_subnetwork": "models.masks.subnetwork",
    "hypotheses": "analysis.interactive.mask_hypotheses",
    "importance_pass": "pruning.importance.scoring",
    "list_probes": "probes.registry",
    "list_tasks": "data.tasks.by_name",
    "load_compact": "models.checkpoint.compact_files",
    "load_manifest": "analysis.run_folder.reading",
    "load_model": "analysis.single.loaded",
    "load_rows": "analysis.run_folder.reading",
    "load_run": "analysis.run_folder.reading",
    "load_task": "data.tasks.by_name",
    "probe": "analysis.interactive.measuring",
    "random_like": "pruning.controls",
    "read_config": "analysis.configuration.config",
    "read_conllu": "data.sentences.conllu_reader",
    "run_experiment": "analysis.experiment",
    "run_named_probes": "probes.named",
    "run_probes": "probes.forward.shared_pass",
    "save_compact": "models.checkpoint.compact_files",
    "search": "analysis.interactive.searching",
    "search_property": "analysis.interactive.property_search",
    "shrink": "models.smaller.shrink",
    "structured_search": "pruning.search.structured",
}
"""Public name -> the module that defines it."""

__all__ = sorted(_HOMES)

TYPE_CHECKING = False  # checkers know it by its name; typing takes longer to import than all else
if TYPE_CHECKING:
    from .analysis.configuration.config import RunConfig as RunConfig
    from .analysis.configuration.config import read_config as read_config
    from .analysis.experiment import Finished as Finished
    from .analysis.experiment import run_experiment as run_experiment
    from .analysis.interactive.comparison import Comparison as Comparison
    from .analysis.interactive.comparison import compare as compare
    from .analysis.interactive.fine_tuning import fine_tune as fine_tune
    from .analysis.interactive.mask_hypotheses import Hypotheses as Hypotheses
    from .analysis.interactive.mask_hypotheses import hypotheses as hypotheses
    from .analysis.interactive.measurement import Measurement as Measurement
    from .analysis.interactive.measuring import evaluate as evaluate
    from .analysis.interactive.measuring import probe as probe
    from .analysis.interactive.property_search import PropertySearch as PropertySearch
    from .analysis.interactive.property_search import search_property as search_property
    from .analysis.interactive.searching import search as search
    from .analysis.run_folder.reading import Run as Run
    from .analysis.run_folder.reading import load_manifest as load_manifest
    from .analysis.run_folder.reading import load_rows as load_rows
    from .analysis.run_folder.reading import load_run as load_run
    from .analysis.single.loaded import LoadedModel as LoadedModel
    from .analysis.single.loaded import load_model as load_model
    from .analysis.steps.progress import Progress as Progress
    from .data.errors import AnnotationError as AnnotationError
    from .data.errors import CheckpointError as CheckpointError
    from .data.errors import ConfigError as ConfigError
    from .data.errors import DataFileError as DataFileError
    from .data.errors import InputError as InputError
    from .data.errors import MaskError as MaskError
    from .data.errors import MemoryLimitError as MemoryLimitError
    from .data.errors import SubprobeError as SubprobeError
    from .data.errors import SubprobeWarning as SubprobeWarning
    from .data.errors import UnknownNameError as UnknownNameError
    from .data.sentences.conllu_reader import read_conllu as read_conllu
    from .data.sentences.sentence import Example as Example
    from .data.sentences.sentence import Sentence as Sentence
    from .data.tasks.by_name import list_tasks as list_tasks
    from .data.tasks.by_name import load_task as load_task
    from .data.tasks.task import TaskData as TaskData
    from .data.tasks.task import TaskParts as TaskParts
    from .data.tasks.task import TaskSpec as TaskSpec
    from .models.checkpoint.compact_files import load_compact as load_compact
    from .models.checkpoint.compact_files import save_compact as save_compact
    from .models.encoder.anatomy import Anatomy as Anatomy
    from .models.encoder.anatomy import anatomy_of as anatomy_of
    from .models.masks.gates import Gates as Gates
    from .models.masks.subnetwork import Subnetwork as Subnetwork
    from .models.masks.subnetwork import full_subnetwork as full_subnetwork
    from .models.smaller.shrink import shrink as shrink
    from .probes.entry import ProbeEntry as ProbeEntry
    from .probes.forward.base import Context as Context
    from .probes.forward.base import Probe as Probe
    from .probes.forward.base import ProbeResult as ProbeResult
    from .probes.forward.shared_pass import run_probes as run_probes
    from .probes.named import run_named_probes as run_named_probes
    from .probes.registry import find_probe as find_probe
    from .probes.registry import list_probes as list_probes
    from .pruning.across_seeds import across_seeds as across_seeds
    from .pruning.controls import bad_of as bad_of
    from .pruning.controls import random_like as random_like
    from .pruning.importance.scoring import importance_pass as importance_pass
    from .pruning.search.plan import Rule as Rule
    from .pruning.search.plan import Size as Size
    from .pruning.search.structured import Scored as Scored
    from .pruning.search.structured import SearchResult as SearchResult
    from .pruning.search.structured import structured_search as structured_search
else:

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module 'subprobe' has no attribute {name!r}")
        value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
        globals()[name] = value  # found at once the next time
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
