#!/usr/bin/python3
"""Golden values of batch normalization's forms in float64, from PyTorch: training with a momentum, without weight and bias, and by running statistics with gradients through them.

    /usr/bin/python3 make_batch_norm.py > batch_norm.json
"""
import json

import torch

torch.manual_seed(11)


def tensor(t):
    return {"shape": list(t.shape), "data": [round(v, 12) for v in t.detach().flatten().tolist()]}


def case(name, options, shape, training=True, **of):
    x = torch.randn(*shape, dtype=torch.float64).requires_grad_(True)
    kind = torch.nn.BatchNorm1d if len(shape) < 4 else torch.nn.BatchNorm2d
    norm = kind(shape[1], **of).double().train(training)
    with torch.no_grad():
        norm.running_mean.copy_(torch.randn(shape[1]))
        norm.running_var.copy_(torch.rand(shape[1]) + 0.25)
        for parameter in norm.parameters():
            parameter.copy_(torch.randn(shape[1]))
    before = norm.running_mean.clone(), norm.running_var.clone()
    y = norm(x)
    cotangent = torch.randn(*y.shape, dtype=torch.float64)
    (y * cotangent).sum().backward()
    return {
        "name": name, "layer": {"batchNorm": options}, "x": tensor(x), "weights": {n: tensor(p) for n, p in norm.named_parameters()}, "mean": tensor(before[0]), "var": tensor(before[1]),
        "cotangent": tensor(cotangent), "output": tensor(y), "grad": tensor(x.grad), "grads": {n: tensor(p.grad) for n, p in norm.named_parameters()}, "meanAfter": tensor(norm.running_mean), "varAfter": tensor(norm.running_var),
    }


print(json.dumps({"source": f"make_batch_norm.py: PyTorch {torch.__version__}, float64", "cases": [
    case("momentum 0.3", {"momentum": 0.3}, (4, 3, 2, 5), momentum=0.3),
    case("without weight and bias", {"affine": False, "epsilon": 1e-3}, (4, 3, 2, 5), affine=False, eps=1e-3),
    case("rows without weight and bias", {"affine": False, "momentum": 0.5}, (6, 5), affine=False, momentum=0.5),
    case("frozen", {"frozen": True}, (4, 3, 2, 5), training=False),
    case("frozen rows", {"frozen": True, "epsilon": 1e-2}, (6, 5), training=False, eps=1e-2),
    case("frozen without weight and bias", {"frozen": True, "affine": False}, (4, 3, 7), training=False, affine=False),
]}))
