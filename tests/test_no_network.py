"""The proof that no test, and no command that a test starts, reaches the network."""

import os
import socket
import subprocess
import sys

import pytest
from pytest_socket import SocketBlockedError

# documentation addresses (RFC 5737): even without the guard nobody answers there
ELSEWHERE = "192.0.2.1"

CONNECT = f"""
import socket
connection = socket.socket()
connection.settimeout(1)
connection.connect(({ELSEWHERE!r}, 80))
"""

RESOLVE = "import socket; socket.getaddrinfo('example.org', 80)"

LOW_LEVEL = f"""
import _socket
_socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM).sendto(b'x', ({ELSEWHERE!r}, 53))
"""

LOCAL = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
socket.create_connection(listener.getsockname()).close()
print("connected")
"""


def child(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )


def test_this_process_cannot_open_a_socket():
    with pytest.raises(SocketBlockedError):
        socket.socket(socket.AF_INET, socket.SOCK_STREAM)


@pytest.mark.parametrize("code", [CONNECT, RESOLVE, LOW_LEVEL])
def test_a_child_process_cannot_reach_another_machine(code):
    ended = child(code)
    assert ended.returncode != 0
    assert "tests run without a network" in ended.stderr


def test_a_child_process_still_talks_to_itself():
    ended = child(LOCAL)
    assert ended.stdout.strip() == "connected", ended.stderr


def test_libraries_are_told_that_there_is_no_network():
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    told = child("import huggingface_hub.constants as c; print(c.HF_HUB_OFFLINE)")
    assert told.stdout.strip() == "True", told.stderr
