"""How the command line ends: one line per error, one exit code, never a traceback."""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import typer

from ..data.errors import SubprobeError
from .stopped import stopped_line

_ESCAPE = "subprobe.escape"
_STOPPED = 130
_OUTPUT = "standard output"
_ENDS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


def end_well(command: Callable[[], Any], *, debug: bool) -> NoReturn:
    """Call the command line and leave the process.

    Exit codes: 0 done, 1 failed, 2 wrong use or bad input, 130 interrupted, 128 + the signal that
    ended it.

    Args:
        command: raises SystemExit if it has its own exit code.
        debug: also show where an error comes from.
    """
    _open_streams()
    code: Any = 0
    try:
        with _terminated_in_order():
            try:
                command()
            except SystemExit as ended:
                # typer ends silently when the reader of a pipe is gone
                if isinstance(ended.__context__, BrokenPipeError):
                    raise ended.__context__ from None
                code = ended.code
            _flush()
    except SubprobeError as error:
        code = _told(str(error), debug, error.exit_code)
    except KeyboardInterrupt:
        code = _STOPPED
    except (OSError, ImportError, UnicodeEncodeError) as error:
        code = _told(_said(error), debug, 1)
    if code in (_STOPPED, *(128 + one for one in _ENDS)):
        _tell(stopped_line())
    sys.exit(code)


def _told(line: str, debug: bool, code: int) -> int:
    if debug:
        traceback.print_exc()
    _tell(f"error: {line}")
    return code


def _tell(line: str) -> None:
    with contextlib.suppress(OSError):
        typer.echo(line, err=True)


def _said(error: OSError | ImportError | UnicodeEncodeError) -> str:
    """One line that names the file or value at fault and the problem."""
    if isinstance(error, BrokenPipeError):
        _forget_output()
        return f"{_OUTPUT} was closed before everything was written"
    if isinstance(error, UnicodeEncodeError):
        odd = ascii(error.object[error.start : error.end])
        return f"{odd} cannot be written in {error.encoding}; set PYTHONUTF8=1"
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    if isinstance(error, ImportError):
        remedy = (
            "install it, or install subprobe with the extra that contains it; see: subprobe doctor"
        )
        return f"{first}; {remedy}"
    if error.filename is not None and error.strerror:
        first = f"{error.filename}: {error.strerror}"
    elif error.strerror:
        first = error.strerror
    return f"{first}; --debug shows where"


def _flush() -> None:
    """Write buffered output while an error can still be reported.

    Raises:
        OSError: naming standard output.
    """
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _forget_output()
        raise OSError(error.errno, error.strerror, _OUTPUT) from error


def _forget_output() -> None:
    """Discard output that cannot be written, so that Python does not try again at exit."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _open_streams() -> None:
    """Make stdin, stdout and stderr safe to use, whatever the caller closed or encodes."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # else the next opened file would get this descriptor, and printed text
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = _Closed()
    codecs.register_error(_ESCAPE, _escaped)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors=_ESCAPE)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    r"""Write characters that an encoding lacks as \uXXXX, which JSON and TOML can read."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    pairs = (units[place : place + 2].hex() for place in range(0, len(units), 2))
    return "".join(f"\\u{pair}" for pair in pairs), error.end


class _Closed(io.TextIOBase):
    """Replaces a standard output that the caller closed, so that lost output is an error."""

    encoding = "utf-8"
    errors = "strict"

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        raise OSError(errno.EBADF, "is closed, but there is output to write", _OUTPUT)


@contextlib.contextmanager
def _terminated_in_order() -> Iterator[None]:
    """Let signals that end the process unwind the stack, so that no incomplete file remains."""

    def leave(number: int, _frame: Any) -> None:
        raise SystemExit(128 + number)

    main = threading.current_thread() is threading.main_thread()
    # signals that the caller ignores, as nohup does, stay ignored
    ours = [one for one in _ENDS if main and signal.getsignal(one) is signal.SIG_DFL]
    for one in ours:
        signal.signal(one, leave)
    try:
        yield
    finally:
        for one in ours:
            signal.signal(one, signal.SIG_DFL)
