"""A cache of files of hidden states: computed once, shared by all probes, removed by age."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ...data.errors import DataFileError, InputError
from ...data.files.full_disk import room_asked_for
from ...data.files.temporaries import remove_stale
from ...data.sentences.sentence import Example
from ...models.encoder.fingerprint import weights_fingerprint
from ..forward.base import Context
from ..forward.shared_pass import Progress
from ..forward.texts import Texts, read_texts
from .gather import Pooling, gather_states
from .state_file import FORMAT, StateFile, file_size, open_states
from .word_states import WordStates, check_whole_words, words_of

LIMIT = 20 * 2**30
"""Maximum size of all files of states, in bytes."""
_SUFFIX, _LOCK = ".states.safetensors", ".states.lock"


@dataclass(frozen=True)
class StateCache:
    """A folder of files of states.

    Attributes:
        folder: the folder of the files; created when the first is written.
        limit: their maximum total size in bytes: the least recently used are removed first.
    """

    folder: Path
    limit: int = LIMIT

    def of(
        self,
        context: Context,
        examples: Sequence[Example],
        *,
        pooling: Pooling = "mean",
        batch_size: int = 32,
        progress: Progress | None = None,
    ) -> WordStates:
        """States 0..L of the words of some texts, read from the folder or computed into it.

        Two processes that ask for the same states compute them once: the second waits.

        Args:
            context: the model with its mask.
            examples: the texts.
            pooling: how a word gets a vector from its pieces.
            batch_size: texts per forward pass.
            progress: called with (texts done, N) where they are computed.

        Raises:
            InputError: if no text has a whole word, or the states do not fit on the disk.
        """
        texts = read_texts(context, examples)
        check_whole_words(texts, context.max_length)
        key = states_key(context, texts, pooling)
        path = self.folder / f"{key[:32]}{_SUFFIX}"
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            found = _opened(path, key)
            if found is None:
                needed = _bytes_of(context, texts)
                self._make_room(needed)
                with room_asked_for(self.folder, lambda: needed):
                    gather_states(
                        context, texts, path, key,
                        pooling=pooling, batch_size=batch_size, progress=progress,
                    )  # fmt: skip
                found = open_states(path, key)
            with contextlib.suppress(FileNotFoundError):  # another process made room meanwhile
                os.utime(path)
        return WordStates(texts, found)

    def size(self) -> int:
        """The size of the files in bytes."""
        return sum(size for _, _, size in self._files())

    def _files(self) -> list[tuple[float, Path, int]]:
        """(last used, path, bytes) of each file, the least recently used first."""
        found = []
        for path in self.folder.glob(f"*{_SUFFIX}"):
            with contextlib.suppress(FileNotFoundError):
                about = path.stat()
                found.append((about.st_mtime, path, about.st_size))
        return sorted(found)

    def remove(self, *, unused_for: float = 0.0) -> int:
        """Remove the files of states, and what killed processes left; other files stay.

        Files that a process reads stay readable to it. The folder goes too once it is empty.

        Args:
            unused_for: seconds; what was used since then stays.

        Returns:
            how many bytes the removed states took.
        """
        before, freed = time.time() - unused_for, 0
        for used, path, size in self._files():
            if used <= before:
                path.unlink(missing_ok=True)
                freed += size
        remove_stale(self.folder)
        for lock in self.folder.glob(f"*{_LOCK}"):
            with contextlib.suppress(Timeout, FileNotFoundError), FileLock(lock, timeout=0):
                if not lock.with_suffix(Path(_SUFFIX).suffix).exists():
                    lock.unlink()
        with contextlib.suppress(OSError):
            self.folder.rmdir()
        return freed

    def _make_room(self, needed: int) -> None:
        """Remove old files until this many bytes fit.

        Raises:
            InputError: if they do not fit.
        """
        if needed > self.limit:
            raise InputError(
                f"the hidden states take {needed / 2**20:,.0f} MiB, more than the limit of "
                f"{self.limit / 2**20:,.0f} MiB",
                where=str(self.folder),
                remedy="read fewer sentences, or raise the limit",
            )
        remove_stale(self.folder)
        kept = self.size()
        for _, old, size in self._files():
            if kept + needed <= self.limit and needed <= self._free():
                break
            # whoever reads the file keeps it open, and what it maps stays readable
            old.unlink(missing_ok=True)
            kept -= size
        if needed > (free := self._free()):
            raise InputError(
                f"the hidden states take {needed / 2**20:,.0f} MiB, and only {free / 2**20:,.0f} "
                "MiB are free",
                where=str(self.folder),
                remedy="free the space, read fewer sentences, or keep the states on another disk",
            )

    def _free(self) -> int:
        return shutil.disk_usage(self.folder).free


def _bytes_of(context: Context, texts: Texts) -> int:
    """The disk space that the states of some texts need."""
    states, width = context.anatomy.num_layers + 1, int(context.model.config.hidden_size)
    return file_size(states, width, words_of(texts))


def _opened(path: Path, key: str) -> StateFile | None:
    """The file, if it is there and whole; a damaged one is removed, since it can be made again."""
    if not path.exists():
        return None
    try:
        return open_states(path, key)
    except DataFileError:
        path.unlink(missing_ok=True)
        return None


def states_key(context: Context, texts: Texts, pooling: Pooling) -> str:
    """SHA-256 of everything that determines the states: weights, mask and encoded texts."""
    mask = "" if context.subnetwork is None else context.subnetwork.mask_id
    precision = str(context.model.dtype)
    hasher = hashlib.sha256()
    for part in (FORMAT, weights_fingerprint(context.model), mask, precision, pooling):
        hasher.update(part.encode() + b"\0")
    for encoded, words in zip(texts.encoded, texts.words, strict=True):
        hasher.update(f"{list(encoded.input_ids)}{encoded.token_type_ids}".encode())
        hasher.update(words.word.tobytes())
    return hasher.hexdigest()


@contextlib.contextmanager
def passing_states(limit: int = LIMIT) -> Iterator[StateCache]:
    """A folder of states that is removed after use."""
    folder = tempfile.mkdtemp(prefix="subprobe-states-")
    try:
        yield StateCache(Path(folder), limit)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
