#!/usr/bin/env python3
"""Golden LSTM cases in float64, in the format of the other files here: plain loops forward, central differences (h = 1e-5) for the gradients.

    python3 make_recurrent.py > recurrent.json
"""
import json
import math
import random


def sigmoid(v):
    return 1 / (1 + math.exp(-v))


def lstm(x, shape, hidden, weights):
    """Gates i, f, g, o; zero initial states; layers stacked. x is flat [N, T, I]; the result is flat [N, T, H]."""
    samples, steps, inputs = shape
    for layer in range(len(weights) // 4):
        wi, wh, bi, bh = (weights[f"{kind}_l{layer}"]["data"] for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
        y = []
        for n in range(samples):
            h, c = [0.0] * hidden, [0.0] * hidden
            for t in range(steps):
                row = x[(n * steps + t) * inputs:(n * steps + t + 1) * inputs]
                z = [bi[r] + bh[r] + sum(wi[r * inputs + k] * row[k] for k in range(inputs)) + sum(wh[r * hidden + k] * h[k] for k in range(hidden)) for r in range(4 * hidden)]
                c = [sigmoid(z[hidden + j]) * c[j] + sigmoid(z[j]) * math.tanh(z[2 * hidden + j]) for j in range(hidden)]
                h = [sigmoid(z[3 * hidden + j]) * math.tanh(c[j]) for j in range(hidden)]
                y += h
        x, inputs = y, hidden
    return x


def case(name, layers, shape, hidden, rng):
    draw = lambda *axes: {"shape": list(axes), "data": [round(rng.gauss(0, 0.6), 12) for _ in range(math.prod(axes))]}
    tensors = {"x": draw(*shape)}
    for layer in range(layers):
        tensors[f"weight_ih_l{layer}"] = draw(4 * hidden, shape[2] if layer == 0 else hidden)
        tensors[f"weight_hh_l{layer}"] = draw(4 * hidden, hidden)
        tensors[f"bias_ih_l{layer}"], tensors[f"bias_hh_l{layer}"] = draw(4 * hidden), draw(4 * hidden)
    cotangent = draw(shape[0], shape[1], hidden)
    run = lambda: lstm(tensors["x"]["data"], shape, hidden, {k: v for k, v in tensors.items() if k != "x"})
    total = lambda: sum(a * b for a, b in zip(run(), cotangent["data"]))
    grads = {}
    for key, tensor in tensors.items():
        values = []
        for i, kept in enumerate(tensor["data"]):
            tensor["data"][i] = kept + 1e-5
            above = total()
            tensor["data"][i] = kept - 1e-5
            values.append(round((above - total()) / 2e-5, 10))
            tensor["data"][i] = kept
        grads[key] = {"shape": tensor["shape"], "data": values}
    output = {"shape": cotangent["shape"], "data": [round(v, 12) for v in run()]}
    return {"name": name, "attrs": {"batch_first": True}, "inputs": tensors, "cotangent": cotangent, "output": output, "grads": grads}


rng = random.Random(1)
cases = [case("lstm", 1, (2, 5, 3), 4, rng), case("lstm_wide", 1, (3, 3, 5), 9, rng), case("lstm_2layers", 2, (2, 4, 3), 4, rng)]
print(json.dumps({"source": "make_recurrent.py, float64", "seed": 1, "cases": cases}, separators=(",", ":")))
