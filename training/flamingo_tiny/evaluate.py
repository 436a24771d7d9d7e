"""Stage `evaluate`: what a trained state can do on held-out data, with intervals.

    python -m flamingo_tiny.evaluate --state colour --out results/colour.json [--items 400] [--only pattern of names]

Started again with the same file it measures what is still missing there.
"""
import json
import random
import re
from collections import Counter
from pathlib import Path

import torch

from . import cases, motion, scene_text, words, worlds
from .measure import closed_and_open, exact, interval, one_of, score
from .settings import arguments
from .tasks import CAPTION, EasyVqa, Motion, Nlvr, ask

SHOTS = {2: (2, 8), 4: (1, 4, 8, 16, 32)}


def photos(run):
    return cases.Held(run.entries, ("held",), "photo", 10)


def quick(run, count=40):
    """A few episodes on held-out photo classes, for the curve."""
    held = photos(run)
    return {f"{w}-way, 8 shots": closed_and_open(run, cases.namings(held, count, w, 8))["closed"]["percent"] / 100 for w in (2, 4)}


def easy_vqa(run, count):
    """By kind of answer, beside the best that can be done without the picture."""
    items, seen = cases.easy_vqa(run.entries, count), {}
    for _, question, answer in EasyVqa(run.entries).items:
        seen.setdefault(ask(question), Counter())[answer] += 1
    truth = [c.names[0] for c in items]
    blind = [seen[c.query[1]].most_common(1)[0][0] == a if c.query[1] in seen else False for c, a in zip(items, truth)]
    right = [r[2] for r in score(run, [c.sequences()[0] for c in items])]
    kinds = {"all": range(count), "yes or no": [i for i in range(count) if truth[i] in ("yes", "no")], "colour or shape": [i for i in range(count) if truth[i] not in ("yes", "no")]}
    return {kind: {"model": interval(sum(right[i] for i in pick), len(pick)), "question only": interval(sum(blind[i] for i in pick), len(pick))} for kind, pick in kinds.items()}


def nlvr(run, count):
    items = cases.nlvr(run.entries, count)
    return closed_and_open(run, items)["closed"] | {"always the same answer": round(100 * max(sum(c.answer == i for c in items) for i in (0, 1)) / count, 1)}


def things(run, count):
    """{name of a measurement: function}, about photos and drawings with real names."""
    rng = random.Random(3)
    photo = [(t, r) for t in run.things.values() for r in t.rows.get("test", []) if t.medium == "photo"]
    drawing = [(t, r) for t in run.things.values() for r in t.rows.get("style", [])]
    take = lambda pairs: rng.sample(pairs, min(count, len(pairs)))
    named = {"names photos of trained classes (What is this?)": take(photo), "names drawings in a new style": take(drawing)}
    animal = [(r, "yes" if "animal" in t.kinds else "no") for t, r in take(photo)]
    yield from ((name, lambda pairs=pairs: exact(run, [cases.asked(r, ask("What is this?"), words.a(t.name)) for t, r in pairs])) for name, pairs in named.items())
    yield "is it an animal? (photos)", lambda: exact(run, [cases.asked(r, ask("Is it an animal?"), a) for r, a in animal]) | {"always no": round(100 * sum(a == "no" for _, a in animal) / len(animal), 1)}


