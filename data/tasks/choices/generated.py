"""The embedded task `reading`: questions about short generated texts, with four options each.

Each text reports who put what where, in three sentences, and has one question of each of four types
(after Rogers et al. 2020, QuAIL, of which one type has no answer in the text). One option is always
`not enough information`; questions without an answer are worded like the others. The wrong things
of a `what` question are not in the text, so that the option with the most words of the text is
right; the wrong people and places of `who` and `where` questions are in the text.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from ...errors import ConfigError
from ...generator.lexicon import FEMALE_NAMES, MALE_NAMES, SPLITS, deal
from ...generator.sampling import check_sizes
from ...sentences.sentence import Example, plain_sentence
from .reading import choice_spec

READING = choice_spec("reading", 4, report_split="test")
"""The task."""

SIZES: Mapping[str, int] = {"train": 480, "validation": 80, "test": 160}
"""Default number of questions per split; each text has four."""

UNKNOWN = "not enough information"
"""The option that is right if the text has no answer."""

TYPES = ("who", "what", "where", "unanswerable")

_VERBS = (("put", "put"), ("left", "leave"), ("hid", "hide"), ("found", "find"), ("saw", "see"))
"""Verbs with one object and a place: past tense, base."""

_THINGS = """apple coin book lamp bottle pencil chair hammer ladder candle basket carpet mirror
pillow bucket blanket needle button kettle drawer spoon clock cup drum envelope flute glove hat
helmet jacket jar key kite map medal mug newspaper notebook orange paintbrush parcel pear photograph
plate purse radio ring rope scarf shirt shoe statue stone ticket towel toy umbrella vase violin
wallet whistle"""

_PLACES = """attic barn basement bathroom bedroom cabin cafe castle cave cellar chapel church
classroom clinic corridor courtyard factory forest garage garden gym hall harbor hospital hotel
kitchen laboratory library market museum office orchard palace park pharmacy prison pub restaurant
school shed stable stadium station studio temple tent theater tower tunnel vineyard warehouse
workshop zoo"""


def reading(seed: int, sizes: Mapping[str, int] | None = None) -> dict[str, tuple[Example, ...]]:
    """Generate the task.

    Args:
        seed: same seed, same examples.
        sizes: number of questions of each split, multiples of 4; default `SIZES`.

    Returns:
        Split name -> questions; `group` is the type and `cluster` the text. The names, things and
        places of train, validation and test are disjoint.

    Raises:
        ConfigError: if a split is unknown, a size is not a multiple of 4, or there are too few
            different texts.
    """
    sizes = dict(SIZES if sizes is None else sizes)
    check_sizes(sizes)
    return {split: _split(seed, split, sizes[split]) for split in SPLITS if split in sizes}


def _split(seed: int, split: str, size: int) -> tuple[Example, ...]:
    rng = random.Random(f"reading/{split}/{seed}")
    names = [*deal(MALE_NAMES, split), *deal(FEMALE_NAMES, split)]
    things, places = deal(_THINGS, split), deal(_PLACES, split)
    examples: list[Example] = []
    seen: set[str] = set()
    attempts = 0
    while len(examples) < size:
        attempts += 1
        if attempts > 100 * size:
            raise ConfigError(
                f"reading has fewer than {size // len(TYPES)} different texts for {split}",
                where="sizes",
                remedy="ask for fewer examples",
            )
        found = _questions(
            rng, names, things, places, f"{split}-text-{len(examples) // len(TYPES)}"
        )
        if found[0].first.raw_text() not in seen:
            seen.add(found[0].first.raw_text())
            examples += found
    return tuple(examples)


def _questions(
    rng: random.Random,
    names: Sequence[str],
    things: Sequence[str],
    places: Sequence[str],
    cluster: str,
) -> list[Example]:
    """The four questions about one new text."""
    who, what = rng.sample(names, 4), rng.sample(things, 7)
    where = [f"in the {place}" for place in rng.sample(places, 4)]
    (past, base), *others = rng.sample(_VERBS, 4)
    verbs = [past, *(verb for verb, _ in others[:2])]
    facts = [
        f"{name} {verb} the {thing} {place}."
        for name, verb, thing, place in zip(who, verbs, what, where, strict=False)
    ]
    text = " ".join(rng.sample(facts, len(facts)))
    absent = [f"the {thing}" for thing in what[4:]]
    # the first fact is asked for; the fourth name, thing and place are not in the text
    asked = {
        "who": (f"Who {past} the {what[0]} {where[0]}?", who[:3]),
        "what": (f"What did {who[0]} {base} {where[0]}?", [f"the {what[0]}", *absent[:2]]),
        "where": (f"Where did {who[0]} {base} the {what[0]}?", where[:3]),
    }
    unanswered = [
        (f"Who {past} the {what[3]} {where[3]}?", who[:3]),
        (f"What did {who[3]} {base} {where[3]}?", absent),
        (f"Where did {who[3]} {base} the {what[3]}?", where[:3]),
    ]
    asked["unanswerable"] = rng.choice(unanswered)
    return [
        _question(rng, text, question, options, kind, cluster)
        for kind, (question, options) in asked.items()
    ]


def _question(
    rng: random.Random, text: str, question: str, options: Sequence[str], kind: str, cluster: str
) -> Example:
    right = UNKNOWN if kind == "unanswerable" else options[0]
    shown = rng.sample([*options, UNKNOWN], len(options) + 1)
    id = f"{kind}/{cluster}"
    return Example(
        id,
        plain_sentence(f"{id}/1", text),
        plain_sentence(f"{id}/2", question),
        shown.index(right),
        group=kind,
        cluster=cluster,
        options=tuple(shown),
    )
