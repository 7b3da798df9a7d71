"""Writes optimizer_forms.json: forms of the optimizers that optimizer.json lacks, in float64.

Formulas are written out here from their sources (Goodfellow et al. 2016, ch. 8; Zeiler 2012; You et al. 2017 and 2020), one line each;
those that torch.optim has (centered RMSProp, AdaGrad with a falling rate, AdamW with AMSGrad) come from it.
"""
import json
import os

import numpy as np
import torch

random = np.random.default_rng(20)
STEPS, LENGTH = 12, 6


def tensor(values):
    values = np.asarray(values)
    return {"shape": list(values.shape), "data": [float(v) for v in values.ravel()]}


def case(name, attrs, rule):
    w, gradients = random.standard_normal(LENGTH), random.standard_normal((STEPS, LENGTH))
    path, state, x = [], {}, w.copy()
    for t in range(STEPS):
        g = gradients[t].copy()
        clip = attrs.get("clip_norm")
        if clip is not None:
            g *= min(1.0, clip / (np.linalg.norm(g) + 1e-6))
        lr = attrs["lr"] * (attrs.get("lr_drop", 1.0) if t >= 6 else 1.0)
        x = rule(x, g, lr, t + 1, state)
        path.append(x.copy())
    return {"name": name, "attrs": attrs, "inputs": {"w": tensor(w), "gradients": tensor(gradients)}, "output": tensor(path)}


def of_torch(name, attrs, make):
    def rule(x, g, lr, t, state):
        if "p" not in state:
            state["p"] = torch.nn.Parameter(torch.tensor(x))
            state["o"] = make([state["p"]])
        state["p"].grad = torch.tensor(g)
        state["o"].step()
        return state["p"].detach().numpy().copy()

    return case(name, attrs, rule)


def heavy_ball(x, g, lr, t, s):
    s["v"] = 0.9 * s.get("v", 0) - lr * g  # v <- alpha v - epsilon g; theta <- theta + v
    return x + s["v"]


def growing(x, g, lr, t, s):
    mu = 0.5 + (0.9 - 0.5) * min(1.0, (t - 1) / 8)
    s["v"] = mu * s.get("v", 0) + g
    return x - lr * s["v"]


def nesterov(x, g, lr, t, s):
    # theta is where the velocity has not been applied yet; x = theta + alpha v is where the gradient is taken, and what is stored.
    theta = x - 0.9 * s.get("v", np.zeros(LENGTH))
    s["v"] = 0.9 * s.get("v", np.zeros(LENGTH)) - lr * g
    return theta + s["v"] + 0.9 * s["v"]


def adagrad(x, g, lr, t, s):
    s["s"] = s.get("s", 0) + g * g
    return x - lr / np.sqrt(s["s"] + 1e-2) * g


def rmsprop(x, g, lr, t, s):
    s["s"] = 0.9 * s.get("s", 0) + 0.1 * g * g
    return x - lr / np.sqrt(s["s"] + 1e-2) * g


def rmsprop_nesterov(x, g, lr, t, s):
    theta = x - 0.9 * s.get("v", np.zeros(LENGTH))
    s["r"] = 0.9 * s.get("r", 0) + 0.1 * g * g
    s["v"] = 0.9 * s.get("v", np.zeros(LENGTH)) - lr / np.sqrt(s["r"] + 1e-6) * g
    return theta + s["v"] + 0.9 * s["v"]


def adadelta(x, g, lr, t, s):
    s["s"] = 0.95 * s.get("s", 0) + 0.05 * g * g
    step = np.sqrt((s.get("d", np.zeros(LENGTH)) + 1e-5) / (s["s"] + 1e-5)) * g
    s["d"] = 0.95 * s.get("d", 0) + 0.05 * step * step
    return x - step


def amsgrad(x, g, lr, t, s):
    s["m"] = 0.9 * s.get("m", 0) + 0.1 * g
    s["v"] = 0.95 * s.get("v", 0) + 0.05 * g * g
    s["x"] = np.maximum(s.get("x", 0), s["v"])
    return x - lr / (1 - 0.9**t) * s["m"] / (np.sqrt(s["x"]) / np.sqrt(1 - 0.95**t) + 1e-8)


