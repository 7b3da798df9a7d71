#!/usr/bin/python3
"""Golden values of layers and losses in float64, from PyTorch's functions and autograd: a layer as a spec writes it, its weights by name, output, and every gradient.

    /usr/bin/python3 make_layers.py > layers.json
"""
import json

import torch
import torch.nn.functional as F

torch.manual_seed(7)
cases, losses = [], []


def tensor(t):
    return {"shape": list(t.shape), "data": [round(v, 10) for v in t.detach().flatten().tolist()]}


def draw(*axes, scale=1.0):
    return torch.tensor([round(v * scale, 10) for v in torch.randn(*axes, dtype=torch.float64).flatten().tolist()], dtype=torch.float64).reshape(axes).requires_grad_(True)


def case(name, layer, x, function, **weights):
    """weights: double underscores stand for dots."""
    named = {k.replace("__", "."): v for k, v in weights.items()}
    y = function(x, named)
    cotangent = draw(*y.shape).detach()
    (y * cotangent).sum().backward()
    inputs = [x] if x.requires_grad else []
    cases.append({
        "name": name, "layer": layer, "x": tensor(x), "weights": {k: tensor(v) for k, v in named.items()}, "cotangent": tensor(cotangent), "output": tensor(y),
        "grad": tensor(x.grad) if inputs else None, "grads": {k: tensor(v.grad) for k, v in named.items()},
    })


def loss(name, spec, y, target, labels, function):
    value = function(y, target)
    value.backward()
    losses.append({"name": name, "loss": spec, "y": tensor(y), "target": tensor(target), "labels": labels, "value": value.item(), "grad": tensor(y.grad)})


def norm(x, w, b):
    return F.batch_norm(x, None, None, w, b, training=True, eps=1e-5)


def conv_norm(x, w, at, stride=1, padding=0, groups=1):
    return norm(F.conv2d(x, w[f"{at}.weight"], None, stride, padding, 1, groups), w[f"{after(at)}.weight"], w[f"{after(at)}.bias"])


def after(name):
    """The name of the layer that follows: 0 -> 1, body.0 -> body.1."""
    head, _, last = name.rpartition(".")
    return (head + "." if head else "") + str(int(last) + 1)


def normed(prefix, shape):
    """Weights of a convolution without bias and the normalization behind it."""
    p = prefix.replace(".", "__")
    q = after(prefix).replace(".", "__")
    return {f"{p}__weight": draw(*shape, scale=0.5), f"{q}__weight": draw(shape[0], scale=0.5), f"{q}__bias": draw(shape[0], scale=0.5)}


def rectified(prefix, shape):
    p = prefix.replace(".", "__")
    return {f"{p}__weight": draw(*shape, scale=0.5), f"{p}__bias": draw(shape[0], scale=0.5)}


def conv(x, w, at, stride=1, padding=0):
    return F.relu(F.conv2d(x, w[f"{at}.weight"], w[f"{at}.bias"], stride, padding))


# pooling
def unpool(x, w):
    p, i = F.max_pool2d(x, 2, 2, return_indices=True)
    if w:
        p = F.conv2d(p, w["body.0.weight"], w["body.0.bias"], padding=1)
    return F.max_unpool2d(p, i, 2, 2, output_size=x.shape[-2:])


case("maxUnpool2d", {"maxUnpool2d": 2}, draw(2, 3, 5, 6), unpool)
case("maxUnpool2d with a body", {"maxUnpool2d": {"kernel": 2, "body": [{"conv2d": {"out": 2, "kernel": 3, "padding": 1}}]}}, draw(2, 2, 6, 6), unpool, body__0__weight=draw(2, 2, 3, 3), body__0__bias=draw(2))
case("adaptiveMaxPool2d", {"adaptiveMaxPool2d": [3, 2]}, draw(2, 3, 7, 5), lambda x, w: F.adaptive_max_pool2d(x, (3, 2)))
case("adaptiveMaxPool2d larger than the plane", {"adaptiveMaxPool2d": 4}, draw(2, 2, 3, 3), lambda x, w: F.adaptive_max_pool2d(x, 4))
case("spatialPyramidPool", {"spatialPyramidPool": {"levels": [3, 2, 1]}}, draw(2, 3, 6, 7), lambda x, w: torch.cat([F.adaptive_max_pool2d(x, n).flatten(1) for n in (3, 2, 1)], 1))
case("maxPool1d", {"maxPool1d": {"kernel": 3, "stride": 2, "padding": 1}}, draw(2, 3, 8), lambda x, w: F.max_pool1d(x, 3, 2, 1))
case("averagePool1d", {"averagePool1d": {"kernel": 3, "stride": 2, "padding": 1}}, draw(2, 3, 8), lambda x, w: F.avg_pool1d(x, 3, 2, 1))
case("maxPool3d", {"maxPool3d": {"kernel": [2, 3], "depth": 2, "stride": [2, 1], "strideDepth": 1, "padding": [1, 1]}}, draw(2, 2, 3, 4, 5), lambda x, w: F.max_pool3d(x, (2, 2, 3), (1, 2, 1), (0, 1, 1)))
case("averagePool3d", {"averagePool3d": {"kernel": 2}}, draw(2, 2, 4, 4, 5), lambda x, w: F.avg_pool3d(x, 2))

