"""A summary of the data before training: rows, classes, lengths, majority baseline, examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...data.choices.choice_texts import choice_texts
from ...data.encoding.literal import encode_literally
from ...data.files.atomic import file_digest
from ...data.masking.pieces import baseline_scores
from ...data.masking.unigram import unigram_of
from ...data.sentences.sentence import Example
from ...data.tasks.missing import counted
from ...data.tasks.task import TaskData, TaskParts, TaskSpec

MEASURED = 20_000
"""Maximum number of examples, evenly spaced, whose subwords are counted: counting takes time."""

_SHOWN_CLASSES, _SHOWN_LETTERS = 8, 100


def summarise(
    data: TaskData, parts: TaskParts, tokenizer: Any, *, max_length: int
) -> dict[str, Any]:
    """A summary of a task, as plain values.

    Args:
        data: the task.
        parts: the roles of its examples.
        tokenizer: the model's tokenizer.
        max_length: maximum length of an example in subwords.
    """
    spec = data.spec
    return {
        "task": spec.name,
        "choices": spec.choices,
        "source": data.source,
        "splits": {split: _split(data, split) for split in data.splits},
        "roles": {
            "train": len(parts.train),
            "selection": len(parts.selection),
            "selection_name": parts.selection_name,
            "report": len(parts.report),
            "report_name": parts.report_name,
        },
        "subwords": _subwords(data, tokenizer, max_length),
        "baseline": {
            "always": _always(spec, parts.train, tokenizer),
            **baseline_scores(tokenizer, parts.train, parts.report, spec, max_length),
        },
        "first_examples": [
            {"texts": [*example.texts(), *example.options], "label": _named(spec, example)}
            for example in data.splits["train"][:2]
        ],
    }


def _always(spec: TaskSpec, train: Sequence[Example], tokenizer: Any) -> Any:
    """The constant answer of the baseline: class, mean, or most frequent piece.

    The baseline of multiple choice guesses: "one of 4 options".
    """
    if spec.choices:
        return f"one of {spec.choices} options"
    if spec.masked:
        most = unigram_of(tokenizer, train).most_frequent
        return str(tokenizer.convert_ids_to_tokens(most))
    labels: Any = np.array([example.label for example in train])
    if spec.regression:
        return float(labels.mean())
    return spec.labels[int(np.bincount(labels).argmax())]


def without_texts(summary: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a summary that is stored with a model or a run: everything but the texts."""
    return {name: value for name, value in summary.items() if name != "first_examples"}


def _named(spec: TaskSpec, example: Example) -> Any:
    if spec.masked:
        return f"15% of the {spec.masked} masked"
    return example.label if spec.regression else spec.labels[int(example.label or 0)]


def _split(data: TaskData, split: str) -> dict[str, Any]:
    """A summary of one split and its examples."""
    examples, spec = data.splits[split], data.spec
    reading = data.readings.get(split)
    found: dict[str, Any] = {"examples": len(examples)}
    if reading is not None:
        found |= {
            "files": {
                path: file_digest(Path(path)) if Path(path).is_file() else ""
                for path in reading.files
            },
            "rows": reading.n_rows,
            "left_out": dict(reading.left_out),
            "quotes_undone": reading.unquoted,
        }
    found["empty_texts"] = sum(
        not all(text.strip() for text in (*example.texts(), *example.options))
        for example in examples
    )
    labels = [example.label for example in examples]
    if spec.masked:
        found["characters"] = sum(len(text) for one in examples for text in one.texts())
    elif spec.regression:
        numbers = np.array(labels, dtype=float)
        found["scores"] = {
            "lowest": float(numbers.min()),
            "mean": float(numbers.mean()),
            "highest": float(numbers.max()),
        }
    else:
        counts = Counter(labels)
        found["right_options" if spec.choices else "classes"] = {
            name: counts[place] for place, name in enumerate(spec.labels)
        }
    if spec.choices:
        found["types"] = dict(Counter(example.group for example in examples if example.group))
    clusters = {example.cluster for example in examples if example.cluster}
    if clusters:
        elsewhere = {
            e.cluster for name, found in data.splits.items() if name != split for e in found
        }
        found |= {"groups": len(clusters), "groups_elsewhere": len(clusters & elsewhere)}
    return found


