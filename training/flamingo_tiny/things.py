"""Things with names (photo classes, emoji, icons): what each is called, what kind of thing it is, and what can be asked."""
from .scene_text import DESCRIBE
from .words import a

PHOTO_NAMES = {"Motorbikes": "motorbike", "airplanes": "airplane", "Leopards": "leopard", "car_side": "car", "cougar_face": "cougar", "cougar_body": "cougar",
               "water_lilly": "water lily", "yin_yang": "yin yang", "buddha": "buddha statue", "snoopy": "snoopy", "garfield": "garfield", "joshua_tree": "joshua tree", "bass": "bass"}
PHOTO_KINDS = {"snoopy": [], "garfield": [], "brain": ["body part"], "dalmatian": ["animal", "mammal"], "hawksbill": ["animal", "reptile"], "brontosaurus": ["animal", "reptile"],
               "stegosaurus": ["animal", "reptile"], "nautilus": ["animal"], "bonsai": ["plant", "tree"], "yin yang": [], "buddha statue": [], "pagoda": ["building"], "bass": ["animal", "fish"],
               "cougar": ["animal", "mammal"], "leopard": ["animal", "mammal"], "wild cat": ["animal", "mammal"], "water lily": ["plant", "flower"], "lotus": ["plant", "flower"], "tick": ["animal"],
               "beaver": ["animal", "mammal"], "crayfish": ["animal"], "emu": ["animal", "bird"], "octopus": ["animal"], "scorpion": ["animal"], "sea horse": ["animal", "fish"], "wheelchair": [],
               "ketch": ["vehicle", "boat"], "ferry": ["vehicle", "boat"], "joshua tree": ["plant", "tree"], "inline skate": [], "minaret": ["building"], "crab": ["animal"]}
NAMED = {"Activities", "Animals & Nature", "Food & Drink", "Objects", "Travel & Places", "Smileys & Emotion"}

WHAT = ["What is this?", "what is it?", "What is that?", "What is in the picture?", "What do you see?", "what is shown here?", "What does the picture show?", "What's this?", "what's in the picture?",
        "What is the object?", "Name this.", "what do you see in the image?", "What can you see?", "Which thing is this?", "what is in the image?", "What is the name of this?"]
IS_A = ["Is it {x}?", "Is this {x}?", "is that {x}?", "is this {x}?", "Is there {x} in the picture?", "Do you see {x}?", "Does the picture show {x}?", "is it {x}?"]
WHICH = ["What {k} is this?", "Which {k} is it?", "what kind of {k} is this?", "What {k} do you see?", "which {k} do you see?"]
SORT = ["What kind of thing is this?", "what kind of thing is it?", "What type of thing is this?", "What sort of thing is it?"]
MEDIUM = ["Is this a photo or a drawing?", "is it a photo or a drawing?", "Is it a drawing or a photo?"]
ASKED_KINDS = ["animal", "plant", "vehicle", "bird", "musical instrument", "building", "fruit", "insect", "tool", "fish", "mammal"]


class Thing:
    """name, kinds, medium ("photo" or "drawing") and the rows of its pictures by split."""

    def __init__(self, name, kinds, medium):
        self.name, self.kinds, self.medium, self.rows = name, kinds, medium, {}

    def caption(self):
        return f"a {self.medium} of {a(self.name)}"


def photo_name(folder):
    return PHOTO_NAMES.get(folder, folder.replace("_", " "))


def nameable(entry):
    name = entry["name"].replace("-", " ")
    return entry["category"] in NAMED and len(name) < 24 and name.replace(" ", "").isalpha()


def collect(entries, wordnet):
    """{(medium, concept): Thing} for everything that is called by a real name in training (held concepts are not)."""
    things, names = {}, {}
    for e in entries:  # the name of an emoji is the one that its first set gives it
        if e["source"] == "icon" and e["concept"] not in names and nameable(e):
            names[e["concept"]] = e["name"].replace("-", " ")
    for row, e in enumerate(entries):
        if e["split"] in ("held", "heldstyle") or e["source"] not in ("photo", "icon"):
            continue
        photo = e["source"] == "photo"
        name = photo_name(e["concept"][6:]) if photo else names.get(e["concept"])
        if name is None:
            continue
        key = ("photo" if photo else "drawing", name)
        if key not in things:
            kinds = PHOTO_KINDS.get(name) if photo else [] if e["category"] == "Smileys & Emotion" else None
            things[key] = Thing(name, wordnet.kinds(name, e.get("category")) if kinds is None else kinds, key[0])
        things[key].rows.setdefault(e["split"], []).append(row)
    return {k: t for k, t in things.items() if "train" in t.rows}


def question(thing, others, rng):
    """One question about a thing; yes and no equally often. others: names of other things, for questions answered by no."""
    kind = rng.choice(["what"] * 5 + ["describe"] * 2 + ["is kind"] * 3 + ["is name"] * 2 + ["which"] + ["sort"] + ["medium"])
    asked = [k for k in thing.kinds if k in ASKED_KINDS]
    if kind == "describe":
        return rng.choice(DESCRIBE), thing.caption()
    if kind == "is kind":
        no = [k for k in ASKED_KINDS if k not in thing.kinds]
        yes = rng.random() < 0.5 and asked
        k = ("animal" if "animal" in asked and rng.random() < 0.6 else rng.choice(asked)) if yes else ("animal" if "animal" in no and rng.random() < 0.5 else rng.choice(no))
        return rng.choice(IS_A).format(x=a(k)), "yes" if yes else "no"
    if kind == "is name":
        yes = rng.random() < 0.5
        return rng.choice(IS_A).format(x=a(thing.name if yes else rng.choice(others))), "yes" if yes else "no"
    if kind == "which" and asked:
        return rng.choice(WHICH).format(k=rng.choice(asked)), a(thing.name)
    if kind == "sort" and thing.kinds:
        return rng.choice(SORT), a(thing.kinds[0])
    if kind == "medium":
        return rng.choice(MEDIUM), f"a {thing.medium}"
    return rng.choice(WHAT), a(thing.name)
