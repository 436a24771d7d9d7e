"""The two added tokens stand in SmolLM2's vocabulary, and a text without a picture must not meet them: "<|endofchunk|>" would end it early.

The gated layers add nothing to such a text, so its last states are the language model's own, whatever is learned. They are computed once, and the rows
of the added tokens are kept below the most likely token at each of them.
"""
import random

import torch

from flamingo_tiny.settings import save_atomically

TEXTS, AT_ONCE, SAMPLE, MARGIN = 600, 20, 1024, 2.0


def texts(run):
    """Chats, questions and answers, and sentences as they come."""
    rng, sampler = random.Random(f"{run.config['seed']} guard"), run.batches.samplers["text"]
    for i in range(TEXTS):
        prompt, answer = sampler.chunk(rng)
        question = prompt.removeprefix("Question: ").removesuffix(" Answer:")
        yield run.text.turns(question) + answer.capitalize() + ".<|im_end|>\n" if prompt and i % 2 else f"{prompt} {answer}.\n"


@torch.no_grad()
def states(run):
    """-> (last states [N, D], the logit of the most likely token [N])"""
    kept, best, rows = [], [], [run.text(t) for t in texts(run)]
    for first in range(0, len(rows), AT_ONCE):
        part = rows[first:first + AT_ONCE]
        ids = torch.full((len(part), max(map(len, part))), run.text.pad, device=run.device)
        for i, row in enumerate(part):
            ids[i, :len(row)] = torch.tensor(row)
        x = run.model.states(ids, None, torch.zeros_like(ids))
        x = x[torch.arange(ids.shape[1])[None] < torch.tensor([len(r) for r in part])[:, None]]
        kept.append(x)
        best.append((x @ run.model.lm.embed_tokens.weight.t()).amax(-1))
    return torch.cat(kept), torch.cat(best)


class Guard:
    def __init__(self, run):
        if not run.model.no_feed_forward:
            raise SystemExit("a guard needs gated layers that leave texts alone: set feed_forward to 0")
        path = run.work / "text-states.pt"
        if not path.exists():
            save_atomically(lambda p: torch.save(states(run), p), path)
        self.states, self.best = torch.load(path, map_location=run.device)

    def above(self, added, x, best):
        """By how much each added token's logit is less than MARGIN below the best [N, 2]"""
        return (x @ added.t() - best[:, None]).float() + MARGIN

    def __call__(self, added, rng):
        """The mean of what is too much, over the places where something is."""
        pick = torch.tensor([rng.randrange(len(self.best)) for _ in range(SAMPLE)])
        above = self.above(added, self.states[pick], self.best[pick]).relu()
        return above.sum() / (above > 0).sum().clamp(min=1)

    @torch.no_grad()
    def broken(self, added):
        """Share of all places where an added token would be the most likely one."""
        return (self.above(added, self.states, self.best) > MARGIN).any(-1).float().mean().item()
