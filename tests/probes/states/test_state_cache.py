from __future__ import annotations

import errno
import os
import resource
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from attention_oracle import plain_text
from probe_cases import hooks_on, random_examples, tiny_context, with_dead_heads
from subprobe.data.encoding.alignment import encode_words
from subprobe.data.errors import DiskFullError, InputError
from subprobe.data.sentences.sentence import Example, Sentence
from subprobe.probes.forward.texts import read_texts
from subprobe.probes.states import cache as cache_module
from subprobe.probes.states.cache import StateCache, passing_states, states_key
from subprobe.probes.states.gather import gather_states
from subprobe.probes.states.state_file import StateWriter

EXAMPLES = random_examples(9)


@pytest.fixture(scope="module")
def context():
    return tiny_context("bert", double=False)


@pytest.fixture
def store(tmp_path):
    return StateCache(tmp_path / "states")


@pytest.fixture
def passes(monkeypatch):
    """The number of passes over texts."""
    counted = []

    def gather(*args, **options):
        counted.append(1)
        gather_states(*args, **options)

    monkeypatch.setattr(cache_module, "gather_states", gather)
    return counted


def pieces(context, example):
    """The places of each word's pieces."""
    encoded = encode_words(context.tokenizer, [example.first], None, max_length=context.max_length)[
        0
    ]
    found: dict[int, list[int]] = {}
    for place, word in enumerate(encoded.word_of_piece):
        if word >= 0:
            found.setdefault(word, []).append(place)
    return list(found.values())


@pytest.mark.parametrize("family", ["bert", "roberta"])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_states_are_those_of_the_model(family, masked, pooling, store):
    context = replace(tiny_context(family), pre_split=True)
    if masked:
        context = with_dead_heads(context, [(0, 1), (1, 0), (1, 3)])
    words = store.of(context, EXAMPLES, pooling=pooling, batch_size=4)
    assert hooks_on(context.model) == 0
    assert (words.num_states, words.width) == (3, 32)
    assert words.num_words == sum(len(example.first.words) for example in EXAMPLES)
    several = 0
    for text, example in enumerate(EXAMPLES):
        plain, places = plain_text(context, example), pieces(context, example)
        several += sum(len(one) > 1 for one in places)
        assert list(words.places(text)) == list(range(len(example.first.words)))
        for level in range(3):
            wanted = [
                plain.states[level][one].mean(0)
                if pooling == "mean"
                else plain.states[level][one[0]]
                for one in places
            ]
            found = words.state(level)[words.rows(text)].numpy()
            np.testing.assert_allclose(found, np.array(wanted), atol=1e-5)
    assert several > 10


def test_states_of_a_mask_are_others(context, store):
    whole = store.of(context, EXAMPLES)
    masked = store.of(with_dead_heads(context, [(0, h) for h in range(4)]), EXAMPLES)
    assert torch.equal(whole.state(0), masked.state(0))
    assert (whole.state(1) - masked.state(1)).abs().max() > 0.1


def test_words_that_are_cut_off_have_no_state(context, store):
    short = replace(context, max_length=6)
    words = store.of(short, EXAMPLES)
    kept = sum(len(one.kept) for one in words.texts.words)
    assert words.num_words == kept < sum(len(example.first.words) for example in EXAMPLES)


def test_texts_without_a_whole_word_are_refused(context, store):
    long = Example(id="e", first=Sentence(id="s", words=("antidisestablishmentarianism" * 3,)))
    with pytest.raises(InputError, match="truncation to 4 subwords"):
        store.of(replace(context, max_length=4), [long])


def test_key_changes_with_all_that_decides_the_states(context):
    def key(context=context, examples=EXAMPLES, pooling="mean"):
        return states_key(context, read_texts(context, examples), pooling)

    other = tiny_context("bert", double=False, seed=1)
    keys = [
        key(),
        key(other),
        key(with_dead_heads(context, [(0, 1)])),
        key(with_dead_heads(context, [(1, 1)])),
        key(examples=EXAMPLES[:-1]),
        key(examples=EXAMPLES[::-1]),
        key(pooling="first"),
        key(replace(context, max_length=6)),
        key(tiny_context("bert")),
    ]
    assert len(set(keys)) == len(keys)
    assert key() == keys[0]


def test_second_call_computes_nothing(context, store, passes):
    first = store.of(context, EXAMPLES)
    second = store.of(context, EXAMPLES)
    assert len(passes) == 1
    assert all(torch.equal(first.state(level), second.state(level)) for level in range(3))
    assert store.size() == sum(path.stat().st_size for path in store.folder.glob("*.safetensors"))
    assert store.size() > 4 * 3 * 32 * first.num_words


def files(store):
    return sorted(store.folder.glob("*.safetensors"))


@pytest.mark.parametrize("damage", ["cut", "payload", "header", "name", "empty", "other"])
def test_damaged_files_are_made_again(damage, context, store, passes):
    before = store.of(context, EXAMPLES)
    wanted = [before.state(level).clone() for level in range(3)]
    (path,) = files(store)
    content = bytearray(path.read_bytes())
    if damage == "cut":
        content = content[:-5]
    elif damage == "payload":
        content[-100] ^= 1
    elif damage == "header":
        content[30] ^= 4
    elif damage == "name":
        content = content.replace(b'"state.0"', b'"stape.0"')
    elif damage == "empty":
        content.clear()
    else:
        store.of(context, EXAMPLES[1:])
        passes.pop()
        (other,) = set(files(store)) - {path}
        content = bytearray(other.read_bytes())
    path.unlink()
    path.write_bytes(content)
    again = store.of(context, EXAMPLES)
    assert len(passes) == 2
    assert all(torch.equal(again.state(level), wanted[level]) for level in range(3))


