"""Attacks side by side against a loop that asks one thing at a time; both make the same texts."""

from __future__ import annotations

from typing import Any

from subprobe.data.words.tags import Spelled
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.probes.attack.answers import SentenceEncoder, classifying, tagging
from subprobe.probes.attack.attack import attack_with
from subprobe.probes.attack.attacked_text import AttackedText, is_stop_word
from subprobe.probes.attack.procedure import Rule
from subprobe.probes.attack.sources import from_wordnet
from subprobe.probes.forward.base import Context

from .models import encoder, ground
from .one_query_at_a_time import fool
from .timing import REPEATS, Measure, ratio

_RULE = Rule("authors", 0.5)


def attacks(count: int = 12, repeats: int = REPEATS) -> Measure:
    """TextFooler with synonyms of WordNet on generated sentences, over the plain loop.

    The model, the tagger and the sentence encoder are part of both sides.
    """
    here = ground(count)
    context = Context(here.model, here.tokenizer, anatomy_of(here.model), max_length=64)
    similar = SentenceEncoder(*encoder(), 64)
    texts = [AttackedText.of(one) for one in here.examples]
    tagger, source = tagging(), from_wordnet(50)
    with classifying(context, 64) as classifier:
        labels = classifier([one.read for one in texts]).argmax(axis=1).tolist()
    asked = [(text.spelled(), place) for text in texts for place in text.places]
    tags = iter(tagger(asked))
    candidates = source(texts, [[next(tags) for _ in text.places] for text in texts])
    made: dict[str, list[str]] = {}

    def ours() -> None:
        with classifying(context, 64) as classifier:
            found = attack_with(
                classifier, texts, labels, source, _RULE, tagger=tagger, encoder=similar
            )
        made["ours"] = [one.text.text for one in found]

    def plain() -> None:
        with classifying(context, 1) as classifier:
            made["plain"] = [
                fool(
                    text.read,
                    label,
                    own,
                    probabilities=lambda one: classifier([one])[0],
                    tag=_one_tag,
                    vector=lambda one: similar([one])[0],
                    stop_word=is_stop_word,
                    threshold=_RULE.threshold,
                )[0]
                for text, label, own in zip(texts, labels, candidates, strict=True)
            ]

    def _one_tag(tokens: list[str], spaces: list[bool], place: int) -> Any:
        return tagger([(Spelled(tuple(tokens), tuple(spaces)), place)])[0]

    measure = ratio(
        "attacks side by side / one query at a time", ours, plain, limit=1 / 3, repeats=repeats
    )
    if made["ours"] != made["plain"]:
        raise AssertionError("the two attacks made different texts")
    return measure
