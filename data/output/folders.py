"""Write output folders atomically and keep the user's existing files."""

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
    """Raise if a folder must not be written to.

    Args:
        folder: the output folder; it need not exist.
        writer: name of the command that will write.
        overwrite: accept other files in the folder.

    Raises:
        ConfigError: if it is a file; if it is a run folder and another command writes; or if it
            contains files that subprobe did not write, unless `overwrite` is set.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError("is a file", where=str(folder), remedy="name a folder")
    if not folder.is_dir():
        return
    if writer != RUN and RUN in Record.of(folder).facts:
        raise ConfigError(
            "is a run folder, and its own tables would be replaced",
            where=str(folder),
            remedy="name another folder",
        )
    if overwrite:
        return
    found = list(islice(foreign(folder), 4))
    if found:
        shown = ", ".join(found[:3]) + (" and more" if len(found) > 3 else "")
        raise ConfigError(
            f"contains files that subprobe did not write or that were changed since: {shown}",
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
    """Yield a temporary folder; on success its content is moved to `target`, otherwise removed.

    Earlier files of the same writer in `target` are removed; everything else stays. If a new file
    has the name of a file of the user, the latter is kept as NAME.bak. Permissions are 0666 and
    0777 minus the umask, whichever library writes a file.

    Args:
        target: the output folder; an existing one is added to, never replaced as a whole.
        writer: name of the command under which the folder records the files.
        overwrite: write even if `target` contains files that subprobe did not write.
        adds: keep the earlier files of the same writer too.
        alone: names in `target` that must not remain next to the new files; the user's files of
            these names are kept as NAME.bak.

    Raises:
        ConfigError: as in `check_folder`, or if a link inside `target` leads out of it.
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
    """Give all files and folders default permissions, and flush them to the disk."""
    probe = temporary_in(folder, "mode")
    mode = touch(probe)
    probe.unlink()
    shared = stat.S_IMODE(folder.stat().st_mode)
    paths = [*folder.rglob("*"), folder]
    for path in paths:
        path.chmod(shared if path.is_dir() else mode)
    # the entries of a folder are safe only once the folder itself is flushed
    for path in sorted(paths, key=lambda path: path.is_dir()):
        sync(path)


def _move(staged: Path, target: Path, writer: str, *, adds: bool, alone: Iterable[str]) -> None:
    """Move the files of a folder to their destination, and record them there."""
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
    # until all files are moved, the record lists the old and the new ones, without facts
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
    # the record lists only files that are on the disk
    for folder in {target / one for name in new for one in Path(name).parents}:
        sync(folder)
    if not adds:
        remove_own(target, left)
    write_record(target, after)
    sync(target)


def check_no_links(folder: Path, names: Iterable[str]) -> None:
    """Raise if a part of a folder is a link, because files could be written outside the folder.

    Args:
        folder: the folder to check.
        names: names of the parts; NAME/* means everything in the subfolder NAME.

    Raises:
        ConfigError: if a part is a link.
    """
    for name in names:
        # glob finds a broken link by a pattern, but not by a plain name
        every = sorted(folder.glob(name)) if name.endswith("/*") else [folder / name]
        for path in (path for path in every if path.is_symlink()):
            raise ConfigError(
                "is a link, which could lead out of the folder",
                where=str(path),
                remedy="replace the link by its target, or name another folder",
            )


def write_record(folder: Path, record: Record) -> None:
    """Write the record of a folder; a file of the user with that name is kept as NAME.bak."""
    path = folder / RECORD
    if (path.exists() or path.is_symlink()) and not Record.of(folder).known:
        _set_aside(path)
    write_text(path, record.text())


def _check_way(target: Path, name: str) -> None:
    """Raise if a parent folder of a file is a link or a file, or if the file is a folder."""
    for parent in list(Path(name).parents)[:-1]:
        one = target / parent
        if one.is_symlink() or (one.exists() and not one.is_dir()):
            kind = "a link, which could lead out of the folder" if one.is_symlink() else "a file"
            raise ConfigError(f"is {kind}", where=str(one), remedy="name another folder")
    path = target / name
    if path.is_dir() and not path.is_symlink():
        raise ConfigError("is a folder", where=str(path), remedy="name another folder")


def _set_aside(path: Path) -> None:
    """Rename a file that subprobe did not write to NAME.bak, so that it can be replaced."""
    names = (path.with_name(f"{path.name}.bak{number or ''}") for number in count())
    path.rename(next(name for name in names if not name.exists() and not name.is_symlink()))


def remove_own(folder: Path, names: Mapping[str, str]) -> None:
    """Remove the recorded files that have not changed since, and folders that become empty by that.

    Links are not followed, because their targets are not part of this folder.

    Args:
        folder: the folder that contains them.
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
