"""The model, in plain PyTorch, under the names of open_flamingo/src/helpers.py and of Hugging Face's GPT-NeoX.

B batch, T text tokens, M images of a sequence, v patches, n latents, D LM width, Dv vision width.
"""
import torch
import torch.nn.functional as F
from torch import nn


def feed_forward(dim, mult=4):
    return nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, dim * mult, bias=False), nn.GELU(), nn.Linear(dim * mult, dim, bias=False))


def heads(x, count):
    """[..., T, h*d] -> [..., h, T, d]"""
    return x.view(*x.shape[:-1], count, -1).transpose(-3, -2)


def attend(q, k, v, mask=None):
    """[..., h, T, d] -> [..., T, h*d]. Written out: at these sizes torch's fused kernel for CPUs is slower in bf16, backward most of all."""
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.finfo(scores.dtype).max)
    return (scores.softmax(-1) @ v).transpose(-3, -2).flatten(-2)


class Chunks:
    """Where each token stands among the tokens that see the same picture, so that a picture is read by its own tokens alone.

    seen [B,T]: number of pictures up to each token (0 = none). `tokens` [B,M,S] and `back` [B,T] index one form by the other.
    """

    def __init__(self, seen, images):
        batch, length = seen.shape
        picture = (seen - 1).clamp(min=0)
        order = torch.arange(length, device=seen.device).expand(batch, -1)
        first = torch.full((batch, images + 1), length, device=seen.device).scatter_reduce(1, seen, order, "amin")[:, 1:]
        slot = order - first.gather(1, picture)
        self.nothing, self.images = (seen == 0)[..., None], images
        self.width = int(slot.masked_fill(seen == 0, 0).max()) + 1
        self.back = (picture * self.width + slot).masked_fill(seen == 0, 0)
        self.tokens = torch.zeros(batch, images * self.width, dtype=torch.long, device=seen.device)
        b, t = torch.nonzero(seen, as_tuple=True)
        self.tokens[b, self.back[b, t]] = t

    def group(self, x):
        """[B,T,C] -> [B,M,S,C]; places without a token hold some other token, which is never read back."""
        return x.gather(1, self.tokens[..., None].expand(-1, -1, x.shape[-1])).view(len(x), self.images, self.width, -1)

    def ungroup(self, x):
        """[B,M,S,C] -> [B,T,C], zero where no picture has been seen."""
        flat = x.flatten(1, 2)
        return flat.gather(1, self.back[..., None].expand(-1, -1, x.shape[-1])).masked_fill(self.nothing, 0.0)


class PerceiverAttention(nn.Module):
    def __init__(self, dim, head_count, dim_head):
        super().__init__()
        inner, self.heads = head_count * dim_head, head_count
        self.norm_media, self.norm_latents = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.to_q, self.to_kv = nn.Linear(dim, inner, bias=False), nn.Linear(dim, 2 * inner, bias=False)
        self.to_out = nn.Linear(inner, dim, bias=False)

    def forward(self, x, latents):
        x, latents = self.norm_media(x), self.norm_latents(latents)
        k, v = self.to_kv(torch.cat([x, latents], 1)).chunk(2, -1)
        return self.to_out(attend(heads(self.to_q(latents), self.heads), heads(k, self.heads), heads(v, self.heads)))


class PerceiverResampler(nn.Module):
    def __init__(self, dim, depth, head_count, dim_head, latents, frames=None):
        super().__init__()
        if frames:  # the first one is zero: a state that was trained without clips sees pictures as before
            self.frame_embs = nn.Parameter(torch.cat([torch.zeros(1, dim), 0.5 * torch.randn(frames - 1, dim)]))
        self.latents = nn.Parameter(torch.randn(latents, dim))
        self.layers = nn.ModuleList(nn.ModuleList([PerceiverAttention(dim, head_count, dim_head), feed_forward(dim)]) for _ in range(depth))
        self.norm = nn.LayerNorm(dim)

    def forward(self, x, subset=None):
        """x [images, v, Dv], or [clips, F, v, Dv] -> [images, n, Dv]. subset: indices of the latents to use (a cheaper step while training)."""
        if x.ndim == 3:
            x = x[:, None]
        if hasattr(self, "frame_embs"):
            x = x + self.frame_embs[:x.shape[1], None]
        x = x.flatten(1, 2)
        latents = self.latents if subset is None else self.latents[subset]
        latents = latents.expand(len(x), -1, -1)
        for attention, ff in self.layers:
            latents = attention(x, latents) + latents
            latents = ff(latents) + latents
        return self.norm(latents)


class MaskedCrossAttention(nn.Module):
    def __init__(self, dim, dim_visual, head_count, dim_head):
        super().__init__()
        inner, self.heads = head_count * dim_head, head_count
        self.norm = nn.LayerNorm(dim)
        self.to_q, self.to_kv = nn.Linear(dim, inner, bias=False), nn.Linear(dim_visual, 2 * inner, bias=False)
        self.to_out = nn.Linear(inner, dim, bias=False)

    def forward(self, x, media, chunks):
        """x [B,T,D]; media [B,M,n,Dv]. A token attends to the last picture before it; without one it gets zero."""
        k, v = self.to_kv(media).chunk(2, -1)
        q = chunks.group(self.to_q(self.norm(x)))
        return self.to_out(chunks.ungroup(attend(heads(q, self.heads), heads(k, self.heads), heads(v, self.heads))))


