#!/usr/bin/python3
"""Golden losses and gradients of whole models in float64, from PyTorch: weights and data follow from a hash of their place, so none are stored.

    python3 make_models.py > models.json
For each parameter: its shape, the norm of its gradient, and the gradient's product with another hashed vector.
"""
import json
import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


def hashed(count, seed):
    """Uniform in [-1, 1), a multiple of 2^-23: exact in float32."""
    x = (np.arange(count, dtype=np.uint64) + np.uint64(seed * 0x9E3779B9)).astype(np.uint32)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x ^= x >> np.uint32(shift)
        x = (x.astype(np.uint64) * np.uint64(factor)).astype(np.uint32)
    x ^= x >> np.uint32(16)
    return torch.tensor((x >> np.uint32(8)).astype(np.float64) / 2 ** 23 - 1)


class Block(nn.Module):
    def __init__(self, i, o, s):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(i, o, 3, s, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(), nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o))
        self.shortcut = nn.Sequential() if s == 1 and i == o else nn.Sequential(nn.Conv2d(i, o, 1, s, bias=False), nn.BatchNorm2d(o))

    def forward(self, x):
        return F.relu(self.body(x) + self.shortcut(x))


def resnet18():
    layers, i = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()], 64
    for o, s in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [Block(i, o, s), Block(o, o, 1)]
        i = o
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def separable(i, o, s):
    return nn.Sequential(nn.Conv2d(i, i, 3, s, 1, groups=i, bias=False), nn.BatchNorm2d(i), nn.ReLU(), nn.Conv2d(i, o, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU())


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.e, self.r, self.o = nn.Embedding(65, 64), nn.LSTM(64, 256, batch_first=True), nn.Linear(256, 65)

    def forward(self, x):
        return self.o(self.r(self.e(x))[0]).flatten(0, 1)


class Gpt(nn.Module):
    def __init__(self, d=128, h=4, n=4, t=64):
        super().__init__()
        self.h, self.e, self.p = h, nn.Embedding(65, d), nn.Embedding(t, d)
        self.l = nn.ModuleList([nn.ModuleList([nn.LayerNorm(d), nn.Linear(d, 3 * d), nn.Linear(d, d), nn.LayerNorm(d), nn.Linear(d, 4 * d), nn.Linear(4 * d, d)]) for _ in range(n)])
        self.f, self.o = nn.LayerNorm(d), nn.Linear(d, 65)

    def forward(self, x):
        x = self.e(x) + self.p.weight
        b, t, d = x.shape
        mask = torch.full((t, t), float("-inf"), dtype=x.dtype).triu(1)
        for n1, qkv, proj, n2, up, down in self.l:
            q, k, v = (z.view(b, t, self.h, d // self.h).transpose(1, 2) for z in qkv(n1(x)).chunk(3, -1))
            a = F.softmax(q @ k.transpose(-1, -2) / (d // self.h) ** 0.5 + mask, -1) @ v
            x = x + proj(a.transpose(1, 2).reshape(b, t, d))
            x = x + down(F.gelu(up(n2(x))))
        return self.o(self.f(x)).flatten(0, 1)


MODELS = {
    "mlp": (lambda: nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)), (784,)),
    "lenet": (lambda: nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
                                    nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)), (1, 28, 28)),
    "resnet18": (resnet18, (3, 32, 32)),
    "mobilenet": (lambda: nn.Sequential(nn.Conv2d(3, 32, 3, 1, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), separable(32, 64, 1), separable(64, 128, 2), separable(128, 128, 1),
                                        separable(128, 256, 2), separable(256, 256, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 10)), (3, 32, 32)),
    "lstm": (Lstm, (64,)),
    "gpt": (Gpt, (64,)),
}
cases = []
for name, (make, shape) in MODELS.items():
    torch.manual_seed(0)
    model, batch, text = make().double(), 4, name in ("lstm", "gpt")
    parameters = list(model.named_parameters())
    for index, (key, p) in enumerate(parameters):
        u = hashed(p.numel(), 10 + index).reshape(p.shape)
        p.data = (u * math.sqrt(3 / math.prod(p.shape[1:])) if p.dim() > 1 else 1 + u / 8 if key.endswith("weight") else u / 8).float().double()
    x = hashed(batch * math.prod(shape), 1).reshape(batch, *shape) * 2
    y = ((hashed(batch * (64 if text else 1), 2) + 1) / 2 * (65 if text else 10)).long()
    output = model(((x + 2) / 4 * 65).long() if text else x)
    loss = F.cross_entropy(output, y)
    loss.backward()
    grads = [{"shape": list(p.shape), "norm": p.grad.norm().item(), "product": (p.grad.flatten() * hashed(p.numel(), 1000 + i)).sum().item()} for i, (_, p) in enumerate(parameters)]
    cases.append({"model": name, "input": list(shape), "loss": loss.item(), "output": output.flatten()[:20].tolist(), "parameters": grads})
print(json.dumps({"source": "make_models.py, PyTorch " + torch.__version__ + ", float64", "cases": cases}))