def scenes(run, count):
    rng, seen = random.Random(3), worlds.Pictures(run.entries, run.things, splits=("test",)).scenes
    single, some = [(r, s) for r, s in seen if len(s) == 1][:count], rng.sample(seen, min(count, len(seen)))
    about = lambda pairs, prompt, answer: lambda: exact(run, [cases.asked(r, prompt, answer(s)) for r, s in pairs])
    yield "scene captions, exact", about(some, CAPTION, scene_text.caption)
    yield "scene captions, all attributes right in any order", lambda: one_of(run, [cases.described(r, scene_text.captions(s)) for r, s in some])
    for many in (1, 2, 3):
        yield f"scene captions of {many} objects that differ", lambda many=many: one_of(run, [cases.described(r, scene_text.captions(s)) for r, s in seen if len(s) == many and (many == 1 or not scene_text.alike(s))][:count // 2])
    loose = worlds.Pictures(run.entries, run.things, splits=("loose",)).scenes[:count]
    if loose:
        yield "scene captions, objects anywhere, all attributes right in any order", lambda: one_of(run, [cases.described(r, scene_text.captions(s)) for r, s in loose])
    yield "captions of one object, exact", about(single, CAPTION, scene_text.caption)
    yield "colour of one object", about(single, ask("What colour is it?"), lambda s: s[0]["colour"])
    yield "shape of one object", about(single, ask("What shape is it?"), lambda s: s[0]["shape"])
    yield "how many", about(some, ask("How many shapes are there?"), lambda s: words.NUMBERS[len(s)])
    yield "comparison with the picture before (yes or no)", lambda: closed_and_open(run, cases.comparisons(seen, photos(run), count))["closed"]
    yield "NLVR, hidden set (true or false)", lambda: nlvr(run, min(count, len(Nlvr(run.entries, "test").items)))
    yield "rules (colour, shape or count), 8 shots", lambda: by_rule(run, cases.rules(seen, count))


def by_rule(run, items):
    """Closed-ended: which of the three rules is followed; open-ended: exactly the word."""
    return closed_and_open(run, items) | {rule: closed_and_open(run, items[i::len(cases.RULES)])["open"] for i, rule in enumerate(cases.RULES)}


def episodes(run, count):
    held = photos(run)
    for ways, shots in ((w, s) for w, many in SHOTS.items() for s in many):
        yield f"photos of classes never trained on, {ways}-way, {shots} shots", lambda w=ways, s=shots: closed_and_open(run, cases.namings(held, count, w, s), flip=w == 2 and s == 8)
    clips = Motion(run.entries, "test").items[:count]
    if clips:
        yield "clips of objects never trained on: direction of motion", lambda: exact(run, [cases.Case([], (("clip", r, motion.FRAMES), ask("Which way does it move?")), [d], 0) for r, d in clips])
    yield "drawings in a style never trained on, 2-way, 8 shots", lambda: closed_and_open(run, cases.new_style(run.entries, count))


def measure_missing(measurements, out, state, only=""):
    """Takes the measurements (name, what measures) that the file `out` lacks and `only` (a regular expression) finds; writes it after each. state: {"name", "steps"}; ends where the file is of another."""
    results = json.loads(out.read_text()) if out.exists() else {"state": state}
    if any(results["state"].get(key) != value for key, value in state.items()):
        raise SystemExit(f"{out} holds numbers of {results['state']}, not of {state}")
    out.parent.mkdir(parents=True, exist_ok=True)
    for name, measure in measurements:
        if name not in results and re.search(only, name):
            results[name] = measure()
            out.write_text(json.dumps(results, indent=1) + "\n")
            print(name, json.dumps(results[name]), flush=True)


def main():
    args, config, data = arguments(__doc__, ("--state", dict(default="pictures")), ("--out", dict(required=True)), ("--items", dict(type=int, default=200)), ("--threads", dict(type=int, default=1)),
                                   ("--only", dict(default="", help="measure only what this regular expression finds in")))
    from .train import Run
    torch.set_num_threads(args.threads)
    run, n = Run(config, data, "pictures"), args.items
    state = torch.load(data / f"{args.state}.pt", map_location=run.device)
    run.model.load_state_dict(state["model"])
    measurements = [*things(run, n), *scenes(run, n), ("easy-VQA, official test (sample)", lambda: easy_vqa(run, 2 * n)), *episodes(run, n)]
    measure_missing(measurements, Path(args.out), {"name": args.state, "steps": state["step"]}, args.only)


if __name__ == "__main__":
    main()
