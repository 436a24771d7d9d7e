"""What can be said about a scene: captions, and questions in many phrasings with their answers."""
import itertools

from .scenes import COLOURS, FILLS, PLACES, SHAPES
from .words import NUMBERS, a, plural

HUE = ["color", "colour"]


def phrase(o, size=False):
    fill = "" if o["fill"] == "plain" else o["fill"] + " "
    return a(f"{o['size'] + ' ' if size else ''}{fill}{o['colour']} {o['shape']}")


def alike(objects):
    return len({(o["colour"], o["shape"]) for o in objects}) == 1


def caption(objects):
    """Reading order, so that one scene has one caption."""
    objects = sorted(objects, key=lambda o: o["cell"])
    if len(objects) == 1:
        return phrase(objects[0], size=True)
    if alike(objects):
        return f"{NUMBERS[len(objects)]} {objects[0]['colour']} {plural(objects[0]['shape'])}"
    if len(objects) <= 3:
        return " and ".join(a(f"{o['colour']} {o['shape']}") for o in objects)
    return f"{NUMBERS[len(objects)]} shapes"


def captions(objects):
    """The same caption with its objects in every order: each states the same, all of it true."""
    if len(objects) > 3 or len(objects) == 1 or alike(objects):
        return [caption(objects)]
    return sorted({" and ".join(a(f"{o['colour']} {o['shape']}") for o in order) for order in itertools.permutations(objects)})


DESCRIBE = ["Describe the picture.", "describe the image.", "What do you see?", "What is in the picture?", "what is in this image?", "What does the picture show?",
            "Can you describe this?", "Tell me what you see.", "Describe this picture", "What's in the picture?", "what can you see here?"]
COUNT = ["How many shapes are there?", "how many objects are in the picture?", "How many things do you see?", "how many shapes can you see?", "How many are there?", "Count the shapes."]
COLOUR = ["What {h} is it?", "what {h} is the shape?", "What {h} is this?", "what is the {h}?", "Which {h} does it have?", "What {h} is the object?", "which {h} is it?", "What {h}?", "What is its {h}?"]
SHAPE = ["What shape is it?", "what shape is this?", "Which shape do you see?", "What is the shape?", "what shape is in the image?", "What shape is in the picture?", "which shape is it?", "What shape?"]
SIZE = ["Is it large or small?", "What size is it?", "how big is it?", "is the shape small or large?"]
FILL = ["Is it plain, striped or dotted?", "What pattern does it have?", "which pattern is it?", "What texture does it have?"]
PLACE = ["Where is it?", "where is the shape?", "In which part of the picture is it?", "what is its position?"]
THERE = ["Is there {x}?", "is there {x} in the picture?", "Do you see {x}?", "does the image contain {x}?", "Can you see {x}?", "Is {x} in the image?", "is {x} present?"]
KIND = ["Is it an animal?", "is this an animal?", "Is it a vehicle?", "is it food?", "Is this a photo?", "Is it alive?"]


def one_object(o, rng):
    """Questions about "it" need a scene of one object."""
    kind = rng.choice(["colour", "colour", "shape", "shape", "size", "fill", "place", "kind", "this"])
    if kind == "colour":
        return rng.choice(COLOUR).format(h=rng.choice(HUE)), o["colour"]
    if kind == "shape":
        return rng.choice(SHAPE), o["shape"]
    if kind == "size":
        return rng.choice(SIZE), o["size"]
    if kind == "fill":
        return rng.choice(FILL), o["fill"]
    if kind == "place":
        return rng.choice(PLACE), PLACES[o["cell"]]
    if kind == "kind":
        return rng.choice(KIND), "no"
    return rng.choice(["What is this?", "what is it?", "What is that?"]), a(f"{o['colour']} {o['shape']}")


def single(objects, key, value):
    return sum(o[key] == value for o in objects) == 1


