"""Writes loss_forms.json: losses that loss.json lacks or leaves at zero, from PyTorch in float64."""
import json
import os

import torch
import torch.nn.functional as F

torch.manual_seed(30)
torch.set_default_dtype(torch.float64)


def tensor(t):
    return {"shape": list(t.shape), "data": [float(v) for v in t.detach().reshape(-1)]}


def case(name, attrs, inputs, of, function):
    leaves = {k: inputs[k].requires_grad_() for k in of}
    loss = function(**inputs)
    loss.backward()
    return {"name": name, "attrs": attrs, "inputs": {k: tensor(v) for k, v in inputs.items()}, "cotangent": tensor(torch.tensor(1.0)), "output": tensor(loss),
            "grads": {k: tensor(v.grad) for k, v in leaves.items()}}


labels = torch.tensor([2, 0, 3, 3, 1, 4])
weight = torch.tensor([1.0, 0.5, 2.0, 0.25, 3.0])
pixels = torch.randint(0, 4, (2, 3, 3))
sign = torch.tensor([1.0, -1, 1, -1, -1, 1, 1, -1]).reshape(4, 2)


def localization(y, target):
    return ((y[:, 0] - target[:, 0]) ** 2 + target[:, 0] * ((y[:, 1:] - target[:, 1:]) ** 2).sum(1)).mean()


def triplet(a, p, n):
    return torch.clamp(((a - p) ** 2).sum(1) - ((a - n) ** 2).sum(1) + 0.2, min=0).mean()


r = torch.randn
cases = [
    case("rmse", {}, {"y": r(4, 3), "target": r(4, 3)}, "y", lambda y, target: torch.sqrt(F.mse_loss(y, target))),
    case("mbe", {}, {"y": r(4, 3), "target": r(4, 3)}, "y", lambda y, target: (y - target).mean()),
    case("smooth_l1_beta_0.4", {"beta": 0.4}, {"y": r(4, 3), "target": r(4, 3)}, "y", lambda y, target: F.smooth_l1_loss(y, target, beta=0.4)),
    case("bce_with_logits_weighted", {"pos_weight": 2.5}, {"y": 3 * r(5, 2), "target": torch.rand(5, 2)}, "y", lambda y, target: F.binary_cross_entropy_with_logits(y, target, pos_weight=torch.tensor(2.5))),
    case("cross_entropy_weighted", {"label_smoothing": 0.1, "ignore_index": 3}, {"y": 2 * r(6, 5), "target": labels.double(), "weight": weight}, "y",
         lambda y, target, weight: F.cross_entropy(y, target.long(), weight=weight, ignore_index=3, label_smoothing=0.1)),
    case("cross_entropy_pixelwise_ignored", {"ignore_index": 1}, {"y": r(2, 4, 3, 3), "target": pixels.double()}, "y", lambda y, target: F.cross_entropy(y, target.long(), ignore_index=1)),
    case("hinge", {}, {"y": r(4, 2), "target": sign}, "y", lambda y, target: torch.clamp(1 - target * y, min=0).mean()),
    case("hinge_squared", {"p": 2, "margin": 0.7}, {"y": r(4, 2), "target": sign}, "y", lambda y, target: (torch.clamp(0.7 - target * y, min=0) ** 2).mean()),
    case("multiclass_hinge_squared", {"p": 2, "margin": 0.8}, {"y": r(6, 5), "target": labels.double()}, "y", lambda y, target: F.multi_margin_loss(y, target.long(), p=2, margin=0.8)),
    case("triplet", {"margin": 0.2}, {"a": 0.5 * r(5, 6), "p": 0.5 * r(5, 6), "n": 0.5 * r(5, 6)}, "apn", triplet),
    case("localization", {}, {"y": r(4, 6), "target": torch.cat([torch.tensor([[1.0], [0], [1], [0]]), r(4, 5)], 1)}, "y", localization),
    case("adversarial", {}, {"y": r(4, 1), "target": torch.tensor([[1.0], [0], [0], [1]])}, "y", lambda y, target: F.binary_cross_entropy_with_logits(y, target)),
    case("adversarial_minimax_generator", {"form": "minimax", "role": "generator"}, {"y": r(4, 1), "target": torch.zeros(4, 1)}, "y", lambda y, target: torch.log(1 - torch.sigmoid(y)).mean()),
    case("adversarial_generator", {"role": "generator"}, {"y": r(4, 1), "target": torch.zeros(4, 1)}, "y", lambda y, target: -torch.log(torch.sigmoid(y)).mean()),
    case("adversarial_squares_generator", {"form": "leastSquares", "role": "generator"}, {"y": r(4, 1), "target": torch.zeros(4, 1)}, "y", lambda y, target: 0.5 * ((y - 1) ** 2).mean()),
]
out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "loss_forms.json")
with open(out, "w") as file:
    json.dump({"source": f"make_losses.py: PyTorch {torch.__version__}, float64", "seed": 30, "cases": cases}, file)
    file.write("\n")
