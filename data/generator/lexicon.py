"""The content words of the generated tasks, divided into disjoint sets for the three splits.

Closed-class words (determiners, auxiliaries, pronouns, conjunctions, prepositions) are shared and
are contained in the templates. Words are assigned to `train`, `validation` and `test` by their
position in each list, so that the assignment does not depend on the seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

SPLITS = ("train", "validation", "test")

_DEAL = ("train", "test", "train", "validation", "train", "test", "train")
"""Splits of successive words: of seven words, train gets four, test two and validation one."""

PEOPLE = """pilot author senator dentist farmer guard lawyer banker painter doctor teacher singer
tailor driver student writer manager baker editor surgeon neighbor sailor butcher visitor plumber
soldier officer reporter captain judge poet runner client critic gardener scientist waiter
librarian minister mayor cousin dancer artist engineer mechanic burglar cyclist colonel customer
detective director diplomat drummer trainer violinist wizard translator tourist tenant swimmer
speaker settler rider printer priest prisoner porter pianist partner owner nurse novelist
merchant lodger janitor investor inventor hunter hiker guest governor golfer expert"""

MALE_NAMES = """John Peter David Michael Robert James Thomas Daniel George Henry Edward Patrick
Martin Stephen Kevin Brian Andrew Richard Walter Simon Frank"""

FEMALE_NAMES = """Mary Susan Laura Sarah Anna Emily Helen Julia Karen Alice Nancy Diana Rachel
Linda Martha Clara Emma Carol Sophia Jane Lucy"""

TRANSITIVE = """greet praise avoid admire evict blame thank describe insult convince annoy
amuse impress comfort accuse pester surprise disappoint respect invite reward rescue
ignore deceive bother envy scold tease mock punish welcome protect frighten confuse
reprimand contact kidnap* disturb defend criticize adore despise embarrass interview
flatter encourage harass inspire betray console summon astonish startle
threaten reassure congratulate assist condemn interrupt imitate"""

INTRANSITIVE = """sleep:slept laugh smile vanish sneeze cough faint yawn weep:wept shiver
snore arrive tremble blush giggle nap* kneel:knelt disappear dance sigh depart
collapse frown limp wander stumble meditate chuckle sulk grin* scream pause squint
sob* doze wobble emerge shudder loiter wail snooze"""

THAT_VERBS = """think:thought believe announce realize notice suggest predict suspect conclude
assume deny imagine insist know:known:knew remark assert presume boast guess complain mutter"""

TO_VERBS = """want try manage refuse attempt fail decline struggle seek:sought hesitate strive
tend long prepare endeavor yearn deserve neglect volunteer aim proceed"""

QUESTION_VERBS = """forget*:forgotten:forgot see:seen:saw learn discover explain recall
reveal remember determine"""

DATIVE_VERBS = """give:given:gave show send:sent lend:lent hand sell:sold offer throw:thrown:threw
bring:brought pass teach:taught mail"""

ADJECTIVES = """happy tired hungry angry nervous calm lonely proud bored thirsty sad wealthy
anxious healthy sick grateful furious jealous busy sleepy gloomy curious lazy ashamed worried
rude silent confident afraid absent guilty innocent"""

ATTRIBUTES = """noisy clever friendly shy gentle strange strict foreign handsome quiet local
grumpy humble clumsy stubborn brilliant witty tidy bald dishonest lovely"""

THINGS = """apple coin book lamp bottle pencil chair hammer ladder candle basket carpet mirror
pillow bucket blanket needle button kettle drawer spoon"""

ADVERBS = """certainly probably clearly often obviously apparently usually surely definitely
always generally possibly sometimes truly evidently frequently undoubtedly presumably
supposedly regularly secretly"""

DAYS = """yesterday today again twice recently earlier once privately outside openly here lately
indoors abroad"""


@dataclass(frozen=True, slots=True)
class Noun:
    """A noun, singular and plural."""

    sg: str
    pl: str


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb: base, third person, past, past participle, present participle."""

    base: str
    s: str
    past: str
    part: str
    ing: str

    def present(self, plural: bool) -> str:
        """The present tense that agrees with a third-person subject."""
        return self.base if plural else self.s


@dataclass(frozen=True)
class Lexicon:
    """The content words of one split."""

    people: tuple[Noun, ...]
    male_names: tuple[str, ...]
    female_names: tuple[str, ...]
    transitive: tuple[Verb, ...]
    intransitive: tuple[Verb, ...]
    that_verbs: tuple[Verb, ...]
    to_verbs: tuple[Verb, ...]
    question_verbs: tuple[Verb, ...]
    dative_verbs: tuple[Verb, ...]
    adjectives: tuple[str, ...]
    attributes: tuple[str, ...]
    things: tuple[Noun, ...]
    adverbs: tuple[str, ...]
    days: tuple[str, ...]


def plural_of(noun: str) -> str:
    """The regular English plural."""
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"


def noun(entry: str) -> Noun:
    """Read `singular` or `singular:plural`."""
    sg, _, pl = entry.partition(":")
    return Noun(sg, pl or plural_of(sg))


def verb(entry: str) -> Verb:
    """Read `base`, `base*` (doubles its last letter), `base:past` or `base:participle:past`."""
    spelled, *irregular = entry.split(":")
    base = spelled.rstrip("*")
    stem = base + base[-1] if spelled.endswith("*") else base
    third = plural_of(base)
    if base.endswith("e"):
        regular, ing = f"{base}d", f"{base[:-1]}ing"
    elif base.endswith("y") and base[-2] not in "aeiou":
        regular, ing = f"{base[:-1]}ied", f"{base}ing"
    else:
        regular, ing = f"{stem}ed", f"{stem}ing"
    part = irregular[0] if irregular else regular
    return Verb(base, third, irregular[-1] if irregular else regular, part, ing)


def deal(entries: str, split: str) -> list[str]:
    """The entries of a list that belong to one split."""
    words = entries.split()
    return [word for i, word in enumerate(words) if _DEAL[i % len(_DEAL)] == split]


@cache
def lexicon(split: str) -> Lexicon:
    """The words of one split; no word form is in two splits."""

    def nouns(entries: str) -> tuple[Noun, ...]:
        return tuple(noun(entry) for entry in deal(entries, split))

    def verbs(entries: str) -> tuple[Verb, ...]:
        return tuple(verb(entry) for entry in deal(entries, split))

    def words(entries: str) -> tuple[str, ...]:
        return tuple(deal(entries, split))

    return Lexicon(
        people=nouns(PEOPLE),
        male_names=words(MALE_NAMES),
        female_names=words(FEMALE_NAMES),
        transitive=verbs(TRANSITIVE),
        intransitive=verbs(INTRANSITIVE),
        that_verbs=verbs(THAT_VERBS),
        to_verbs=verbs(TO_VERBS),
        question_verbs=verbs(QUESTION_VERBS),
        dative_verbs=verbs(DATIVE_VERBS),
        adjectives=words(ADJECTIVES),
        attributes=words(ATTRIBUTES),
        things=nouns(THINGS),
        adverbs=words(ADVERBS),
        days=words(DAYS),
    )
