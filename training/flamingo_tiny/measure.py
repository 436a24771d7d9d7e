"""Scores of cases in PyTorch, and intervals."""
import math

import torch

from .tokens import pack
from .visuals import picture_latents


def interval(hits, n):
    """{"percent", "low", "high", "n"}: Wilson, 95 %."""
    p, z = hits / n, 1.96
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = ((middle + sign * half) / (1 + z * z / n) for sign in (-1, 1))
    return {"percent": round(100 * p, 1), "low": round(100 * low, 1), "high": round(100 * high, 1), "n": n}


@torch.no_grad()
def score(run, sequences, batch=12):
    """For the last chunk of every sequence: (log-likelihood of its answer with the end of chunk, without it, whether greedy
    decoding gives exactly the answer and the end of chunk)."""
    out = []
    for first in range(0, len(sequences), batch):
        part = [[(*c[:3], 0.0) for c in s[:-1]] + [(*s[-1][:3], 1.0)] for s in sequences[first:first + batch]]
        packed = pack(run.text, part)
        number = packed["part"] > 0  # answers of weight 1: the last chunk alone
        at = torch.nonzero(number[:, 1:], as_tuple=True)
        media = picture_latents(run.model, run.store, packed["visuals"]) if any(packed["visuals"]) else None
        logits = run.model(packed["ids"].to(run.device), media, packed["seen"].to(run.device), rows=at).log_softmax(-1).cpu()
        target = packed["ids"][at[0], at[1] + 1]
        each, right = logits[torch.arange(len(target)), target], logits.argmax(-1) == target
        for b in range(len(part)):
            mine = each[at[0] == b]
            out.append((mine.sum().item(), mine[:-1].sum().item(), bool(right[at[0] == b].all())))
    return out


def answers(run, cases):
    """For each case: (index of the best name with the end of chunk, without it, whether the right answer is the greedy one)."""
    results, out, at = score(run, [s for c in cases for s in c.sequences()]), [], 0
    for case in cases:
        mine, at = results[at:at + len(case.names)], at + len(case.names)
        best = lambda k: max(range(len(mine)), key=lambda i: mine[i][k])
        out.append((best(0), best(1), mine[case.answer][2]))
    return out


def closed_and_open(run, cases, flip=False):
    """Closed-ended: the name of the largest log-likelihood. Open-ended: greedy decoding gives exactly the answer.
    flip: of the cases right before, how many answers follow when the names of the shots are exchanged."""
    got = answers(run, cases)
    right = [g[0] == c.answer for g, c in zip(got, cases)]
    out = {"closed": interval(sum(right), len(cases)), "open": interval(sum(g[2] for g in got), len(cases))}
    if flip:
        turned = [c.flipped() for c, ok in zip(cases, right) if ok]
        followed = [g[0] == c.answer for g, c in zip(answers(run, turned), turned)]
        out["flipped"] = interval(sum(followed), len(followed))
    return out


def exact(run, cases):
    """How many open answers are exactly right."""
    return interval(sum(g[2] for g in answers(run, cases)), len(cases))


def one_of(run, cases):
    """How many open answers are exactly one of the names of their case."""
    got, at = score(run, [s for c in cases for s in c.sequences()]), 0
    hits = 0
    for case in cases:
        hits, at = hits + any(g[2] for g in got[at:at + len(case.names)]), at + len(case.names)
    return interval(hits, len(cases))
