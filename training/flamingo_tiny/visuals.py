"""Visuals to tensors: codes straight to latents, rows through stored features and the resampler."""
import hashlib

import numpy as np
import torch
import torch.nn.functional as F

from . import colours

SHARD = 500  # pictures in a file of features


def seeded(key, width):
    """The fixed code of a word: the same in every run."""
    seed = int.from_bytes(hashlib.md5(key.encode()).digest()[:8], "little")
    return np.random.default_rng(seed).standard_normal(width, dtype=np.float32)


class CodeBook:
    def __init__(self, width):
        self.width, self.known = width, {}

    def __call__(self, key):
        if key not in self.known:
            self.known[key] = seeded(key, self.width)
        return self.known[key]

    def scene(self, objects, n, rng):
        """Each latent stands for one object or for the background."""
        vectors = [sum(self(f"{k} {o[k]}") for k in ("colour", "shape", "size", "fill", "cell")) / 5 ** 0.5 + 0.6 * self("object") for o in objects] + [self("background")]
        owner = np.concatenate([np.arange(len(vectors)), rng.integers(0, len(vectors), max(0, n - len(vectors)))])[:n]
        return np.stack(vectors)[rng.permutation(owner)]

    def latents(self, visual, n):
        """[n, Dv] for a visual of the world of codes."""
        kind, what, sigma, seed = visual
        rng = np.random.default_rng(int(seed * 2 ** 52))
        noise = lambda *shape: rng.standard_normal(shape, dtype=np.float32)
        if kind == "scene":
            return self.scene(what, n, rng) + sigma * noise(n, self.width)
        base = np.random.default_rng(int(what * 2 ** 52)).standard_normal(self.width, dtype=np.float32) if kind == "vector" else self("name " + what[1]) + 0.4 * self(what[0])
        return (base + sigma * noise(self.width))[None] + 0.5 * noise(n, self.width)


def code_latents(book, chunks, n):
    """chunks: per sequence the list of visuals -> [B, M, n, Dv], layer-normalised as the resampler's output is."""
    images = max(1, max(len(c) for c in chunks))
    out = torch.zeros(len(chunks), images, n, book.width)
    for b, visuals in enumerate(chunks):
        for m, v in enumerate(visuals):
            out[b, m] = torch.from_numpy(book.latents(v, n))
    return F.layer_norm(out, (book.width,))


def plain(visual):
    """("signed", visual, seed, blind to colour) -> visual"""
    return visual[1] if visual[0] == "signed" else visual


def signs(seed, channels):
    """[channels] of 1 and -1. Features whose channels change sign are those of pictures that nobody has seen, and as alike or unlike as before."""
    rng = np.random.default_rng(int(seed * 2 ** 52))
    return torch.from_numpy(np.where(rng.random(channels) < 0.5 * rng.random(), -1, 1).astype(np.float32))


class FeatureStore:
    """All stored features in memory (f16); noise and mirroring are added when a batch is made."""

    def __init__(self, folder, config):
        shards = {int(p.stem): np.load(p) for p in folder.glob("*.npy")}
        width = config["vision"]["content_channels"] + config["vision"]["position_channels"]
        self.rows = torch.zeros((max(shards) + 1) * SHARD, 49, width, dtype=torch.float16)
        self.known = set()  # rows whose features are there already: a stage can begin while others are being computed
        for number, shard in shards.items():
            self.rows[number * SHARD:number * SHARD + len(shard)] = torch.from_numpy(shard)
            self.known |= set(range(number * SHARD, number * SHARD + len(shard)))
        self.content = config["vision"]["content_channels"]
        self.learned = self.content - (colours.COUNT if config["vision"]["colours"] else 0)  # without colours and places
        self.mirror = torch.arange(49).view(7, 7).flip(1).flatten()

    def batch(self, visuals, generator=None, noise=0.0, mirrored=()):
        """visuals: rows, mixes, signed ones or single frames -> [U, 49, Dv]; mirrored: indices of the visuals to flip (content only, not the place)."""
        x = self.rows[[plain(v)[1] for v in visuals]].float()
        for i, v in enumerate(map(plain, visuals)):
            if v[0] == "mix":
                x[i, :, :self.content] = v[3] * x[i, :, :self.content] + (1 - v[3]) * self.rows[v[2], :, :self.content].float()
        for i, v in enumerate(visuals):
            if v[0] == "signed":
                x[i, :, :self.learned] *= signs(v[2], self.learned)
                if v[3]:  # colours exchanged, otherwise in every picture
                    turn = np.random.default_rng([int(v[2] * 2 ** 52), v[1][1]]).permutation(self.content - self.learned)
                    x[i, :, self.learned:self.content] = x[i][:, self.learned + torch.from_numpy(turn)]
        if len(mirrored):
            x[mirrored, :, :self.content] = x[mirrored][:, self.mirror, :self.content]
        if noise:
            sigma = noise * torch.rand(len(x), 1, 1, generator=generator)
            x[..., :self.content] += sigma * torch.randn(x[..., :self.content].shape, generator=generator)
        return x


def resampled(model, store, visuals, subset=None, **augment):
    """Every visual through the resampler -> (latents [U, n, Dv], the visuals in their order: single pictures first, then clips; means [S, Dv] of the pictures' features)."""
    weights = model.perceiver.latents
    single = [v for v in visuals if v[0] != "clip"]
    pictures = store.batch(single, **augment).to(weights.device, weights.dtype)
    parts = [model.perceiver(pictures, subset)] if single else []
    clips = [v for v in visuals if v[0] == "clip"]
    if clips:  # ("clip", first row, number of frames): no mirroring, it would turn left into right
        frames = store.batch([("row", row) for _, first, count in clips for row in range(first, first + count)], **augment | {"mirrored": ()})
        parts.append(model.perceiver(frames.to(weights.device, weights.dtype).unflatten(0, (len(clips), -1)), subset))
    return torch.cat(parts), single + clips, pictures.mean(1)


def picture_latents(model, store, chunks, subset=None, teacher=None, **augment):
    """-> [B, M, n, Dv] through the resampler; every different visual is resampled once. teacher: is shown the latents of each."""
    latents, order, means = resampled(model, store, list(dict.fromkeys(v for visuals in chunks for v in visuals)), subset, **augment)
    if teacher:
        teacher(latents, order, means)
    index = {v: i for i, v in enumerate(order)}
    images = max(1, max(len(c) for c in chunks))
    where = torch.tensor([[index[v] for v in c] + [0] * (images - len(c)) for c in chunks], device=latents.device)
    return latents[where]
