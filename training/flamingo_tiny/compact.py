"""Stage `compact`: the weights of a state as f16, small enough to keep; and back.

    python -m flamingo_tiny.compact together FILE.safetensors
    python -m flamingo_tiny.compact together FILE.safetensors --restore

A restored state begins at step 0 with a fresh optimiser: use it as `starts_from` of another stage.
"""
import torch
from safetensors.torch import load_file, save_file

from .settings import arguments


def main():
    args, _, data = arguments(__doc__, ("state", {}), ("file", {}), ("--restore", dict(action="store_true")))
    path = data / f"{args.state}.pt"
    if args.restore:
        weights = {k: v.float() for k, v in load_file(args.file).items()}
        torch.save(dict(model=weights, step=0, records=[], lm_rate=None), path)
    else:
        weights = torch.load(path, map_location="cpu")["model"]
        save_file({k: v.half().contiguous() for k, v in weights.items()}, args.file)


if __name__ == "__main__":
    main()
