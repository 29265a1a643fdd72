"""Static word vectors in place of the hidden states of the same words."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch

from ...data.files.full_disk import room_asked_for
from ...data.files.word_vectors import WordVectors, read_word_vectors
from ..entry import STATIC
from .state_file import file_size, open_states, writing_states
from .word_states import WordStates


def static_states(
    parts: Mapping[str, WordStates], path: str, folder: Path
) -> tuple[dict[str, WordStates], dict[str, str]]:
    """The vectors of the words of each part, as their only state.

    A word that is not in the file, either as written or in lower case, gets zeros.

    Args:
        parts: the hidden states of the same words.
        path: a file of vectors.
        folder: where the files of states lie meanwhile; they are mapped into memory and removed.

    Returns:
        the states by part, and what notes say: the file, the width, unknown words by part.

    Raises:
        DataFileError: as `read_word_vectors`.
    """
    forms = {part: _forms(states) for part, states in parts.items()}
    vectors = read_word_vectors(path, {form for own in forms.values() for form in own})
    found, unknown = {}, []
    for part, states in parts.items():
        rows = torch.tensor([vectors.row(form) for form in forms[part]])
        unknown.append(f"{int((rows < 0).sum())} of {len(rows)} {part}")
        found[part] = _written(states, vectors, rows, folder)
    said = {
        "static_vectors": f"{Path(path).name}, {vectors.width} dimensions",
        "static_vectors_unknown_words": ", ".join(unknown),
    }
    return found, said


def _forms(states: WordStates) -> list[str]:
    """Each word as it is written, those of a second sentence too."""
    found = []
    for text, example in enumerate(states.examples):
        words = example.first.words, example.second.words if example.second else ()
        found += [words[segment][place] for segment, place in states.texts.words[text].kept]
    return found


def _written(
    states: WordStates, vectors: WordVectors, rows: torch.Tensor, folder: Path
) -> WordStates:
    table = torch.cat([torch.from_numpy(vectors.numbers), torch.zeros(1, vectors.width)])
    needed = file_size(1, vectors.width, len(rows))
    with tempfile.TemporaryDirectory(prefix="static-", dir=folder) as place:
        file = Path(place) / "words"
        with (
            room_asked_for(folder, lambda: needed),
            writing_states(file, STATIC, 1, vectors.width, len(rows)) as writer,
        ):
            for text in range(len(states.examples)):
                own = states.rows(text)
                writer.write(0, own.start, table[rows[own]])
        # whoever holds it open reads it on
        return WordStates(states.texts, open_states(file, STATIC))
