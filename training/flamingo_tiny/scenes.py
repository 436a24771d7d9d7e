"""Scenes drawn here: 1 to 5 shapes with colour, size, fill and place, on plain and on busy backgrounds."""
import math
import random

from PIL import Image, ImageDraw, ImageFilter

SHAPES = ["circle", "square", "triangle", "star", "heart", "diamond", "cross", "ring", "moon", "hexagon", "rectangle"]
COLOURS = {
    "red": (220, 30, 30), "orange": (245, 140, 20), "yellow": (240, 220, 40), "green": (40, 160, 60), "blue": (40, 80, 220),
    "purple": (130, 50, 180), "pink": (245, 130, 190), "brown": (125, 75, 35), "black": (20, 20, 20), "white": (250, 250, 250),
    "gray": (130, 130, 130), "teal": (0, 128, 128)}
FILLS = ["plain", "striped", "dotted"]
PLACES = ["top left", "top", "top right", "left", "middle", "right", "bottom left", "bottom", "bottom right"]
SIZE, FINE = 224, 2  # drawn at twice the size, then reduced: smooth edges
NEAR = 110           # colours closer than this (sum over R, G, B) cannot be told from the background


def polygon(shape, cx, cy, r, turn):
    def regular(n, offset=0.0, radius=lambda i: 1.0):
        angles = [turn + offset + 2 * math.pi * i / n for i in range(n)]
        return [(cx + r * radius(i) * math.cos(a), cy + r * radius(i) * math.sin(a)) for i, a in enumerate(angles)]

    def turned(points):
        c, s = math.cos(turn), math.sin(turn)
        return [(cx + r * (x * c - y * s), cy + r * (x * s + y * c)) for x, y in points]

    if shape in ("circle", "ring", "moon"):
        return regular(40)
    if shape == "square":
        return regular(4, math.pi / 4)
    if shape == "triangle":
        return regular(3, -math.pi / 2)
    if shape == "hexagon":
        return regular(6)
    if shape == "star":
        return regular(10, -math.pi / 2, lambda i: 1.0 if i % 2 == 0 else 0.42)
    if shape == "diamond":
        return turned([(0, -1), (0.65, 0), (0, 1), (-0.65, 0)])
    if shape == "rectangle":
        return turned([(-1, -0.5), (1, -0.5), (1, 0.5), (-1, 0.5)])
    if shape == "cross":
        w = 0.34
        return turned([(-w, -1), (w, -1), (w, -w), (1, -w), (1, w), (w, w), (w, 1), (-w, 1), (-w, w), (-1, w), (-1, -w), (-w, -w)])
    heart = [2 * math.pi * i / 40 for i in range(40)]
    return turned([(0.95 * math.sin(t) ** 3, -0.06 * (13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t))) for t in heart])


def colour_near(rng, name):
    return tuple(max(0, min(255, v + rng.randint(-18, 18))) for v in COLOURS[name])


def far(a, b):
    return sum(abs(x - y) for x, y in zip(a, b)) >= NEAR


def of(entry):
    """The scene of an entry of the list of pictures."""
    return sample(random.Random(entry["seed"]), loose=entry.get("loose", False))


def anywhere(rng, r, placed):
    """(x, y) of an object of radius r that touches no other and whose middle has a cell of its own, or None."""
    for _ in range(60):
        x, y = rng.uniform(r + 0.01, 0.99 - r), rng.uniform(r + 0.01, 0.99 - r)
        if all(math.hypot(x - o["x"], y - o["y"]) > r + o["r"] + 0.02 and cell_of(x, y) != o["cell"] for o in placed):
            return x, y


def cell_of(x, y):
    return min(2, int(y * 3)) * 3 + min(2, int(x * 3))


