"""Texts of a language that the encoder has not seen, as numbers of new tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from ...data.errors import ConfigError, InputError
from ...data.files.atomic import digest
from ...data.masking.choice import Pieces, Vocabulary
from ...data.masking.masked_batches import STATIC_SEED, MaskedBatches
from ...data.sentences.text_corpus import read_split_texts
from ...data.strings.strings import StringOptions, generate_strings
from ...data.tasks.task_parts import spread

PADDING, FIRST, LAST, MASK = range(4)
"""Ids of the special tokens of every new language; its own tokens follow."""
SPECIALS = 4

_BYTES = 256
Tokens = Sequence[Sequence[int]]


@dataclass(frozen=True)
class NewLanguage:
    """Training and held-out texts.

    Attributes:
        name: kind of strings, or `text`.
        train: texts to learn from, each a list of tokens from 0.
        held: held-out texts.
        ids: names of the held-out texts.
        vocabulary: number of tokens without the special ones.
    """

    name: str
    train: Tokens
    held: Tokens
    ids: tuple[str, ...]
    vocabulary: int

    @property
    def size(self) -> int:
        """V, special tokens included."""
        return self.vocabulary + SPECIALS

    @cached_property
    def digest(self) -> str:
        """A digest of all tokens."""
        return digest([list(map(list, self.train)), list(map(list, self.held)), self.vocabulary])

    def batches(self, *, held: bool, seed: int, batch_size: int) -> MaskedBatches:
        """Masked training texts in batches, or the held-out ones with masks of their own.

        Args:
            held: the held-out texts, which have the same masks for each seed.
            seed: of the masks of the training texts.
            batch_size: B.

        Raises:
            InputError: if no token of the texts is masked.
        """
        pieces = [self._pieces(tokens) for tokens in (self.held if held else self.train)]
        order = sorted(range(len(pieces)), key=lambda i: -len(pieces[i].ids))
        found = MaskedBatches(
            pieces,
            Vocabulary(MASK, np.arange(SPECIALS, self.size), self.size),
            order,
            whole_words=False,
            seed=STATIC_SEED if held else seed,
            batch_size=batch_size,
            padding=PADDING,
            token_types=False,
            n_truncated=0,
            n_wordless=0,
        )
        if not found.n_masked:
            raise InputError(
                f"no token of {len(pieces)} {'held-out' if held else 'training'} texts is masked",
                where=self.name,
                remedy="use more or longer texts",
            )
        return found

    def unigram_bits(self) -> npt.NDArray[np.float64]:
        """-log2 of the probability of each token id [V] in the training texts, add-one smoothed."""
        counts = np.zeros(self.size)
        for tokens in self.train:
            np.add.at(counts, np.asarray(tokens, dtype=np.int64) + SPECIALS, 1)
        counts[SPECIALS:] += 1
        with np.errstate(divide="ignore"):
            return np.asarray(-np.log2(counts / counts.sum()))

    def _pieces(self, tokens: Sequence[int]) -> Pieces:
        ids = (FIRST, *(token + SPECIALS for token in tokens), LAST)
        words = (None, *range(len(tokens)), None)
        return Pieces(ids, (0,) * len(ids), words, f"{self.name}\n{' '.join(map(str, tokens))}")


def strings_of(
    kind: str, options: StringOptions, *, examples: int, held_out: int, seed: int
) -> NewLanguage:
    """Generated strings: the first ones to learn from, the others held out.

    Args:
        kind: see `generate_strings`.
        options: vocabulary and lengths.
        examples: number of training strings.
        held_out: number of held-out strings.
        seed: of the strings.
    """
    made = generate_strings(kind, examples + held_out, options, seed=seed)
    tokens = [one.tokens for one in made]
    names = tuple(f"{kind}-{number}" for number in range(held_out))
    return NewLanguage(kind, tokens[:examples], tokens[examples:], names, options.vocabulary)


def text_of(
    path: str, *, vocabulary: int, longest: int, examples: int, held_out: int, name: str
) -> NewLanguage:
    """A text in another language, cut into subwords that are learnt from its training part.

    Subwords are those of byte-level byte pair encoding (Sennrich et al. 2016): no character of any
    language is unknown.

    Args:
        path: a file, of which a tenth is held out, or a folder with `train` and `validation`.
        vocabulary: number of subwords, at least the 256 bytes; a short text gives fewer.
        longest: number of subwords that a text keeps.
        examples: maximum number of training texts, evenly spaced.
        held_out: the same of held-out texts.
        name: what rows call it.

    Raises:
        ConfigError: for a vocabulary below 256.
        DataFileError: if the text cannot be read or is too short.
    """
    if vocabulary < _BYTES:
        raise ConfigError(
            f"a vocabulary of a text must be >= {_BYTES}, got {vocabulary}",
            where="`transfer.vocabulary`",
        )
    splits = read_split_texts(path)[0]
    parts: Mapping[str, Sequence[str]] = {
        split: [one.raw_text() for one in spread(tuple(splits[split]), count)]
        for split, count in (("train", examples), ("validation", held_out))
    }
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(parts["train"], trainer)
    train, held = (
        [one.ids[:longest] for one in tokenizer.encode_batch(list(texts))]
        for texts in parts.values()
    )
    ids = tuple(one.id for one in spread(tuple(splits["validation"]), held_out))
    return NewLanguage(name, train, held, ids, tokenizer.get_vocab_size())