def test_two_that_ask_at_once_compute_once(context, store, passes):
    found = []
    asking = [
        threading.Thread(target=lambda: found.append(store.of(context, EXAMPLES))) for _ in range(2)
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert len(found) == 2
    assert len(passes) == 1


def test_longest_unused_files_make_room(context, tmp_path, passes):
    parts = [EXAMPLES[:3], EXAMPLES[3:6], EXAMPLES[6:]]
    sizes = []
    with passing_states() as cache:
        for part in parts:
            sizes.append(-cache.size())
            cache.of(context, part)
            sizes[-1] += cache.size()
    store = StateCache(tmp_path / "states", limit=sum(sizes) - 1)
    passes.clear()
    held = store.of(context, parts[0])
    wanted = held.state(1).clone()
    store.of(context, parts[1])
    for place, path in enumerate(files(store)):
        os.utime(path, (place, place))
    first = min(files(store), key=lambda path: path.stat().st_mtime)
    store.of(context, parts[2])
    assert len(files(store)) == 2
    assert first not in files(store)
    assert store.size() <= store.limit
    # what was open stays readable
    assert torch.equal(held.state(1), wanted)
    assert len(passes) == 3


def test_states_larger_than_the_limit_are_refused(context, tmp_path):
    store = StateCache(tmp_path / "states", limit=1000)
    with pytest.raises(InputError, match="more than the limit"):
        store.of(context, EXAMPLES)
    assert not files(store)


def test_states_larger_than_the_disk_are_refused(context, store, monkeypatch):
    store.of(context, EXAMPLES[:2])
    monkeypatch.setattr(StateCache, "_free", lambda self: 1000)
    with pytest.raises(InputError, match="and only 0 MiB are free; free the space"):
        store.of(context, EXAMPLES)
    assert not files(store)  # what could be made again has gone first


@contextmanager
def no_file_larger_than(size):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("full", ["at once", "half-way", "for real"])
def test_full_disk_is_one_line_and_leaves_nothing(full, context, store, monkeypatch):
    write, calls = StateWriter.write, []

    def failing(self, *args):
        calls.append(1)
        if full != "for real" and len(calls) > (0 if full == "at once" else 8):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(self, *args)

    monkeypatch.setattr(StateWriter, "write", failing)
    limit = 4000 if full == "for real" else resource.RLIM_INFINITY
    with no_file_larger_than(limit), pytest.raises(DiskFullError) as caught:
        store.of(context, EXAMPLES)
    assert "MB remain to be written" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.suffix for path in store.folder.iterdir()] == [".lock"]
    assert hooks_on(context.model) == 0
    monkeypatch.setattr(StateWriter, "write", write)
    assert store.of(context, EXAMPLES).num_words


def test_removal_takes_states_alone(context, store):
    store.of(context, EXAMPLES[:3])
    (old,) = files(store)
    os.utime(old, (1, 1))
    store.of(context, EXAMPLES[3:])
    stale = store.folder / f".x.{'0' * 8}-1-{'0' * 8}.part"
    stale.touch()  # of another machine: it may still be written
    (store.folder / "mine.txt").write_text("x")
    size = old.stat().st_size
    assert store.remove(unused_for=3600) == size
    assert old not in files(store)
    assert len(files(store)) == 1
    size = store.size()
    assert store.remove() == size > 0
    assert sorted(path.name for path in store.folder.iterdir()) == sorted([stale.name, "mine.txt"])
    stale.unlink()
    (store.folder / "mine.txt").unlink()
    store.remove()
    assert not store.folder.exists()
    assert store.size() == store.remove() == 0


def test_passing_states_are_removed_after_use(context):
    with passing_states() as cache:
        cache.of(context, EXAMPLES)
        folder = cache.folder
        assert cache.size()
    assert not folder.exists()


def test_states_are_never_all_in_memory(context, store, monkeypatch):
    """What is written at a time is a text, and what is read is mapped from the file."""
    write, rows = StateWriter.write, []

    def noting(self, layer, first, words):
        rows.append(len(words))
        write(self, layer, first, words)

    monkeypatch.setattr(StateWriter, "write", noting)
    words = store.of(context, random_examples(60))
    longest = max(len(one.kept) for one in words.texts.words)
    assert max(rows) == longest < words.num_words / 10
    maps = Path("/proc/self/maps")
    if maps.exists():
        (path,) = files(store)
        place = words.state(1)[words.num_words // 2].data_ptr()
        lines = [line.split(maxsplit=5) for line in maps.read_text().splitlines()]
        mapped = [
            line[-1].strip()
            for line in lines
            if int(line[0].split("-")[0], 16) <= place < int(line[0].split("-")[1], 16)
        ]
        assert mapped == [str(path)]


def test_same_texts_give_the_same_bytes(context, tmp_path):
    contents = []
    for name in "ab":
        store = StateCache(tmp_path / name)
        store.of(context, EXAMPLES)
        (path,) = files(store)
        contents.append((path.name, path.read_bytes()))
        time.sleep(0.01)
    assert contents[0] == contents[1]
