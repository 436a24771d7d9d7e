"""The tables of the model card, from the files of results.

    python -m flamingo_tiny.card results/match.json [--through results/through.json]

Rewrites what stands between the two marks of public/models/flamingo-tiny/README.md; the text around it is written by hand.
"""
import argparse
import json
import re

from .settings import ROOT

CARD = ROOT.parent / "public" / "models" / "flamingo-tiny" / "README.md"
BEGIN, END = "<!-- results -->", "<!-- end of results -->"
NEW = "photos of classes never trained on, "
SCENES = "scene captions"

# (what is said, name of the measurement, parts of it); {n} and others are filled in from the measurement
ROWS = [
    ("invented names, photo classes never trained on, 2-way, 8 shots, closed-ended", NEW + "2-way, 8 shots", "closed"),
    ("the same, open-ended (exactly the name)", NEW + "2-way, 8 shots", "open"),
    ("the same with flipped labels: the answer flips ({n} items)", NEW + "2-way, 8 shots", "flipped"),
    ("2-way, 2 shots (one example per class)", NEW + "2-way, 2 shots", "closed"),
    ("4-way, 4 shots (one example per class)", NEW + "4-way, 4 shots", "closed"),
    ("4-way, 1 shot (chance 25 %)", NEW + "4-way, 1 shots", "closed"),
    *((f"4-way, {shots} shots, closed-ended", f"{NEW}4-way, {shots} shots", "closed") for shots in (8, 16, 32)),
    ("4-way, 8 shots, open-ended", NEW + "4-way, 8 shots", "open"),
    ("things never trained on: shots in known drawing styles, the query in a style never trained on, 2-way, 8 shots", "drawings in a style never trained on, 2-way, 8 shots", "closed"),
    ("the shots decide whether colour, shape or count is named, 8 shots, open-ended", "rules (colour, shape or count), 8 shots", "open"),
    ("naming photos of trained classes, zero-shot", "names photos of trained classes (What is this?)"),
    ('"is it an animal?" of photos ("always no": {always no} %)', "is it an animal? (photos)"),
    ("easy-VQA, official test ({n} questions)", "easy-VQA, official test (sample)", "all", "model"),
    ("of these, from the question alone, the best answer", "easy-VQA, official test (sample)", "all", "question only"),
    ("captions of drawn scenes on a grid: all that is stated is right, all objects named, in any order", SCENES + ", all attributes right in any order"),
    ("the same, word for word in reading order", SCENES + ", exact"),
    ("captions of drawn scenes, objects anywhere, in any order", SCENES + ", objects anywhere, all attributes right in any order"),
    ("captions of one object with size, pattern, colour and shape ({n} items)", "captions of one object, exact"),
    *((f"captions of {word} objects that differ ({{n}} items)", f"{SCENES} of {many} objects that differ") for word, many in (("two", 2), ("three", 3))),
    ("colour of one drawn object", "colour of one object"),
    ("shape of one drawn object", "shape of one object"),
    ("number of drawn objects", "how many"),
    ("clips of objects never trained on: direction of motion (chance 25 %)", "clips of objects never trained on: direction of motion"),
    ("a second picture against the first (same colour, shape, number, thing; more), yes or no", "comparison with the picture before (yes or no)", "closed"),
    ('NLVR, hidden set, drawn again ("always the same": {always the same answer} %)', "NLVR, hidden set (true or false)"),
    ("naming drawings in a style never seen, outright (about 800 names)", "names drawings in a new style"),
]


def find(results, name, *path):
    """A measurement, or the part of it that `path` leads to; parts that a file does not divide are passed over."""
    found = results[name]
    for key in path:
        found = found.get(key, found)
    return found


def row(said, found):
    said = re.sub(r"\{(.*?)\}", lambda m: str(found[m.group(1)]), said)
    return f"| {said} | {found['percent']:.1f} % | {found['low']:.1f} – {found['high']:.1f} |"


def evaluated(results, file):
    lines = [row(said, find(results, *where)) for said, *where in ROWS if where[0] in results]
    items = results[NEW + "2-way, 2 shots"]["closed"]["n"]
    return [f"In PyTorch, f32, {items} items each unless said, 95 % intervals (`training/results/{file}`):", "", "| task on held-out data | correct | interval |", "|---|---|---|", *lines]


def through(report):
    """A column a run: accuracy through flamingo-web, PyTorch's on the same items, and on how many judgements they agree."""
    runs, first = list(report), next(iter(report.values()))
    suites = [s for s in first if "open" in first[s]]
    kinds = [(s, k) for s in suites for k in ("closed", "open") if k in first[s]]
    cell = lambda run, s, k: f"{report[run][s][k]['percent']:.1f} (n {report[run][s][k]['n']})" if s in report[run] else ""
    lines = [f"| {s}, {k}-ended | {' | '.join(cell(r, s, k + ' in PyTorch') + ' → ' + cell(r, s, k) for r in runs)} |" for s, k in kinds]
    agree = [f"{report[r]['all judgements that agree']['percent']:.1f} % of {report[r]['all judgements that agree']['n']}" for r in runs]
    return ["", "Through flamingo-web (`run`, PyTorch in f32 → package, percent right on the same items):", "", f"| task | {' | '.join(runs)} |", "|---" * (len(runs) + 1) + "|", *lines,
            f"| judgements on which the two agree | {' | '.join(agree)} |"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results")
    parser.add_argument("--through")
    args = parser.parse_args()
    read = lambda path: json.load(open(path))
    lines = evaluated(read(args.results), args.results.split("/")[-1]) + (through(read(args.through)) if args.through else [])
    card = CARD.read_text()
    before, rest = card.split(BEGIN)
    CARD.write_text(f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    main()
