"""The texts of a corpus as probes read them: encoded once, without texts that have no word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...data.encoding.alignment import Encoded, encode_texts, encode_words
from ...data.encoding.tokenizer_check import check_padding
from ...data.errors import InputError
from ...data.sentences.sentence import Example
from .base import Context, ProbeResult
from .batch import KeptWords, keep_words


@dataclass(frozen=True)
class Texts:
    """The N examples of a corpus that have words to read.

    Attributes:
        examples: the examples, in the order of the corpus.
        encoded: their subwords [N].
        words: their whole words [N]; none where a text is cut inside its first word.
        n_wordless: examples left out because a text of theirs has no piece of a word: it is empty
            or made of characters that the tokenizer removes.
        n_unlocated: examples left out because the words are not found in the raw text.
        n_cut: examples read of which something was cut off.
        n_shared_pieces: subwords that hold characters of several words.
    """

    examples: tuple[Example, ...]
    encoded: tuple[Encoded, ...]
    words: tuple[KeptWords, ...]
    n_wordless: int
    n_unlocated: int
    n_cut: int
    n_shared_pieces: int

    @property
    def n_dropped(self) -> int:
        """Examples left out."""
        return self.n_wordless + self.n_unlocated

    def counted(self, result: ProbeResult) -> ProbeResult:
        """A probe's result whose rows and notes count what was left out.

        Rows that count smaller things than texts, such as arcs, have a count of their own.
        """
        dropped = result.rows["n_dropped"].astype("Int64").fillna(self.n_dropped)
        rows = result.rows.assign(n_dropped=dropped)
        notes = {
            "n_texts_read": len(self.examples),
            "n_texts_wordless": self.n_wordless,
            "n_texts_unlocated": self.n_unlocated,
            "n_texts_cut": self.n_cut,
            "n_pieces_shared": self.n_shared_pieces,
        }
        return replace(result, rows=rows, notes={**result.notes, **notes})


def read_texts(context: Context, examples: Sequence[Example]) -> Texts:
    """Encode examples and leave out those with a text that has no word.

    Raises:
        InputError: if there is no example or none has a word, or some have a second sentence and
            some have not.
        CheckpointError: if texts of different lengths are to be padded and the tokenizer cannot.
    """
    if not examples:
        raise InputError("no sentences to probe", remedy="name a corpus with at least one sentence")
    encoded = encode_examples(context, examples)
    kept = [place for place, one in enumerate(encoded) if one.readable]
    unlocated = sum(one.n_unlocated > 0 for one in encoded)
    if not kept:
        why = "the words are not found in any text" if unlocated else "no text contains a word"
        raise InputError(
            f"no text to probe: {why} (texts: {len(encoded)})",
            remedy="name a corpus with at least one sentence that the tokenizer can read",
        )
    read = [encoded[place] for place in kept]
    if len({len(one.input_ids) for one in read}) > 1:
        check_padding(context.tokenizer)
    return Texts(
        examples=tuple(examples[place] for place in kept),
        encoded=tuple(read),
        words=tuple(keep_words(one) for one in read),
        n_wordless=len(encoded) - len(kept) - unlocated,
        n_unlocated=unlocated,
        n_cut=sum(one.truncated for one in read),
        n_shared_pieces=sum(one.n_shared for one in read),
    )


def encode_examples(context: Context, examples: Sequence[Example]) -> list[Encoded]:
    """Subwords of every example; single sentences and pairs may not be mixed.

    Raises:
        InputError: if some examples have a second sentence and some have not.
    """
    firsts = [example.first for example in examples]
    seconds = [example.second for example in examples if example.second is not None]
    if seconds and len(seconds) != len(firsts):
        raise InputError(
            "single sentences and sentence pairs are mixed", remedy="probe them separately"
        )
    encode = encode_words if context.pre_split else encode_texts
    return encode(context.tokenizer, firsts, seconds or None, max_length=context.max_length)
