"""WordNet's noun file: kinds of things by hypernym, and short definitions."""
from functools import lru_cache

# Our kind -> the lemma whose descendants belong to it (first noun sense unless another is given).
KINDS = {"animal": "animal", "bird": "bird", "fish": "fish", "insect": "insect", "mammal": "mammal", "reptile": "reptile", "plant": "plant:2", "tree": "tree", "flower": "flower",
         "food": "food", "fruit": "fruit", "vegetable": "vegetable", "vehicle": "vehicle", "boat": "boat", "musical instrument": "musical_instrument", "tool": "tool",
         "building": "building", "piece of clothing": "clothing", "piece of furniture": "furniture", "weapon": "weapon", "machine": "machine", "drink": "beverage", "body part": "body_part"}
# Which kinds a drawing's category makes likely: of a name with several senses the first one of such a kind is meant.
LIKELY = {"Animals & Nature": ["animal", "plant"], "Food & Drink": ["food", "drink", "fruit", "vegetable"], "Travel & Places": ["vehicle", "building"]}


class WordNet:
    def __init__(self, folder):
        self.senses, self.hypernyms, self.gloss = {}, {}, {}
        for line in open(folder / "index.noun", encoding="latin1"):
            if not line.startswith(" "):
                parts = line.split()
                self.senses[parts[0]] = parts[-int(parts[2]):]
        for line in open(folder / "data.noun", encoding="latin1"):
            if line.startswith(" "):
                continue
            head, gloss = line.split("|", 1)
            parts = head.split()
            self.hypernyms[parts[0]] = [parts[i + 1] for i, p in enumerate(parts) if p in ("@", "@i")]
            self.gloss[parts[0]] = gloss.strip().split('; "')[0].split(";")[0].strip()
        self.roots = {kind: self.sense(*(lemma.split(":") + ["1"])[:2]) for kind, lemma in KINDS.items()}

    def sense(self, lemma, number=1):
        return self.senses[lemma][int(number) - 1]

    @lru_cache(None)
    def above(self, synset):
        return {synset}.union(*(self.above(h) for h in self.hypernyms[synset]))

    def find(self, name, category=None):
        """The synset of a name ("red apple" is an apple, "cat face" a cat), or None."""
        words = name.removesuffix(" face").split()
        for lemma in ("_".join(words), words[-1]):
            senses = self.senses.get(lemma, [])
            for root in (self.roots[k] for k in LIKELY.get(category, [])):
                for synset in senses:
                    if root in self.above(synset):
                        return synset
            if senses and category not in LIKELY:
                return senses[0]
        return None

    def kinds(self, name, category=None):
        synset = self.find(name, category)
        return [] if synset is None else [k for k, root in self.roots.items() if root in self.above(synset)]

    def definition(self, name):
        synset = self.find(name) if name.replace(" ", "_") in self.senses else None
        return None if synset is None else self.gloss[synset]
