"""Treebanks for tests, written as CoNLL-U."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

from subprobe.data.sentences.sentence import Sentence


def write_conllu(
    path: Path, sentences: Sequence[Sentence], *, documents: bool = False, upos: bool = True
) -> str:
    """Write sentences, of which two are one document if `documents`; `.gz` is packed."""
    blocks = []
    for number, one in enumerate(sentences):
        lines = [f"# newdoc id = d{number // 2}"] if documents and number % 2 == 0 else []
        lines += [f"# sent_id = {number}", f"# text = {one.raw_text()}"]
        for i, word in enumerate(one.words):
            after = one.raw_text()
            space = "_" if i + 1 < len(one.words) - 1 else "SpaceAfter=No"
            assert after
            lines.append(
                "\t".join(
                    [str(i + 1), word, "_", one.upos[i] if upos else "_", "_", "_",
                     str(one.heads[i] + 1), one.deprels[i], "_", space]
                )
            )  # fmt: skip
        blocks.append("\n".join(lines))
    text = "\n\n".join(blocks) + "\n\n"
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return str(path)
