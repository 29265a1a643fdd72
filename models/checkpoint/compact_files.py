"""Save and load the folder of a smaller model: weights, configuration, tokenizer and mask.

The configuration is that of the full model, because transformers has no fields for layers of
different size. The name of the weights file differs from the one that transformers expects, so that
transformers reports missing weights instead of initialising them randomly.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import safe_open
from safetensors.torch import save_file

from ...data.errors import CheckpointError, MaskError
from ...data.files.atomic import canonical_json
from ...data.files.json_text import json_object
from ...data.files.reading import reading
from ...data.output.folders import atomic_folder
from ...data.output.ownership import SIGNED
from ...data.tasks.class_order import Pairs
from ...data.tasks.task import TaskSpec
from ..encoder.anatomy import anatomy_of
from ..encoder.kept_units import KeptUnits, kept_units_of
from ..folder.asked_sizes import check_against_files
from ..folder.checkpoint_files import META_FILE, attention_for, loading, quiet_library, read_config
from ..folder.sources import COMPACT_FILE, MASK_FILE, MODEL, WEIGHTS, ModelSource
from ..folder.weight_files import stored_parameters
from ..masks.compact_mask import kept_by
from ..masks.subnetwork import Subnetwork
from ..smaller.shrink import cut_down, shrink
from .contract import HEAD, class_names, contract, named_classes, put_in_order
from .trial import check_runs

FORMAT_VERSION = 1
_KEY = SIGNED
_MOST_CUT = 50
"""Maximum ratio of the sizes of the full and the smaller model."""


def save_compact(
    model: Any,
    tokenizer: Any,
    folder: Path | str,
    subnetwork: Subnetwork,
    meta: Mapping[str, Any],
    *,
    overwrite: bool = False,
) -> None:
    """Save a smaller model in a folder that `load_compact` reads, atomically and without pickles.

    Args:
        model: the result of `shrink` with this mask, trained further or not; or the full model.
        tokenizer: its tokenizer.
        folder: the output folder.
        subnetwork: the mask.
        meta: facts to store in `subprobe.json`.
        overwrite: write even if the folder contains files that subprobe did not write; they are
            kept.

    Raises:
        ConfigError: if the folder contains such files.
        MaskError: if the model does not have exactly the units of the mask.
    """
    kept_units = kept_units_of(model)
    if kept_units is None:
        model = shrink(model, subnetwork)
    elif not _same(kept_units, kept_by(subnetwork, kept_units.num_neurons)):
        raise MaskError("the units of the smaller model are not those that the mask keeps")
    config = copy.deepcopy(model.config)
    config.architectures = [type(model).__name__]
    stamp = {"format_version": FORMAT_VERSION, "mask_id": subnetwork.mask_id}
    with (
        atomic_folder(folder, MODEL, overwrite=overwrite, alone=WEIGHTS) as temporary,
        quiet_library(),
    ):
        config.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
        save_file(
            {name: tensor.contiguous() for name, tensor in _tensors(model).items()},
            temporary / COMPACT_FILE,
            # a single key, because safetensors writes several in hash order
            metadata={_KEY: canonical_json(stamp)},
        )
        (temporary / MASK_FILE).write_bytes(subnetwork.to_bytes())
        text = json.dumps({**meta, "form": "compact"}, indent=2)
        (temporary / META_FILE).write_text(text + "\n", "utf-8")


def load_compact(
    folder: Path | str,
    spec: TaskSpec | None = None,
    *,
    attention: str = "sdpa",
    labels: Pairs = (),
) -> Any:
    """Load a smaller model that `subprobe compact` or `save_compact` wrote, in eval mode.

    Its attribute `subprobe_kept_units` states which units of the full model it has.

    Args:
        folder: the folder of the model.
        spec: the task that its head must be for; None = accept any head, or none.
        attention: `sdpa` or `eager`; a family without sdpa always gets eager.
        labels: pairs of matching classes of the task and the model, for different names.

    Raises:
        CheckpointError: if files are missing or damaged, mask and weights do not match, or the head
            belongs to another task.
        MaskError: if the mask cannot be read or is for another model.
        UnknownNameError: if the family is not supported.
    """
    path = Path(folder).expanduser()
    if not (path / COMPACT_FILE).is_file():
        raise CheckpointError(
            f"holds no {COMPACT_FILE}",
            where=str(folder),
            remedy="name a folder that subprobe compact wrote",
        )
    source = ModelSource("folder", str(path), str(folder))
    subnetwork = Subnetwork.load(path / MASK_FILE)
    config = read_config(source)
    order = contract(source, spec, labels) if spec is not None else None
    kind = _model_class(config, source)
    if kind.__name__.endswith(HEAD):
        for field, value in named_classes(class_names(source)).items():
            setattr(config, field, value)
    _check_size(config, subnetwork, path, source.name)
    with loading(source, "model"), torch.random.fork_rng(devices=[]), quiet_library():
        # random weights of the full shape, all of which are removed or replaced
        model = kind._from_config(config, attn_implementation=attention_for(config, attention))
    anatomy = anatomy_of(model)
    subnetwork.check_fits(anatomy, where=str(path / MASK_FILE))
    cut_down(model, subnetwork)
    _fill(model, subnetwork, path, source.name)
    if spec is not None:
        put_in_order(model, spec, order)
    return check_runs(model.eval(), source.name)


def _check_size(config: Any, subnetwork: Subnetwork, path: Path, name: str) -> None:
    """Raise, before the full model is allocated, unless its size fits the files and the mask."""
    expected = (config.num_hidden_layers, config.num_attention_heads)
    if subnetwork.head_mask.shape != expected:
        raise MaskError(
            f"the mask is for [L, H] = {list(subnetwork.head_mask.shape)}, but the configuration "
            f"has {list(expected)}",
            where=str(path / MASK_FILE),
        )
    stored = stored_parameters([path / COMPACT_FILE])
    check_against_files(config, _MOST_CUT * stored, name)


def _same(one: KeptUnits, other: KeptUnits) -> bool:
    return not one.lost(other) and not other.lost(one)


def _tensors(model: Any) -> dict[str, torch.Tensor]:
    """Parameters and stored buffers by name, tied ones once."""
    named = {name: parameter.detach() for name, parameter in model.named_parameters()}
    parameters = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    state = model.state_dict()
    return named | {name: tensor for name, tensor in state.items() if name not in parameters}


def _model_class(config: Any, source: ModelSource) -> Any:
    """The transformers class named in the configuration."""
    names = config.architectures or [""]
    kind: Any = getattr(transformers, names[0], None)
    if not hasattr(kind, "config_class"):
        raise CheckpointError(
            f"its configuration names the class {names[0]!r}, which transformers does not have",
            where=source.name,
        )
    if kind.config_class is not type(config):
        raise CheckpointError(
            f"its configuration is of {config.model_type}, its class {names[0]} is not",
            where=source.name,
        )
    return kind


@torch.no_grad()
def _fill(model: Any, subnetwork: Subnetwork, path: Path, name: str) -> None:
    """Replace the random weights by the stored ones.

    Raises:
        CheckpointError: if their names and shapes do not fit the mask.
    """
    with (
        reading(name, CheckpointError, problem="weights are damaged"),
        safe_open(path / COMPACT_FILE, framework="pt") as stored,
    ):
        text = (stored.metadata() or {}).get(_KEY, "{}")
        found = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118
    meta = json_object(text, path / COMPACT_FILE, CheckpointError)
    if meta.get("format_version") != FORMAT_VERSION:
        raise CheckpointError(
            f"weights of format version {meta.get('format_version')!r}, this subprobe reads "
            f"{FORMAT_VERSION}",
            where=name,
        )
    own = _tensors(model)
    wrong = [
        f"{key} {_shape(found.get(key))}, by the mask {_shape(own.get(key))}"
        for key in sorted({*found, *own})
        if _shape(found.get(key)) != _shape(own.get(key))
    ]
    if wrong or meta.get("mask_id") != subnetwork.mask_id:
        shown = f": {'; '.join(wrong[:3])}" if wrong else ", which were made with another mask"
        raise CheckpointError(
            f"{MASK_FILE} does not fit the weights{shown}",
            where=name,
            remedy="run subprobe compact again on the full model",
        )
    for key, tensor in own.items():
        tensor.copy_(found[key])


def _shape(tensor: torch.Tensor | None) -> str:
    return "missing" if tensor is None else str(list(tensor.shape))
