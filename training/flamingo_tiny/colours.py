"""Colour without the encoder: how much of each patch is near each of 27 colours (a 3x3x3 grid over RGB).

Lite0 was trained to ignore colour: from the features of an object's own patch a linear probe tells 48 % of twelve
colours, from these shares and the features together 87 %. They are part of vision.onnx, so a package needs nothing new.
"""
import itertools

import numpy as np

LEVELS, SOFTNESS = (0.0, 0.5, 1.0), 0.1
CENTRES = np.array(list(itertools.product(LEVELS, repeat=3)), np.float32)
COUNT = len(CENTRES)
FINE, GRID = 28, 7  # pixels are averaged to 28x28 before they are compared, shares over 4x4 of those


def fine(pixels):
    """[N,3,224,224] as vision.onnx takes it -> [N,3,28,28]"""
    step = pixels.shape[-1] // FINE
    return pixels.reshape(len(pixels), 3, FINE, step, FINE, step).mean((3, 5))


def affine():
    """(weight [27,3], bias [27]): the softmax over weight @ pixel + bias is the share of each colour, by squared distance in RGB of 0 to 1."""
    weight = 2 * CENTRES / SOFTNESS
    return weight * 128 / 255, weight.sum(1) * 127 / 255 - (CENTRES ** 2).sum(1) / SOFTNESS


def shares(averaged):
    """[N,3,28,28] -> [N,49,27]; sums to 1 over the colours."""
    weight, bias = affine()
    x = np.einsum("kc,nchw->nkhw", weight, averaged) + bias[:, None, None]
    x = np.exp(x - x.max(1, keepdims=True))
    x = (x / x.sum(1, keepdims=True)).reshape(len(x), COUNT, GRID, FINE // GRID, GRID, FINE // GRID).mean((3, 5))
    return x.reshape(len(x), COUNT, GRID * GRID).transpose(0, 2, 1)


def fit(samples, whitening):
    """Mean and scale of each share over the patches of training pictures; mean square 1 over all, as the other features have."""
    x = samples.reshape(-1, COUNT).astype(np.float64)
    mean, deviation = x.mean(0), x.std(0)
    scale = deviation ** -whitening
    return {"mean": mean, "scale": scale / np.sqrt(np.mean((deviation * scale) ** 2))}


def nodes(g, scaling, before, after):
    """Adds the branch to a graph: pixels -> [N,49,before+27+after], zero outside the colours."""
    weight, bias = affine()
    step = 224 // FINE
    x = g.op("AveragePool", ["pixels"], kernel_shape=[step] * 2, strides=[step] * 2)
    x = g.op("Conv", [x, g.constant(weight[:, :, None, None].astype(np.float32), "colours", half=False), g.constant(bias.astype(np.float32), "colours_bias", half=False)], kernel_shape=[1, 1])
    x = g.op("Softmax", [x], axis=1)
    x = g.op("AveragePool", [x], kernel_shape=[FINE // GRID] * 2, strides=[FINE // GRID] * 2)
    x = g.op("Reshape", [x, g.constant(np.array([0, COUNT, GRID * GRID], np.int64), "shape", half=False)])
    x = g.op("Transpose", [x], perm=[0, 2, 1])
    place = np.zeros((COUNT, before + COUNT + after), np.float32)
    place[:, before:before + COUNT] = np.diag(scaling["scale"])
    return g.op("MatMul", [x, g.constant(place, "colour_scale", half=False)])
