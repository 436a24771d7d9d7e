"""Stage `export`: the checkpoint a user would have, in OpenFlamingo's layout, beside the GGUF file of the language model as it was published.

    python -m flamingo_smol.export OUT --state smol-pictures [--shut]

OUT/flamingo.json, vision.onnx + vision.json, language.gguf, checkpoint.pt: what `flamingo-web convert --model OUT` reads. --shut exports with
gates of 0: greedy text through flamingo-web must then be SmolLM2's own, whatever is in the prompt.
"""
import json
import shutil
from pathlib import Path

import torch

from flamingo_tiny.tokens import END_OF_CHUNK, IMAGE

from . import language
from .evaluate import restore
from .gguf_file import find
from .model import FlamingoSmol
from .settings import arguments
from .text import SmolText

LAYERS = "model.layers"


def delta(model):
    """What open_flamingo's save_checkpoint keeps: resampler, gated layers under the decoder's path, resized input embeddings."""
    state = {f"perceiver.{k}": v for k, v in model.perceiver.state_dict().items()}
    for i, layer in enumerate(model.gated_cross_attn_layers):
        if layer is not None:
            state.update({f"lang_encoder.{LAYERS}.{i}.gated_cross_attn_layer.{k}": v for k, v in layer.state_dict().items()})
    state["lang_encoder.model.embed_tokens.weight"] = torch.cat([model.lm.embed_tokens.weight, model.added])
    return {k: v.detach().clone().contiguous() for k, v in state.items()}


def main():
    args, config, data = arguments(__doc__, ("out", {}), ("--state", dict(required=True)), ("--shut", dict(action="store_true")))
    out, text, bridge, vision = Path(args.out), SmolText(args.work / "tokenizer.json"), config["bridge"], config["vision"]
    out.mkdir(parents=True, exist_ok=True)
    model = FlamingoSmol(config, language.load(config["lm"], args.work / "language.safetensors"))
    restore(model, args.work / f"{args.state}.pt")
    for name, p in model.named_parameters():  # a feed-forward that is not there is shut
        if name.endswith("_gate") and (args.shut or (model.no_feed_forward and name.endswith("ff_gate"))):
            p.data.fill_(0.0)
    torch.save(delta(model), out / "checkpoint.pt")
    shutil.copy(find(config["lm"]), out / "language.gguf")
    shutil.copy(data / "vision.onnx", out / "vision.onnx")
    processor = json.loads((data / "vision.json").read_text()) | {"patches": 49, "width": vision["content_channels"] + vision["position_channels"]}
    (out / "vision.json").write_text(json.dumps(processor, indent=1))
    sizes = {"heads": bridge["heads"], "dim_head": bridge["dim_head"]}
    (out / "flamingo.json").write_text(json.dumps({
        "family": "openflamingo", "cross_attn_every_n_layers": bridge["every"], "decoder_layers": LAYERS, "vision": "vision.onnx", "language": "language.gguf",
        "flamingo": "checkpoint.pt", "tokenizer": "language.gguf", "image_token": IMAGE, "end_of_chunk_token": END_OF_CHUNK, "image_token_id": text.image,
        "end_of_chunk_id": text.end_of_chunk, "max_num_frames": bridge.get("frames"), "perceiver": sizes, "cross_attention": sizes,
    }, indent=1))
    print(out, sum(p.numel() for p in model.parameters()), "weights")


if __name__ == "__main__":
    main()
