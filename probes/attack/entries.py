"""The probe that attacks a classifier with synonyms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from ..entry import Headline, Measure, Options, PathText, ProbeEntry, Units

NAME = "attack"
ORIGINAL_TEXT, ADVERSARIAL_TEXT = "original_text", "adversarial_text"
"""Metrics of the items whose relation is the attacked text, before and after an attack that
replaced words."""

Threshold = Literal["experiments", "command-line", "paper"]

THRESHOLDS: Mapping[str, float] = {"experiments": 0.5, "command-line": 0.7, "paper": 0.57}
"""Published thresholds of similarity, 1 minus an angle in radians: of the authors' experiments and
of TextAttack (there .8408 as 1 - angle / pi), the default of the authors' command line, and that of
the paper's text."""

PUBLISHED_COUNT, PUBLISHED_COSINE = 50, 0.5
_MODEL: Units = ("model",)


class AttackOptions(Options):
    """Options of `attack`."""

    candidates: Literal["wordnet", "vectors", "glove", "mlm"] = Field(
        "wordnet", description="where the candidates for a word come from"
    )
    vectors: PathText = Field(
        "",
        description="counter-fitted word vectors (text, .gz or .safetensors) for "
        "candidates=vectors",
    )
    language_model: PathText = Field(
        "",
        description="masked language model for candidates=mlm; empty = the head of the probed "
        "model",
    )
    count: int = Field(50, ge=0, description="maximum number of candidates for a word")
    min_cosine: float = Field(
        0.5, ge=-1, le=1, description="minimum cosine similarity of vectors and glove"
    )
    procedure: Literal["authors", "textattack"] = Field(
        "authors", description="the authors' code, or TextAttack's recipe of the same name"
    )
    threshold: Threshold = Field(
        "experiments",
        description="published threshold of sentence similarity: experiments = .5, command-line = "
        ".7, paper = .57",
    )
    encoder: PathText = Field(
        "embedded", description="encoder whose mean-pooled states measure sentence similarity"
    )
    pipeline: str = Field("", description="spaCy pipeline that tags words; empty = the default")
    transfer: bool = Field(
        True,
        description="under a mask: also attack the full model, and exchange the adversarial texts",
    )
    max_examples: int = Field(
        100, ge=1, description="maximum number of examples, evenly spaced over the task's"
    )
    batch_size: int = Field(64, ge=1, description="texts per forward pass")

    @model_validator(mode="after")
    def _has_sources(self) -> AttackOptions:
        if self.candidates == "vectors" and not self.vectors:
            raise ValueError("candidates=vectors needs a file: vectors=FILE")
        if self.candidates != "vectors" and self.vectors:
            raise ValueError(f"candidates={self.candidates} reads no vectors")
        if self.candidates != "mlm" and self.language_model:
            raise ValueError(f"candidates={self.candidates} uses no language model")
        return self

    def inputs(self) -> Mapping[str, str]:
        """The hashes of the vectors, and of the weights of models in folders."""
        from pathlib import Path

        from ...data.files.atomic import file_digest

        named = {"encoder": self.encoder, "language_model": self.language_model}
        weights = {
            option: Path(folder).expanduser() / "model.safetensors"
            for option, folder in named.items()
        }
        found = {
            option: file_digest(path)
            for option, path in weights.items()
            if named[option] and path.is_file()
        }
        if self.vectors:
            from ...data.files.word_vectors import read_word_vectors

            read_word_vectors(self.vectors, None)
            found["vectors"] = file_digest(Path(self.vectors))
        if self.candidates == "glove":
            from ...data.words.glove import glove_space

            glove_space()
        return found


ATTACK = ProbeEntry(
    name=NAME,
    help="whether synonyms change correct predictions (TextFooler)",
    code=f"{__package__}.attack:run_attack",
    reads="task",
    further=("task-head", "classes"),
    options=AttackOptions,
    rows=(
        Measure("accuracy_before", _MODEL, "accuracy on the original texts", better="higher",
                right=True),
        Measure("accuracy_after", _MODEL, "accuracy on the texts after the attack",
                better="higher", right=True),
        Measure("success_rate", _MODEL,
                "share of the attacks on correct predictions that change the prediction",
                better="lower"),
        Measure("words_changed", _MODEL, "share of words replaced by successful attacks",
                better="higher"),
        Measure("queries", _MODEL,
                "texts that the model is asked about per attack: the text, one per word, and "
                "every candidate tried", better="higher"),
        Measure("skipped", _MODEL,
                "share of examples that are not attacked because their prediction is wrong"),
        Measure("accuracy_on_full_attacks", _MODEL,
                "accuracy of the subnetwork on the texts of successful attacks on the full model",
                better="higher", right=True),
        Measure("full_accuracy_on_attacks", _MODEL,
                "accuracy of the full model on the texts of successful attacks on the subnetwork",
                right=True),
    ),
    headline=Headline("accuracy_*", "model"),
    finish="null-tests",
    figure="settings",
)  # fmt: skip

ENTRIES = (ATTACK,)
"""The probe of adversarial attacks."""
