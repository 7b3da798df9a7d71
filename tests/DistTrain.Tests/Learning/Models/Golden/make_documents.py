#!/usr/bin/python3
"""Golden losses and gradients of the published image networks in float64, written here after the papers (torchvision's forms where it has them) and apart from ours.

    python3 make_documents.py > documents.json
Weights and images follow from a hash of their place. No dropout: the random numbers are not PyTorch's.
For each parameter: its length, the norm of its gradient, and the gradient's product with another hashed vector.
"""
import json
import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

S = nn.Sequential


def hashed(count, seed):
    """Uniform in [-1, 1), a multiple of 2^-23: exact in float32."""
    x = (np.arange(count, dtype=np.uint64) + np.uint64(seed * 0x9E3779B9)).astype(np.uint32)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x ^= x >> np.uint32(shift)
        x = (x.astype(np.uint64) * np.uint64(factor)).astype(np.uint32)
    x ^= x >> np.uint32(16)
    return torch.tensor((x >> np.uint32(8)).astype(np.float64) / 2 ** 23 - 1)


def rectified(i, o, k, s=1, p=0, g=1):
    return [nn.Conv2d(i, o, k, s, p, groups=g), nn.ReLU()]


def normalized(i, o, k, s=1, g=1, act=nn.ReLU):
    return [nn.Conv2d(i, o, k, s, k // 2, groups=g, bias=False), nn.BatchNorm2d(o)] + ([act()] if act else [])


def head(i):
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(i, 10)]


class Cat(nn.Module):
    def __init__(self, *branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([b(x) for b in self.branches], 1)


class Add(nn.Module):
    def __init__(self, body, shortcut=None, relu=True):
        super().__init__()
        self.body, self.shortcut, self.relu = body, shortcut, relu

    def forward(self, x):
        y = self.body(x) + (x if self.shortcut is None else self.shortcut(x))
        return F.relu(y) if self.relu else y


class Gate(nn.Module):
    def __init__(self, channels, hidden, act):
        super().__init__()
        self.one, self.two, self.act = nn.Conv2d(channels, hidden, 1), nn.Conv2d(hidden, channels, 1), act

    def forward(self, x):
        return x * torch.sigmoid(self.two(self.act(self.one(x.mean((2, 3), keepdim=True)))))


class Shuffle(nn.Module):
    def __init__(self, groups):
        super().__init__()
        self.groups = groups

    def forward(self, x):
        n, c, h, w = x.shape
        return x.view(n, self.groups, c // self.groups, h, w).transpose(1, 2).reshape(n, c, h, w)


class Halves(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, x):
        a, b = x.chunk(2, 1)
        return torch.cat([a, self.body(b)], 1)


def alexnet(large, groups=1):
    # Krizhevsky et al. 2012, section 3: normalization with k = 2, n = 5, alpha = 1e-4 (times n in PyTorch's form), beta = 0.75 behind the rectified first two layers, then overlapping pooling.
    norm, units = (lambda: nn.LocalResponseNorm(5, 5e-4, 0.75, 2.0)), 4096 if large else 512
    k = ((11, 4, 2), (5, 1, 2)) if large else ((3, 1, 1), (3, 1, 1))
    return S(*rectified(3, 96, *k[0]), norm(), nn.MaxPool2d(3, 2), *rectified(96, 256, *k[1], groups), norm(), nn.MaxPool2d(3, 2), *rectified(256, 384, 3, 1, 1), *rectified(384, 384, 3, 1, 1, groups),
             *rectified(384, 256, 3, 1, 1, groups), nn.MaxPool2d(3, 2), nn.Flatten(), nn.Linear(256 if large else 2304, units), nn.ReLU(), nn.Linear(units, units), nn.ReLU(), nn.Linear(units, 10))


def zfnet():
    # Zeiler, Fergus 2013, figure 3: pooling stands before the contrast normalization.
    norm = lambda: nn.LocalResponseNorm(5, 5e-4, 0.75, 2.0)
    return S(*rectified(3, 96, 7, 2, 1), nn.MaxPool2d(3, 2, 1), norm(), *rectified(96, 256, 5, 2), nn.MaxPool2d(3, 2, 1), norm(), *rectified(256, 384, 3, 1, 1), *rectified(384, 384, 3, 1, 1), *rectified(384, 256, 3, 1, 1),
             nn.MaxPool2d(3, 2), nn.Flatten(), nn.Linear(256, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 10))


def vgg(*stages):
    layers, i = [], 3
    for n, o in zip(stages, (64, 128, 256, 512, 512)):
        for _ in range(n):
            layers += rectified(i, o, 3, 1, 1)
            i = o
        layers.append(nn.MaxPool2d(2))
    return S(*layers, nn.Flatten(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))


def nin(large):
    block = lambda i, a, b, c, k, s, p: rectified(i, a, k, s, p) + rectified(a, b, 1) + rectified(b, c, 1)
    if large:
        return S(*block(3, 96, 96, 96, 11, 4, 0), nn.MaxPool2d(3, 2), *block(96, 256, 256, 256, 5, 1, 2), nn.MaxPool2d(3, 2), *block(256, 384, 384, 384, 3, 1, 1), nn.MaxPool2d(3, 2), *block(384, 10, 10, 10, 3, 1, 1),
                 nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return S(*block(3, 192, 160, 96, 5, 1, 2), nn.MaxPool2d(3, 2, 1), *block(96, 192, 192, 192, 5, 1, 2), nn.MaxPool2d(3, 2, 1), *block(192, 192, 192, 10, 3, 1, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def googlenet(large):
    # Szegedy et al. 2014, table 1, without its two local response normalizations, as the notes build it.
    def block(i, a, b, c, d, e, f):
        return Cat(S(*rectified(i, a, 1)), S(*rectified(i, b, 1), *rectified(b, c, 3, 1, 1)), S(*rectified(i, d, 1), *rectified(d, e, 5, 1, 2)), S(nn.MaxPool2d(3, 1, 1), *rectified(i, f, 1)))
    stem = rectified(3, 64, 7, 2, 3) + [nn.MaxPool2d(3, 2, 1)] + rectified(64, 64, 1) + rectified(64, 192, 3, 1, 1) + [nn.MaxPool2d(3, 2, 1)] if large else rectified(3, 192, 3, 1, 1)
    return S(*stem, block(192, 64, 96, 128, 16, 32, 32), block(256, 128, 128, 192, 32, 96, 64), nn.MaxPool2d(3, 2, 1), block(480, 192, 96, 208, 16, 48, 64), block(512, 160, 112, 224, 24, 64, 64),
             block(512, 128, 128, 256, 24, 64, 64), block(512, 112, 144, 288, 32, 64, 64), block(528, 256, 160, 320, 32, 128, 128), nn.MaxPool2d(3, 2, 1), block(832, 256, 160, 320, 32, 128, 128),
             block(832, 384, 192, 384, 48, 128, 128), *head(1024))


def stem(o, large):
    return normalized(3, o, 7, 2) + [nn.MaxPool2d(3, 2, 1)] if large else normalized(3, o, 3)


def small_stem(o, large):
    return normalized(3, o, 3, 2) + [nn.MaxPool2d(3, 2, 1)] if large else normalized(3, o, 3)


def resnet(blocks, bottleneck, large, gated=False):
    layers, i = stem(64, large), 64
    for stage, n in enumerate(blocks):
        for b in range(n):
            w, s = 64 << stage, 2 if b == 0 and stage > 0 else 1
            o = 4 * w if bottleneck else w
            body = normalized(i, w, 1) + normalized(w, w, 3, s) + normalized(w, o, 1, act=None) if bottleneck else normalized(i, w, 3, s) + normalized(w, w, 3, act=None)
            layers.append(Add(S(*body, *([Gate(o, o // 16, F.relu)] if gated else [])), None if s == 1 and i == o else S(*normalized(i, o, 1, s, act=None))))
            i = o
    return S(*layers, *head(i))


def densenet121(large):
    before = lambda i: [nn.BatchNorm2d(i), nn.ReLU()]
    layers, i = stem(64, large), 64
    for block, n in enumerate((6, 12, 24, 16)):
        for _ in range(n):
            layers.append(Cat(nn.Identity(), S(*before(i), nn.Conv2d(i, 128, 1, bias=False), *before(128), nn.Conv2d(128, 32, 3, padding=1, bias=False))))
            i += 32
        if block < 3:
            layers += before(i) + [nn.Conv2d(i, i // 2, 1, bias=False), nn.AvgPool2d(2)]
            i //= 2
    return S(*layers, *before(i), *head(i))


def squeezenet(large):
    fire = lambda i, s, e: [*rectified(i, s, 1), Cat(S(*rectified(s, e, 1)), S(*rectified(s, e, 3, 1, 1)))]
    pool = lambda: nn.MaxPool2d(3, 2, ceil_mode=large)
    return S(*rectified(3, 64, 3, 2 if large else 1, 0 if large else 1), pool(), *fire(64, 16, 64), *fire(128, 16, 64), pool(), *fire(128, 32, 128), *fire(256, 32, 128), pool(), *fire(256, 48, 192), *fire(384, 48, 192),
             *fire(384, 64, 256), *fire(512, 64, 256), *rectified(512, 10, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def mobilenet1(large):
    layers, i = normalized(3, 32, 3, 2 if large else 1), 32
    for o, s in ((64, 1), (128, 2 if large else 1), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1)):
        layers += normalized(i, i, 3, s, i) + normalized(i, o, 1)
        i = o
    return S(*layers, *head(1024))


def rounded(v):
    r = max(8, int(v + 4) // 8 * 8)
    return r + 8 if r < 0.9 * v else r


def inverted(i, o, s, t, k, act, hidden=0):
    body = (normalized(i, i * t, 1, act=act) if t > 1 else []) + normalized(i * t, i * t, k, s, i * t, act=act) + ([Gate(i * t, hidden, F.silu)] if hidden else []) + normalized(i * t, o, 1, act=None)
    return Add(S(*body), relu=False) if s == 1 and i == o else S(*body)


def mobilenet2(large, width=1.0):
    i = rounded(32 * width)
    layers = normalized(3, i, 3, 2 if large else 1, act=nn.ReLU6)
    for t, c, n, s in ((1, 16, 1, 1), (6, 24, 2, 2 if large else 1), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
        for b in range(n):
            o = rounded(c * width)
            layers.append(inverted(i, o, s if b == 0 else 1, t, 3, nn.ReLU6))
            i = o
    o = rounded(1280 * max(1.0, width))
    return S(*layers, *normalized(i, o, 1, act=nn.ReLU6), *head(o))


def efficientnet(large):
    i = 32
    layers = normalized(3, 32, 3, 2 if large else 1, act=nn.SiLU)
    for t, k, s, o, n in ((1, 3, 1, 16, 1), (6, 3, 2 if large else 1, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1)):
        for b in range(n):
            layers.append(inverted(i, o, s if b == 0 else 1, t, k, nn.SiLU, i // 4))
            i = o
    return S(*layers, *normalized(320, 1280, 1, act=nn.SiLU), *head(1280))


def shufflenet1(large, groups=3):
    # The authors' table: a quarter of the outputs between; the first 1 x 1 of all is not grouped.
    layers, i, width = small_stem(24, large), 24, {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}[groups]
    for n in (4, 8, 4):
        for b in range(n):
            s, o, mid = (2, width - i, width // 4) if b == 0 else (1, width, width // 4)
            body = S(*normalized(i, mid, 1, g=1 if i == 24 else groups), Shuffle(groups), *normalized(mid, mid, 3, s, mid, act=None), *normalized(mid, o, 1, g=groups, act=None))
            layers += [Cat(nn.AvgPool2d(3, 2, 1), body), nn.ReLU()] if b == 0 else [Add(body)]
            i = width
        width *= 2
    return S(*layers, *head(i))


def shufflenet2(large):
    layers, i = small_stem(24, large), 24
    for n, o in ((4, 116), (8, 232), (4, 464)):
        for b in range(n):
            h = o // 2
            main = lambda i, s: S(*normalized(i, h, 1), *normalized(h, h, 3, s, h, act=None), *normalized(h, h, 1))
            layers += [Cat(S(*normalized(i, i, 3, 2, i, act=None), *normalized(i, h, 1)), main(i, 2)) if b == 0 else Halves(main(h, 1)), Shuffle(2)]
            i = o
    return S(*layers, *normalized(464, 1024, 1), *head(1024))


def run(model, x, y):
    output = model(x)
    loss = F.cross_entropy(output, y)
    return output.detach(), loss.detach(), torch.autograd.grad(loss, list(model.parameters()))


IMAGENET = {"stem": "imageNet"}
CASES = [
    ("alexnet", IMAGENET, 63, lambda: alexnet(True)), ("alexnet", {"stem": "cifar", "groups": 2}, 32, lambda: alexnet(False, 2)), ("zfnet", IMAGENET, 63, zfnet),
    ("vgg11", {}, 32, lambda: vgg(1, 1, 2, 2, 2)), ("vgg16", {}, 32, lambda: vgg(2, 2, 3, 3, 3)), ("nin", {}, 16, lambda: nin(False)), ("nin", IMAGENET, 67, lambda: nin(True)),
    ("googlenet", {}, 16, lambda: googlenet(False)), ("googlenet", IMAGENET, 48, lambda: googlenet(True)), ("resnet34", {}, 16, lambda: resnet((3, 4, 6, 3), False, False)),
    ("resnet50", {}, 16, lambda: resnet((3, 4, 6, 3), True, False)), ("resnet50", IMAGENET, 64, lambda: resnet((3, 4, 6, 3), True, True)), ("densenet121", {}, 16, lambda: densenet121(False)),
    ("densenet121", IMAGENET, 64, lambda: densenet121(True)), ("squeezenet", {}, 31, lambda: squeezenet(False)), ("squeezenet", IMAGENET, 63, lambda: squeezenet(True)), ("mobilenetV1", {}, 16, lambda: mobilenet1(False)),
    ("mobilenetV1", IMAGENET, 64, lambda: mobilenet1(True)), ("mobilenetV2", {}, 16, lambda: mobilenet2(False)), ("mobilenetV2", {"stem": "imageNet", "width": 1.4}, 64, lambda: mobilenet2(True, 1.4)),
    ("shufflenet", {}, 16, lambda: shufflenet1(False)), ("shufflenet", {"stem": "imageNet", "groups": 4}, 64, lambda: shufflenet1(True, 4)), ("shufflenetV2", {}, 16, lambda: shufflenet2(False)),
    ("shufflenetV2", IMAGENET, 64, lambda: shufflenet2(True)), ("senet18", {}, 16, lambda: resnet((2, 2, 2, 2), False, False, True)), ("efficientnet", {}, 16, lambda: efficientnet(False)),
    ("efficientnet", IMAGENET, 64, lambda: efficientnet(True)),
]
BATCH = 4
cases = []
for name, options, side, make in CASES:
    model = make().double()
    for index, (key, p) in enumerate(model.named_parameters()):
        u = hashed(p.numel(), 10 + index).reshape(p.shape)
        p.data = (u * math.sqrt(6 / math.prod(p.shape[1:])) if p.dim() > 1 else 1 + u / 8 if key.endswith("weight") else u / 8).float().double()
    x = hashed(BATCH * 3 * side * side, 1).reshape(BATCH, 3, side, side) * 2
    y = ((hashed(BATCH, 2) + 1) / 2 * 10).long()
    output, loss, gradients = run(model, x, y)
    # What float32 makes of it in PyTorch itself: ReLUs of values near 0 go the other way now and then, and normalizations of few values magnify rounding.
    rough = run(model.float(), x.float(), y)
    norms = [g.norm().item() for g in gradients]
    grads = [[g.numel(), float(f"{n:.9g}"), float(f"{(g.flatten() * hashed(g.numel(), 1000 + i)).sum().item():.9g}")] for i, (g, n) in enumerate(zip(gradients, norms))]
    error = max(((a.double() - b).norm() / n).item() for a, b, n in zip(rough[2], gradients, norms) if n > 1e-6 * max(norms))
    cases.append({"model": name, "options": options, "side": side, "loss": loss.item(), "float32": [float(f"{(rough[0].double() - output).abs().max().item():.3g}"), float(f"{error:.3g}")],
                  "output": [float(f"{v:.10g}") for v in output.flatten().tolist()], "parameters": grads})
print(json.dumps({"source": "make_documents.py, PyTorch " + torch.__version__ + ", float64", "cases": cases}, separators=(",", ":")))
