#!/usr/bin/python3
"""Golden cases of recurrent layers in float64, from PyTorch, with the gradient of every weight.

    python3 make_recurrent.py > recurrent.json
"""
import json

import torch
import torch.nn as nn


def tensor(t):
    return {"shape": list(t.shape), "data": [round(v, 12) for v in t.detach().flatten().tolist()]}


def case(name, net, x):
    net = net.double()
    x.requires_grad_(True)
    for p in net.parameters():
        p.data = torch.tensor([round(v, 12) for v in (torch.randn(p.numel(), dtype=torch.float64) * 0.6).tolist()], dtype=torch.float64).reshape(p.shape)
    output, _ = net(x)
    cotangent = torch.randn_like(output)
    (output * cotangent).sum().backward()
    weights = dict(net.named_parameters())
    return {"name": name, "attrs": {"batch_first": True}, "inputs": {"x": tensor(x), **{k: tensor(p) for k, p in weights.items()}}, "cotangent": tensor(cotangent), "output": tensor(output),
            "grads": {"x": tensor(x.grad), **{k: tensor(p.grad) for k, p in weights.items()}}}


torch.manual_seed(1)
draw = lambda *axes: torch.randn(*axes, dtype=torch.float64)
cases = [
    case("lstm", nn.LSTM(3, 4, batch_first=True), draw(2, 5, 3)),
    case("lstm_wide", nn.LSTM(5, 9, batch_first=True), draw(3, 3, 5)),
    case("lstm_2layers", nn.LSTM(3, 4, 2, batch_first=True), draw(2, 4, 3)),
    case("lstm_bidirectional", nn.LSTM(3, 4, batch_first=True, bidirectional=True), draw(2, 5, 3)),
    case("gru", nn.GRU(3, 4, batch_first=True), draw(2, 5, 3)),
    case("gru_2layers_bidirectional", nn.GRU(3, 5, 2, batch_first=True, bidirectional=True), draw(2, 4, 3)),
    case("rnn_tanh", nn.RNN(3, 4, batch_first=True), draw(2, 5, 3)),
    case("rnn_relu", nn.RNN(3, 4, batch_first=True, nonlinearity="relu"), draw(2, 5, 3)),
]
print(json.dumps({"source": "make_recurrent.py, PyTorch " + torch.__version__ + ", float64", "seed": 1, "cases": cases}, separators=(",", ":")))