regions = torch.tensor([[[0, 0, 27, 15], [4.4, 3.4, 15, 30], [20, 20, 22, 22]], [[8, 8, 31.6, 31.6], [0, 24, 100, 100], [-9, -9, 3, 3]]], dtype=torch.float64)


def roi(x, w):
    """Girshick's windows: floor and ceiling of the region's places, cut to the plane."""
    map_, boxes = x[:, :128].reshape(2, 2, 8, 8), x[:, 128:].reshape(2, 3, 4).detach()
    out = []
    for n in range(2):
        for b in boxes[n]:
            half_away = lambda v: int(torch.sign(v) * torch.floor(torch.abs(v) + 0.5))
            x1, y1, x2, y2 = (half_away(v * 0.25) for v in b)
            width, height = max(1, x2 - x1 + 1), max(1, y2 - y1 + 1)
            for c in range(2):
                for i in range(2):
                    for j in range(3):
                        top, bottom = y1 + i * height // 2, y1 - (-(i + 1) * height // 2)
                        left, right = x1 + j * width // 3, x1 - (-(j + 1) * width // 3)
                        cell = map_[n, c, max(0, min(8, top)):max(0, min(8, bottom)), max(0, min(8, left)):max(0, min(8, right))]
                        out.append(cell.max() if cell.numel() else torch.zeros((), dtype=torch.float64))
    return torch.stack(out).reshape(2, 3, 2, 2, 3)


image = torch.cat([draw(2, 128).detach(), regions.reshape(2, 12)], 1).requires_grad_(True)
case("roiPool2d", {"roiPool2d": {"out": [2, 3], "scale": 0.25, "features": [{"slice": 128}, {"reshape": {"shape": [2, 8, 0]}}], "regions": [{"slice": {"count": 12, "first": 128}}]}}, image, roi)

# convolutions
case("conv2d flipped", {"conv2d": {"out": 4, "kernel": [3, 2], "stride": 2, "padding": 1, "groups": 2, "flipped": True}}, draw(2, 4, 6, 5),
     lambda x, w: F.conv2d(x, w["weight"].flip(2, 3), w["bias"], 2, 1, 1, 2), weight=draw(4, 2, 3, 2), bias=draw(4))
case("conv1d flipped", {"conv1d": {"out": 3, "kernel": 4, "flipped": True, "bias": False}}, draw(2, 2, 9), lambda x, w: F.conv1d(x, w["weight"].flip(2)), weight=draw(3, 2, 4))
case("conv3d with groups and dilation", {"conv3d": {"out": 4, "kernel": 2, "stride": 2, "padding": 1, "dilation": 2, "groups": 2}}, draw(2, 2, 5, 6, 7),
     lambda x, w: F.conv3d(x, w["weight"], w["bias"], 2, 1, 2, 2), weight=draw(4, 1, 2, 2, 2), bias=draw(4))
case("conv3d of three sizes", {"conv3d": {"out": 2, "kernel": [2, 3], "depth": 1, "stride": [2, 1], "strideDepth": 2, "padding": [0, 1], "paddingDepth": 1}}, draw(2, 2, 3, 5, 4),
     lambda x, w: F.conv3d(x, w["weight"], w["bias"], (2, 2, 1), (1, 0, 1)), weight=draw(2, 2, 1, 2, 3), bias=draw(2))
case("depthwiseConv2d", {"depthwiseConv2d": {"kernel": 3, "multiplier": 2, "stride": 2}}, draw(2, 3, 6, 6), lambda x, w: F.conv2d(x, w["weight"], w["bias"], 2, 1, 1, 3), weight=draw(6, 1, 3, 3), bias=draw(6))
case("pointwiseConv2d", {"pointwiseConv2d": {"out": 4, "groups": 2}}, draw(2, 2, 3, 4), lambda x, w: F.conv2d(x, w["weight"], w["bias"], groups=2), weight=draw(4, 1, 1, 1), bias=draw(4))
case("separableConv2d", {"separableConv2d": {"out": 4, "stride": 2}}, draw(3, 3, 5, 5),
     lambda x, w: F.relu(conv_norm(F.relu(conv_norm(x, w, "0", 2, 1, 3)), w, "3")), **normed("0", (3, 1, 3, 3)), **normed("3", (4, 3, 1, 1)))