def sample(rng, count=None, loose=False):
    """One scene as data: {"back": (rgb, kind, seed), "objects": [...]}; the objects stand in different cells of a 3x3 grid, in their middles unless `loose`."""
    count = count or rng.choice([2, 2, 3, 3, 3, 4] if loose else [1, 1, 1, 2, 2, 3, 3, 4, 5])
    light = tuple(rng.randint(170, 255) for _ in range(3))
    dark = tuple(rng.randint(0, 90) for _ in range(3))
    back = rng.choice([(255, 255, 255), (235, 235, 235), light, dark])
    kind, objects = rng.choice(["flat", "flat", "gradient", "busy"]), []
    alike = count > 1 and rng.random() < 0.35
    for cell in rng.sample(range(9), count):
        while True:
            shape, colour = (objects[0]["shape"], objects[0]["colour"]) if alike and objects else (rng.choice(SHAPES), rng.choice(list(COLOURS)))
            rgb = colour_near(rng, colour)
            if far(rgb, back) or (alike and objects):
                break
        large = rng.random() < 0.5
        if count == 1:
            r = rng.uniform(0.3, 0.42) if large else rng.uniform(0.13, 0.2)
            x, y = rng.uniform(r, 1 - r), rng.uniform(r, 1 - r)
            cell = cell_of(x, y)
        elif loose:
            r = rng.uniform(0.12, 0.17) if large else rng.uniform(0.075, 0.1)
            place = anywhere(rng, r, objects)
            if not place:
                continue
            (x, y), cell = place, cell_of(*place)
        else:
            r = rng.uniform(0.14, 0.165) if large else rng.uniform(0.075, 0.1)
            x, y = ((v + 0.5 + rng.uniform(-0.06, 0.06)) / 3 for v in (cell % 3, cell // 3))
        objects.append(dict(shape=shape, colour=colour, rgb=rgb, size="large" if large else "small", fill=rng.choice(["plain", "plain", "striped", "dotted"]),
                            cell=cell, x=x, y=y, r=r, turn=rng.uniform(-0.25, 0.25)))
    return dict(back=(back, kind, rng.randrange(1 << 30)), objects=objects)


def background(back, kind, seed):
    rng, full = random.Random(seed), SIZE * FINE
    im = Image.new("RGB", (full, full), back)
    near = lambda spread: tuple(max(0, min(255, v + rng.randint(-spread, spread))) for v in back)
    if kind == "gradient":
        strip = Image.new("RGB", (1, 2))
        strip.putpixel((0, 0), back)
        strip.putpixel((0, 1), near(35))
        im = strip.resize((full, full), Image.BILINEAR).rotate(rng.choice([0, 90, 180, 270]))
    if kind == "busy":
        pen = ImageDraw.Draw(im)
        for _ in range(rng.randint(15, 60)):
            x, y, r = rng.randrange(full), rng.randrange(full), rng.randint(5, 70)
            pen.ellipse((x - r, y - r, x + r, y + r), fill=near(28))
        im = im.filter(ImageFilter.GaussianBlur(rng.uniform(1, 6)))
    return im


def paint(o):
    full = SIZE * FINE
    layer, rgb = Image.new("RGB", (full, full), o["rgb"]), o["rgb"]
    other = tuple(min(255, int(v * 0.35 + 165)) if sum(rgb) < 420 else int(v * 0.45) for v in rgb)
    pen = ImageDraw.Draw(layer)
    if o["fill"] == "striped":
        for x in range(-full, 2 * full, 28):
            pen.line((x, 0, x + full * 0.6, full), fill=other, width=10)
    if o["fill"] == "dotted":
        for x in range(0, full, 26):
            for y in range(0, full, 26):
                pen.ellipse((x, y, x + 11, y + 11), fill=other)
    return layer


def render(scene):
    im, full = background(*scene["back"]), SIZE * FINE
    for o in scene["objects"]:
        r, cx, cy = o["r"] * full, o["x"] * full, o["y"] * full
        mask = Image.new("L", im.size, 0)
        pen = ImageDraw.Draw(mask)
        pen.polygon(polygon(o["shape"], cx, cy, r, o["turn"]), fill=255)
        if o["shape"] == "ring":
            pen.ellipse((cx - 0.55 * r, cy - 0.55 * r, cx + 0.55 * r, cy + 0.55 * r), fill=0)
        if o["shape"] == "moon":
            pen.ellipse((cx - 0.35 * r, cy - r, cx + 1.35 * r, cy + 0.7 * r), fill=0)
        im.paste(paint(o), (0, 0), mask)
    return im.resize((SIZE, SIZE), Image.BILINEAR)