class GatedCrossAttentionBlock(nn.Module):
    def __init__(self, dim, dim_visual, head_count, dim_head):
        super().__init__()
        self.attn = MaskedCrossAttention(dim, dim_visual, head_count, dim_head)
        self.attn_gate = nn.Parameter(torch.zeros(1))
        self.ff = feed_forward(dim)
        self.ff_gate = nn.Parameter(torch.zeros(1))

    def forward(self, x, media, chunks):
        x = self.attn(x, media, chunks) * self.attn_gate.tanh() + x
        return self.ff(x) * self.ff_gate.tanh() + x


class NeoXAttention(nn.Module):
    def __init__(self, dim, head_count, rotary):
        super().__init__()
        self.heads, self.rotary = head_count, rotary
        self.query_key_value, self.dense = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def turn(self, x, cos, sin):
        r, rest = x[..., :self.rotary], x[..., self.rotary:]
        a, b = r.chunk(2, -1)
        return torch.cat([r * cos + torch.cat([-b, a], -1) * sin, rest], -1)

    def forward(self, x, cos, sin):
        q, k, v = heads(self.query_key_value(x), self.heads).chunk(3, -1)
        causal = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).tril()
        return self.dense(attend(self.turn(q, cos, sin), self.turn(k, cos, sin), v, causal))


class NeoXLayer(nn.Module):
    def __init__(self, dim, head_count, rotary):
        super().__init__()
        self.input_layernorm, self.post_attention_layernorm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = NeoXAttention(dim, head_count, rotary)
        self.mlp = nn.ModuleDict({"dense_h_to_4h": nn.Linear(dim, 4 * dim), "dense_4h_to_h": nn.Linear(4 * dim, dim)})

    def forward(self, x, cos, sin):
        x = x + self.attention(self.input_layernorm(x), cos, sin)
        return x + self.mlp["dense_4h_to_h"](F.gelu(self.mlp["dense_h_to_4h"](self.post_attention_layernorm(x))))


class GPTNeoX(nn.Module):
    """use_parallel_residual = false, hidden_act = gelu, tied head (the head is the embedding itself)."""

    def __init__(self, c):
        super().__init__()
        self.width, self.rotary = c["width"], int(c["width"] // c["heads"] * c["rotary_pct"])
        self.gpt_neox = nn.Module()
        self.gpt_neox.embed_in = nn.Embedding(c["vocab"], c["width"])
        self.gpt_neox.layers = nn.ModuleList(NeoXLayer(c["width"], c["heads"], self.rotary) for _ in range(c["layers"]))
        self.gpt_neox.final_layer_norm = nn.LayerNorm(c["width"])
        for m in self.modules():
            if isinstance(m, (nn.Linear, nn.Embedding)):
                nn.init.normal_(m.weight, std=0.03)
            if isinstance(m, nn.Linear):
                nn.init.zeros_(m.bias)
        self.mimetic_start()

    def mimetic_start(self, qk=0.075, ov=0.05):
        """Every head starts as "look for tokens like me and copy them" (W_k = W_q, W_o = W_v^T): copying from context then
        appears in minutes instead of hours."""
        for layer in self.gpt_neox.layers:
            a, d = layer.attention, self.width // layer.attention.heads
            weight = a.query_key_value.weight.data.view(a.heads, 3 * d, self.width)
            for h in range(a.heads):
                q, v = torch.randn(d, self.width) * qk, torch.randn(d, self.width) * ov
                weight[h] = torch.cat([q, q, v])
                a.dense.weight.data[:, h * d:(h + 1) * d] = v.t()

    def angles(self, length):
        frequencies = 10000 ** (-torch.arange(0, self.rotary, 2).float() / self.rotary)
        angle = torch.arange(length).float()[:, None] * frequencies
        angle = torch.cat([angle, angle], -1).to(self.gpt_neox.embed_in.weight.device)
        return angle.cos(), angle.sin()


class Flamingo(nn.Module):
    """config: {"lm": {...}, "bridge": {"every", "latents", "depth", "heads", "dim_head", "frames"}, "vision": ...}"""

    def __init__(self, config):
        super().__init__()
        lm, b = config["lm"], config["bridge"]
        dv = config["vision"]["content_channels"] + config["vision"]["position_channels"]
        self.lm = GPTNeoX(lm)
        self.perceiver = PerceiverResampler(dv, b["depth"], b["heads"], b["dim_head"], b["latents"], b.get("frames"))
        self.gated_cross_attn_layers = nn.ModuleList(
            GatedCrossAttentionBlock(lm["width"], dv, b["heads"], b["dim_head"]) if (i + 1) % b["every"] == 0 else None for i in range(lm["layers"]))

    def bridge(self):
        return [p for m in (self.perceiver, self.gated_cross_attn_layers) for p in m.parameters()]

    def gates(self):
        return [p for name, p in self.named_parameters() if name.endswith("_gate")]

    def open_gates(self, value):
        for p in self.gates():
            p.data.fill_(value)

    def forward(self, ids, media, seen, rows=None, states=None):
        """ids, seen [B,T]; media [B,M,n,Dv] latents or None; rows: (b, t) pairs at which logits are wanted (all if None); states: a list that gets [B,T,D] after each gated layer."""
        body = self.lm.gpt_neox
        x = body.embed_in(ids)
        cos, sin = (a.to(x.dtype) for a in self.lm.angles(ids.shape[1]))
        chunks = None if media is None else Chunks(seen, media.shape[1])
        for layer, gated in zip(body.layers, self.gated_cross_attn_layers):
            if gated is not None and media is not None:
                x = gated(x, media, chunks)
            elif gated is not None:  # no picture: attention gives zero, the gated feed-forward still acts
                x = gated.ff(x) * gated.ff_gate.tanh() + x
            if gated is not None and states is not None:
                states.append(x)
            x = layer(x, cos, sin)
        x = body.final_layer_norm(x if rows is None else x[rows])
        return x @ body.embed_in.weight.t()