# blocks
case("basicBlock", {"basicBlock": {"out": 4, "stride": 2}}, draw(3, 3, 6, 6),
     lambda x, w: F.relu(conv_norm(F.relu(conv_norm(x, w, "body.0", 2, 1)), w, "body.3", 1, 1) + conv_norm(x, w, "shortcut.0", 2)),
     **normed("body.0", (4, 3, 3, 3)), **normed("body.3", (4, 4, 3, 3)), **normed("shortcut.0", (4, 3, 1, 1)))
case("bottleneck", {"bottleneck": {"width": 2, "expansion": 3}}, draw(3, 6, 4, 4),
     lambda x, w: F.relu(conv_norm(F.relu(conv_norm(F.relu(conv_norm(x, w, "body.0")), w, "body.3", 1, 1)), w, "body.6") + x),
     **normed("body.0", (2, 6, 1, 1)), **normed("body.3", (2, 2, 3, 3)), **normed("body.6", (6, 2, 1, 1)))
case("invertedResidual", {"invertedResidual": {"out": 3, "expansion": 2}}, draw(3, 3, 4, 4),
     lambda x, w: conv_norm(F.relu6(conv_norm(F.relu6(conv_norm(x, w, "body.0")), w, "body.3", 1, 1, 6)), w, "body.6") + x,
     **normed("body.0", (6, 3, 1, 1)), **normed("body.3", (6, 1, 3, 3)), **normed("body.6", (3, 6, 1, 1)))


def mbconv(x, w):
    h = F.silu(conv_norm(F.silu(conv_norm(x, w, "0")), w, "3", 2, 2, 8))
    s = h.mean((2, 3))
    s = torch.sigmoid(F.linear(F.silu(F.linear(s, w["6.gate.1.weight"], w["6.gate.1.bias"])), w["6.gate.3.weight"], w["6.gate.3.bias"]))
    return conv_norm(h * s[:, :, None, None], w, "7")


case("invertedResidual with a gate", {"invertedResidual": {"out": 5, "expansion": 2, "stride": 2, "kernel": 5, "squeeze": 2, "swish": True}}, draw(3, 4, 6, 6), mbconv,
     **normed("0", (8, 4, 1, 1)), **normed("3", (8, 1, 5, 5)), **normed("7", (5, 8, 1, 1)),
     **{"6__gate__1__weight": draw(2, 8), "6__gate__1__bias": draw(2), "6__gate__3__weight": draw(8, 2), "6__gate__3__bias": draw(8)})
case("ninBlock", {"ninBlock": {"out": 3, "kernel": 3, "stride": 2, "first": 4, "second": 5}}, draw(2, 2, 5, 5),
     lambda x, w: conv(conv(conv(x, w, "0", 2, 1), w, "2"), w, "4"), **rectified("0", (4, 2, 3, 3)), **rectified("2", (5, 4, 1, 1)), **rectified("4", (3, 5, 1, 1)))


def fire(x, w):
    s = conv(x, w, "0")
    return torch.cat([conv(s, w, "2.0.0"), conv(s, w, "2.1.0", 1, 1)], 1)


case("fire", {"fire": {"squeeze": 2, "expand": 3}}, draw(2, 4, 4, 4), fire, **rectified("0", (2, 4, 1, 1)), **rectified("2.0.0", (3, 2, 1, 1)), **rectified("2.1.0", (3, 2, 3, 3)))
case("inception", {"inception": {"one": 2, "beforeThree": 2, "three": 3, "beforeFive": 1, "five": 2, "pooled": 2}}, draw(2, 3, 5, 5),
     lambda x, w: torch.cat([conv(x, w, "0.0"), conv(conv(x, w, "1.0"), w, "1.2", 1, 1), conv(conv(x, w, "2.0"), w, "2.2", 1, 2), conv(F.max_pool2d(x, 3, 1, 1), w, "3.1")], 1),
     **rectified("0.0", (2, 3, 1, 1)), **rectified("1.0", (2, 3, 1, 1)), **rectified("1.2", (3, 2, 3, 3)), **rectified("2.0", (1, 3, 1, 1)), **rectified("2.2", (2, 1, 5, 5)), **rectified("3.1", (2, 3, 1, 1)))


