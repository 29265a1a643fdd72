"""Gold sentences of CoNLL-U files (Universal Dependencies)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import DataFileError
from ..files.reading import reading
from ..files.text_file import read_text
from .conllu_text import text_and_spans
from .sentence import Sentence
from .surface_tokens import MultiwordToken, with_surface_tokens

_COLUMNS = 10
_UNKNOWN = "_"
_REMEDY = "correct or remove the sentence"
_NEW_DOCUMENT = re.compile(r"^#[ \t]*newdoc(?:[ \t]+id[ \t]*=(.*)|[ \t]*)$", re.MULTILINE)


@dataclass(frozen=True)
class _Block:
    """The lines of one sentence."""

    line: int
    text: str


def read_conllu(path: Path | str, *, surface: bool = False, lemmas: bool = False) -> list[Sentence]:
    """Read the sentences of a `.conllu` file; `.gz` is decompressed.

    Words are the syntactic words: multiword ranges (`1-2`) and empty nodes (`1.1`) are left out.
    Relations keep their subtypes. Sentences after a comment `newdoc` belong to that document. Tags
    of base phrases are read from `Chunk=` in the last column.

    Args:
        path: the file.
        surface: read the forms of multiword ranges instead of their words (surface_tokens.py).
        lemmas: keep the lemmas of the words; surface tokens have none.

    Raises:
        DataFileError: if the file is missing, empty or not UTF-8, a line does not have ten columns,
            or a tree is broken; the message names the file and the sentence or line.
    """
    path = Path(path)
    sentences: list[Sentence] = []
    seen: dict[str, int] = {}
    document, documents = "", 0
    for block in _blocks(path):
        for name in _NEW_DOCUMENT.findall(block.text):
            documents += 1
            document = name.strip() or f"document {documents}"
        running = len(sentences) + 1
        sentence = _sentence(
            path, block, running=running, seen=seen, surface=surface, lemmas=lemmas
        )
        if sentence is not None:
            sentences.append(replace(sentence, document=document))
    if not sentences:
        raise DataFileError(
            "contains comments but no sentence", where=str(path), remedy="name a CoNLL-U file"
        )
    return sentences


def _blocks(path: Path) -> Iterator[_Block]:
    """The blocks of a file between blank lines; each token line must have ten columns."""
    lines: list[str] = []
    first = 1
    for number, raw in enumerate([*read_text(path).split("\n"), ""], start=1):
        line = raw.rstrip("\r")
        if not line.strip():
            if lines:
                yield _Block(first, "\n".join(lines))
            lines, first = [], number + 1
            continue
        if not line.startswith("#") and line.count("\t") != _COLUMNS - 1:
            raise DataFileError(
                f"line {number} has {line.count(chr(9)) + 1} columns instead of {_COLUMNS}",
                where=str(path),
                remedy="CoNLL-U has ten columns, separated by one tab",
            )
        lines.append(line)


def _sentence(
    path: Path,
    block: _Block,
    *,
    running: int,
    seen: dict[str, int],
    surface: bool,
    lemmas: bool,
) -> Sentence | None:
    """One sentence; None for a block of comments. `seen` counts the previous ids."""
    import conllu

    with reading(_place(path, block, str(running)), problem="is not valid CoNLL-U", remedy=_REMEDY):
        (parsed,) = conllu.parse(block.text)
    id = parsed.metadata.get("sent_id") or str(running)
    tokens = [token for token in parsed if isinstance(token["id"], int)]
    if not tokens:
        return None
    if [token["id"] for token in tokens] != list(range(1, len(tokens) + 1)):
        raise _broken(path, block, id, "word ids are not consecutive integers from 1")
    seen[id] = seen.get(id, 0) + 1
    unique = id if seen[id] == 1 else f"{id}#{seen[id]}"
    heads = [token["head"] for token in tokens]
    unparsed = all(head is None for head in heads)
    if not unparsed and None in heads:
        raise _broken(path, block, id, f"broken tree: word {heads.index(None) + 1} has no head")
    text, spans = text_and_spans(parsed)
    try:
        sentence = Sentence(
            id=unique,
            words=tuple(token["form"] for token in tokens),
            text=text,
            spans=spans,
            upos=_layer(tokens, "upos"),
            xpos=_layer(tokens, "xpos"),
            feats=_feats(tokens),
            heads=() if unparsed else tuple(head - 1 for head in heads),
            deprels=() if unparsed else _layer(tokens, "deprel"),
            chunks=_misc(tokens, "Chunk"),
            annotation="gold",
            scheme="ud",
            lemmas=_layer(tokens, "lemma") if lemmas and not surface else (),
        )
        return with_surface_tokens(sentence, _multiword(parsed)) if surface else sentence
    except DataFileError as error:
        raise _broken(path, block, id, error.problem) from error


def _multiword(parsed: Iterable[Any]) -> list[MultiwordToken]:
    """The multiword tokens of a sentence: lines whose id is a range."""
    found = []
    for token in parsed:
        if isinstance(token["id"], tuple) and token["id"][1] == "-":
            first, _, last = token["id"]
            form = "" if token["form"] == _UNKNOWN else token["form"]
            found.append(MultiwordToken(first - 1, last - 1, form))
    return found


def _layer(tokens: list[Any], column: str) -> tuple[str, ...]:
    """One column [W]; empty if it has no value for any word."""
    values = tuple(token[column] or _UNKNOWN for token in tokens)
    return values if set(values) != {_UNKNOWN} else ()


def _feats(tokens: list[Any]) -> tuple[str, ...]:
    """Morphological features as written in the file [W]; empty for words without features."""
    found = tuple(
        "|".join(f"{name}={value}" if value else name for name, value in feats.items())
        for feats in (token["feats"] or {} for token in tokens)
    )
    return found if any(found) else ()


def _misc(tokens: list[Any], key: str) -> tuple[str, ...]:
    """The values of a key of the last column [W]; empty if no word has the key.

    A word without the key, such as punctuation, gets the tag for words outside of all phrases.
    """
    found = [(token["misc"] or {}).get(key) for token in tokens]
    return tuple(value or "O" for value in found) if any(found) else ()


def _place(path: Path, block: _Block, id: str) -> str:
    return f"{path}, sentence {id!r} from line {block.line}"


def _broken(path: Path, block: _Block, id: str, problem: str) -> DataFileError:
    return DataFileError(
        problem,
        where=_place(path, block, id),
        remedy=_REMEDY,
    )
