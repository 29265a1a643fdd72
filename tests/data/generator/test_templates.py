"""The generated tasks are deterministic, balanced, well-formed and free of leaks."""

import itertools
import json
import os
import subprocess
import sys
from collections import Counter
from functools import cache

import pytest
from subprobe.data.errors import ConfigError
from subprobe.data.generator import PHENOMENA, acceptability, entailment, sampling
from subprobe.data.generator.acceptability import ACCEPTABILITY
from subprobe.data.generator.entailment import ENTAILMENT
from subprobe.data.generator.lexicon import SPLITS, Lexicon, lexicon
from subprobe.data.generator.sampling import SIZES

SEED = 7
TASKS = {"acceptability": acceptability, "entailment": entailment}
ENTRIES = {"acceptability": ACCEPTABILITY, "entailment": ENTAILMENT}
CLOSED_UPOS = {"DET", "AUX", "PRON", "CCONJ", "SCONJ", "PART", "PUNCT", "ADP"}
# Open-class tags on words that the templates themselves supply.
TEMPLATE_WORDS = """too many much several more as ever never nowhere often now only quite clear true
why how when where good old cheap fine bought found sold wanted wondered asked inquired
knows remembers reveals understands forgot knew thought hoped managed failed saw
certainly clearly possibly perhaps"""


@cache
def generated(task: str, seed: int = SEED):
    return TASKS[task](seed)


def sentences(splits, split):
    for example in splits[split]:
        yield example.first
        if example.second is not None:
            yield example.second


def minimal_sets(examples):
    return zip(*[iter(examples)] * 4, strict=True)


def dump(splits) -> str:
    return json.dumps(
        {
            split: [
                (e.id, e.label, e.group, e.texts(), e.first.heads, e.first.deprels)
                for e in examples
            ]
            for split, examples in splits.items()
        }
    )


@pytest.mark.parametrize("task", TASKS)
def test_default_sizes(task):
    assert {split: len(part) for split, part in generated(task).items()} == dict(SIZES)


@pytest.mark.parametrize("task", TASKS)
def test_a_minimal_set_is_a_cluster_and_every_set_another(task):
    for split, part in generated(task).items():
        names = [{example.cluster for example in members} for members in minimal_sets(part)]
        assert all(len(name) == 1 and all(name) for name in names), split
        assert len(set().union(*names)) == len(part) // 4
        assert all(
            example.id.rsplit("/", 1)[0] == example.cluster.rsplit("/", 1)[0] for example in part
        )


