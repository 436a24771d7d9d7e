"""Stage `alone`: with gates at 0, flamingo-web must write what SmolLM2 writes by itself, whatever pictures are in the prompt.

    python -m flamingo_smol.export OUT --state smol-pictures --shut
    python -m flamingo_smol.alone requests FOLDER --state smol-pictures
    npm run -s cli -- convert --model OUT --out PACKAGE --dtype f32      (in the project's root)
    npm run -s cli -- run PACKAGE FOLDER/requests.json --out FOLDER/wasm --executor wasm
    python -m flamingo_smol.alone compare FOLDER wasm

The expected texts are greedy ones of the language model alone in PyTorch (f32; the two added tokens have the rows that were learned).
"""
import json
from pathlib import Path

import torch
from PIL import Image

from . import language
from .evaluate import CHATS, greedy, restore
from .model import FlamingoSmol
from .settings import arguments
from .text import SmolText

PROMPTS = ["The capital of France is", "Once upon a time, there was a little", "<image>Output: a red chair<|endofchunk|><image>Output:", "<image>Question: What is water made of? Answer:"]
COUNT = 24


@torch.no_grad()
def write(args, config):
    text, lm = SmolText(args.work / "tokenizer.json"), language.load(config["lm"], args.work / "language.safetensors")
    model = FlamingoSmol(config, lm)
    restore(model, args.work / f"{args.state}.pt")
    alone = lambda ids: model.head(lm.norm(lm.states(model.embed(ids))))
    stops = (text.turn_end, text.end, text.end_of_chunk)
    args.folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (224, 224), (200, 60, 40)).save(args.folder / "red.png")
    wanted, requests = {}, []
    for i, prompt in enumerate([*PROMPTS, *map(text.turns, CHATS)]):
        wanted[f"text-{i}"] = text.decode(greedy(alone, text(prompt), COUNT, stops))
        requests.append({"id": f"text-{i}", "prompt": prompt, "images": ["red.png"] * prompt.count("<image>"), "generate": {"max_new_tokens": COUNT, "ends": "answer"}})
    (args.folder / "requests.json").write_text(json.dumps({"requests": requests}))
    (args.folder / "expected.json").write_text(json.dumps(wanted, indent=1))
    print(len(requests), "requests")


def compare(folder, name):
    wanted, got = (json.loads((folder / f).read_text()) for f in ("expected.json", f"{name}/results.json"))
    equal = [wanted[k] == got[k]["greedy_text"].strip() for k in wanted]
    for k, same in zip(wanted, equal):
        print("ok   " if same else "FAILS", k, repr(wanted[k]), *([] if same else ["but", repr(got[k]["greedy_text"])]))
    return all(equal)


def main():
    args, config, _ = arguments(__doc__, ("what", dict(choices=["requests", "compare"])), ("folder", dict(type=Path)), ("run", dict(nargs="?", help="folder of results in FOLDER")), ("--state", {}))
    if args.what == "requests":
        return write(args, config)
    if not compare(args.folder, args.run):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
