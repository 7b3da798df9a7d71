#!/usr/bin/python3
"""Writes forms.json: options and shapes that the other files lack, from PyTorch in float64."""
import json
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(40)
torch.set_default_dtype(torch.float64)
r = torch.randn


def tensor(t):
    return {"shape": list(t.shape), "data": [round(float(v), 12) for v in t.detach().reshape(-1)]}


def case(name, attrs, inputs, function, cotangent=None):
    inputs = {k: torch.tensor(tensor(v)["data"]).reshape(v.shape).requires_grad_() for k, v in inputs.items()}
    output = function(*inputs.values())
    cotangent = torch.tensor(tensor(r(output.shape) if cotangent is None else cotangent)["data"]).reshape(output.shape)
    grads = torch.autograd.grad((output * cotangent).sum(), [v for k, v in inputs.items() if k != "target"])
    return {"name": name, "attrs": attrs, "inputs": {k: tensor(v) for k, v in inputs.items()}, "cotangent": tensor(cotangent), "output": tensor(output),
            "grads": {k: tensor(g) for k, g in zip((k for k in inputs if k != "target"), grads)}}


def recurrent(name, net):
    # Not by functional_call: a recurrent net keeps its own flat weights and does not see those it is given.
    weights = dict(net.named_parameters())
    for p in weights.values():
        p.data = torch.tensor(tensor(r(p.shape) * 0.5)["data"]).reshape(p.shape)
    made = case(name, {"batch_first": True}, {"x": r(2, 4, 3)}, lambda x: net(x)[0])
    x, cotangent = (torch.tensor(t["data"]).reshape(t["shape"]) for t in (made["inputs"]["x"], made["cotangent"]))
    grads = torch.autograd.grad((net(x)[0] * cotangent).sum(), list(weights.values()))
    made["inputs"].update({k: tensor(p) for k, p in weights.items()})
    made["grads"].update({k: tensor(g) for k, g in zip(weights, grads)})
    return made


def dampened(attrs):
    w, gradients, path = nn.Parameter(r(6)), r(6, 6), []
    first = w.data.clone()
    optimizer = torch.optim.SGD([w], lr=attrs["lr"], momentum=attrs["momentum"], dampening=attrs["dampening"], weight_decay=attrs["weight_decay"])
    for g in gradients:
        w.grad = g.clone()
        optimizer.step()
        path.append(w.data.clone())
    return {"name": "momentum_dampened", "attrs": attrs, "inputs": {"w": tensor(first), "gradients": tensor(gradients)}, "output": tensor(torch.stack(path))}


cases = [
    case("prelu_shared", {}, {"x": r(2, 3, 2, 3), "a": torch.tensor([0.3])}, F.prelu),
    case("conv1d", {"stride": [2], "padding": [1]}, {"x": r(2, 3, 8), "w": r(4, 3, 3)}, lambda x, w: F.conv1d(x, w, None, 2, 1)),
    case("conv2d", {"stride": [2, 3], "padding": [2, 1], "dilation": [2, 1], "groups": 3}, {"x": r(1, 6, 9, 8), "w": r(9, 2, 2, 3), "bias": r(9)}, lambda x, w, b: F.conv2d(x, w, b, (2, 3), (2, 1), (2, 1), 3)),
    case("conv3d", {"stride": [1, 2, 1], "padding": [1, 0, 1], "dilation": [1, 2, 1], "groups": 2}, {"x": r(1, 4, 3, 6, 5), "w": r(4, 2, 2, 3, 2)}, lambda x, w: F.conv3d(x, w, None, (1, 2, 1), (1, 0, 1), (1, 2, 1), 2)),
    case("conv_transpose2d_grouped", {"stride": [2, 1], "padding": [1, 0], "output_padding": [1, 0], "dilation": [1, 2], "groups": 2}, {"x": r(2, 4, 3, 4), "w": r(4, 3, 3, 2), "bias": r(6)},
         lambda x, w, b: F.conv_transpose2d(x, w, b, (2, 1), (1, 0), (1, 0), 2, (1, 2))),
    case("conv_transpose2d_outpad_of_a_stride", {"stride": 1, "padding": [0, 1], "output_padding": 1, "dilation": 2}, {"x": r(2, 3, 3, 4), "w": r(3, 2, 2, 3), "bias": r(2)},
         lambda x, w, b: F.conv_transpose2d(x, w, b, 1, (0, 1), 1, 1, 2)),
    case("avgpool_uncounted", {"kernel": 3, "stride": 2, "padding": 1, "count_include_pad": False}, {"x": r(2, 3, 7, 6)}, lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)),
    case("avgpool_uncounted_rect", {"kernel": [2, 5], "stride": [1, 2], "padding": [1, 2], "count_include_pad": False}, {"x": r(1, 2, 5, 9)}, lambda x: F.avg_pool2d(x, (2, 5), (1, 2), (1, 2), count_include_pad=False)),
    case("batched_matmul_of_two_axes", {}, {"a": r(2, 3, 4, 2), "b": r(2, 3, 2, 5)}, torch.matmul),
    case("mse", {}, {"y": r(4, 3), "target": r(4, 3)}, F.mse_loss, torch.tensor(-0.7)),
    case("bce_with_logits", {}, {"y": torch.tensor([[-8.1, 9.3], [-12.5, -3.2]]), "target": torch.tensor([[0.0, 1], [0, 0]])}, F.binary_cross_entropy_with_logits),
    recurrent("rnn_tanh_without_bias", nn.RNN(3, 4, batch_first=True, bias=False)),
    recurrent("gru_without_bias_2layers", nn.GRU(3, 4, 2, batch_first=True, bias=False)),
    recurrent("lstm_without_bias_bidirectional", nn.LSTM(3, 4, batch_first=True, bias=False, bidirectional=True)),
    recurrent("lstm_3layers", nn.LSTM(3, 5, 3, batch_first=True)),
    dampened({"lr": 0.1, "momentum": 0.9, "dampening": 0.4, "weight_decay": 0.02}),
]
out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "forms.json")
with open(out, "w") as file:
    json.dump({"source": f"make_forms.py: PyTorch {torch.__version__}, float64", "seed": 40, "cases": cases}, file)
    file.write("\n")
