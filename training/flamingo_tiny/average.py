"""The mean of the weights of several states of one run: right more often than the last of them (training/README.md has the numbers).

    python -m flamingo_tiny.average mean        # of the states that the config lists under "means"

Wortsman et al. 2022, "Model soups"; the states have to follow from each other, or their mean means nothing. A stage can start from the result.
"""
import torch

from .settings import arguments, save_atomically


def mean(states):
    """states: {name: tensor}, all of the same names and shapes -> the same."""
    return {name: sum(s[name].float() for s in states) / len(states) for name in states[0]}


def main():
    args, config, data = arguments(__doc__, ("name", {}))
    loaded = [torch.load(data / f"{name}.pt", map_location="cpu") for name in config["means"][args.name]]
    names = [set(s["model"]) for s in loaded]
    if any(n != names[0] for n in names):
        raise SystemExit(f"the states are not of one model: {sorted(set.union(*names) - set.intersection(*names))[:5]}")
    state = dict(model=mean([s["model"] for s in loaded]), step=loaded[-1]["step"], slots=loaded[-1].get("slots"))
    save_atomically(lambda path: torch.save(state, path), data / f"{args.name}.pt")


if __name__ == "__main__":
    main()
