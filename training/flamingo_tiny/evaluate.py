"""Stage `evaluate`: what a trained state can do on held-out data, with intervals.

    python -m flamingo_tiny.evaluate --state pictures --out training/results/first.json [--items 200]

Closed-ended: the candidate with the largest sum of log-likelihoods (name and end of chunk). Open-ended: every token of the
answer and the end of chunk is the most likely one, which is the same as greedy decoding giving exactly the answer.
"""
import json
import math
import random
from collections import Counter
from pathlib import Path

import torch

from . import scene_text, words, worlds
from .settings import arguments
from .tasks import CAPTION, EasyVqa, ask
from .tokens import pack
from .visuals import picture_latents


def interval(hits, n):
    """{"percent", "low", "high", "n"}: Wilson, 95 %."""
    p, z = hits / n, 1.96
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = ((middle + sign * half) / (1 + z * z / n) for sign in (-1, 1))
    return {"percent": round(100 * p, 1), "low": round(100 * low, 1), "high": round(100 * high, 1), "n": n}


@torch.no_grad()
def score(run, sequences, batch=12):
    """For the last chunk of every sequence: (log-likelihood of its answer, whether greedy decoding gives exactly it)."""
    out = []
    for first in range(0, len(sequences), batch):
        part = [[(*c[:3], 0.0) for c in s[:-1]] + [(*s[-1][:3], 1.0)] for s in sequences[first:first + batch]]
        packed = pack(run.text, part)
        number = packed["part"] > 0  # answers of weight 1: the last chunk alone
        at = torch.nonzero(number[:, 1:], as_tuple=True)
        media = picture_latents(run.model, run.store, packed["visuals"]) if any(packed["visuals"]) else None
        logits = run.model(packed["ids"].to(run.device), media, packed["seen"].to(run.device), rows=at).log_softmax(-1).cpu()
        target = packed["ids"][at[0], at[1] + 1]
        each, right = logits[torch.arange(len(target)), target], logits.argmax(-1) == target
        out += [(each[at[0] == b].sum().item(), bool(right[at[0] == b].all())) for b in range(len(part))]
    return out


