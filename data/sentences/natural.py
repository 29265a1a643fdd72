"""The hand-written sentences that probes read if the user names no corpus."""

from __future__ import annotations

from importlib.resources import files

from .sentence import Sentence, plain_sentence


def natural_sentences() -> list[Sentence]:
    """At least 300 natural English sentences with varied syntax, not annotated."""
    source = files("subprobe.data").joinpath("resources", "natural.txt")
    text = source.read_text(encoding="utf-8")
    return [
        plain_sentence(f"natural-{number:03d}", line)
        for number, line in enumerate(text.splitlines(), start=1)
    ]
