"""Stage `heat`: where tokens that name an object looked, through flamingo-web itself, on fresh scenes of three objects.

    python -m flamingo_tiny.heat requests FOLDER --items 60
    npm run -s cli -- run PACKAGE FOLDER/requests.json --out FOLDER/webgpu --executor webgpu      (in the project's root)
    python -m flamingo_tiny.heat measure FOLDER webgpu --package PACKAGE --out results/heat.json

Maps are `rollout` (the right caption, given) and `generated_rollout` (what the model says) of `run`: attention rollout of the step that chose
each token. A token of a phrase "a red circle" names its object; of what the model says, only phrases that are in the scene count.
"""
import json
import random
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from . import scene_text, scenes
from .measure import interval
from .settings import arguments
from .tasks import CAPTION
from .words import a


def draw(items, seed):
    """Scenes of three objects that differ in colour or shape, none from the list of training pictures; in reading order."""
    rng, out = random.Random(f"{seed} heat"), []
    while len(out) < items:
        scene = scenes.sample(rng, 3)
        if len({name(o) for o in scene["objects"]}) == 3:
            out.append(scene | {"objects": sorted(scene["objects"], key=lambda o: o["cell"])})
    return out


def name(o):
    return f"{o['colour']} {o['shape']}"


def write(folder, items, seed):
    (folder / "images").mkdir(parents=True, exist_ok=True)
    requests, drawn = [], draw(items, seed)
    for i, scene in enumerate(drawn):
        picture = f"images/{i}.png"
        scenes.render(scene).save(folder / picture)
        asked = {"images": [picture], "outputs": ["input_ids", "rollout"]}
        requests.append({"id": f"{i}.said", "prompt": f"<image>{CAPTION}", "generate": {"max_new_tokens": 32}, **asked})
        requests.append({"id": f"{i}.right", "prompt": f"<image>{CAPTION} {scene_text.caption(scene['objects'])}", **asked})
    (folder / "requests.json").write_text(json.dumps({"requests": requests}))
    (folder / "scenes.json").write_text(json.dumps([s["objects"] for s in drawn]))
    print(len(requests), "requests,", items, "pictures")


def named(tokenizer, ids, objects):
    """[(index of a token, index of the object that it names, "colour" or "shape")], found in the text that the tokens write."""
    ends = [len(tokenizer.decode(ids[:t + 1], skip_special_tokens=False)) for t in range(len(ids))]
    text, out = tokenizer.decode(ids, skip_special_tokens=False), []
    for i, o in enumerate(objects):
        at = text.find(f" {a(name(o))}")
        if at < 0:
            continue
        shape = text.index(o["shape"], at)
        colour = text.index(o["colour"], at)
        for t, end in enumerate(ends):
            start = ends[t - 1] if t else 0
            for kind, first in (("colour", colour), ("shape", shape)):
                if start < first + len(o[kind]) and end > first:
                    out.append((t, i, kind))
    return out


def on(o, side, near):
    """Patches [side, side] that the object's box touches, with `near` more around it."""
    low = lambda v: max(0, int((v - o["r"]) * side) - near)
    high = lambda v: min(side, int(np.ceil((v + o["r"]) * side)) + near)
    mask = np.zeros((side, side), bool)
    mask[low(o["y"]):high(o["y"]), low(o["x"]):high(o["x"])] = True
    return mask


def judge(heat, objects, i):
    """Whether the peak of one map [side, side] is on the object, on it or next to it, nearest to it of the three, and whether its box has the largest mean of the three."""
    side = len(heat)
    y, x = divmod(int(heat.argmax()), side)
    away = [np.hypot((x + 0.5) / side - o["x"], (y + 0.5) / side - o["y"]) for o in objects]
    means = [heat[on(o, side, 0)].mean() for o in objects]
    return {"peak on it": on(objects[i], side, 0)[y, x], "peak on it or next to it": on(objects[i], side, 1)[y, x], "peak nearest to it": int(np.argmin(away)) == i,
            "warmest of the three": int(np.argmax(means)) == i}


def chance(objects, i, side):
    return {"peak on it": on(objects[i], side, 0).mean(), "peak on it or next to it": on(objects[i], side, 1).mean(), "peak nearest to it": 1 / 3, "warmest of the three": 1 / 3}


def measure(folder, run, package):
    """For both kinds of text and both kinds of words: shares with intervals, and what a map without sense would get."""
    tokenizer, tensors = Tokenizer.from_file(str(package / "tokenizer.json")), load_file(folder / run / "tensors.safetensors")
    results, drawn, out = json.loads((folder / run / "results.json").read_text()), json.loads((folder / "scenes.json").read_text()), {}
    for kind in ("right", "said"):
        rows, exact = [], 0
        for n, objects in enumerate(drawn):
            key = f"{n}.{kind}"
            if kind == "right":  # the step before a token chose it
                ids, maps = tensors[f"{key}/input_ids"].tolist(), np.roll(tensors[f"{key}/rollout"], 1, axis=0)
            else:
                ids, maps = results[key]["greedy_ids"], tensors[f"{key}/generated_rollout"]
                exact += results[key]["greedy_text"].strip() == scene_text.caption(objects)
            side = maps.shape[-1]
            rows += [(word, judge(maps[t, -1, 0], objects, i), chance(objects, i, side)) for t, i, word in named(tokenizer, ids, objects)]
        label = {"right": "right captions, given", "said": "captions that the model said"}[kind]
        out[label] = {word: scores([r for r in rows if word in (r[0], "colour and shape")]) for word in ("colour and shape", "colour", "shape")}
        if kind == "said":
            out[label]["captions exactly right"] = interval(exact, len(drawn))
    return out


def scores(rows):
    if not rows:
        return {"tokens": 0}
    return {k: interval(int(sum(j[k] for _, j, _ in rows)), len(rows)) | {"chance": round(100 * float(np.mean([c[k] for *_, c in rows])), 1)} for k in rows[0][1]}


def main():
    args, config, _ = arguments(__doc__, ("what", dict(choices=["requests", "measure"])), ("folder", dict(type=Path)), ("run", dict(nargs="?", help="folder of results in FOLDER")),
                                ("--items", dict(type=int, default=60)), ("--package", dict(type=Path)), ("--out", dict(type=Path)))
    if args.what == "requests":
        return write(args.folder, args.items, config["seed"])
    text = json.dumps(measure(args.folder, args.run, args.package), indent=1)
    print(text)
    if args.out:
        args.out.write_text(text)


if __name__ == "__main__":
    main()
