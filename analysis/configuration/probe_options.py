"""What subnetworks are tested for: the section `probe` of the options of a run."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from ...probes.entry import PathText


class ProbeOptions(BaseModel, extra="forbid", frozen=True):
    """What every subnetwork is tested for."""

    names: tuple[str, ...] = Field(
        ("attention-stats", "dependency-heads", "attributions"), description="probes to run"
    )
    corpus: PathText = Field(
        "natural", description="natural = the shipped sentences, or a .conllu or .txt file"
    )
    train: PathText = Field(
        "",
        description="file that probes of hidden states learn from; without any file they learn "
        "from the generated treebank, and one corpus file is cut into parts",
    )
    dev: PathText = Field(
        "", description="file that says when they have learnt; empty = a tenth of train"
    )
    test: PathText = Field(
        "", description="file that they are scored on, and that other probes of sentences read"
    )
    tokens: Literal["syntactic", "surface"] = Field(
        "syntactic", description="words of a .conllu corpus; surface: don't is one, not do and n't"
    )
    sentences: int = Field(300, ge=1, description="maximum number of sentences of the corpus")
    train_sentences: int = Field(
        2000, ge=1, description="maximum number of sentences that probes learn from"
    )
    examples: int = Field(
        32, ge=1, description="maximum number of examples of the task, for probes of examples"
    )
    selection: Literal["held-out", "reported"] = Field(
        "held-out",
        description="held-out: heads chosen on one half of the corpus, scored on the other",
    )
    correction: Literal["holm", "fdr_bh"] = Field(
        "holm", description="of p-values over heads x relations x directions; or fdr_bh"
    )
    options: dict[str, dict[str, Any]] = Field(
        {},
        description="of single probes, [probe.options.NAME]; `subprobe list probes` names them all",
    )
    states: tuple[Literal["pruned", "retrained"], ...] = Field(
        ("pruned", "retrained"), description="which of the scored models are probed"
    )
    draws: int = Field(
        5, ge=1, description="of the draws that are scored pruned, how many are probed"
    )
    subsets: int = Field(
        1000, ge=1, description="random head subsets that survivors are compared with"
    )
    max_length: int = Field(
        0, ge=0, description="subwords a probed sentence keeps; 0 = 128 or what has positions"
    )
    pre_split: bool = Field(
        False, description="tokenize each word separately, as published; else the raw text"
    )
    pipeline: PathText = Field(
        "", description="spaCy pipeline; empty = en_core_web_sm or the offline one"
    )
    reparse: bool = Field(
        False, description="parse the corpus and the task with spaCy even where they are annotated"
    )
    cache: PathText = Field(
        "",
        description="folder to keep hidden states in; empty = in the run folder, and removed when "
        "the run is done",
    )
    cache_limit: float = Field(
        20.0, gt=0, description="GiB that hidden states may take on the disk"
    )
