"""Flamingo over SmolLM2: the language model never learns; a resampler, gated cross-attention and the rows of the two added tokens do.

Names, places of the gated layers and arithmetic are OpenFlamingo's, with one choice more: without a feed-forward in the gated layers ("feed_forward": 0) a
token that has seen no picture gets exactly zero from them, so text alone is answered as SmolLM2 answers it, whatever the bridge has learned.

B batch, T text tokens, M images of a sequence, n latents, D LM width, Dv vision width.
"""
import torch
from torch import nn

from flamingo_tiny.model import Chunks, GatedCrossAttentionBlock, PerceiverResampler

from . import language

NO_FEED_FORWARD = 32  # inner width, all zero behind a gate of zero: OpenFlamingo's layout has no layer without one


def gated_layer(b, width, dv):
    block = GatedCrossAttentionBlock(width, dv, b["heads"], b["dim_head"])
    if b["feed_forward"] != 4 * width:
        inner = b["feed_forward"] or NO_FEED_FORWARD
        block.ff[1], block.ff[3] = nn.Linear(width, inner, bias=False), nn.Linear(inner, width, bias=False)
    nn.init.zeros_(block.attn.to_out.weight)  # open gates that add nothing yet: the language model is not disturbed, and the gates have no reason to close
    nn.init.zeros_(block.ff[3].weight)
    return block


class FlamingoSmol(nn.Module):
    """config: {"lm": {...}, "bridge": {"every", "from", "feed_forward", "latents", "depth", "heads", "dim_head", "frames"}, "vision": ...}"""

    def __init__(self, config, lm):
        super().__init__()
        c, b = config["lm"], config["bridge"]
        dv = config["vision"]["content_channels"] + config["vision"]["position_channels"]
        self.lm, self.no_feed_forward = lm, not b["feed_forward"]
        self.perceiver = PerceiverResampler(dv, b["depth"], b["heads"], b["dim_head"], b["latents"], b.get("frames"))
        self.gated_cross_attn_layers = nn.ModuleList(
            gated_layer(b, c["width"], dv) if (i + 1) % b["every"] == 0 and i >= b["from"] else None for i in range(c["layers"]))
        self.first = next(i for i, gated in enumerate(self.gated_cross_attn_layers) if gated is not None)
        self.added = nn.Parameter(torch.zeros(2, c["width"]))  # <|endofchunk|>, <image>
        self.block = language.Layer.forward  # or a compiled one

    def take_resampler(self, path):
        """The resampler of a trained flamingo_tiny: same features, same width; its latents hold objects and means already."""
        weights = torch.load(path, map_location="cpu")["model"]
        self.perceiver.load_state_dict({k.removeprefix("perceiver."): v for k, v in weights.items() if k.startswith("perceiver.")})

    def begin_rows(self, text):
        """The added tokens start as the words that stand in their places in plain text: a line break, and "image"."""
        table = self.lm.embed_tokens.weight.data
        self.added.data.copy_(torch.stack([table[text("\n")[0]], table[text(" image")[0]]]))

    def gates(self):
        """Those that mean something: without feed-forwards only attention has one."""
        return [p for name, p in self.named_parameters() if name.endswith("attn_gate") or (name.endswith("ff_gate") and not self.no_feed_forward)]

    def open_gates(self, value):
        for p in self.gates():
            p.data.fill_(value)

    def gated_parameters(self):
        skip = (lambda name: ".ff" in name) if self.no_feed_forward else lambda name: False
        return [p for name, p in self.gated_cross_attn_layers.named_parameters() if not skip("." + name)]

    def embed(self, ids):
        vocab = self.lm.c["vocab"]
        x = self.lm.embed_tokens(ids.clamp(max=vocab - 1))
        return torch.where((ids >= vocab)[..., None], self.added[(ids - vocab).clamp(min=0)], x)

    def gate(self, gated, x, media, chunks):
        if media is not None:
            x = gated.attn(x, media, chunks) * gated.attn_gate.tanh() + x
        return x if self.no_feed_forward else gated.ff(x) * gated.ff_gate.tanh() + x

    def states(self, ids, media, seen, rows=None):
        """ids, seen [B,T]; media [B,M,n,Dv] latents or None; rows: (b, t) pairs that are wanted (all if None) -> normed last states [..., D].

        Blocks below the first gated layer depend on nothing that learns there: they run without gradients.
        """
        places = self.lm.places(ids.shape[1])
        chunks = None if media is None else Chunks(seen, media.shape[1])
        with torch.no_grad():
            x = self.embed(ids)
            for layer in self.lm.layers[:self.first]:
                x = self.block(layer, x, *places)
        for layer, gated in zip(self.lm.layers[self.first:], self.gated_cross_attn_layers[self.first:]):
            x = x if gated is None else self.gate(gated, x, media, chunks)
            x = self.block(layer, x, *places)
        return self.lm.norm(x if rows is None else x[rows])

    def head(self, x):
        """[..., D] -> f32 logits of the vocabulary and the added tokens"""
        return torch.cat([x @ self.lm.embed_tokens.weight.t(), x @ self.added.t()], -1).float()

    def forward(self, ids, media, seen, rows=None):
        return self.head(self.states(ids, media, seen, rows))