def episode(world, concepts, rng, ways, shots):
    """(shots as chunks, the query's visual, names, index of the right one); the query's picture is never among the shots."""
    names, shown = rng.sample(words.TEST_WORDS, ways), []
    chosen, answer = rng.sample(concepts, ways), rng.randrange(ways)
    query = rng.choice(chosen[answer])
    groups = [world.draw(rng, [i for i in c if i is not query], shots) for c in chosen]
    for i in range(shots):
        shown.append((("row", groups[i % ways][i // ways]), CAPTION, names[i % ways], 1.0))
    rng.shuffle(shown)
    return shown, ("row", rng.choice(query)), names, answer


def few_shot(run, world, concepts, ways, shots, count, flip=False, seed=1):
    """Closed- and open-ended accuracy; flip: names handed on by one place, and how often the answer follows."""
    rng, sequences, episodes = random.Random(f"{seed} {ways} {shots}"), [], []
    for _ in range(count):
        shown, query, names, answer = episode(world, concepts, rng, ways, shots)
        versions = [shown] + ([[(v, p, names[(names.index(n) + 1) % ways], w) for v, p, n, w in shown]] if flip else [])
        for s in versions:
            sequences += [s + [(query, CAPTION, n, 1.0)] for n in names]
        episodes.append((answer, ways))
    results, per = score(run, sequences), ways * (2 if flip else 1)
    closed, opened, followed = 0, 0, []
    for i, (answer, _) in enumerate(episodes):
        mine = results[i * per:(i + 1) * per]
        best = max(range(ways), key=lambda k: mine[k][0])
        closed, opened = closed + (best == answer), opened + mine[answer][1]
        if flip and best == answer:
            followed.append(max(range(ways), key=lambda k: mine[ways + k][0]) == (answer + 1) % ways)
    out = {"closed": interval(closed, count), "open": interval(opened, count)}
    return out | ({"flipped": interval(sum(followed), len(followed))} if followed else {})


def groups(run, split, source, least):
    world = worlds.Pictures.__new__(worlds.Pictures)
    world.entries = run.entries
    rows = [r for r, e in enumerate(run.entries) if e["split"] == split]
    return world, world.identities(rows, source, least)


def quick(run, count=40):
    """A few episodes on held-out photo classes, for the curve."""
    world, photos = groups(run, "held", "photo", 10)
    return {f"{w}-way, 8 shots": few_shot(run, world, photos, w, 8, count)["closed"]["percent"] / 100 for w in (2, 4)}


def exact(run, chunks):
    hits = [r[1] for r in score(run, [[c] for c in chunks])]
    return interval(sum(hits), len(hits))


def easy_vqa(run, count, rng):
    """By kind of answer, beside the best that can be done without the picture."""
    items, seen = rng.sample(EasyVqa(run.entries, "test").items, count), {}
    for _, question, answer in EasyVqa(run.entries).items:
        seen.setdefault(question, Counter())[answer] += 1
    blind = [seen[q].most_common(1)[0][0] == a if q in seen else False for _, q, a in items]
    right = [r[1] for r in score(run, [[(("row", r), ask(q), a, 1.0)] for r, q, a in items])]
    out = {"all": {"model": interval(sum(right), count), "question only": interval(sum(blind), count)}}
    for kind, answers in (("yes or no", {"yes", "no"}), ("colour or shape", None)):
        pick = [i for i, (_, _, a) in enumerate(items) if (a in ("yes", "no")) == (answers is not None)]
        out[kind] = {"model": interval(sum(right[i] for i in pick), len(pick)), "question only": interval(sum(blind[i] for i in pick), len(pick))}
    return out


def things_and_scenes(run, count, rng):
    photos = [(t, r) for t in run.things.values() for r in t.rows.get("test", []) if t.medium == "photo"]
    drawings = [(t, r) for t in run.things.values() for r in t.rows.get("style", [])]
    scenes = worlds.Pictures(run.entries, run.things, splits=("test",)).scenes
    named = lambda pairs: [(("row", r), ask("What is this?"), words.a(t.name), 1.0) for t, r in rng.sample(pairs, min(count, len(pairs)))]
    single = [(r, s) for r, s in scenes if len(s) == 1]
    animal = [(("row", r), ask("Is it an animal?"), "yes" if "animal" in t.kinds else "no", 1.0) for t, r in rng.sample(photos, count)]
    return {
        "names photos of trained classes (What is this?)": exact(run, named(photos)), "names drawings in a new style": exact(run, named(drawings)),
        "is it an animal? (photos)": exact(run, animal) | {"always no": round(100 * sum(a == "no" for _, _, a, _ in animal) / count, 1)},
        "scene captions, exact": exact(run, [(("row", r), CAPTION, scene_text.caption(s), 1.0) for r, s in rng.sample(scenes, count)]),
        "captions of one object, exact": exact(run, [(("row", r), CAPTION, scene_text.caption(s), 1.0) for r, s in rng.sample(single, min(count, len(single)))]),
        "colour of one object": exact(run, [(("row", r), ask("What colour is it?"), s[0]["colour"], 1.0) for r, s in single[:count]]),
        "shape of one object": exact(run, [(("row", r), ask("What shape is it?"), s[0]["shape"], 1.0) for r, s in single[:count]]),
        "how many": exact(run, [(("row", r), ask("How many shapes are there?"), words.NUMBERS[len(s)], 1.0) for r, s in rng.sample(scenes, count)])}


def main():
    args, config, data = arguments(__doc__, ("--state", dict(default="pictures")), ("--out", dict(required=True)), ("--items", dict(type=int, default=200)), ("--threads", dict(type=int, default=1)))
    from .train import Run
    torch.set_num_threads(args.threads)
    run, n, results = Run(config, data, "pictures"), args.items, {}
    state = torch.load(data / f"{args.state}.pt", map_location=run.device)
    run.model.load_state_dict(state["model"])
    results["state"] = {"name": args.state, "steps": state["step"]}

    def note(name, value):
        results[name] = value
        Path(args.out).parent.mkdir(parents=True, exist_ok=True)
        Path(args.out).write_text(json.dumps(results, indent=1))
        print(name, json.dumps(value), flush=True)
    for name, value in things_and_scenes(run, n, random.Random(3)).items():
        note(name, value)
    note("easy-VQA, official test (sample)", easy_vqa(run, 2 * n, random.Random(4)))
    world, photos = groups(run, "held", "photo", 10)
    for ways in (2, 4):
        for shots in (ways, 8):
            note(f"photos of classes never trained on, {ways}-way, {shots} shots", few_shot(run, world, photos, ways, shots, n, flip=ways == 2 and shots == 8))
    world, drawings = groups(run, "held", "icon", 4)
    note("drawings never trained on, 2-way, 6 shots", few_shot(run, world, drawings, 2, 6, n))


if __name__ == "__main__":
    main()
