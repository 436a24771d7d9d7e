"""Stage `export`: the checkpoint a user would have, in OpenFlamingo's layout, beside the GGUF file of the language model as it was published.

    python -m flamingo_smol.export OUT --state smol-pictures [--shut]

OUT/flamingo.json, vision.onnx + vision.json, language.gguf, checkpoint.pt: what `flamingo-web convert --model OUT` reads. --shut exports with
gates of 0: greedy text through flamingo-web must then be SmolLM2's own, whatever is in the prompt.
"""
import shutil
from pathlib import Path

import torch

from flamingo_tiny.export import delta, write_settings, write_vision

from . import language
from .evaluate import restore
from .gguf_file import find
from .model import FlamingoSmol
from .settings import arguments
from .text import SmolText

LAYERS = "model.layers"


def main():
    args, config, data = arguments(__doc__, ("out", {}), ("--state", dict(required=True)), ("--shut", dict(action="store_true")))
    out, text = Path(args.out), SmolText(args.work / "tokenizer.json")
    out.mkdir(parents=True, exist_ok=True)
    model = FlamingoSmol(config, language.load(config["lm"], args.work / "language.safetensors"))
    restore(model, args.work / f"{args.state}.pt")
    for name, p in model.named_parameters():  # a feed-forward that is not there is shut
        if name.endswith("_gate") and (args.shut or (model.no_feed_forward and name.endswith("ff_gate"))):
            p.data.fill_(0.0)
    torch.save(delta(model, LAYERS, "model.embed_tokens.weight", torch.cat([model.lm.embed_tokens.weight, model.added])), out / "checkpoint.pt")
    shutil.copy(find(config["lm"]), out / "language.gguf")
    write_vision(out, data, config["vision"])
    write_settings(out, config["bridge"], text, LAYERS, "language.gguf", "language.gguf")
    print(out, sum(p.numel() for p in model.parameters()), "weights")


if __name__ == "__main__":
    main()
