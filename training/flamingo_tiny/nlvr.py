"""NLVR (lil-lab/nlvr, CC BY 4.0): people's sentences about boxes of shapes, true or false. Only its scene graphs are used; pictures are drawn here.

The repository's train file is too large for some snapshots, so dev and test are trained on and the hidden set is the test.
"""
import json
import random

from PIL import Image, ImageDraw

from . import pixels

BOX, FINE = 106, 2
CORNERS = [(4, 4), (114, 4), (59, 114)]  # first, second, third box: two above, one below
FILES = {"train": ("dev.json", "test.json"), "test": ("hidden.json",)}
TURNS = {"train": 2, "test": 1}          # training sees the boxes in two orders
COLOURS = {"yellow": (255, 222, 30), "black": (10, 10, 10), "#0099ff": (0, 153, 255)}


def entries(folder, seed):
    """folder: where the three files are; without them there is nothing of NLVR in the mix."""
    out = []
    for split, names in FILES.items():
        lines = [json.loads(line) for name in names if (folder / name).exists() for line in open(folder / name)]
        for line in lines:
            rng = random.Random(f"{seed} nlvr {line['identifier']}")
            base = dict(source="nlvr", split=split, style="nlvr", concept=None, sentence=line["sentence"].strip(), label=line["label"])
            for turn in range(TURNS[split]):
                boxes = rng.sample(line["structured_rep"], 3) if turn else line["structured_rep"]
                out.append(dict(base, boxes=[[(o["type"], o["color"].lower(), o["x_loc"], o["y_loc"], o["size"]) for o in box] for box in boxes]))
    return out


def paint(entry):
    full, scale = pixels.SIZE * FINE, BOX * FINE / 100
    im = Image.new("RGB", (full, full), (255, 255, 255))
    pen = ImageDraw.Draw(im)
    for (left, top), box in zip(CORNERS, entry["boxes"]):
        left, top = left * FINE, top * FINE
        pen.rectangle((left, top, left + BOX * FINE, top + BOX * FINE), fill=(211, 211, 211))
        for kind, colour, x, y, size in box:
            x0, y0, x1, y1 = (v * scale + origin for v, origin in ((x, left), (y, top), (x + size, left), (y + size, top)))
            if kind == "triangle":
                pen.polygon([(x0, y1), (x1, y1), ((x0 + x1) / 2, y0)], fill=COLOURS[colour])
            else:
                getattr(pen, {"circle": "ellipse", "square": "rectangle"}[kind])((x0, y0, x1, y1), fill=COLOURS[colour])
    return im.resize((pixels.SIZE, pixels.SIZE), Image.BILINEAR)


def question(sentence):
    return f"{sentence.rstrip('.')}. True or false?"
