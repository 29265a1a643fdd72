"""The raw text of a CoNLL-U sentence, and the positions of its syntactic words in it."""

from __future__ import annotations

from typing import Any

from .spans import Spans, locate_words


def text_and_spans(parsed: Any) -> tuple[str, Spans]:
    """The annotated text, and (start, end) of each syntactic word in it [W].

    The text is `# text`, else the surface tokens, separated by white space except after
    `SpaceAfter=No`. A multiword token is divided if the concatenation of its words is its form
    (`don't` = `do` + `n't`); otherwise its words share its span (`du` = `de` + `le`).

    Args:
        parsed: a sentence of the library `conllu`.

    Returns:
        The text and the spans; no spans if the tokens do not match the text.
    """
    surface = _surface(parsed)
    text = parsed.metadata.get("text")
    if text is None:
        text = "".join(form + " " * spaced for form, spaced, _ in surface).strip()
    found = locate_words([form for form, _, _ in surface], text)
    if found is None:
        return text, ()
    spans: list[tuple[int, int]] = []
    for (start, end), (_, _, words) in zip(found, surface, strict=True):
        spelled = "".join(words)
        if len(spelled) == end - start and spelled.lower() == text[start:end].lower():
            for word in words:
                spans.append((start, start + len(word)))
                start += len(word)
        else:
            spans += [(start, end)] * len(words)
    return text, tuple(spans)


def _surface(parsed: Any) -> list[tuple[str, bool, list[str]]]:
    """Form, following white space (true or false) and syntactic words of each surface token."""
    tokens: list[tuple[str, bool, list[str]]] = []
    inside = 0  # words of the current multiword token that have not been read yet
    for token in parsed:
        id, form = token["id"], token["form"]
        spaced = (token["misc"] or {}).get("SpaceAfter") != "No"
        if isinstance(id, int):
            if inside:
                tokens[-1][2].append(form)
                inside -= 1
            else:
                tokens.append((form, spaced, [form]))
        elif id[1] == "-":
            inside = id[2] - id[0] + 1
            tokens.append((form, spaced, []))
    return tokens