def dense(x, w):
    for i in range(2):
        h = F.relu(norm(x, w[f"{i}.1.0.weight"], w[f"{i}.1.0.bias"]))
        h = F.relu(norm(F.conv2d(h, w[f"{i}.1.2.weight"]), w[f"{i}.1.3.weight"], w[f"{i}.1.3.bias"]))
        x = torch.cat([x, F.conv2d(h, w[f"{i}.1.5.weight"], padding=1)], 1)
    return x


parts = {}
for i, channels in enumerate((3, 5)):
    parts.update({f"{i}__1__0__weight": draw(channels), f"{i}__1__0__bias": draw(channels), f"{i}__1__2__weight": draw(6, channels, 1, 1), f"{i}__1__3__weight": draw(6), f"{i}__1__3__bias": draw(6), f"{i}__1__5__weight": draw(2, 6, 3, 3, scale=0.4)})
case("denseBlock", {"denseBlock": {"layers": 2, "growth": 2, "width": 3}}, draw(3, 3, 4, 4), dense, **parts)
case("transition", {"transition": 0.5}, draw(3, 5, 4, 5), lambda x, w: F.avg_pool2d(F.conv2d(F.relu(norm(x, w["0.weight"], w["0.bias"])), w["2.weight"]), 2), **{"0__weight": draw(5), "0__bias": draw(5), "2__weight": draw(2, 5, 1, 1)})

# attention, normalization, activations
for form, mask in (("mixed", torch.sigmoid), ("channel", lambda m: m / m.norm(dim=1, keepdim=True)), ("spatial", lambda m: torch.sigmoid(F.instance_norm(m, eps=1e-5)))):
    def attention(x, w, mask=mask):
        t = F.conv2d(x, w["trunk.0.weight"], w["trunk.0.bias"], padding=1)
        m = F.interpolate(F.conv2d(F.max_pool2d(x, 2), w["mask.1.weight"], w["mask.1.bias"]), scale_factor=2)
        return (1 + mask(m)) * t
    case(f"residualAttention {form}", {"residualAttention": {"trunk": [{"conv2d": {"out": 3, "kernel": 3, "padding": 1}}], "mask": [{"maxPool2d": 2}, {"conv2d": {"out": 3, "kernel": 1}}, {"upsample": 2}], "form": form}},
         draw(2, 2, 4, 4), attention, trunk__0__weight=draw(3, 2, 3, 3), trunk__0__bias=draw(3), mask__1__weight=draw(3, 2, 1, 1), mask__1__bias=draw(3))
case("l2Normalize", "l2Normalize", draw(3, 7), lambda x, w: F.normalize(x))
case("l2Normalize of an image", "l2Normalize", draw(2, 3, 4, 5), lambda x, w: F.normalize(x))
case("instanceNorm", "instanceNorm", draw(2, 3, 4, 5), lambda x, w: F.instance_norm(x, eps=1e-5))
case("instanceNorm with weights", {"instanceNorm": {"affine": True}}, draw(2, 3, 7), lambda x, w: F.instance_norm(x, weight=w["weight"], bias=w["bias"], eps=1e-5), weight=draw(3), bias=draw(3))
case("batchNorm of vectors", "batchNorm", draw(6, 4), lambda x, w: norm(x, w["weight"], w["bias"]), weight=draw(4), bias=draw(4))
case("batchNorm of sequences", "batchNorm", draw(3, 4, 5), lambda x, w: norm(x, w["weight"], w["bias"]), weight=draw(4), bias=draw(4))
case("batchNorm of volumes", "batchNorm", draw(3, 2, 2, 3, 4), lambda x, w: norm(x, w["weight"], w["bias"]), weight=draw(2), bias=draw(2))
case("swish", {"swish": 1.7}, draw(2, 9), lambda x, w: x * torch.sigmoid(1.7 * x))

# splits and sharing
case("channelSplit", {"channelSplit": {"branches": ["sequential", {"conv2d": {"out": 3, "kernel": 3, "padding": 1}}]}}, draw(2, 4, 4, 4),
     lambda x, w: torch.cat([x[:, :2], F.conv2d(x[:, 2:], w["1.weight"], w["1.bias"], padding=1)], 1), **{"1__weight": draw(3, 2, 3, 3), "1__bias": draw(3)})
