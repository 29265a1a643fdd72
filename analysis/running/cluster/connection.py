"""Connect to a running Dask scheduler by its address or its scheduler file."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ....data.errors import ConfigError, DataFileError
from ....data.files.json_text import read_json_object

if TYPE_CHECKING:
    from distributed import Client

    from ..engine import EngineMaker

_ADDRESS = re.compile(r"(?:[a-z]+://)?[^\s/]+:\d+")
_TLS = "TLS needs certificate files, set in Dask's configuration (distributed.comm.tls)"


@contextmanager
def computing_on(scheduler: str) -> Iterator[EngineMaker]:
    """Context in which the cells of runs are computed by the workers of a cluster.

    Args:
        scheduler: the address of a running scheduler, or the file that it wrote.

    Raises:
        ConfigError: if there is no such scheduler, or Dask is not installed.
        DataFileError: for a file that is not a scheduler file.
    """
    address = address_of(scheduler)
    try:
        from distributed.utils import silence_logging_cmgr
    except ImportError:
        raise ConfigError(
            "needs Dask, which is not installed",
            where="`scheduler`",
            remedy="pip install 'subprobe[cluster]'",
        ) from None
    from .spread import Cluster

    # the engine reports what happens to workers and scheduler
    with silence_logging_cmgr(logging.CRITICAL + 1):
        client = _connected(address)
        try:
            yield partial(Cluster, client)
        finally:
            with suppress(OSError, TimeoutError):
                client.close(timeout=5)


def address_of(scheduler: str) -> str:
    """The address of a scheduler that is named by its address or by its scheduler file.

    Raises:
        ConfigError: if it is neither a file nor an address.
        DataFileError: for a file that is not a scheduler file.
    """
    path = Path(scheduler)
    if path.is_file():
        address = read_json_object(path).get("address")
        if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
            raise DataFileError("was not written by a Dask scheduler", where=scheduler)
        return address
    if not _ADDRESS.fullmatch(scheduler):
        raise ConfigError(
            "is neither a file nor an address",
            where=scheduler,
            remedy="name the scheduler file that `dask scheduler` wrote, or an address such as "
            "tcp://HOST:8786",
        )
    return scheduler


def is_open(address: str) -> bool:
    """Whether messages to an address can be read and answered by others on the network."""
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    if parts.scheme != "tcp":
        return False
    host = parts.hostname or ""
    with suppress(ValueError):
        return not ipaddress.ip_address(host).is_loopback
    return host != "localhost"


async def _reach(address: str) -> None:
    """Connect once, to check that the scheduler answers.

    Raises:
        OSError: if the scheduler does not answer.
        TypeError, ValueError, RuntimeError: for an unknown protocol, and for TLS without its files.
    """
    from distributed import Security
    from distributed.comm import connect

    comm = await connect(address, **Security().get_connection_args("client"))
    await comm.close()


def _connected(address: str) -> Client:
    from distributed import Client

    try:
        # a client that cannot be connected is closed when its memory is collected, in whatever
        # thread that happens: it can keep the loop of the next client from starting
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, _reach(address)).result()
        return Client(address, set_as_default=False, name="subprobe")
    except (OSError, TimeoutError) as error:
        said = str(error).lower()
        refused = address.startswith("tls") and any(one in said for one in ("ssl", "certificate"))
        raise ConfigError(
            "the certificates do not match" if refused else "no Dask scheduler answers",
            where=address,
            remedy=_TLS if refused else "start one with `dask scheduler`, or correct the address",
        ) from None
    except (TypeError, ValueError, RuntimeError) as error:
        # what Dask raises for an unknown protocol and for TLS without its files
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        remedy = _TLS if address.startswith("tls") else "correct the address"
        raise ConfigError(f"connection failed: {why}", where=address, remedy=remedy) from None
