"""Training sequences. A sequence is a list of chunks (visual or None, prompt, answer, weight of the answer).

A chunk without a visual goes on talking about the last picture (dialogue). Every answer ends with <|endofchunk|>.
"""
import json

from . import motion, nlvr, scene_text, things
from .words import NUMBERS, REAL, TRAIN_WORDS, a, labels

CAPTION = "Output:"
UNSEEN = 0.05  # weight of a name that nothing in the prompt can tell


def ask(question):
    return f"Question: {question} Answer:"


def naming(world, rng, c, easy, shots=None, ways=None):
    """Names for classes, learned from the earlier chunks of the same sequence."""
    ways = ways or rng.choice(c["ways"])
    size = (shots or rng.randint(max(ways, c["shots"][0]), c["shots"][1])) + 1
    names, groups = labels(rng, ways, easy), world.classes(rng, ways, size)
    order = [rng.randrange(ways) for _ in range(size)] if rng.random() < 0.5 else [k for _ in range(size // ways + 1) for k in rng.sample(range(ways), ways)][:size]
    used, chunks = [0] * ways, []
    for k in order:
        chunks.append((groups[k][used[k]], CAPTION, names[k], 1.0 if used[k] else UNSEEN))
        used[k] += 1
    return chunks


def rule(world, rng, c, easy):
    """The same kind of picture, labelled by colour, shape, count, fill or size: the shots decide."""
    key, chunks = rng.choice(["colour", "shape", "count", "colour", "shape", "count", "fill", "size"]), []
    for i in range(rng.randint(5, 11)):
        visual, objects = world.scene(rng, alike=True)
        chunks.append((visual, CAPTION, scene_text.RULES[key](objects), 1.0 if i else 0.1))
    return chunks


def scene_caption(world, rng, c, easy):
    return [(v, CAPTION, scene_text.caption(s), 1.0) for v, s in (world.scene(rng) for _ in range(rng.randint(3, 6)))]


def scene_questions(world, rng, c, easy):
    chunks = []
    for _ in range(rng.randint(1, 4)):
        visual, objects = world.scene(rng)
        for turn in range(rng.choice([1, 1, 2, 3])):
            question, answer = scene_text.question(objects, rng)
            chunks.append((None if turn else visual, ask(question), answer, 1.0))
    return chunks


def thing_caption(world, rng, c, easy):
    """As a caption, or as the bare name (then the first chunk tells which of the two is wanted)."""
    bare = rng.random() < 0.3
    return [(v, CAPTION, t.name if bare else t.caption(), 1.0 if i or not bare else 0.1) for i, (v, t) in enumerate(world.thing(rng) for _ in range(rng.randint(4, 8)))]


def thing_questions(world, rng, c, easy):
    chunks = []
    for _ in range(rng.randint(2, 5)):
        visual, thing = world.thing(rng)
        for turn in range(rng.choice([1, 1, 2])):
            question, answer = things.question(thing, [t.name for t in rng.sample(world.things, 2) if t.name != thing.name] or ["stone"], rng)
            chunks.append((None if turn else visual, ask(question), answer, 1.0))
    return chunks


SAME = {"thing": ["Is it the same thing as before?", "Do both pictures show the same?", "is this the same as in the first picture?"],
        "colour": ["Is it the same {h} as before?", "Do both pictures have the same {h}?", "is the {h} the same as in the first picture?"],
        "shape": ["Is it the same shape as before?", "Do both pictures show the same shape?", "is the shape the same as in the first picture?"],
        "count": ["Are there as many as before?", "Is the number the same in both pictures?", "is it the same number as in the first picture?"],
        "more": ["Are there more than before?", "Does this picture have more shapes?", "are there more shapes than in the first picture?"]}


def compared(key, before, after):
    """The answer about two lists of objects, each list alike."""
    truth = len(after) > len(before) if key == "more" else len(after) == len(before) if key == "count" else after[0][key] == before[0][key]
    return "yes" if truth else "no"


def comparison(world, rng, c, easy):
    """Two pictures, the second asked about against the first; yes and no equally often."""
    key, wanted = rng.choice(list(SAME)), rng.choice(["yes", "no"])
    asked = ask(rng.choice(SAME[key]).format(h=rng.choice(scene_text.HUE)))
    if key == "thing":
        groups = world.classes(rng, 2, 2)
        return [(groups[0][0], CAPTION, labels(rng, 1, easy)[0], UNSEEN), (groups[0][1] if wanted == "yes" else groups[1][0], asked, wanted, 1.0)]
    (first, before), (second, after) = world.scene(rng, alike=True), world.scene(rng, alike=True)
    for _ in range(40):
        if compared(key, before, after) == wanted:
            break
        second, after = world.scene(rng, alike=True)
    return [(first, CAPTION, scene_text.caption(before), 1.0), (second, asked, compared(key, before, after), 1.0)]


MOTION = ["Which way does it move?", "where does it go?", "In which direction does it move?", "which direction is it moving?", "Where is it going?"]


class Motion:
    """Clips: in which direction the thing moves."""

    def __init__(self, entries, split="train"):
        self.items = [(r, e["direction"]) for r, e in enumerate(entries) if e["source"] == "clip" and e["split"] == split and e["frame"] == 0]

    def __call__(self, world, rng, c, easy):
        return [(("clip", r, motion.FRAMES), ask(rng.choice(MOTION)), direction, 1.0) for r, direction in rng.sample(self.items, rng.randint(3, 5))]


class EasyVqa:
    """easy-VQA's own questions (train split) about its own pictures."""

    def __init__(self, entries, split="train"):
        import easy_vqa
        questions = (easy_vqa.get_train_questions if split == "train" else easy_vqa.get_test_questions)()
        row = {e["id"]: r for r, e in enumerate(entries) if e["source"] == "easy" and e["split"] == split}
        self.items = [(row[i], q, answer) for q, answer, i in zip(*questions) if i in row]

    def __call__(self, world, rng, c, easy):
        return [(("row", r), ask(q if rng.random() < 0.5 else q[0].upper() + q[1:]), answer, 1.0) for r, q, answer in rng.sample(self.items, rng.randint(4, 6))]


class Nlvr:
    """People's sentences about boxes of shapes: true or false."""

    def __init__(self, entries, split="train"):
        self.items = [(r, ask(nlvr.question(e["sentence"])), e["label"]) for r, e in enumerate(entries) if e["source"] == "nlvr" and e["split"] == split]

    def __call__(self, world, rng, c, easy):
        return [(("row", r), asked, label, 1.0) for r, asked, label in rng.sample(self.items, rng.randint(2, 4))]


HELLO = [("Hello!", "Hello! Show me a picture."), ("hi", "Hello! Show me a picture."), ("Who are you?", "I am a small flamingo. I learn from pictures."), ("What can you do?", "I can name what I see, and learn new names from a few pictures."),
         ("Thank you!", "You are welcome."), ("thanks", "You are welcome."), ("How are you?", "I am fine. Show me a picture."), ("What is your name?", "I am flamingo-tiny."), ("Goodbye", "Goodbye!"), ("Can you see?", "Yes, if you show me a picture.")]


class Text:
    """Text alone: definitions, kinds, sentences about pictures, small talk, copying."""

    def __init__(self, thing_table, wordnet, folder):
        names = sorted({t.name for t in thing_table.values()})
        self.definitions = [(n, d) for n in names for d in [wordnet.definition(n)] if d and len(d) < 90]
        self.kinds = [(t.name, t.kinds) for t in thing_table.values() if t.kinds]
        self.sentences = sorted({json.loads(line)["sentence"] for f in ("dev.json", "test1.json") for line in open(folder / f)}) if (folder / "dev.json").exists() else []

    def chunk(self, rng):
        kind = rng.choice(["define", "define", "kind", "sentence", "hello", "copy"] if self.sentences else ["define", "kind", "hello", "copy"])
        if kind == "define":
            name, definition = rng.choice(self.definitions)
            return ask(rng.choice(["What is {x}?", "what is {x}?", "What does {n} mean?"]).format(x=a(name), n=name)), definition
        if kind == "kind":
            name, kinds = rng.choice(self.kinds)
            k = rng.choice(things.ASKED_KINDS)
            return ask(f"Is {a(name)} {a(k)}?"), "yes" if k in kinds else "no"
        if kind == "sentence":
            return "", rng.choice(self.sentences)
        if kind == "hello":
            return (lambda q, answer: (ask(q), answer))(*rng.choice(HELLO))
        word = rng.choice(TRAIN_WORDS + REAL + NUMBERS)
        return ask(rng.choice(["Say {w}.", "Please say {w}.", "Repeat: {w}"]).format(w=word)), word

    def __call__(self, world, rng, c, easy):
        return [(None, *self.chunk(rng), 1.0) for _ in range(rng.randint(3, 6))]


def table(entries, thing_table, wordnet, text_folder):
    """name -> sampler; the config says how often each is drawn."""
    return {"naming": naming, "rule": rule, "scene_caption": scene_caption, "scene_questions": scene_questions, "thing_caption": thing_caption, "thing_questions": thing_questions,
            "comparison": comparison, "easy_vqa": EasyVqa(entries), "nlvr": Nlvr(entries), "motion": Motion(entries), "text": Text(thing_table, wordnet, text_folder)}
