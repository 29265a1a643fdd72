"""What is measured in each subnetwork: the section `probe` of the options of a run."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from ...probes.entry import PathText


class ProbeOptions(BaseModel, extra="forbid", frozen=True):
    """What is measured in each subnetwork."""

    names: tuple[str, ...] = Field(
        ("attention-stats", "dependency-heads", "attributions"), description="probes to run"
    )
    corpus: PathText = Field(
        "natural", description="natural = the shipped sentences, or a .conllu or .txt file"
    )
    train: PathText = Field(
        "",
        description="file that probes of hidden states are trained on; without it, a corpus file "
        "is split into parts, or else the generated treebank is used",
    )
    dev: PathText = Field(
        "", description="file that decides when their training stops; empty = a tenth of train"
    )
    test: PathText = Field(
        "", description="file that they are scored on; other probes of sentences read it too"
    )
    tokens: Literal["syntactic", "surface"] = Field(
        "syntactic",
        description="words of a .conllu corpus; surface: don't is one word, not do and n't",
    )
    sentences: int = Field(300, ge=1, description="maximum number of sentences of the corpus")
    train_sentences: int = Field(
        2000, ge=1, description="maximum number of sentences that probes are trained on"
    )
    examples: int = Field(
        32, ge=1, description="maximum number of task examples, for probes that read them"
    )
    selection: Literal["held-out", "reported"] = Field(
        "held-out",
        description="held-out: heads chosen on one half of the corpus, scored on the other",
    )
    correction: Literal["holm", "fdr_bh"] = Field(
        "holm",
        description="correction of p-values over heads x relations x directions: holm or fdr_bh",
    )
    options: dict[str, dict[str, Any]] = Field(
        {},
        description="options of single probes, in [probe.options.NAME]; see `subprobe list probes`",
    )
    states: tuple[Literal["pruned", "retrained"], ...] = Field(
        ("pruned", "retrained"), description="which of the scored models are probed"
    )
    draws: int = Field(5, ge=1, description="number of the draws scored pruned that are probed")
    subsets: int = Field(
        1000, ge=1, description="random head subsets that survivors are compared with"
    )
    max_length: int = Field(
        0,
        ge=0,
        description="maximum subwords per probed sentence; 0 = 128, or the number of positions "
        "if smaller",
    )
    pre_split: bool = Field(
        False, description="tokenize each word separately, as published; else the raw text"
    )
    pipeline: PathText = Field(
        "", description="spaCy pipeline; empty = en_core_web_sm or the offline one"
    )
    reparse: bool = Field(
        False, description="parse the corpus and the task with spaCy even if they are annotated"
    )
    cache: PathText = Field(
        "",
        description="folder for hidden states; empty = in the run folder, removed when the run "
        "is done",
    )
    cache_limit: float = Field(20.0, gt=0, description="GiB of disk that hidden states may take")
