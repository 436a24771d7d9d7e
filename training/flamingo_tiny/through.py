"""Stage `through`: the evaluation through flamingo-web itself, beside PyTorch on the same items.

    python -m flamingo_tiny.through requests FOLDER --state colour --items 400
    npm run -s cli -- run PACKAGE FOLDER/requests.json --out FOLDER/webgpu --executor webgpu      (and wasm; in the project's root)
    python -m flamingo_tiny.through compare FOLDER webgpu wasm --out results/through.json

FOLDER/images holds the pictures as the model sees them, photos among them: keep it out of what is published. Closed-ended
answers are compared by the likelihood of the name alone, as `candidates` of a request are scored.
"""
import json
from pathlib import Path

import torch

from . import cases, evaluate, pool
from .measure import answers, interval
from .settings import arguments
from .words import a

END = "<|endofchunk|>"


def suites(run, count):
    """{name: cases}: what the package is held against; two thirds of the evaluation's kinds, in small."""
    held = evaluate.photos(run)
    scenes = evaluate.worlds.Pictures(run.entries, run.things, splits=("test",)).scenes
    photo = [(t, r) for t in run.things.values() for r in t.rows.get("test", []) if t.medium == "photo"]
    step = max(1, len(photo) // count)
    return {
        "2-way, 8 shots": cases.namings(held, count, 2, 8), "4-way, 8 shots": cases.namings(held, count, 4, 8),
        "rules, 8 shots": cases.rules(scenes, count), "easy-VQA": cases.easy_vqa(run.entries, count),
        "scene captions": [cases.asked(r, cases.CAPTION, evaluate.scene_text.caption(s)) for r, s in scenes[:count]],
        "names photos": [cases.asked(r, cases.ask("What is this?"), a(t.name)) for t, r in photo[::step][:count]]}


def request(name, case):
    """The case as flamingo-web's `run` takes it: names are scored, and the greedy answer is written."""
    chunks = "".join(f"<image>{prompt} {answer}{END}" for _, prompt, answer, _ in case.shown)
    rows = [v[1] for v, *_ in case.shown] + [case.query[0][1]]
    out = {"id": name, "prompt": f"{chunks}<image>{case.query[1]}", "images": [f"images/{r}.png" for r in rows], "generate": {"max_new_tokens": 24}}
    return (out | {"candidates": [" " + n for n in case.names]} if len(case.names) > 1 else out), rows


def write(run, config, data, folder, count):
    paint, requests, expected, rows = pool.Painter(config, data), [], {}, set()
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for suite, items in suites(run, count).items():
        for i, (case, got) in enumerate(zip(items, answers(run, items))):
            key = f"{suite.replace(',', '').replace(' ', '-')}.{i}"
            asked, used = request(key, case)
            requests.append(asked)
            rows.update(used)
            expected[key] = {"suite": suite, "names": case.names, "answer": case.answer, "closed": got[1], "open": got[2]}
    for row in rows:
        paint(run.entries[row]).save(folder / "images" / f"{row}.png")
    (folder / "requests.json").write_text(json.dumps({"requests": requests}))
    (folder / "expected.json").write_text(json.dumps(expected, indent=1))
    print(len(requests), "requests,", len(rows), "pictures")


def judged(expected, result):
    """(index of the best name or None, whether the greedy text is the answer) as flamingo-web gave it."""
    scores = [c["sum"] for c in result.get("candidates", [])]
    best = max(range(len(scores)), key=scores.__getitem__) if scores else None
    return best, result["greedy_text"].strip() == expected["names"][expected["answer"]]


def compare(folder, name):
    """Accuracy of both, and on how many items the two agree, by suite."""
    expected, results = json.loads((folder / "expected.json").read_text()), json.loads((folder / name / "results.json").read_text())
    out = {}
    for suite in dict.fromkeys(e["suite"] for e in expected.values()):
        mine = [(e, judged(e, results[k])) for k, e in expected.items() if e["suite"] == suite and k in results]
        open_same = sum(e["open"] == opened for e, (_, opened) in mine)
        row = {"open": interval(sum(o for _, (_, o) in mine), len(mine)), "open in PyTorch": interval(sum(e["open"] for e, _ in mine), len(mine)), "open: same": interval(open_same, len(mine))}
        chosen = [(e, best) for e, (best, _) in mine if best is not None]
        if chosen:
            row |= {"closed": interval(sum(best == e["answer"] for e, best in chosen), len(chosen)), "closed in PyTorch": interval(sum(e["closed"] == e["answer"] for e, _ in chosen), len(chosen)),
                    "closed: same": interval(sum(best == e["closed"] for e, best in chosen), len(chosen))}
        out[suite] = row
    total = [(v[k]["percent"] * v[k]["n"] / 100, v[k]["n"]) for v in out.values() for k in v if k.endswith("same")]
    return out | {"all judgements that agree": interval(round(sum(h for h, _ in total)), sum(n for _, n in total))}


def main():
    args, config, data = arguments(__doc__, ("what", dict(choices=["requests", "compare"])), ("folder", dict(type=Path)), ("runs", dict(nargs="*", help="folders of results in FOLDER")),
                                   ("--state", dict(default="pictures")), ("--items", dict(type=int, default=40)), ("--out", dict(type=Path)))
    if args.what == "requests":
        from .train import Run
        run = Run(config, data, "pictures")
        run.model.load_state_dict(torch.load(data / f"{args.state}.pt", map_location=run.device)["model"])
        return write(run, config, data, args.folder, args.items)
    report = {name: compare(args.folder, name) for name in args.runs}
    text = json.dumps(report, indent=1)
    print(text)
    if args.out:
        args.out.write_text(text)


if __name__ == "__main__":
    main()
