"""What a run was asked, in words, from its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..wording import counted, percent

METHODS = {
    "structured": "whole heads and MLPs, the least important first",
    "structured-heads": "whole heads, the least important first",
    "structured-mlps": "whole MLPs, the least important first",
    "structured-neurons": "single MLP neurons, the least important first",
    "magnitude": "single weights, the smallest first",
    "hard-concrete": "units whose learned gates (hard concrete) close",
    "continuous-sparsification": "units whose learned gates (continuous sparsification) close",
    "imp": "single weights, the smallest first, trained again after each round (lottery tickets)",
}
SELECTION = {
    "held-out": "on examples that no score is reported on",
    "cross-validation": "on parts of train, each in turn",
    "reported": "on the very examples that scores are reported on (the study's way; optimistic)",
}


def asked(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Terms and what they were in this run; what the manifest does not hold is left out."""
    config: Mapping[str, Any] = manifest.get("config") or {}
    prune, controls = config.get("prune") or {}, config.get("controls") or {}
    probe, corpus = config.get("probe") or {}, manifest.get("corpus") or {}
    found = {
        "Encoder": _model(manifest.get("model") or {}),
        "Tasks": _tasks(config, manifest.get("runs") or []),
        "Rows left out": _left_out(manifest.get("data") or []),
        "Seeds": _seeds(config),
        "What is removed": _methods(prune),
        "Until": _rule(prune),
        "Masks chosen": SELECTION.get(str(prune.get("selection")), ""),
        "Compared with": _controls(controls),
        "Tested for": _probes(probe, controls),
        "Probe corpus": (
            f"{corpus['name']}, {counted(int(corpus['sentences']), 'sentence')}" if corpus else ""
        ),
        "Probes learn from": _learning(manifest.get("learning") or {}),
    }
    return [(term, text) for term, text in found.items() if text]


def _seeds(config: Mapping[str, Any]) -> str:
    inits, orders, both = (
        ", ".join(map(str, config.get(name) or []))
        for name in ("seeds_init", "seeds_order", "seeds")
    )
    return f"initialisation {inits}, each with data order {orders}" if inits else both


def _model(model: Mapping[str, Any]) -> str:
    name = str(model.get("name", ""))
    print_ = model.get("fingerprint")
    return f"{name} (digest {str(print_)[:12]})" if print_ else name


def _tasks(config: Mapping[str, Any], runs: list[Mapping[str, Any]]) -> str:
    said = []
    for task in config.get("tasks") or []:
        first = next((run for run in runs if run.get("task") == task and "examples" in run), None)
        counts = first["examples"] if first else {}
        # those that a tokenizer leaves nothing of are among the rows left out
        parts = ", ".join(f"{n} {name}" for name, n in counts.items() if name != "unreadable")
        said.append(f"{task} ({parts} examples)" if parts else str(task))
    return "; ".join(said)


def _left_out(data: list[Mapping[str, Any]]) -> str:
    """Of each task and split how many rows of its files are no examples, and why."""
    said = []
    for task in data:
        for split, about in (task.get("splits") or {}).items():
            reasons = about.get("left_out") or {}
            if reasons:
                lost, why = sum(reasons.values()), "; ".join(reasons)
                said.append(f"{task['task']}, {split}: {lost} of {about['rows']} ({why})")
    return "; ".join(said)


def _methods(prune: Mapping[str, Any]) -> str:
    names = prune.get("methods") or ()
    said = "; ".join(METHODS.get(name, str(name)) for name in names)
    if said and any(str(name).startswith("structured") for name in names):
        said += f" (importance: {prune.get('importance', 'gate-example')})"
    return said


def _rule(prune: Mapping[str, Any]) -> str:
    if prune.get("keep"):
        return f"{percent(prune['keep'])} of the units are left"
    if "rule" not in prune or "threshold" not in prune:
        return ""
    threshold, share = prune["threshold"], percent(prune["threshold"])
    return {
        "gain": f"less than {share} of the gain over the baseline would be kept",
        "study": f"less than {share} of the full model's score would be kept",
        "absolute": f"the score would fall below {threshold}",
    }.get(str(prune["rule"]), "")


def _controls(controls: Mapping[str, Any]) -> str:
    if "draws" not in controls:
        return ""
    draws = int(controls["draws"])
    said = f"{counted(draws, 'random and bad draw')} per seed, each of the good mask's size"
    if controls.get("match") == "layer":
        said += ", the random ones with its number of units in each layer"
    if controls.get("complement"):
        said += "; the model without the good mask's units, and without as many random ones"
    if controls.get("untrained", True):
        said += "; the same encoder trained from random weights"
    return said


def _learning(about: Mapping[str, Any]) -> str:
    """What probes of hidden states learn from, and are scored on."""
    if not about:
        return ""
    sizes = {part: counted(n, "sentence") for part, n in (about.get("sentences") or {}).items()}
    parts = ", ".join(f"{sizes[part]} of {part}" for part in ("train", "dev") if part in sizes)
    said, scored = f"{about.get('learnt_from', '')} ({parts})", about.get("scored_on", "")
    if "test" in sizes:
        said += f"; scored on {scored}, {sizes['test']}"
    return said


def _probes(probe: Mapping[str, Any], controls: Mapping[str, Any]) -> str:
    """Which probes ran, and on how many of the random and bad subnetworks."""
    said = ", ".join(str(name).replace("-", " ") for name in probe.get("names") or [])
    if not said or "draws" not in probe or "pruned" not in (probe.get("states") or ["pruned"]):
        return said
    draws = min(int(probe["draws"]), int(controls.get("draws", probe["draws"])))
    return f"{said}; random and bad in {counted(draws, 'draw')} per seed"
