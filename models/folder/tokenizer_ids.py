"""Check that the token ids in tokenizer files are valid rows of an embedding table.

The library lists a vocabulary from 0 to its largest id, so that a single huge id would exhaust the
memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...data.errors import CheckpointError
from ...data.files.json_text import read_json_object
from ...data.files.reading import shown

LARGEST_ID = 2**24

_VOCABULARIES = ("vocab.json", "added_tokens.json")


def check_tokenizer_files(folder: Path) -> None:
    """Raise unless the JSON files of a tokenizer are objects, and all token ids are within bounds.

    Raises:
        CheckpointError: if not; the message names the file and the token.
    """
    for name in ("tokenizer.json", "tokenizer_config.json", *_VOCABULARIES):
        path = folder / name
        if not path.is_file():
            continue
        content = read_json_object(path, CheckpointError)
        for token, id in _ids(name, content):
            if type(id) is not int or not 0 <= id <= LARGEST_ID:
                raise CheckpointError(
                    f"the id of the token {shown(token)} must be an integer from 0 to "
                    f"{LARGEST_ID}, got {shown(id)}",
                    where=str(path),
                )


def _ids(name: str, content: dict[str, Any]) -> Iterator[tuple[object, object]]:
    """Every token of a file with its id."""
    if name in _VOCABULARIES:
        yield from content.items()
    elif name == "tokenizer_config.json":
        decoder = content.get("added_tokens_decoder")
        for id, token in decoder.items() if isinstance(decoder, dict) else ():
            fits = id.isdecimal() and len(id) <= len(str(LARGEST_ID))
            yield token, int(id) if fits else id
    else:
        model = content.get("model")
        vocabulary = model.get("vocab") if isinstance(model, dict) else None
        if isinstance(vocabulary, dict):
            yield from vocabulary.items()
        added = content.get("added_tokens")
        for token in added if isinstance(added, list) else ():
            if isinstance(token, dict):
                yield token.get("content"), token.get("id")
