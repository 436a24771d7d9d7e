"""Stage `export`: the checkpoint a user would have, in OpenFlamingo's layout.

    python -m flamingo_tiny.export OUT [--state pictures]

OUT/flamingo.json, vision.onnx + vision.json, lm/{config.json,model.safetensors}, checkpoint.pt, tokenizer.json: what
`flamingo-web convert --model OUT` reads.
"""
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file

from .model import Flamingo
from .settings import arguments
from .tokens import END_OF_CHUNK, IMAGE, Text

LAYERS = "gpt_neox.layers"


def language_config(lm, vocab):
    return {
        "model_type": "gpt_neox", "architectures": ["GPTNeoXForCausalLM"], "vocab_size": vocab,
        "hidden_size": lm["width"], "num_hidden_layers": lm["layers"], "num_attention_heads": lm["heads"],
        "intermediate_size": 4 * lm["width"], "max_position_embeddings": lm["positions"], "rotary_pct": lm["rotary_pct"],
        "rotary_emb_base": 10000, "layer_norm_eps": 1e-5, "hidden_act": "gelu", "use_parallel_residual": False,
        "tie_word_embeddings": True,
    }


def delta(model, layers, table, rows):
    """What open_flamingo's save_checkpoint keeps: resampler, gated layers under the decoder's path `layers`, and `rows`, the resized input embeddings, under the name `table`."""
    state = {f"perceiver.{k}": v for k, v in model.perceiver.state_dict().items()}
    for i, layer in enumerate(model.gated_cross_attn_layers):
        if layer is not None:
            state.update({f"lang_encoder.{layers}.{i}.gated_cross_attn_layer.{k}": v for k, v in layer.state_dict().items()})
    state[f"lang_encoder.{table}"] = rows
    return {k: v.detach().clone().contiguous() for k, v in state.items()}


def write_vision(out, data, vision):
    """vision.onnx, and its image processor."""
    shutil.copy(data / "vision.onnx", out / "vision.onnx")
    processor = json.loads((data / "vision.json").read_text()) | {"patches": 49, "width": vision["content_channels"] + vision["position_channels"]}
    (out / "vision.json").write_text(json.dumps(processor, indent=1))


def write_settings(out, bridge, text, layers, language, tokenizer):
    """flamingo.json: the parts, and what no part says of itself."""
    sizes = {"heads": bridge["heads"], "dim_head": bridge["dim_head"]}
    (out / "flamingo.json").write_text(json.dumps({
        "family": "openflamingo", "cross_attn_every_n_layers": bridge["every"], "decoder_layers": layers, "vision": "vision.onnx",
        "language": language, "flamingo": "checkpoint.pt", "tokenizer": tokenizer, "image_token": IMAGE,
        "end_of_chunk_token": END_OF_CHUNK, "image_token_id": text.image, "end_of_chunk_id": text.end_of_chunk,
        "max_num_frames": bridge.get("frames"), "perceiver": sizes, "cross_attention": sizes,
    }, indent=1))


def main():
    args, config, data = arguments(__doc__, ("out", {}), ("--state", dict(default="pictures")))
    out = Path(args.out)
    (out / "lm").mkdir(parents=True, exist_ok=True)
    model = Flamingo(config)
    model.load_state_dict(torch.load(data / f"{args.state}.pt", map_location="cpu")["model"])
    text = Text(data / "tokenizer.json")
    added = sorted([text.end_of_chunk, text.image])
    language = {k: v.clone().contiguous() for k, v in model.lm.state_dict().items()}
    language["gpt_neox.embed_in.weight"] = language["gpt_neox.embed_in.weight"][:added[0]].clone()  # added tokens exist in the delta alone
    save_file(language, str(out / "lm" / "model.safetensors"), metadata={"format": "pt"})
    (out / "lm" / "config.json").write_text(json.dumps(language_config(config["lm"], added[0]), indent=1))
    torch.save(delta(model, LAYERS, "gpt_neox.embed_in.weight", model.lm.gpt_neox.embed_in.weight), out / "checkpoint.pt")
    shutil.copy(data / "tokenizer.json", out / "tokenizer.json")
    write_vision(out, data, config["vision"])
    write_settings(out, config["bridge"], text, LAYERS, "lm", "tokenizer.json")
    print(out, sum(p.numel() for p in model.parameters()), "weights")


if __name__ == "__main__":
    main()
