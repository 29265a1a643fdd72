"""Atomic writing of output folders; existing files of the user are kept."""

from __future__ import annotations

import contextlib
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from itertools import count, islice
from pathlib import Path

from ..errors import ConfigError
from ..files.atomic import errors_named, made_folder, sync, touch, write_text
from ..files.temporaries import temporary_in
from .ownership import RECORD, RUN, Record, foreign, imprint, is_signed

_BEING_WRITTEN = "being written"


def check_folder(folder: Path, writer: str, *, overwrite: bool = False) -> None:
    """Raise if a folder may not be written to.

    Args:
        folder: where to; it need not be there.
        writer: what is going to write.
        overwrite: go on although other files are there.

    Raises:
        ConfigError: if it is a file; if it is a run and something else is written; if it holds
            files that subprobe did not write, unless `overwrite`.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError("is a file", where=str(folder), remedy="name a folder")
    if not folder.is_dir():
        return
    if writer != RUN and RUN in Record.of(folder).facts:
        raise ConfigError(
            "is a run folder, whose own tables would be replaced",
            where=str(folder),
            remedy="name another folder",
        )
    if overwrite:
        return
    found = list(islice(foreign(folder), 4))
    if found:
        shown = ", ".join(found[:3]) + (" and more" if len(found) > 3 else "")
        raise ConfigError(
            f"contains files that subprobe did not write, or that were changed since: {shown}",
            where=str(folder),
            remedy="name another folder, or add the new files with `overwrite`",
        )


@contextlib.contextmanager
def atomic_folder(
    target: Path | str,
    writer: str,
    *,
    overwrite: bool = False,
    adds: bool = False,
    alone: Iterable[str] = (),
) -> Iterator[Path]:
    """Yield a temporary folder; on success what lies in it is moved to `target`, else removed.

    What the same writer left in `target` before goes; everything else stays. A file of the user's
    that stands in the way of a new one is kept as NAME.bak. Permissions are what the umask leaves
    of 0666 and 0777, whatever library wrote a file.

    Args:
        target: the folder; if it is there, it is written to, never replaced as a whole.
        writer: what the record of the folder calls the files.
        overwrite: write although `target` holds files that subprobe did not write.
        adds: what the same writer left before stays as well.
        alone: names in `target` that may not stay beside the new files; the user's are kept as
            NAME.bak.

    Raises:
        ConfigError: as `check_folder`, or for a link inside `target` that leads out of it.
    """
    target = Path(target).expanduser().resolve()
    check_folder(target, writer, overwrite=overwrite)
    with made_folder(target.parent), errors_named(target):
        temporary = temporary_in(target if target.is_dir() else target.parent, target.name)
        try:
            temporary.mkdir()
            yield temporary
            _settle(temporary)
            _move(temporary, target, writer, adds=adds, alone=alone)
        finally:
            if temporary.exists():
                shutil.rmtree(temporary)


def _settle(folder: Path) -> None:
    """Give all files and folders the permissions of new ones, and put them on the disk."""
    probe = temporary_in(folder, "mode")
    mode = touch(probe)
    probe.unlink()
    shared = stat.S_IMODE(folder.stat().st_mode)
    paths = [*folder.rglob("*"), folder]
    for path in paths:
        path.chmod(shared if path.is_dir() else mode)
    # a folder names its files only once it is on the disk itself
    for path in sorted(paths, key=lambda path: path.is_dir()):
        sync(path)


def _move(staged: Path, target: Path, writer: str, *, adds: bool, alone: Iterable[str]) -> None:
    """Move the files of a folder to where they belong, and record them there."""
    before = Record.of(target)
    names = sorted(p.relative_to(staged).as_posix() for p in staged.rglob("*") if p.is_file())
    new = {name: imprint(staged / name) for name in names if name != RECORD}
    facts = Record.of(staged).facts if RECORD in names else before.facts
    others = {k: {n: m for n, m in v.items() if n not in new} for k, v in before.files.items()}
    left = {**others.pop(_BEING_WRITTEN, {}), **others.pop(writer, {})}
    after = Record(facts, {**others, writer: {**(left if adds else {}), **new}})
    if not target.exists():
        write_text(staged / RECORD, after.text())
        staged.rename(target)
        sync(target.parent)
        return
    for name in new:
        _check_way(target, name)
    # until all is moved the old and the new files are known, and no facts are claimed of them
    kept = {} if RECORD in names else before.facts
    write_record(target, Record(kept, {**before.files, _BEING_WRITTEN: new}))
    for name in [*new, *(name for name in alone if name not in new)]:
        path = target / name
        known = before.lists(name, path) if path.is_file() else False
        if path.is_symlink() or (path.exists() and not known and not is_signed(path)):
            _set_aside(path)
    for name in new:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (staged / name).replace(target / name)
    # the record names what is on the disk
    for folder in {target / one for name in new for one in Path(name).parents}:
        sync(folder)
    if not adds:
        remove_own(target, left)
    write_record(target, after)
    sync(target)


def check_no_links(folder: Path, names: Iterable[str]) -> None:
    """Raise if a part of a folder is a link: what is written there could end outside.

    Args:
        folder: where to look.
        names: of the parts; NAME/* stands for all that lies in one.

    Raises:
        ConfigError: naming the link.
    """
    for name in names:
        # a pattern finds a link that leads nowhere, a name does not
        every = sorted(folder.glob(name)) if name.endswith("/*") else [folder / name]
        for path in (path for path in every if path.is_symlink()):
            raise ConfigError(
                "is a link, which could lead out of the folder",
                where=str(path),
                remedy="replace the link by its target, or name another folder",
            )


def write_record(folder: Path, record: Record) -> None:
    """Write the record of a folder; a file of the user's of that name is kept as NAME.bak."""
    path = folder / RECORD
    if (path.exists() or path.is_symlink()) and not Record.of(folder).known:
        _set_aside(path)
    write_text(path, record.text())


def _check_way(target: Path, name: str) -> None:
    """Raise if a folder on the way to a file is a link or a file, or the file is a folder."""
    for parent in list(Path(name).parents)[:-1]:
        one = target / parent
        if one.is_symlink() or (one.exists() and not one.is_dir()):
            kind = "a link, which could lead out of the folder" if one.is_symlink() else "a file"
            raise ConfigError(f"is {kind}", where=str(one), remedy="name another folder")
    path = target / name
    if path.is_dir() and not path.is_symlink():
        raise ConfigError("is a folder", where=str(path), remedy="name another folder")


def _set_aside(path: Path) -> None:
    """Rename a file that subprobe did not write to NAME.bak, so that another can take its place."""
    names = (path.with_name(f"{path.name}.bak{number or ''}") for number in count())
    path.rename(next(name for name in names if not name.exists() and not name.is_symlink()))


def remove_own(folder: Path, names: Mapping[str, str]) -> None:
    """Remove the recorded files that have not changed since, and folders that become empty.

    Links are not followed: what lies behind one is not this folder's.

    Args:
        folder: where they lie.
        names: path inside the folder -> imprint.
    """
    for name, mark in names.items():
        path = folder / name
        way = [folder / one for one in Path(name).parents]
        if any(one.is_symlink() for one in (path, *way)) or not path.is_file():
            continue
        if imprint(path) == mark:
            path.unlink()
            with contextlib.suppress(OSError):
                for parent in path.parents:
                    if parent == folder:
                        break
                    parent.rmdir()
