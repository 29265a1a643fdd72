"""Labels of `entailment` against a second reading: what the premise's gold tree asserts."""

import pytest
from subprobe.data.generator import entailment
from subprobe.data.generator.entailment import ENTAILMENT
from subprobe.data.generator.lexicon import SPLITS, lexicon

BASE = {
    form: verb.base
    for split in SPLITS
    for verb in (*lexicon(split).transitive, *lexicon(split).intransitive)
    for form in (verb.base, verb.s, verb.past, verb.part, verb.ing)
}
OPEN_MARKS = {"if", "unless"}
OPEN_VERBS = {"thought", "hoped", "failed"}
OPEN_ADVERBS = {"possibly", "perhaps", "not"}


class Reading:
    """Facts (agent, verb, patient) that a sentence asserts, read off its tree."""

    def __init__(self, sentence):
        self.words = [word.lower() for word in sentence.words]
        self.upos, self.heads, self.deprels = sentence.upos, sentence.heads, sentence.deprels
        self.facts = set()
        self.read(self.heads.index(-1), True, None)

    def children(self, node, *relations):
        return [
            i
            for i, head in enumerate(self.heads)
            if head == node and (not relations or self.deprels[i] in relations)
        ]

    def text(self, node):
        return self.words[node]

    def everyone(self, node):
        """A noun and the nouns coordinated with it."""
        return [node, *(i for i in self.children(node, "conj") if self.upos[i] != "VERB")]

    def read(self, verb, asserted, subjects):
        """Note what a clause asserts, and go into its clauses."""
        below = self.children(verb)
        said = {self.text(i) for i in below}
        for subject in self.children(verb, "nsubj"):
            subjects = self.everyone(subject)
            self.nouns(subjects)
        passive = self.children(verb, "nsubj:pass")
        self.nouns(passive)
        conjuncts = [i for i in self.children(verb, "conj") if self.upos[i] == "VERB"]
        doubted = any("or" in {self.text(j) for j in self.children(i, "cc")} for i in conjuncts)
        own = asserted and not doubted and not said & OPEN_ADVERBS
        if own:
            self.note(verb, subjects, passive)
        for i in self.children(verb, "xcomp", "ccomp"):
            self.read(i, own and self.text(verb) not in OPEN_VERBS, subjects)
        for i in self.children(verb, "advcl"):
            marks = {self.text(j) for j in self.children(i, "mark")}
            self.read(i, asserted and not marks & OPEN_MARKS, None)
        for i in conjuncts:
            links = {self.text(j) for j in self.children(i, "cc")}
            self.read(i, asserted and "or" not in links, subjects)

    def nouns(self, nouns):
        """Relative and participle clauses of nouns."""
        for noun in nouns:
            for i in self.children(noun, "acl:relcl"):
                objects = [j for j in self.children(i, "obj") if self.text(j) != "that"]
                agents = [j for j in self.children(i, "nsubj") if self.text(j) != "that"]
                for agent in agents or [noun]:
                    for thing in objects or [noun]:
                        self.facts.add((self.text(agent), BASE[self.text(i)], self.text(thing)))
            for i in self.children(noun, "acl"):
                for agent in self.children(i, "obl:agent"):
                    self.facts.add((self.text(agent), BASE[self.text(i)], self.text(noun)))

    def note(self, verb, subjects, passive):
        base = BASE.get(self.text(verb))
        if base is None:
            return
        for patient in passive:
            for agent in self.children(verb, "obl:agent"):
                self.facts.add((self.text(agent), base, self.text(patient)))
        objects = [j for i in self.children(verb, "obj") for j in self.everyone(i)]
        for subject in subjects or ():
            for thing in objects or [None]:
                self.facts.add((self.text(subject), base, thing and self.text(thing)))


@pytest.mark.parametrize("phenomenon", [entry.name for entry in ENTAILMENT])
def test_a_pair_is_entailed_where_the_premise_asserts_the_hypothesis(phenomenon):
    examples = [e for part in entailment(5).values() for e in part if e.group == phenomenon]
    assert len(examples) > 40
    for example in examples:
        wanted = Reading(example.second).facts
        assert len(wanted) == 1, example.second.text
        entailed = wanted <= Reading(example.first).facts
        assert entailed == bool(example.label), (example.first.text, example.second.text)


def test_every_pair_of_sentences_differs():
    for part in entailment(5).values():
        assert all(example.first.text != example.second.text for example in part)