def _subwords(data: TaskData, tokenizer: Any, max_length: int) -> dict[str, int]:
    """Lengths of the examples of all splits with special tokens, and how many exceed the limit."""
    examples = [example for found in data.splits.values() for example in found]
    if len(examples) > MEASURED:
        places = np.linspace(0, len(examples) - 1, MEASURED).round().astype(int)
        examples = [examples[place] for place in places]
    inputs: list[Any] = []
    for example in examples:
        text = example.texts()
        inputs += choice_texts(example) or [text if len(text) == 2 else text[0]]
    fitted = encode_literally(tokenizer, inputs, pre_split=False, max_length=max_length)
    # of the inputs of a question, one for each option, the longest counts
    lengths = np.array([len(one.whole) for one in fitted]).reshape(len(examples), -1).max(axis=1)
    return {
        "examples": len(lengths),
        "median": int(np.median(lengths)),
        "longest": int(lengths.max()),
        "max_length": max_length,
        "cut": int((lengths > max_length).sum()),
    }


def left_out_lines(data: TaskData) -> list[str]:
    """For each split with rows that were left out: how many, and why."""
    return [
        f"{split}: {sum(reading.left_out.values())} of {reading.n_rows} rows left out, "
        f"{counted(reading.left_out)}"
        for split, reading in data.readings.items()
        if reading.left_out
    ]


def summary_lines(summary: Mapping[str, Any]) -> list[str]:
    """The lines of a summary for the screen; control characters are escaped."""
    lines = [f"{summary['task']}, from {shown(summary['source'])}"]
    for split, about in summary["splits"].items():
        lines += _split_lines(split, about)
    written = {w for about in summary["splits"].values() for w in about.get("left_out", {})}
    options = any("right_options" in about for about in summary["splits"].values())
    if not options and any(reason.startswith("without a label ('") for reason in written):
        lines.append("  if such labels are classes of your own files, add `as_classes`")
    roles, length = summary["roles"], summary["subwords"]
    lines.append(
        f"  trained on {roles['train']}, masks chosen on {roles['selection']} "
        f"({roles['selection_name']}), reported on {roles['report']} ({roles['report_name']})"
    )
    lines.append(
        f"  subwords: median {length['median']}, longest {length['longest']}; {length['cut']} of "
        f"{length['examples']} examples are cut at {length['max_length']}"
    )
    baseline = dict(summary["baseline"])
    always = baseline.pop("always")
    by_class = isinstance(always, str)
    said = f"majority (always {shown(always)})" if by_class else f"mean (always {always:.4g})"
    if "bits" in baseline:
        said = f"unigram (most frequent {shown(always)})"
    if summary.get("choices"):
        said = f"chance ({always})"
    scores = ", ".join(f"{metric} {value:.3f}" for metric, value in baseline.items())
    lines.append(f"  baseline: {said} scores {scores}")
    for example in summary["first_examples"]:
        texts = " | ".join(shown(text) for text in example["texts"])
        lines.append(f"  read as: {texts} -> {shown(str(example['label']))}")
    return lines


def _split_lines(split: str, about: Mapping[str, Any]) -> list[str]:
    said = [f"{about['examples']} examples"]
    if "rows" in about:
        said.insert(0, f"{about['rows']} rows read")
        lost = sum(about["left_out"].values())
        if lost:
            said.insert(1, f"{lost} left out ({counted(about['left_out'])})")
        if about["quotes_undone"]:
            said.append("quotes around cells removed")
    if about["empty_texts"]:
        said.append(f"{about['empty_texts']} with an empty text")
    if "groups" in about:
        said.append(f"{about['groups']} groups")
        if about["groups_elsewhere"]:
            said.append(f"{about['groups_elsewhere']} of them in other splits as well")
    lines = [f"  {split}: {', '.join(said)}"]
    if "scores" in about:
        numbers = ", ".join(f"{name} {value:g}" for name, value in about["scores"].items())
        return [*lines, f"    scores: {numbers}"]
    if "characters" in about:
        return [*lines, f"    characters: {about['characters']}"]
    if "right_options" in about:
        lines.append(f"    right options: {_classes(about['right_options'])}")
        return [*lines, *([f"    types: {_classes(about['types'])}"] if about["types"] else [])]
    return [*lines, f"    classes: {_classes(about['classes'])}"]


def _classes(counts: Mapping[str, int]) -> str:
    frequent: Sequence[tuple[str, int]] = sorted(counts.items(), key=lambda item: -item[1])
    said = ", ".join(f"{shown(name)} {count}" for name, count in frequent[:_SHOWN_CLASSES])
    more = len(frequent) - _SHOWN_CLASSES
    return f"{said} and {more} more" if more > 0 else said


def shown(text: str) -> str:
    """A text in one line for a terminal: unprintable characters are escaped, a long text is cut."""
    plain = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text[: _SHOWN_LETTERS + 1]
    )
    return plain if len(text) <= _SHOWN_LETTERS else f"{plain[:_SHOWN_LETTERS]}..."
