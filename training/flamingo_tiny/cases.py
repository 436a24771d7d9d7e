"""Held-out test items, the same for PyTorch (evaluate.py) and for flamingo-web (through.py).

A case is (chunks before, the query's chunk without its answer, the answers to choose from, index of the right one).
Pictures are rows of the list of pictures. The query's picture is never among the shots.
"""
import random
from dataclasses import dataclass

from . import scene_text, words, worlds
from .tasks import CAPTION, SAME, EasyVqa, Nlvr, ask, compared

RULES = ("colour", "shape", "count")


@dataclass
class Case:
    shown: list      # chunks (visual, prompt, answer, weight)
    query: tuple     # (visual, prompt)
    names: list      # answers to choose from; one alone where only the open answer is asked for
    answer: int

    def sequences(self):
        """The prompt once for every name, as the last chunk's answer."""
        return [self.shown + [(*self.query, name, 1.0)] for name in self.names]

    def flipped(self):
        """The names of the shots handed on by one place: the answer must follow."""
        turn = lambda n: self.names[(self.names.index(n) + 1) % len(self.names)]
        return Case([(v, p, turn(n), w) for v, p, n, w in self.shown], self.query, self.names, (self.answer + 1) % len(self.names))


class Held:
    """Pictures grouped by concept, as training groups them, from splits that training leaves alone."""

    def __init__(self, entries, splits, source, least):
        self.world = worlds.Pictures.__new__(worlds.Pictures)
        self.world.entries = entries
        rows = [r for r, e in enumerate(entries) if e["split"] in splits]
        self.concepts = self.world.identities(rows, source, least)

    def draw(self, rng, concept, count):
        return self.world.draw(rng, concept, count)


def naming(held, rng, ways, shots, query_from=None):
    """Invented names that training never used. query_from: which picture of a concept may be asked for (all if None)."""
    names = rng.sample(words.TEST_WORDS, ways)
    chosen, answer = rng.sample(held.concepts, ways), rng.randrange(ways)
    asked = [i for i in chosen[answer] if query_from is None or query_from(i)]
    query = rng.choice(asked)
    groups = [held.draw(rng, [i for i in c if i is not query and (query_from is None or not query_from(i))], shots) for c in chosen]
    shown = [(("row", groups[i % ways][i // ways]), CAPTION, names[i % ways], 1.0) for i in range(shots)]
    rng.shuffle(shown)
    return Case(shown, (("row", rng.choice(query)), CAPTION), names, answer)


def namings(held, count, ways, shots, seed=1, query_from=None):
    rng = random.Random(f"{seed} {ways} {shots}")
    return [naming(held, rng, ways, shots, query_from) for _ in range(count)]


def new_style(entries, count, shots=8, seed=1):
    """Things never trained on: shots in the styles of training, the query drawn in a style never trained on."""
    held = Held(entries, ("held", "heldstyle"), "icon", 4)
    new = lambda picture: entries[picture[0]]["split"] == "heldstyle"
    held.concepts = [c for c in held.concepts if any(new(i) for i in c) and sum(not new(i) for i in c) >= 3]
    return namings(held, count, 2, shots, seed, new)


def rules(scenes, count, shots=8, seed=1):
    """The same pictures labelled by colour, by shape or by count; to choose from: what each rule says of the query."""
    rng, alike = random.Random(f"{seed} rules {shots}"), [(r, s) for r, s in scenes if scene_text.alike(s)]
    out = []
    for i in range(count):
        key, chosen = RULES[i % len(RULES)], rng.sample(alike, shots + 1)
        shown = [(("row", r), CAPTION, scene_text.RULES[key](s), 1.0) for r, s in chosen[:-1]]
        row, last = chosen[-1]
        out.append(Case(shown, (("row", row), CAPTION), [scene_text.RULES[k](last) for k in RULES], RULES.index(key)))
    return out


def asked(row, prompt, answer):
    return Case([], (("row", row), prompt), [answer], 0)


def easy_vqa(entries, count, seed=4):
    return [asked(r, ask(q), a) for r, q, a in random.Random(seed).sample(EasyVqa(entries, "test").items, count)]


def described(row, names):
    """A caption that may name the objects in any order."""
    return Case([], (("row", row), CAPTION), names, 0)


def nlvr(entries, count, seed=4):
    """NLVR's hidden set: the more likely of "true" and "false"."""
    items = random.Random(seed).sample(Nlvr(entries, "test").items, count)
    return [Case([], (("row", r), question), ["true", "false"], ["true", "false"].index(label)) for r, question, label in items]


def comparisons(scenes, held, count, seed=1):
    """A second picture against the first; half of the cases are yes. held: concepts never trained on, for "the same thing?"."""
    rng, alike, out = random.Random(f"{seed} comparison"), [(r, s) for r, s in scenes if scene_text.alike(s)], []
    while len(out) < count:
        key, wanted = list(SAME)[len(out) % len(SAME)], ["yes", "no"][len(out) // len(SAME) % 2]
        question = ask(SAME[key][0].format(h="colour"))
        if key == "thing":
            one, other = rng.sample(held.concepts, 2)
            first, again = held.draw(rng, one, 2)
            pair = (first, words.TEST_WORDS[len(out) % len(words.TEST_WORDS)]), again if wanted == "yes" else held.draw(rng, other, 1)[0]
        else:
            (r, before), (q, after) = rng.sample(alike, 2)
            if compared(key, before, after) != wanted:
                continue
            pair = (r, scene_text.caption(before)), q
        (first, said), second = pair
        out.append(Case([(("row", first), CAPTION, said, 1.0)], (("row", second), question), ["yes", "no"], ["yes", "no"].index(wanted)))
    return out