case("slice", {"slice": {"count": 2, "first": 1}}, draw(2, 4, 3), lambda x, w: x[:, 1:3])
tokens = torch.tensor([[0, 3, 3, 1], [4, 2, 0, 3]], dtype=torch.float64)
case("tiedEmbedding", {"tiedEmbedding": {"vocabulary": 5, "width": 3, "bias": True, "body": [{"linear": 3}]}}, tokens,
     lambda x, w: F.linear(F.linear(F.embedding(x.long(), w["embedding.weight"]), w["body.0.weight"], w["body.0.bias"]), w["embedding.weight"], w["output.bias"]),
     embedding__weight=draw(5, 3), body__0__weight=draw(3, 3), body__0__bias=draw(3), output__bias=draw(5))


def machine(x, w):
    y = F.linear(x, w["linear.weight"], w["linear.bias"])
    v = w["factors"].reshape(2, 3, 5)
    pairs = [sum((v[o, :, i] @ v[o, :, j]) * x[:, i] * x[:, j] for i in range(5) for j in range(i + 1, 5)) for o in range(2)]
    return y + torch.stack(pairs, 1)


case("factorizationMachine", {"factorizationMachine": {"out": 2, "factors": 3}}, draw(4, 5), machine, linear__weight=draw(2, 5), linear__bias=draw(2), factors=draw(6, 5))

# gated recurrent units in all forms
for before in (False, True):
    for mirrored in (False, True):
        def gru(x, w, before=before, mirrored=mirrored):
            hidden = w["weight_hh_l0"].shape[1]
            h, out = torch.zeros(x.shape[0], hidden, dtype=torch.float64), []
            wr, wz, wn = w["weight_hh_l0"].split(hidden)
            br, bz, bn = w["bias_hh_l0"].split(hidden)
            for t in range(x.shape[1]):
                ar, az, an = F.linear(x[:, t], w["weight_ih_l0"], w["bias_ih_l0"]).split(hidden, 1)
                r, z = torch.sigmoid(ar + F.linear(h, wr, br)), torch.sigmoid(az + F.linear(h, wz, bz))
                n = torch.tanh(an + (F.linear(r * h, wn, bn) if before else r * F.linear(h, wn, bn)))
                h = z * n + (1 - z) * h if mirrored else (1 - z) * n + z * h
                out.append(h)
            return torch.stack(out, 1)
        case(f"gru{' reset before' if before else ''}{' mirrored' if mirrored else ''}", {"gru": {"hidden": 4, "resetBefore": before, "mirrored": mirrored}}, draw(2, 5, 3), gru,
             weight_ih_l0=draw(12, 3), weight_hh_l0=draw(12, 4), bias_ih_l0=draw(12), bias_hh_l0=draw(12))

# losses
features = draw(2, 3, 4, 5)
loss("content", "content", features, draw(2, 3, 4, 5).detach(), False, lambda y, t: 0.5 * ((y - t) ** 2).sum() / 2)
loss("content normalized", {"content": True}, draw(2, 3, 4, 5), draw(2, 3, 4, 5).detach(), False, F.mse_loss)


def grams(y):
    f = y.flatten(2)
    return f @ f.transpose(1, 2)


loss("style", "style", draw(2, 3, 4, 5), grams(draw(2, 3, 4, 5)).detach(), False, lambda y, t: ((grams(y) - t) ** 2).sum() / (4 * 3 ** 2 * 20 ** 2) / 2)
loss("style normalized", {"style": True}, draw(2, 3, 4, 5), (grams(draw(2, 3, 4, 5)) / 60).detach(), False, lambda y, t: F.mse_loss(grams(y) / 60, t))


def semi_hard(y, labels):
    d = ((y[:, None] - y[None]) ** 2).sum(-1)
    total, pairs = 0.0, 0
    for a in range(len(y)):
        others = [n for n in range(len(y)) if labels[n] != labels[a]]
        for p in range(len(y)):
            if p == a or labels[p] != labels[a] or not others:
                continue
            beyond = [n for n in others if d[a, n] > d[a, p]]
            n = min(beyond, key=lambda n: d[a, n].item()) if beyond else max(others, key=lambda n: d[a, n].item())
            total, pairs = total + F.relu(d[a, p] - d[a, n] + 0.2), pairs + 1
    return total / pairs


embeddings = F.normalize(draw(9, 4)).detach().requires_grad_(True)
loss("semiHardTriplet", "semiHardTriplet", embeddings, torch.tensor([0, 1, 0, 2, 1, 0, 2, 1, 3], dtype=torch.float64), True, semi_hard)
print(json.dumps({"source": f"make_layers.py: PyTorch {torch.__version__}, float64", "cases": cases, "losses": losses}))