@pytest.mark.parametrize("task", TASKS)
def test_same_seed_same_bytes_in_another_process(task):
    code = (
        "import sys; sys.path[:0] = sys.argv[2:]; from test_templates import dump, TASKS\n"
        f"sys.stdout.write(dump(TASKS[{task!r}]({SEED})))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    result = subprocess.run(
        [sys.executable, "-c", code, task, os.path.dirname(__file__)],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    assert result.stdout == dump(generated(task))


@pytest.mark.parametrize("task", TASKS)
def test_another_seed_gives_other_texts(task):
    first = {e.texts() for e in generated(task)["train"]}
    second = {e.texts() for e in generated(task, SEED + 1)["train"]}
    assert len(first & second) < 0.2 * len(first)


@pytest.mark.parametrize("task", TASKS)
def test_no_text_and_no_id_comes_twice(task):
    splits = generated(task)
    texts = [e.texts() for part in splits.values() for e in part]
    assert len(set(texts)) == len(texts)
    for part in splits.values():
        assert len({e.id for e in part}) == len(part)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("split", SPLITS)
def test_labels_are_balanced_in_every_phenomenon_and_set(task, split):
    part = generated(task)[split]
    for group in {e.group for e in part}:
        labels = [e.label for e in part if e.group == group]
        assert sum(labels) * 2 == len(labels)
    for members in minimal_sets(part):
        assert sum(e.label for e in members) == 2
        assert len({e.id.rsplit("/", 1)[0] for e in members}) == 1


@pytest.mark.parametrize("task", TASKS)
def test_a_prefix_of_whole_sets_is_balanced_over_templates(task):
    part = generated(task)["train"]
    counts = Counter(e.id.rsplit("/", 1)[0] for e in part[: len(part) // 8 * 4])
    assert max(counts.values()) - min(counts.values()) <= 4


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("split", SPLITS)
def test_every_sentence_has_a_gold_projective_ud_tree(task, split):
    for sentence in sentences(generated(task), split):
        assert (sentence.annotation, sentence.scheme) == ("gold", "ud")
        assert len(sentence.words) == len(sentence.heads) == len(sentence.deprels)
        assert sentence.upos[-1] == "PUNCT"
        assert sentence.deprels.count("root") == 1
        assert sentence.deprels[sentence.heads.index(-1)] == "root"
        for i, head in enumerate(sentence.heads):
            for j, other in enumerate(sentence.heads):
                if head >= 0 and other >= 0:
                    left, right = sorted((i, head))
                    low, high = sorted((j, other))
                    assert not left < low < right < high


TAG_OF_RELATION = {
    "det": {"DET"},
    "case": {"ADP"},
    "cc": {"CCONJ"},
    "aux": {"AUX"},
    "aux:pass": {"AUX"},
    "cop": {"AUX"},
    "amod": {"ADJ"},
    "advmod": {"ADV", "PART"},
    "mark": {"SCONJ", "PART"},
    "punct": {"PUNCT"},
    "nsubj": {"NOUN", "PROPN", "PRON"},
    "nsubj:pass": {"NOUN", "PROPN"},
    "obj": {"NOUN", "PROPN", "PRON"},
    "obl:agent": {"NOUN", "PROPN"},
    "obl:unmarked": {"NOUN"},
}


@pytest.mark.parametrize("task", TASKS)
def test_tags_fit_relations(task):
    for sentence in sentences(generated(task), "train"):
        for upos, deprel in zip(sentence.upos, sentence.deprels, strict=True):
            assert upos in TAG_OF_RELATION.get(deprel, {upos}), sentence


@pytest.mark.parametrize("task", TASKS)
def test_text_spells_the_words(task):
    for sentence in sentences(generated(task), "validation"):
        assert sentence.text.replace(" ", "") == "".join(sentence.words)
        assert sentence.text[0].isupper()
        assert sentence.text[-1] in ".?"
        assert " ," not in sentence.text
        assert " ." not in sentence.text


@pytest.mark.parametrize("task", TASKS)
def test_content_words_of_splits_are_disjoint(task):
    vocabulary = {
        split: {
            word.lower()
            for sentence in sentences(generated(task), split)
            for word, upos in zip(sentence.words, sentence.upos, strict=True)
            if upos not in CLOSED_UPOS and word.lower() not in TEMPLATE_WORDS.split()
        }
        for split in SPLITS
    }
    for one, two in itertools.combinations(SPLITS, 2):
        assert not vocabulary[one] & vocabulary[two]
    assert len(vocabulary["train"]) > 120


def forms(words: Lexicon) -> set[str]:
    found: set[str] = set()
    for entries in vars(words).values():
        for entry in entries:
            found |= (
                {entry}
                if isinstance(entry, str)
                else {getattr(entry, slot) for slot in entry.__slots__}
            )
    return found


def test_lexicons_of_splits_are_disjoint():
    for one, two in itertools.combinations(SPLITS, 2):
        assert not forms(lexicon(one)) & forms(lexicon(two))


@pytest.mark.parametrize("task", TASKS)
def test_there_are_at_least_ten_phenomena_and_thirty_templates(task):
    assert len(ENTRIES[task]) >= 10
    for split in SPLITS:
        used = {e.id.rsplit("/", 1)[0] for e in generated(task)[split]}
        assert len(used) >= 30
        assert {e.group for e in generated(task)[split]} == {entry.name for entry in ENTRIES[task]}


def test_every_phenomenon_is_described_once():
    names = [entry.name for entries in ENTRIES.values() for entry in entries]
    assert len(names) == len(set(names))
    assert set(names) == set(PHENOMENA)


def test_sentences_are_short():
    for task in TASKS:
        lengths = [len(s.words) for s in sentences(generated(task), "train")]
        assert max(lengths) <= 18


@pytest.mark.parametrize(
    ("sizes", "named"), [({"dev": 8}, "dev"), ({"train": 6}, "6"), ({"test": 0}, "0")]
)
def test_impossible_sizes_are_refused(sizes, named):
    with pytest.raises(ConfigError, match=named):
        acceptability(0, sizes)


def test_running_out_of_texts_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(sampling, "_PATIENCE", 2)
    with pytest.raises(ConfigError, match="ask for fewer"):
        acceptability(0, {"validation": 20_000})


def test_only_named_splits_are_made():
    assert list(acceptability(0, {"test": 8})) == ["test"]
