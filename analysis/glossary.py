"""The terms that subprobe uses, each defined once, for the docs and the report."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TERMS: Mapping[str, str] = MappingProxyType(
    {
        # what is pruned
        "unit": "What a mask keeps or prunes: an attention head, an MLP, a neuron of an MLP, or a "
        "single weight. Layers and heads are counted from 0.",
        "kept": "Said of a unit that the mask keeps; all others are pruned.",
        "mask": "The list of the units that a subnetwork keeps, stored as a safetensors file.",
        "gate": "A number that multiplies the output of a head or MLP: 1 keeps it, 0 prunes it. "
        "Importance is computed from the gradient at the gate.",
        "ablation": "What replaces the output of a pruned unit: zero, its mean, its mean at each "
        "position, a learnt constant, or its activation on another input.",
        "knocked out": "Said of units that a mask keeps and that are removed from the full model, "
        "to see what the model does without them.",
        "partner": "The other input whose activations replace those of pruned units, under the "
        "ablations resample and counterfactual.",
        "counterfactual": "An input that differs from another one in what matters, such as the "
        "label, and has the same number of subwords.",
        "soft gate": "A learned gate between 0 and 1. A mask needs hardened gates, which are 0 or "
        "1, so the score of soft gates is not that of a mask.",
        "KL to the full model": "The mean Kullback-Leibler divergence of a subnetwork's predicted "
        "probabilities from those of the full model: 0 if both predict the same. Labels are not "
        "used.",
        "subnetwork": "A model in which only the units that a mask keeps are active.",
        "importance": "An estimate of what the model loses when a unit is pruned. By default it is "
        "the mean over the selection examples of |∂loss/∂gate|; for heads, it is then divided by "
        "the L2 norm over the heads of the layer.",
        "sparsity": "The share of units that a mask prunes.",
        # kinds of subnetworks
        "full": "The fine-tuned model with all of its units.",
        "good": "The subnetwork that remains when the least important units are pruned step by "
        "step as long as the score is preserved, or down to a given share. Heads and MLPs are "
        "ranked by importance, single weights by magnitude.",
        "random": "A subnetwork of the same size as the good one, with units drawn uniformly from "
        "the whole model or, by layer, with its number of units in each layer.",
        "bad": "A subnetwork of the same size as the good one, made of the units that the good one "
        "prunes; where these are too few, units of the good one are added. Of single weights, it "
        "keeps those of smallest magnitude.",
        "borrowed": "Said of the units that a bad subnetwork takes from the good one because too "
        "few units were pruned. The larger their share, the more similar good and bad are.",
        "contamination": "Another word for the borrowed share: the share of a bad subnetwork's "
        "units that belong to the good one.",
        "super": "The units that the good subnetworks of all seeds keep.",
        "anti": "A subnetwork of the size of super, made of units that all seeds prune.",
        "middle": "A subnetwork of the size of super, made of units that are in neither super nor "
        "anti.",
        "complement": "The subnetwork of all units that a mask prunes: the model without the units "
        "of the mask.",
        "sufficiency": "Said of a subnetwork: it alone does what the full model does, and "
        "better than random subnetworks of its size. Of attributions: what a prediction loses if "
        "only the words ranked highest are kept.",
        "necessity": "Said of a subnetwork: the model is worse without its units than without as "
        "many random units.",
        "minimality": "Said of a subnetwork: each of its units changes the model more, when it is "
        "pruned, than pruned units that are put back.",
        "equivalence": "Said of two models: each scores higher than the other on about half of the "
        "examples. It is shown by two one-sided tests, not by a large p-value of a difference.",
        "core": "The units that all of several good masks of one model keep.",
        "untrained null": "The same search in an encoder with random weights. The score of a good "
        "mask says something about the pretrained model only where this one does not reach it.",
        "curve": "Scores of subnetworks over the share of units that they keep.",
        "faithfulness of a subnetwork": "Its score relative to the full model: 0 for the model "
        "without any unit of the curve, 1 for the full model.",
        "CPR": "The circuit performance ratio: the area under the faithfulness of subnetworks over "
        "their shares of kept units.",
        "CMD": "The circuit-model distance: the area under |1 - faithfulness|. It is 0 if every "
        "subnetwork scores as the full model does.",
        "effective size": "The share of units in the smallest subnetwork whose score is within "
        "some points of the full model.",
        # draws, seeds, states
        "seed": "One fine-tuning of the model, with its own good subnetwork and its own draws.",
        "draw": "One random or bad subnetwork; several are drawn for each good one.",
        "state": "Which weights a subnetwork has, mainly pruned or retrained.",
        "pruned": "The state of a subnetwork that uses the fine-tuned weights as they are.",
        "retrained": "The state of a subnetwork that starts from the pretrained weights and is "
        "fine-tuned again by the same recipe.",
        "untrained": "The state of an encoder with random weights. It shows what a probe finds "
        "where nothing was learnt.",
        "recipe": "How a model is trained: learning rate, epochs, batch size, maximum length, "
        "precision.",
        "survival": "The share of seeds whose good subnetwork keeps a unit.",
        "survivor": "A unit that the good subnetwork keeps.",
        "stability": "The agreement between the good masks of different seeds or tasks, compared "
        "with random masks of the same sizes.",
        # examples
        "selection": "The examples on which masks are chosen. Scores are reported on other "
        "examples, unless the rows say `reported`.",
        "gold": "Said of annotation that people made.",
        "silver": "Said of annotation that a parser made.",
        "item": "What is scored once: an example, a sentence, a word or an arc.",
        "cluster": "Items that were sampled together, such as near-equal sentences or questions "
        "about one passage. Intervals and tests treat each cluster as one observation.",
        # scores
        "score": "The primary metric of the task on the reported examples, such as accuracy.",
        "majority baseline": "The score of a classifier that always predicts the most frequent "
        "class.",
        "unigram baseline": "The scores on masked pieces of a model that knows how often each "
        "piece occurs in the training text and nothing of the context.",
        "gain": "The difference between a score and the majority baseline.",
        "bag-of-words baseline": "The score of a logistic regression on counted words, trained on "
        "the same examples as the encoder.",
        "calibration": "Whether the confidence of a classifier, which is the probability of the "
        "class it predicts, agrees with its accuracy: of the predictions with confidence .8, 80% "
        "should be right.",
        "expected calibration error": "The distance between the accuracy and the mean confidence "
        "of a bin of confidence, averaged over predictions. On few examples, it is above 0 for a "
        "calibrated model as well, so it stands beside that of a calibrated model.",
        "partial-input classifier": "A classifier that sees only part of the input, such as the "
        "second text of a pair, or words without their order. What it gets right can be solved "
        "without the rest.",
        "easy and hard": "Said of examples that a partial-input classifier gets right (easy) or "
        "wrong (hard).",
        "PMI": "Pointwise mutual information of a word and a class: the logarithm of how much more "
        "often they occur together than independent ones would.",
        "group-disjoint": "Said of a split in which no group, such as an annotator, is in both the "
        "training and the test examples.",
        "degenerate": "A flag: the score is not clearly above the majority baseline, or nothing "
        "was measured. Such a run or number cannot support a claim.",
        "unlearned": "A flag: training ended with a score on the selection examples that is not "
        "clearly above the majority baseline. It says nothing about longer training.",
        "diverged": "A flag: the loss exploded, or the loss or a weight was no longer finite. "
        "The scores of such a model say nothing about its subnetwork.",
        # statistics
        "interval": "A 95% confidence interval. It covers other examples like those scored, and "
        "other seeds or draws only if that is stated.",
        "bootstrap": "A way to compute an interval: the items, or the clusters, are repeatedly "
        "resampled with replacement.",
        "permutation test": "A test that compares a number with its values after labels, signs or "
        "positions have been exchanged at random.",
        "McNemar's test": "An exact test of two models on the same examples. It counts the "
        "examples that only one of them gets right.",
        "family": "The set of tests whose p-values are corrected together.",
        "Holm": "The default correction of p-values for the number of tests in a family of m: the "
        "smallest is multiplied by m, the next by m - 1, and so on, and none falls below the one "
        "before it. Where corrected p-values up to .05 count as clear, the chance of any false "
        "rejection in the family is at most 5%.",
        "Benjamini-Hochberg": "A correction of p-values that limits the expected share of false "
        "rejections among all rejections in a family.",
        "mixed model": "A regression over all tasks and seeds with a random intercept for each "
        "fine-tuning. It needs at least 3 tasks and 5 seeds.",
        "odds ratio": "The factor by which the odds of an event change, such as the odds that a "
        "head is kept. 1 means no change.",
        # attention
        "attention to special tokens": "The share of a head's attention that goes to tokens such "
        "as [CLS] and [SEP].",
        "norm-weighted attention": "Attention multiplied by the length of the vectors that are "
        "read. It is small where a head attends to a token but takes little from it.",
        "pattern": "The shape of an attention map: vertical, diagonal, vertical+diagonal, block or "
        "heterogeneous.",
        "fixed offset": "A positional baseline: the head of every word is the word at a fixed "
        "distance. The best distance is chosen on other sentences than those scored.",
        "uniform attention": "A baseline: every token gets the same attention.",
        "UAS": "Unlabelled attachment score: the share of words whose syntactic head is found.",
        "UUAS": "Undirected unlabelled attachment score: the share of gold arcs that a predicted "
        "tree has, in either direction.",
        "attribution": "How much a word, head or MLP adds to the logit of a class, or takes from "
        "it.",
        "faithfulness": "Whether the model's prediction depends on the words that an attribution "
        "ranks highest.",
        "plausibility": "Whether an attribution ranks those words highest that people marked.",
        "adversarial text": "A text in which an attack replaced words by similar ones until the "
        "model changed its prediction.",
        # probes of hidden states
        "probe": "A measurement of what a model or subnetwork knows. Some probes read attention, "
        "others train a small classifier on hidden states.",
        "hidden state": "The vectors of all tokens after a layer. State 0 is the embeddings, state "
        "l the output of layer l - 1.",
        "own": "Said of a probe that was trained on the hidden states of the subnetwork that it "
        "reads.",
        "transferred": "Said of a probe that was trained on the full model and reads the "
        "subnetwork without further training.",
        "control task": "A task with random labels, the same for all occurrences of a word. A "
        "probe can solve it only by memorising words.",
        "selectivity": "The accuracy of a probe on a property minus its accuracy on the control "
        "task.",
        "MDL": "Minimum description length: how many bits are needed to transmit the labels, given "
        "the hidden states.",
        "reliance": "The accuracy of a model of entailment on pairs where a syntactic heuristic is "
        "right minus that on pairs where it is wrong. Lower is better.",
        "codelength": "The result of an MDL probe, in bits. Shorter means that the labels are "
        "easier to extract.",
        "compression": "The codelength of uniformly distributed labels divided by the codelength "
        "of the probe. 1 means no compression.",
        "ceiling": "The best value that can be expected, such as the agreement between two full "
        "models of different seeds.",
        # runs
        "run": "A folder with the results of one configuration: models, masks, tables, report.",
        "cell": "One step of a run, such as one training or one probe of one subnetwork. Finished "
        "cells are not computed again.",
        "compact": "Said of a model from which the pruned units were removed. It is smaller and "
        "faster than the full model.",
        "baked": "Said of a checkpoint in which the weights of pruned units are zero. It has the "
        "size of the full model.",
    }
)


def glossary_page() -> str:
    """The entries of docs/glossary.md, in alphabetical order."""
    terms = sorted(TERMS, key=str.lower)
    return "\n".join(f"## {term}\n\n{TERMS[term]}\n" for term in terms)