def relation(objects, rng):
    p, q = rng.sample(objects, 2)
    words = {"left of": p["cell"] % 3 < q["cell"] % 3, "right of": p["cell"] % 3 > q["cell"] % 3, "above": p["cell"] // 3 < q["cell"] // 3, "below": p["cell"] // 3 > q["cell"] // 3}
    word = rng.choice(list(words))
    to = " to the " if word.endswith("of") else " "
    return f"Is the {p['colour']} {p['shape']}{to}{word} the {q['colour']} {q['shape']}?", "yes" if words[word] else "no"


def presence(objects, rng):
    """yes and no equally often, whatever the scene."""
    o, form = rng.choice(objects), rng.choice(["colour", "shape", "both", "both"])
    truth = rng.random() < 0.5
    for _ in range(30):
        shape, colour = (o["shape"], o["colour"]) if truth else (rng.choice([o["shape"], rng.choice(SHAPES)]), rng.choice([o["colour"], rng.choice(list(COLOURS))]))
        here = any((form == "shape" or x["colour"] == colour) and (form == "colour" or x["shape"] == shape) for x in objects)
        if here == truth:
            break
    thing = {"colour": a(f"{colour} shape"), "shape": a(shape), "both": a(f"{colour} {shape}")}[form]
    return rng.choice(THERE).format(x=thing), "yes" if here else "no"


def question(objects, rng):
    if rng.random() < 0.12:
        return rng.choice(DESCRIBE), caption(objects)
    if len(objects) == 1 and rng.random() < 0.75:
        return one_object(objects[0], rng)
    o = rng.choice(objects)
    pair_alone = sum((x["shape"], x["colour"]) == (o["shape"], o["colour"]) for x in objects) == 1
    options = ["count", "presence", "number"]
    options += ["colour of"] * 2 * single(objects, "shape", o["shape"]) + ["shape of"] * 2 * single(objects, "colour", o["colour"]) + ["where"] * pair_alone
    options += ["relation"] * (len(objects) > 1 and len({(x["shape"], x["colour"]) for x in objects}) == len(objects))
    options += ["colours"] * 2 * (len({x["colour"] for x in objects}) == 1) + ["shapes"] * 2 * (len({x["shape"] for x in objects}) == 1)
    kind = rng.choice(options)
    if kind == "count":
        return rng.choice(COUNT), NUMBERS[len(objects)]
    if kind == "presence":
        return presence(objects, rng)
    if kind == "relation":
        return relation(objects, rng)
    if kind == "colour of":
        return rng.choice(["What {h} is the {s}?", "what is the {h} of the {s}?", "Which {h} is the {s}?"]).format(h=rng.choice(HUE), s=o["shape"]), o["colour"]
    if kind == "shape of":
        return rng.choice(["What is the {c} shape?", "which shape is {c}?", "What shape is the {c} object?", "what is the {c} thing?"]).format(c=o["colour"]), o["shape"]
    if kind == "where":
        return rng.choice(["Where is the {c} {s}?", "where do you see the {c} {s}?"]).format(c=o["colour"], s=o["shape"]), PLACES[o["cell"]]
    if kind == "colours":
        return rng.choice(["What {h} are they?", "what {h} are the shapes?", "Which {h} do you see?"]).format(h=rng.choice(HUE)), o["colour"]
    if kind == "shapes":
        return rng.choice(["What shapes are they?", "what shape are they?", "which shapes do you see?"]), plural(o["shape"]) if len(objects) > 1 else o["shape"]
    word, key = rng.choice([(o["shape"], "shape"), (o["colour"], "colour"), (rng.choice(SHAPES), "shape")])
    number = sum(x[key] == word for x in objects)
    noun = plural(word) if key == "shape" else f"{word} shapes"
    return rng.choice(["How many {n} are there?", "how many {n} do you see?", "How many {n}?"]).format(n=noun), NUMBERS[number]


RULES = {"colour": lambda objects: objects[0]["colour"], "shape": lambda objects: objects[0]["shape"], "count": lambda objects: NUMBERS[len(objects)],
         "fill": lambda objects: objects[0]["fill"], "size": lambda objects: objects[0]["size"]}
assert set(FILLS) >= {"plain"}
