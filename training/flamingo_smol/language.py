"""SmolLM2 in plain PyTorch, under Hugging Face's LLaMA names.

B batch, T tokens, D width, h heads, k heads of keys and values, d width of a head.
"""
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

from flamingo_tiny.model import attend, heads

class RMSNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return F.rms_norm(x, x.shape[-1:], self.weight, 1e-5)


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads, self.kv_heads = c["heads"], c["kv_heads"]
        d = c["width"] // c["heads"]
        self.q_proj, self.o_proj = nn.Linear(c["width"], c["width"], bias=False), nn.Linear(c["width"], c["width"], bias=False)
        self.k_proj, self.v_proj = nn.Linear(c["width"], d * c["kv_heads"], bias=False), nn.Linear(c["width"], d * c["kv_heads"], bias=False)

    def turn(self, x, cos, sin):
        a, b = x.chunk(2, -1)
        return x * cos + torch.cat([-b, a], -1) * sin

    def forward(self, x, cos, sin, mask):
        """x [B,T,D]; mask [h/k * T, T]. The queries that share keys stand one behind the other: one product for all of them."""
        share = self.heads // self.kv_heads
        q = self.turn(heads(self.q_proj(x), self.heads), cos, sin)
        k, v = self.turn(heads(self.k_proj(x), self.kv_heads), cos, sin), heads(self.v_proj(x), self.kv_heads)
        out = attend(q.unflatten(1, (self.kv_heads, share)).flatten(2, 3), k, v, mask)  # [B, h/k * T, k*d]
        out = out.unflatten(-1, (self.kv_heads, -1)).unflatten(1, (share, -1)).permute(0, 2, 3, 1, 4)  # [B,T,k,h/k,d]
        return self.o_proj(out.flatten(2))


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.input_layernorm, self.post_attention_layernorm = RMSNorm(c["width"]), RMSNorm(c["width"])
        self.self_attn, wide = Attention(c), c["inner"]
        self.mlp = nn.ModuleDict({"gate_proj": nn.Linear(c["width"], wide, bias=False), "up_proj": nn.Linear(c["width"], wide, bias=False), "down_proj": nn.Linear(wide, c["width"], bias=False)})

    def forward(self, x, cos, sin, mask):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, mask)
        y = self.post_attention_layernorm(x)
        return x + self.mlp["down_proj"](F.silu(self.mlp["gate_proj"](y)) * self.mlp["up_proj"](y))


class Llama(nn.Module):
    """c: "width", "inner", "layers", "heads", "kv_heads", "vocab", "theta". The head is the embedding itself."""

    def __init__(self, c):
        super().__init__()
        self.c = c
        self.embed_tokens, self.norm = nn.Embedding(c["vocab"], c["width"]), RMSNorm(c["width"])
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["layers"]))

    def places(self, length):
        """-> (cos, sin [T,d], mask [h/k * T, T]) of the weights' type"""
        d, like = self.c["width"] // self.c["heads"], self.norm.weight
        angle = torch.arange(length).float()[:, None] * self.c["theta"] ** (-torch.arange(0, d, 2).float() / d)
        angle = torch.cat([angle, angle], -1).to(like.device)
        causal = torch.ones(length, length, dtype=torch.bool, device=like.device).tril().repeat(self.c["heads"] // self.c["kv_heads"], 1)
        return angle.cos().to(like.dtype), angle.sin().to(like.dtype), causal

    def states(self, x):
        """embeddings [B,T,D] -> last states [B,T,D], not yet normed"""
        places = self.places(x.shape[1])
        for layer in self.layers:
            x = layer(x, *places)
        return x

    def forward(self, ids):
        """ids [B,T] -> f32 logits [B,T,vocab]: the language model alone."""
        return (self.norm(self.states(self.embed_tokens(ids))) @ self.embed_tokens.weight.t()).float()


def load(lm, path):
    """SmolLM2 with its own weights (of `gguf_file`), frozen, f32."""
    with torch.device("meta"):
        model = Llama(lm)
    model.load_state_dict(load_file(path), assign=True)
    return model.requires_grad_(False).eval()
