"""Clips: a drawing that crosses a plain or busy background in one of four directions, eight frames of it.

Each frame is an entry of the list of pictures, so that its features are computed and stored as every other picture's.
Objects of the test clips are of concepts that no training picture shows.
"""
import random

from PIL import Image

from . import pixels, scenes

FRAMES = 8
DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}


def entries(icons, train, test, seed):
    """icons: entries of drawings. -> entries of frames, FRAMES in a row for each clip."""
    out = []
    for split, count, wanted in (("train", train, "train"), ("test", test, "held")):
        shown = [i for i in icons if i["split"] == wanted and i["variant"] == 0]
        for clip in range(count):
            rng = random.Random(f"{seed} motion {split} {clip}")
            icon, direction = rng.choice(shown), rng.choice(list(DIRECTIONS))
            base = dict(source="clip", split=split, style="clip", concept=None, icon={k: icon[k] for k in ("style", "row")}, direction=direction, seed=f"{seed} path {split} {clip}")
            out += [dict(base, frame=f) for f in range(FRAMES)]
    return out


def paint(entry, drawing):
    """drawing: RGBA. The path crosses about half of the picture; where it begins and how fast it is differ from clip to clip."""
    rng = random.Random(entry["seed"])
    back = rng.choice([(255, 255, 255), tuple(rng.randint(150, 255) for _ in range(3)), tuple(rng.randint(0, 110) for _ in range(3))])
    canvas = scenes.background(back, rng.choice(["flat", "gradient", "busy"]), rng.randrange(1 << 30)).resize((pixels.SIZE, pixels.SIZE), Image.BILINEAR)
    side = int(pixels.SIZE * rng.uniform(0.25, 0.4))
    room, (dx, dy) = pixels.SIZE - side, DIRECTIONS[entry["direction"]]
    travel = room * rng.uniform(0.5, 1) * (entry["frame"] / (FRAMES - 1) - 0.5)
    middle = lambda along: room / 2 if along else room * rng.uniform(0.1, 0.9)
    x, y = middle(dx), middle(dy)
    canvas.paste(drawing.resize((side, side), Image.BICUBIC), (round(x + dx * travel), round(y + dy * travel)), drawing.resize((side, side), Image.BICUBIC))
    return canvas
