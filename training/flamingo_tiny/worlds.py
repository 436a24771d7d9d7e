"""Where the pictures of a training sequence come from: the two worlds that the tasks are told in.

Codes: no picture at all. A "picture" is made of vectors written straight into the latents: a Gaussian vector for each
class of a naming episode, a fixed code for each known thing, and for a scene the sum of fixed codes of colour, shape,
size, fill and place of each object. The language model learns from these to match, copy, caption and answer before it
has seen anything.

Pictures: rows of the stored features of real pictures.

Both give visuals (small tuples) that `visuals.py` turns into tensors, and the truth that the text is made from.
"""
import random

from . import scenes


class Codes:
    def __init__(self, things, config):
        self.things, self.width = list(things.values()), config["vision"]["content_channels"] + config["vision"]["position_channels"]

    def scene(self, rng, alike=False):
        while True:
            s = scenes.sample(rng)["objects"]
            if not alike or len({(o["colour"], o["shape"]) for o in s}) == 1:
                return ("scene", s, rng.random() * 0.5, rng.random()), s

    def thing(self, rng):
        t = rng.choice(self.things)
        return ("thing", (t.medium, t.name), rng.random() * 0.7, rng.random()), t

    def classes(self, rng, ways, size):
        """For each class a list of `size` visuals of it."""
        sigma = rng.random() * 0.8
        seeds = [rng.random() for _ in range(ways)]
        return [[("vector", s, sigma, rng.random()) for _ in range(size)] for s in seeds]


class Pictures:
    def __init__(self, entries, things, splits=("train",), mix_share=0.3, signed_share=0.0):
        self.entries, self.mix_share, self.signed_share = entries, mix_share, signed_share
        rows = [r for r, e in enumerate(entries) if e["split"] in splits]
        self.scenes = [(r, scenes.of(entries[r])["objects"]) for r in rows if entries[r]["source"] == "scene"]
        self.alike = [(r, s) for r, s in self.scenes if len({(o["colour"], o["shape"]) for o in s}) == 1]
        self.things = [t for t in things.values() if any(s in t.rows for s in splits)]
        self.photos = [t for t in self.things if t.medium == "photo"]
        self.splits = splits
        self.groups = {"photo": self.identities(rows, "photo", 2), "icon": self.identities(rows, "icon", 2)}

    def identities(self, rows, source, least):
        """concept -> list of pictures, each with its variants: two variants of one file are never shot and query at once."""
        found = {}
        for r in rows:
            e = self.entries[r]
            if e["source"] == source:
                found.setdefault(e["concept"], {}).setdefault(e.get("file") or e["style"], []).append(r)
        return [list(c.values()) for c in found.values() if len(c) >= least]

    def scene(self, rng, alike=False):
        r, s = rng.choice(self.alike if alike else self.scenes)
        return ("row", r), s

    def thing(self, rng):
        t = rng.choice(self.photos if rng.random() < 0.5 else self.things)
        return ("row", rng.choice([r for s in self.splits for r in t.rows.get(s, [])])), t

    def draw(self, rng, concept, size):
        """`size` visuals of a concept, each picture once before any comes again."""
        order = rng.sample(concept, len(concept))
        return [rng.choice(order[i % len(order)]) for i in range(size)]

    def classes(self, rng, ways, size, source=None):
        """For each class a list of `size` visuals. Some episodes change the signs of the features' channels, all alike: classes never seen, as many as wanted. In half of those the colours say nothing."""
        groups = self.seen_classes(rng, ways, size, source)
        if rng.random() >= self.signed_share:
            return groups
        seed, blind = rng.random(), rng.random() < 0.5 and self.entries[groups[0][0][1]]["source"] != "scene"
        return [[("signed", v, seed, blind) for v in group] for group in groups]

    def seen_classes(self, rng, ways, size, source):
        source = source or rng.choice([x for x in ("photo", "photo", "icon", "icon", "scene") if x == "scene" or len(self.groups[x]) >= 20])
        if source == "scene" and ways <= 6:
            rule = rng.choice(["colour", "shape"])
            values = rng.sample(sorted({s[0][rule] for _, s in self.alike}), ways)
            return [[("row", r) for r, _ in rng.choices([x for x in self.alike if x[1][0][rule] == v], k=size)] for v in values]
        group = self.groups["icon" if source == "scene" else source]
        mixed = source == "photo" and rng.random() < self.mix_share
        if mixed:  # a new class out of two: every picture of it is the same blend of one picture of each
            pairs = [rng.sample(group, 2) for _ in range(ways)]
            share = rng.uniform(0.3, 0.7)
            return [[("mix", p, q, share) for p, q in zip(self.draw(rng, a, size), self.draw(rng, b, size))] for a, b in pairs]
        return [[("row", r) for r in self.draw(rng, c, size)] for c in rng.sample(group, ways)]
