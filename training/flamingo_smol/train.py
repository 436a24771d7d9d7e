"""Stages of the bridge between Lite0's features and SmolLM2.

    python -m flamingo_smol.train smol-codes
    python -m flamingo_smol.train smol-pictures

Started again, a stage goes on from its last state (saved every 10 minutes and when it is stopped).
"""
import signal
import time

import torch

from flamingo_tiny import curves, evaluate
from flamingo_tiny.settings import save_atomically
from flamingo_tiny.train import Averages, rate

from .run import Run
from .settings import arguments

SAVE_EVERY, LOG_EVERY = 600, 10


class Learner:
    """f32 copies of the weights that learn, held by the optimiser, and the bf16 ones that are computed with."""

    def __init__(self, run):
        s, model = run.stage, run.model
        groups = [(model.gated_parameters() + [model.added], 1.0), (list(model.perceiver.parameters()), s["perceiver_rate"])]
        model.requires_grad_(False)
        self.live = [p for parameters, share in groups if share for p in parameters]
        self.names = {p: name for name, p in model.named_parameters()}
        self.kept = {p: p.detach().float().clone() for p in self.live}
        for p in self.live:
            p.requires_grad_(True)
        out = [dict(params=[self.kept[p] for p in parameters if (p.ndim > 1) == matrix], weight_decay=s["weight_decay"] * matrix, rate=share)
               for parameters, share in groups if share for matrix in (True, False)]
        self.optimizer = torch.optim.AdamW(out, lr=s["learning_rate"], betas=tuple(s["betas"]), fused=True)
        self.clip = s["clip"]

    def step(self, loss, learning_rate):
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate * group["rate"]
        loss.backward()
        for p in self.live:  # a layer that no picture reached has no gradient
            self.kept[p].grad, p.grad = None if p.grad is None else p.grad.float(), None
        torch.nn.utils.clip_grad_norm_(self.kept.values(), self.clip)
        self.optimizer.step()
        self.hand_on()

    @torch.no_grad()
    def hand_on(self):
        torch._foreach_copy_(self.live, [self.kept[p] for p in self.live])

    def state(self):
        """All that is not the language model's, whether it learned or not."""
        return {name: self.kept.get(p, p.detach()).float() for p, name in self.names.items() if not name.startswith("lm.")}

    @torch.no_grad()
    def take(self, weights):
        for p in self.live:
            if self.names[p] in weights:
                self.kept[p].copy_(weights[self.names[p]])
        self.hand_on()


def begin(run, learner, data):
    """-> (first step, records): from the stage's own state, or from where the stage starts."""
    own, s = run.work / f"{run.name}.pt", run.stage
    if s["resampler_from"]:
        run.model.take_resampler(data / f"{s['resampler_from']}.pt")
    if own.exists():
        state = torch.load(own, map_location=run.device)
        learner.take(state["weights"])
        learner.optimizer.load_state_dict(state["optimizer"])
        return state["step"], state["records"]
    learner.take(dict(run.model.named_parameters()))  # the resampler that was just taken
    if "starts_from" in s:
        learner.take(torch.load(run.work / f"{s['starts_from']}.pt", map_location=run.device)["weights"])
    if s["gate_start"] is not None:
        learner.take({learner.names[p]: torch.full_like(p, s["gate_start"]) for p in run.model.gates()})
    return 0, []


def main():
    args, config, data = arguments(__doc__, ("stage", {}), ("--threads", dict(type=int, default=1)), ("--minutes", dict(type=float, default=1e9, help="save and stop after this long")))
    torch.set_num_threads(args.threads)
    run = Run(config, data, args.work, args.stage)
    learner, s = Learner(run), run.stage
    start, records = begin(run, learner, data)
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    save = lambda step: save_atomically(lambda p: torch.save(dict(weights=learner.state(), optimizer=learner.optimizer.state_dict(), step=step, records=records), p), args.work / f"{args.stage}.pt")
    averages, began, saved, tokens, step = Averages(), time.time(), time.time(), 0, start
    while step < s["steps"] and not stop and time.time() - began < args.minutes * 60:
        world, names, batch, rng = run.batches(step)
        loss, each, right, where = run.loss(world, batch, rng, step)
        learner.step(loss, rate(step, s))
        step, tokens = step + 1, tokens + batch["ids"].numel()
        averages.update(world, names, each, right, where)
        if step % LOG_EVERY == 0:
            spent = time.time() - began
            record = dict(step=step, seconds=round(spent), loss={k: round(v, 3) for k, v in averages.loss.items()}, right={k: round(v, 3) for k, v in averages.right.items()})
            if step % s["test_every"] == 0:
                record["few_shot"] = evaluate.quick(run)
            records.append(record)
            print(f"{step} {spent / (step - start):.2f} s/step {tokens / spent:.0f} tokens/s", {k: (record["loss"][k], record["right"][k]) for k in record["loss"]}, record.get("few_shot", ""),
                  "rows above text", run.guard and round(run.guard.broken(run.model.added), 4), "gates", [round(g.tanh().item(), 2) for g in run.model.gates()], flush=True)
        if time.time() - saved > SAVE_EVERY:
            save(step)
            saved = time.time()
            curves.write(records, args.work / "curves" / args.stage)
    save(step)
    curves.write(records, args.work / "curves" / args.stage)


if __name__ == "__main__":
    main()
