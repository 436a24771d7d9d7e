"""Checks of the port and of the gates, f32; ends with an error if one fails.

    python -m flamingo_smol.check [--state smol-pictures]

- SmolLM2 says what it says elsewhere, and finds a sentence likelier than its words shuffled.
- With gates at 0, pictures in the prompt and a bridge of random weights, the logits are SmolLM2's own, bit for bit.
- With a trained bridge and gates open, a text without a picture gets SmolLM2's own logits, if the gated layers have no feed-forward.
"""
import torch

from flamingo_tiny.tokens import pack

from . import language
from .evaluate import greedy, restore
from .model import FlamingoSmol
from .settings import arguments
from .text import SmolText

SENTENCE = "A dog is running on the beach with a ball in its mouth."
SALAD = "window mouth ball the its beach a on dog running with is in."


def expect(said, holds):
    print("ok   " if holds else "FAILS", said, flush=True)
    if not holds:
        raise SystemExit(1)


def nats(lm, ids):
    """Mean loss of a token"""
    told = lm(torch.tensor([ids])).log_softmax(-1)[0, :-1]
    return -told.gather(1, torch.tensor(ids[1:])[:, None]).mean().item()


def randomise(model):
    """Weights that would change every logit if a gate let them."""
    generator = torch.Generator().manual_seed(1)
    for p in [*model.gated_cross_attn_layers.parameters(), *model.perceiver.parameters()]:
        p.data.add_(0.3 * torch.randn(p.shape, generator=generator))


@torch.no_grad()
def main():
    args, config, _ = arguments(__doc__, ("--state", {}))
    text, lm = SmolText(args.work / "tokenizer.json"), language.load(config["lm"], args.work / "language.safetensors")
    said = text.decode(greedy(lm, text("The capital of France is"), 2))
    expect(f'"The capital of France is" -> "{said}"', said == "Paris.")
    sentence, salad = nats(lm, text(SENTENCE)), nats(lm, text(SALAD))
    expect(f"{sentence:.2f} nats a token on a sentence, {salad:.2f} on its words shuffled", sentence < 4.5 and salad > sentence + 2)

    model = FlamingoSmol(config, lm).eval()
    model.begin_rows(text)
    randomise(model)
    batch = pack(text, [[(("row", 0), "Output:", "a panda", 1.0), (("row", 1), "Question: What is this? Answer:", "a red chair", 1.0)]])
    media = model.perceiver(torch.randn(2, 49, model.perceiver.latents.shape[1]))[None]
    alone = model.head(lm.norm(lm.states(model.embed(batch["ids"]))))
    for gate in (p for name, p in model.named_parameters() if name.endswith("_gate")):
        gate.fill_(0.0)
    far = (model(batch["ids"], media, batch["seen"]) - alone).abs().max().item()
    expect(f"gates at 0, two pictures: largest difference of a logit from SmolLM2's own {far}", far == 0)
    model.open_gates(1.0)
    far = (model(batch["ids"], media, batch["seen"]) - alone).abs().max().item()
    expect(f"gates open, the same: {far:.2f}", far > 1)

    if args.state:
        restore(model, args.work / f"{args.state}.pt")
    if model.no_feed_forward:
        ids = torch.tensor([text.chat("What is a panda?")])
        far = (model(ids, None, torch.zeros_like(ids))[..., :lm.c["vocab"]] - lm(ids)).abs().max().item()
        expect(f"gates open{f', state {args.state}' if args.state else ''}, no picture: {far}", far == 0)


if __name__ == "__main__":
    main()
