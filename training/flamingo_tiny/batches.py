"""One training batch for a step: the same seed and step always give the same batch, so a run can stop and go on anywhere."""
import random

from . import tasks
from .tokens import pack

REAL_ONLY = ("easy_vqa", "nlvr", "motion")  # tasks without codes
EPISODES = ("naming", "rule")  # one episode fills a sequence; the other tasks are repeated until the sequence is full


class Batches:
    def __init__(self, text, samplers, codes, pictures, stage, seed):
        self.text, self.samplers, self.codes, self.pictures, self.stage, self.seed = text, samplers, codes, pictures, stage, seed
        self.names, self.shares = list(stage["tasks"]), list(stage["tasks"].values())

    def easy(self, step):
        s = self.stage
        way = min(1.0, step / (s["steps"] * s["easy_until"]))
        return s["easy_start"] + (s["easy_end"] - s["easy_start"]) * way

    def length(self, chunk):
        return len(self.text.chunk(*chunk[:3])[0])

    def sequence(self, name, world, rng, easy):
        """Chunks of one task up to the wanted number of tokens (at least one chunk)."""
        chunks, used = [], 0
        while True:
            for chunk in self.samplers[name](world, rng, self.stage, easy):
                used += self.length(chunk)
                if chunks and used > self.stage["tokens"] * 1.15:
                    return chunks
                chunks.append(chunk)
            if name in EPISODES or used > self.stage["tokens"] * 0.8:
                return chunks

    def __call__(self, step):
        """-> (world: "codes" or "pictures", task of each sequence, packed batch, rng for the rest of the step)"""
        s, rng = self.stage, random.Random(f"{self.seed} {step}")
        coded = rng.random() < s["codes_share"]
        world, easy = self.codes if coded else self.pictures, self.easy(step)
        if rng.random() < s["long_share"]:
            shots = rng.randint(*s["long_shots"])
            names = ["naming"] * s["long_sequences"]
            sequences = [tasks.naming(world, rng, s, easy, shots=shots, ways=rng.choice([2, 4, 4, 6, 8])) for _ in names]
        else:
            names = [n for n in rng.choices(self.names, self.shares, k=s["sequences"])]
            names = ["naming" if coded and n in REAL_ONLY else n for n in names]
            sequences = [self.sequence(n, world, rng, easy) for n in names]
        return ("codes" if coded else "pictures"), names, pack(self.text, sequences, s["prompt_weight"]), rng
