"""Damaged versions of sound files: bytes flipped, cut and moved, JSON of other types and sizes."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable
from typing import Any

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 3, 7, 10**6, 2**31 - 1, 2**31, 2**63, 10**30, 0.5, -0.0, 1e308,
    float("nan"), float("inf"), "", "x", "0", "-1", "true", "../../etc/passwd", "/etc/passwd",
    "\x00", "\ud83d", "\u2028", "é" * 300, [], [1], [None], {}, {"a": 1}, [[[[]]]], ["x", 3],
)  # fmt: skip
"""What a value of a JSON file is replaced with."""

NUMBERS = (b"0", b"-1", b"1e999", b"9" * 30, b"9" * 5000, b"nan", b"0x10", b"1_0", "٣".encode(),
           b"2147483648", b"0.5", b"")  # fmt: skip
"""What a number of a text file is replaced with."""

PIECES = (b"\x00", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\r", b"\n", b"\n\n", b"\t", b'"',
          b",", b"[" * 3000, b'{"a":' * 3000, "\u2028".encode(), b"\\ud83d", b"#", b"=",
          b"a" * 70_000)  # fmt: skip
"""What is put between two bytes."""

_LARGEST = 2_000_000
"""Bytes of a mutation: what is tried is damage, not size."""

_INTEGERS = (0, 1, 2**7, 2**15, 2**31 - 1, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1)

Change = Callable[[random.Random, bytes], bytes]


def mutated(name: str, number: int, seed: bytes, kind: str) -> bytes:
    """The mutation of this number of a file: the same in every process.

    Args:
        name: of the reader, so that two readers of equal files get other mutations.
        number: which one.
        seed: the sound file.
        kind: `bytes`, `text`, `json` or `safetensors`; the last three are also damaged as bytes.
    """
    rng = random.Random(f"{name}-{number}")
    change = {"bytes": damage_bytes, "text": damage_text, "json": damage_json,
              "safetensors": damage_metadata}[kind]  # fmt: skip
    if kind != "bytes" and rng.random() < 0.3:
        change = damage_bytes
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        changed = change(rng, seed)
        if len(changed) > _LARGEST:
            break
        seed = changed
    return seed


# -- bytes --------------------------------------------------------------------------------------


def damage_bytes(rng: random.Random, content: bytes) -> bytes:
    """Flip, cut, double, move or overwrite some bytes."""
    if not content:
        return rng.choice(PIECES)
    first, last = sorted((rng.randrange(len(content) + 1), rng.randrange(len(content) + 1)))
    # most files hold what matters at either end
    place = min(int(rng.expovariate(4 / len(content))), len(content) - 1)
    place = rng.choice((place, len(content) - 1 - place, rng.randrange(len(content))))
    data = bytearray(content)
    match rng.randrange(8):
        case 0:
            data[place] ^= 1 << rng.randrange(8)
        case 1:
            data[place] = rng.randrange(256)
        case 2:
            del data[first:]
        case 3:
            del data[first : min(last, first + 64)]
        case 4:
            data[place:place] = data[first : min(last, first + 256)]
        case 5:
            data[place:place] = rng.choice(PIECES)
        case 6:
            size = rng.choice((1, 2, 4, 8))
            number = rng.choice(_INTEGERS) % 2 ** (8 * size)
            data[place : place + size] = number.to_bytes(size, "little")
        case _:
            data[first : min(last, first + 32)] = bytes(min(last, first + 32) - first)
    return bytes(data)


# -- text ---------------------------------------------------------------------------------------


def damage_text(rng: random.Random, content: bytes) -> bytes:
    """Lose, double or swap lines and cells; put other numbers in."""
    lines = content.split(b"\n")
    place = rng.randrange(len(lines))
    match rng.randrange(6):
        case 0:
            del lines[place]
        case 1:
            lines.insert(place, rng.choice(lines))
        case 2:
            cells = re.split(rb"([\t,=])", lines[place])
            cells[rng.randrange(len(cells))] = rng.choice((*NUMBERS, *PIECES))
            lines[place] = b"".join(cells)
        case 3:
            found = list(re.finditer(rb"\d+", content))
            if found:
                one = rng.choice(found)
                return content[: one.start()] + rng.choice(NUMBERS) + content[one.end() :]
        case 4:
            at = rng.randrange(len(lines[place]) + 1)
            lines[place] = lines[place][:at] + rng.choice(PIECES) + lines[place][at:]
        case _:
            lines[place] = lines[place] * rng.choice((2, 20, 200))
    return b"\n".join(lines)


# -- JSON ---------------------------------------------------------------------------------------


def damage_json(rng: random.Random, content: bytes) -> bytes:
    """Change one value of a JSON file; whatever is no JSON any more is damaged as text."""
    try:
        return _dumped(rng, _changed(rng, json.loads(content)))
    except (ValueError, RecursionError):
        return damage_text(rng, content)


def _changed(rng: random.Random, value: Any) -> Any:
    value = copy.deepcopy(value)
    places = list(_places(value)) if isinstance(value, (dict, list)) else []
    if not places or rng.random() < 0.02:
        return rng.choice(VALUES)
    holder, key = rng.choice(places)
    match rng.randrange(8):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            other = rng.choice(list(holder))
            holder[key] = copy.deepcopy(holder[other])
        case 2 if isinstance(holder, dict):
            holder[f"{key}x"] = holder.pop(key)
        case 3 if isinstance(holder, list):
            holder.extend([holder[key]] * rng.choice((1, 5)))
        case _:
            holder[key] = copy.deepcopy(rng.choice(VALUES))
    return value


def _places(value: Any) -> Any:
    """Every (holder, key) of a nested value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(inside):
        yield value, key
        if isinstance(inner, (dict, list)):
            yield from _places(inner)


def _dumped(rng: random.Random, value: Any) -> bytes:
    text = json.dumps(value)
    if rng.random() < 0.05:
        # a value that Python cannot write: thousands of digits, or thousands of brackets
        other = rng.choice(("9" * 5000, "[" * 100_000, '{"a":' * 100_000, "[" * 900 + "]" * 900))
        text = re.sub(r": (\d+|null|true)", lambda _: f": {other}", text, count=1)
    return text.encode()


def damage_metadata(rng: random.Random, content: bytes) -> bytes:
    """Change the JSON that a safetensors file has in its header, or the header itself."""
    size = int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8 : 8 + size])
        inner = header["__metadata__"]["subprobe"].encode()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return damage_bytes(rng, content)
    if rng.random() < 0.7:
        header["__metadata__"]["subprobe"] = damage_json(rng, inner).decode("latin-1")
        text = json.dumps(header).encode()
    else:
        text = damage_json(rng, content[8 : 8 + size])
    return len(text).to_bytes(8, "little") + text + content[8 + size :]
