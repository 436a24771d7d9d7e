"""Teachers of the first ten latents, and of the states of tokens in naming episodes, through linear maps that no package carries.

Nine of them are asked what stands in their cell of a scene's 3x3 grid. Captions alone teach this slowly: from 13,000 of them scenes of two or three
different objects stayed at 2 of 30 right, while those of one object were right in 94 %. A scene has nine answers for this loss, and a caption two or
three words that depend on the picture; the objects' colours and shapes were right in 78 % after 200 steps.

The tenth is asked for the mean of the features over the grid, by which nearest neighbours tell classes never seen apart (4-way, one example: 93 %;
88 % where colours count as much as the learned channels, so they count less). The tokens of a naming episode are asked for the same mean after the gated
layers that come before the blocks that match: without that, nearest neighbours on their states are right in 84 to 86 %.
Both are asked for what makes pictures alike whatever their style, too (alike.py), where the signs of the features are as they were.
"""
import torch
import torch.nn.functional as F
from torch import nn

from .scenes import COLOURS, SHAPES

CELLS = 9
TAUGHT = CELLS + 1
KINDS = {"colour": list(COLOURS), "shape": SHAPES}
NOTHING = 0.3  # weight of an empty cell
COLOUR = 0.3  # of a channel of colour in the mean


def subset(total, wanted, generator):
    """Indices of `wanted` latents: those that are taught, and others drawn."""
    return torch.cat([torch.arange(TAUGHT), TAUGHT + torch.randperm(total - TAUGHT, generator=generator)[:wanted - TAUGHT]])


def untold(said, target):
    """The part of the target's variance that is not told."""
    return F.mse_loss(said, target) / target.var(0).mean()


class Slots(nn.Module):
    def __init__(self, width, content, learned, states, scenes, alike):
        """content: channels of the features that are not places, the first `learned` of them neither colours; states: (number, width) of those that are taught; scenes: row -> objects; alike: an Alike, or None where likeness is not asked for."""
        super().__init__()
        self.whole, self.learned, self.alike = nn.Linear(width, content), learned, alike
        maps = lambda count, width: nn.ModuleList(nn.Linear(width, learned) for _ in range(count))
        self.states = maps(*states)
        self.whole_alike, self.states_alike = (maps(1, width), maps(*states)) if alike else ((), ())
        for tell in [*self.states, *self.whole_alike, *self.states_alike]:  # from zero: what they ask for must not throw a trained model about
            nn.init.zeros_(tell.weight)
        self.heads = nn.ModuleDict({kind: nn.Linear(width, 1 + len(words)) for kind, words in KINDS.items()})
        self.scenes = scenes

    def targets(self, rows, kind):
        """[rows, 9]: 0 for an empty cell."""
        out = torch.zeros(len(rows), CELLS, dtype=torch.long)
        for i, row in enumerate(rows):
            for o in self.scenes[row]:
                out[i, o["cell"]] = 1 + KINDS[kind].index(o[kind])
        return out

    def forward(self, latents, visuals, means):
        """latents [U, n, Dv] of the visuals, means [S, Dv] of the features of the first S of them -> (loss, what is right of it by kind)."""
        signed = torch.tensor([v[0] == "signed" for v in visuals[:len(means)]])
        loss, right = self.mean_loss(latents[:len(means), CELLS].float(), means.float(), signed) if len(means) > 1 else (0.0, {})
        at = [(i, v[1]) for i, v in enumerate(visuals) if v[0] == "row" and v[1] in self.scenes]
        if not at:
            return loss, right
        cells, objects = self.cell_loss(latents[[i for i, _ in at], :CELLS].float(), [row for _, row in at])
        return loss + cells, right | {"objects": objects}

    def mean_loss(self, x, means, signed):
        """The parts of the variance of the means and of what makes them alike that are not told -> (them, the parts that are)."""
        weight = torch.ones(self.whole.out_features, device=x.device)
        weight[self.learned:] = COLOUR
        missed = untold(self.whole(x) * weight, means[:, :len(weight)] * weight)
        alike = self.untold_alike(self.whole_alike, [x], means, signed)
        return missed + sum(alike), {"whole": 1 - missed.item()} | {"alike": 1 - m.item() for m in alike}

    def untold_alike(self, tells, x, means, signed):
        """What each map leaves untold of likeness; nothing where it is not asked for, or fewer than two pictures have their signs as they were."""
        plain = ~signed
        if not self.alike or plain.sum() < 2:
            return []
        target = self.alike(means[plain])
        return [untold(tell(each[plain]), target) for tell, each in zip(tells, x)]

    def state_loss(self, states, means, signed):
        """states: for each taught layer [N, D] of tokens, means [N, Dv] of the pictures that they see, signed [N] -> (loss, {layer: the part that is told})."""
        x = [F.layer_norm(x.float(), x.shape[-1:]) for x in states]
        missed = [untold(tell(x), means[:, :self.learned].float()) for tell, x in zip(self.states, x)]
        alike = self.untold_alike(self.states_alike, x, means, signed)
        told = {f"{name} {i}": 1 - m.item() for name, parts in (("state", missed), ("alike", alike)) for i, m in enumerate(parts)}
        return sum(missed + alike) / len(missed), told

    def cell_loss(self, x, rows):
        """x [scenes, 9, Dv] -> (mean loss, share of the objects' colours and shapes that is told right)."""
        losses, right = [], []
        for kind, head in self.heads.items():
            scores, target = head(x).flatten(0, 1), self.targets(rows, kind).flatten().to(x.device)
            weight = torch.full((scores.shape[-1],), 1.0, device=x.device)
            weight[0] = NOTHING
            losses.append(F.cross_entropy(scores, target, weight))
            right.append((scores.argmax(-1) == target)[target > 0].float().mean())
        return sum(losses) / len(losses), torch.stack(right).mean().item()