def lars(x, g, lr, t, s):
    ratio = 0.02 * np.linalg.norm(x) / (np.linalg.norm(g) + 0.1 * np.linalg.norm(x) + 1e-8)
    s["v"] = 0.9 * s.get("v", 0) + lr * ratio * (g + 0.1 * x)
    return x - s["v"]


def lamb(x, g, lr, t, s):
    s["m"] = 0.9 * s.get("m", 0) + 0.1 * g
    s["v"] = 0.999 * s.get("v", 0) + 0.001 * g * g
    step = s["m"] / (1 - 0.9**t) / (np.sqrt(s["v"] / (1 - 0.999**t)) + 1e-6) + 0.1 * x
    return x - lr * np.linalg.norm(x) / np.linalg.norm(step) * step


def nadam(x, g, lr, t, s):
    mu, ahead = (0.9 * (1 - 0.5 * 0.96 ** (k * 0.004)) for k in (t, t + 1))
    s["p"] = s.get("p", 1.0) * mu
    s["m"] = 0.9 * s.get("m", 0) + 0.1 * g
    s["v"] = 0.999 * s.get("v", 0) + 0.001 * g * g
    return x - lr * ((1 - mu) / (1 - s["p"]) * g + ahead / (1 - s["p"] * ahead) * s["m"]) / (np.sqrt(s["v"] / (1 - 0.999**t)) + 1e-8)


cases = [
    case("nadam_corrected", {"lr": 0.01, "mu_twice": False}, nadam),
    case("momentum_rate_inside", {"lr": 0.1, "momentum": 0.9, "rate_inside": True, "lr_drop": 0.1}, heavy_ball),
    case("momentum_growing", {"lr": 0.05, "momentum": 0.9, "momentum_start": 0.5, "momentum_steps": 8, "lr_drop": 0.5}, growing),
    case("nesterov_rate_inside", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "rate_inside": True, "lr_drop": 0.1}, nesterov),
    case("adagrad_epsilon_inside", {"lr": 0.1, "eps": 1e-2, "epsilon_inside": True, "clip_norm": 1.0}, adagrad),
    case("rmsprop_epsilon_inside", {"lr": 0.01, "alpha": 0.9, "eps": 1e-2, "epsilon_inside": True}, rmsprop),
    case("rmsprop_nesterov", {"lr": 0.01, "alpha": 0.9, "momentum": 0.9, "eps": 1e-6, "epsilon_inside": True, "nesterov": True, "rate_inside": True, "lr_drop": 0.3}, rmsprop_nesterov),
    case("adadelta_without_rate", {"lr": 0.3, "rho": 0.95, "eps": 1e-5, "without_rate": True}, adadelta),
    case("amsgrad", {"lr": 0.01, "betas": [0.9, 0.95]}, amsgrad),
    case("lars", {"lr": 1.0, "momentum": 0.9, "weight_decay": 0.1, "trust_coefficient": 0.02}, lars),
    case("lamb_clip_norm_1", {"lr": 0.01, "weight_decay": 0.1, "clip_norm": 1.0}, lamb),
    of_torch("rmsprop_centered", {"lr": 0.01, "alpha": 0.9, "momentum": 0.5, "centered": True}, lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.9, momentum=0.5, centered=True)),
    of_torch("adagrad_lr_decay", {"lr": 0.1, "lr_decay": 0.2, "initial_accumulator_value": 0.3, "weight_decay": 0.05}, lambda p: torch.optim.Adagrad(p, lr=0.1, lr_decay=0.2, initial_accumulator_value=0.3, weight_decay=0.05)),
    of_torch("adamw_amsgrad", {"lr": 0.01, "weight_decay": 0.1, "amsgrad": True}, lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1, amsgrad=True)),
    of_torch("adamax_weight_decay", {"lr": 0.01, "weight_decay": 0.1}, lambda p: torch.optim.Adamax(p, lr=0.01, weight_decay=0.1)),
    of_torch("nadam_weight_decay", {"lr": 0.01, "weight_decay": 0.1}, lambda p: torch.optim.NAdam(p, lr=0.01, weight_decay=0.1)),
]
out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "optimizer_forms.json")
with open(out, "w") as file:
    json.dump({"source": f"make_optimizers.py: numpy, PyTorch {torch.__version__}, float64", "seed": 20, "cases": cases}, file)
    file.write("\n")
