"""Stage `evaluate`: the measurements of flamingo_tiny on a state of this model, and its chat beside SmolLM2's own.

    python -m flamingo_smol.evaluate --state smol-pictures --out results/smol.json [--items 200] [--only pattern of names]

Started again with the same file it measures what is still missing there.
"""
from pathlib import Path

import torch

from flamingo_tiny import evaluate

from . import language
from .model import FlamingoSmol
from .run import Run
from .settings import arguments
from .text import SmolText

CHATS = ["What is a panda?", "Name three fruits.", "Write one sentence about the sea.", "What is two plus three?", "Who are you?"]


@torch.no_grad()
def greedy(lm, ids, count, stops=()):
    """ids -> the ids said after them, one of `stops` the last; lm: [1,T] -> logits [1,T,vocab]"""
    said = []
    while len(said) < count and not (said and said[-1] in stops):
        said.append(lm(torch.tensor([ids + said]))[0, -1].argmax().item())
    return said


def restore(model, path):
    """The bridge out of a state -> its step"""
    state = torch.load(path, map_location="cpu")
    own = dict(model.named_parameters())
    with torch.no_grad():
        for name, value in state["weights"].items():
            own[name].copy_(value)
    return state["step"]


def chats(config, work, state, count=24):
    """Text alone, f32: how many of SmolLM2's own greedy answers are the whole model's too, its choice after each token being the same."""
    text, lm, said = SmolText(work / "tokenizer.json"), language.load(config["lm"], work / "language.safetensors"), {}
    model = FlamingoSmol(config, lm)
    restore(model, work / f"{state}.pt")
    for question in CHATS:
        ids = text.chat(question)
        answer = greedy(lm, ids, count, [text.turn_end])
        whole = torch.tensor([ids + answer])
        chosen = model(whole, None, torch.zeros_like(whole))[0, len(ids) - 1:-1].argmax(-1).tolist()
        said[question] = {"says": text.decode(answer), "same": chosen == answer}
    return {"equal": sum(s["same"] for s in said.values()), "n": len(said), "said": said}


def main():
    args, config, data = arguments(__doc__, ("--state", dict(required=True)), ("--out", dict(required=True)), ("--items", dict(type=int, default=200)), ("--threads", dict(type=int, default=1)),
                                   ("--only", dict(default="", help="measure only what this regular expression finds in")))
    torch.set_num_threads(args.threads)
    run = Run(config, data, args.work, args.state)
    steps = restore(run.model, args.work / f"{args.state}.pt")
    measurements = [("text alone, greedy, beside SmolLM2's own", lambda: chats(config, args.work, args.state)), *evaluate.episodes(run, args.items), *evaluate.things(run, args.items), *evaluate.scenes(run, args.items)]
    with torch.no_grad():
        evaluate.measure_missing(measurements, Path(args.out), {"name": args.state, "steps": steps}, args.only)


if __name__ == "__main__":
    main()
