"""The list of all pictures: where each comes from, what it shows, and which split it belongs to.

Every entry is a dict with `source`, `split`, `concept`, `kind of drawing` and what is needed to make its pixels again.
Splits: train, test (new pictures of trained classes or scenes), held (classes never trained on),
style (a drawing style never trained on), heldstyle (both).
"""
import hashlib
import json
import random
from pathlib import Path

import numpy as np
from PIL import Image

from . import motion, nlvr, pixels, scenes


def percent(text):
    return int(hashlib.md5(text.encode()).hexdigest(), 16) % 100


def photo_entries(config, data):
    c, entries = config["pictures"], []
    never = set(c["left_out_classes"]) | set(c["reserved_classes"])
    for folder in sorted((data / "photos" / "101_ObjectCategories").iterdir()):
        if folder.name in never:
            continue
        files = sorted(p.name for p in folder.glob("*.jpg"))
        random.Random(f"{config['seed']} {folder.name}").shuffle(files)
        base = dict(source="photo", concept="photo:" + folder.name, style="photo")
        if folder.name in c["validation_classes"]:
            entries += [dict(base, split="held", file=f"{folder.name}/{f}", variant=0) for f in files[:c["photos_per_validation_class"]]]
            continue
        cut = int(len(files) * c["photo_test_share"])
        entries += [dict(base, split="test", file=f"{folder.name}/{f}", variant=0) for f in files[:min(cut, 15)]]
        for f in files[cut:cut + c["photos_per_class"]]:
            entries += [dict(base, split="train", file=f"{folder.name}/{f}", variant=v) for v in range(c["photo_variants"])]
    return entries


def icons_of(data, style):
    return enumerate(json.loads((data / "icons" / f"{style}.json").read_text())["icons"])


def icon_entries(config, data):
    c, entries, trained = config["pictures"], [], set()
    for style in c["icon_sets"] + [c["held_style"]]:
        new_style = style == c["held_style"]
        for row, icon in icons_of(data, style):
            if new_style and icon["concept"] not in trained:
                continue  # only concepts that another style draws too: the style is what is new
            trained.add(icon["concept"])
            held = percent("concept:" + icon["concept"]) < c["held_concepts_percent"]
            split = [["train", "style"], ["held", "heldstyle"]][held][new_style]
            entries += drawn(icon, row, style, split, c["icon_variants"] if split == "train" else 1)
    return entries


def drawn(icon, row, style, split, variants):
    base = dict(source="icon", split=split, style=style, concept=icon["concept"], name=icon["name"], category=icon["category"], row=row)
    return [dict(base, variant=v) for v in range(variants)]


def more_style_entries(c, data, icons):
    """More styles of the concepts that are trained on already; the held ones stay as they are. icons: the entries of the other sets."""
    trained = {e["concept"] for e in icons if e["split"] == "train"}
    return [e for style in c["icon_sets_more"] for row, icon in icons_of(data, style) if icon["concept"] in trained for e in drawn(icon, row, style, "train", c["icon_variants"])]


def scene_entries(config):
    c = config["pictures"]
    count = {"train": c["scenes_train"], "test": c["scenes_test"]}
    return [dict(source="scene", split=split, style="scene", concept=None, seed=f"{c['scene_seed']} {split} {i}") for split, n in count.items() for i in range(n)]


def loose_entries(c):
    """Scenes whose objects stand anywhere: a model that has seen them in the middles of cells alone miscounts those between."""
    return [dict(source="scene", split=split, style="scene", concept=None, loose=True, seed=f"{c['scene_seed']} loose {split} {i}") for split, n in (("train", c["scenes_loose"]), ("loose", c["scenes_loose_test"])) for i in range(n)]


def easy_vqa_entries():
    import easy_vqa
    paths = {"train": easy_vqa.get_train_image_paths(), "test": easy_vqa.get_test_image_paths()}
    return [dict(source="easy", split=split, style="easy", concept=None, id=int(i)) for split, p in paths.items() for i in sorted(p, key=int)]


def entries(config, data):
    """In the order in which the kinds were thought of: a list that grew keeps the features that it has."""
    c, icons = config["pictures"], icon_entries(config, data)
    clips = motion.entries(icons, c["clips_train"], c["clips_test"], c["scene_seed"])
    more = [dict(source="scene", split="train", style="scene", concept=None, seed=f"{c['scene_seed']} more {i}") for i in range(c["scenes_more"])]
    return photo_entries(config, data) + icons + scene_entries(config) + easy_vqa_entries() + clips + more + nlvr.entries(data / "text" / "nlvr", config["seed"]) + loose_entries(c) + more_style_entries(c, data, icons)


class Painter:
    """Makes the 224x224 picture of an entry; the same entry always gives the same picture."""

    def __init__(self, config, data):
        self.config, self.data, self.raw = config, data, {}

    def __call__(self, entry):
        return getattr(self, entry["source"])(entry)

    def photo(self, e):
        im = pixels.load(self.data / "photos" / "101_ObjectCategories" / e["file"])
        return pixels.random_crop(im, random.Random(e["file"])) if e["variant"] else pixels.fit(im)

    def scene(self, e):
        return scenes.render(scenes.of(e))

    def easy(self, e):
        import easy_vqa
        return pixels.fit(pixels.load(Path(easy_vqa.__file__).parent / "data" / e["split"] / "images" / f"{e['id']}.png"))

    def clip(self, e):
        return motion.paint(e, self.drawing(**e["icon"]))

    def nlvr(self, e):
        return nlvr.paint(e)

    def drawing(self, style, row):
        size = self.config["pictures"]["icon_size"]
        if style not in self.raw:
            self.raw[style] = np.memmap(self.data / "icons" / f"{style}.raw", np.uint8, "r").reshape(-1, size, size, 4)
        return Image.fromarray(np.array(self.raw[style][row]))

    def icon(self, e):
        drawing = self.drawing(e["style"], e["row"])
        rng = random.Random(f"{e['style']} {e['row']} {e['variant']}")
        back = (255, 255, 255) if e["variant"] == 0 and rng.random() < 0.7 else tuple(rng.randrange(256) for _ in range(3))
        side = int(pixels.SIZE * (rng.uniform(0.75, 0.95) if e["variant"] == 0 else rng.uniform(0.5, 1)))
        if e["variant"]:
            drawing = drawing.rotate(rng.uniform(-20, 20), Image.BICUBIC)
        if e["variant"] and rng.random() < 0.5:
            drawing = drawing.transpose(Image.FLIP_LEFT_RIGHT)
        drawing = drawing.resize((side, side), Image.BICUBIC)
        canvas = Image.new("RGBA", (pixels.SIZE, pixels.SIZE), back + (255,))
        room = pixels.SIZE - side
        canvas.alpha_composite(drawing, (rng.randint(0, room), rng.randint(0, room)) if e["variant"] else (room // 2, room // 2))
        return canvas.convert("RGB")
