#!/usr/bin/python3
"""ONNX files of single layers: each must pass onnx's checker and shape inference, its inferred output shape must be ours, and its operators, run one by one in PyTorch from the weights
inside the file, must give our outputs.

    check_layers.py FOLDER        FOLDER/index.json: [{i, text, input, output, x, y, refused}], FOLDER/I.onnx
"""
import json
import sys

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper, shape_inference


def attributes(node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def text(v):
    return v.decode() if isinstance(v, bytes) else v


def padded(v, pads, value=0.0):
    n = len(pads) // 2
    return F.pad(v, [p for i in reversed(range(n)) for p in (pads[i], pads[i + n])], value=value)


def recurrent(kind, a, x, w, r, b):
    """ONNX's RNN, GRU and LSTM in the words of its operator page; x [T, N, I] -> [T, directions, N, H]."""
    hidden, outs = a["hidden_size"], []
    for d in range(w.shape[0]):
        steps = range(x.shape[0]) if d == 0 else range(x.shape[0] - 1, -1, -1)
        h, c, out = torch.zeros(x.shape[1], hidden), torch.zeros(x.shape[1], hidden), [None] * x.shape[0]
        k = w.shape[1]
        wb, rb = b[d][:k], b[d][k:]
        for t in steps:
            gx, gh = x[t] @ w[d].T + wb, h @ r[d].T + rb
            if kind == "RNN":
                act = text(a["activations"][d])
                h = (torch.tanh if act == "Tanh" else F.relu)(gx + gh)
            elif kind == "LSTM":
                i, o, f, g = (gx + gh).chunk(4, 1)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
            else:
                (zx, rx, nx), (zh, rh, nh) = gx.chunk(3, 1), gh.chunk(3, 1)
                z, s = torch.sigmoid(zx + zh), torch.sigmoid(rx + rh)
                n = torch.tanh(nx + s * nh) if a.get("linear_before_reset", 0) else torch.tanh(nx + (s * h) @ r[d][2 * hidden:].T + rb[2 * hidden:])
                h = (1 - z) * n + z * h
            out[t] = h
        outs.append(torch.stack(out))
    return torch.stack(outs, 1)


def resize(a, x, roi, scales):
    s = [float(v) for v in scales[2:]]
    if text(a["mode"]) == "nearest":
        assert text(a["coordinate_transformation_mode"]) == "asymmetric" and text(a["nearest_mode"]) == "floor"
        for axis, f in ((2, s[0]), (3, s[1])):
            x = x.index_select(axis, torch.tensor([int(i / f) for i in range(int(x.shape[axis] * f))]))
        return x
    assert text(a["coordinate_transformation_mode"]) == "half_pixel"
    for axis, f in ((2, s[0]), (3, s[1])):
        size = x.shape[axis]
        place = ((torch.arange(int(size * f), dtype=torch.float64) + 0.5) / f - 0.5).clamp(0, size - 1)
        low = place.floor().long()
        share = (place - low).float().reshape([-1 if i == axis else 1 for i in range(4)])
        x = x.index_select(axis, low) * (1 - share) + x.index_select(axis, (low + 1).clamp(max=size - 1)) * share
    return x


def lrn(a, x):
    n, c = a["size"], x.shape[1]
    total = torch.stack([(x[:, max(0, i - (n - 1) // 2):min(c - 1, i + n // 2) + 1] ** 2).sum(1) for i in range(c)], 1)
    return x / (a["bias"] + a["alpha"] / n * total) ** a["beta"]


def pool(kind, a, x):
    k, pads = a["kernel_shape"], a.get("pads", [0] * (2 * len(a["kernel_shape"])))
    s = a.get("strides", [1] * len(k))
    if kind == "MaxPool":
        return {2: F.max_pool2d, 3: F.max_pool3d}[len(k)](padded(x, pads, -torch.inf), k, s)
    total = F.avg_pool2d(padded(x, pads), k, s)
    return total if a.get("count_include_pad", 0) else total / F.avg_pool2d(padded(torch.ones_like(x), pads), k, s)


def slice_(x, starts, ends, axes):
    for s, e, axis in zip(starts.tolist(), ends.tolist(), axes.tolist()):
        x = x.narrow(axis, s, min(e, x.shape[axis]) - s)
    return x


def run(graph, x):
    values = {i.name: torch.tensor(numpy_helper.to_array(i).copy()) for i in graph.initializer}
    values["input"], values[""] = x, None
    for node in graph.node:
        v, a, op = [values[name] for name in node.input], attributes(node), node.op_type
        if op == "Conv":
            pads = a["pads"]
            y = {4: F.conv2d, 5: F.conv3d}[v[0].dim()](padded(v[0], pads), v[1], v[2] if len(v) > 2 else None, a["strides"], 0, a["dilations"], a["group"])
        elif op == "ConvTranspose":
            y = F.conv_transpose2d(v[0], v[1], v[2] if len(v) > 2 else None, a["strides"], a["pads"][:2], a["output_padding"], a["group"], a["dilations"])
        elif op in ("MaxPool", "AveragePool"):
            y = pool(op, a, v[0])
        elif op == "BatchNormalization":
            y = F.batch_norm(v[0], v[3], v[4], v[1], v[2], eps=a["epsilon"])
        elif op == "InstanceNormalization":
            y = F.instance_norm(v[0], weight=v[1], bias=v[2], eps=a["epsilon"])
        elif op == "Transpose":
            y = v[0].permute(*a["perm"])
        elif op == "ReduceMean":
            y = v[0].mean(a["axes"], keepdim=bool(a.get("keepdims", 1)))
        elif op == "ReduceMax":
            y = v[0].amax(a["axes"], keepdim=bool(a.get("keepdims", 1)))
        elif op == "ReduceSum":
            y = v[0].sum([int(i) for i in v[1]], keepdim=bool(a.get("keepdims", 1)))
        elif op == "ReduceL2":
            y = v[0].pow(2).sum(a["axes"], keepdim=bool(a.get("keepdims", 1))).sqrt()
        elif op in ("Softmax", "LogSoftmax"):
            y = (torch.softmax if op == "Softmax" else torch.log_softmax)(v[0], a["axis"])
        elif op == "Cast":
            y = v[0].long()
        elif op in ("RNN", "GRU", "LSTM"):
            y = recurrent(op, a, *v)
        elif op == "Reshape":
            y = v[0].reshape([v[0].shape[i] if s == 0 else s for i, s in enumerate(int(s) for s in v[1])])
        elif op == "Squeeze":
            y = v[0]
            for axis in sorted((int(i) for i in v[1]), reverse=True):
                y = y.squeeze(axis)
        elif op == "Unsqueeze":
            y = v[0]
            for axis in sorted(int(i) for i in v[1]):
                y = y.unsqueeze(axis)
        elif op == "Concat":
            y = torch.cat(v, a["axis"])
        elif op == "Slice":
            y = slice_(*v)
        elif op == "Split":
            y = v[0]
        elif op == "Gather":
            y = v[0][v[1]] if a.get("axis", 0) == 0 else v[0].index_select(a["axis"], v[1])
        elif op == "Gemm":
            y = v[0] @ (v[1].T if a.get("transB", 0) else v[1]) + (v[2] if len(v) > 2 else 0)
        elif op == "DepthToSpace":
            assert text(a["mode"]) == "CRD"
            y = F.pixel_shuffle(v[0], a["blocksize"])
        elif op == "Resize":
            y = resize(a, *v)
        elif op == "LRN":
            y = lrn(a, v[0])
        elif op == "Clip":
            y = v[0].clamp(float(v[1]), float(v[2]))
        elif op == "Elu":
            y = F.elu(v[0], a.get("alpha", 1.0))
        elif op == "Selu":
            y = a.get("gamma", 1.0507009873554805) * torch.where(v[0] > 0, v[0], a.get("alpha", 1.6732632423543772) * torch.expm1(v[0]))
        elif op == "LeakyRelu":
            y = F.leaky_relu(v[0], a.get("alpha", 0.01))
        elif op == "PRelu":
            y = torch.where(v[0] >= 0, v[0], v[0] * v[1])
        elif op == "HardSwish":
            y = F.hardswish(v[0])
        elif op == "HardSigmoid":
            y = (a.get("alpha", 0.2) * v[0] + a.get("beta", 0.5)).clamp(0, 1)
        else:
            y = {"Relu": F.relu, "Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "Abs": torch.abs, "Softplus": F.softplus, "Identity": lambda t: t, "Dropout": lambda t: t, "Flatten": lambda t: t.flatten(1), "Add": torch.add,
                 "Sub": torch.sub, "Mul": torch.mul, "Div": torch.div, "Max": torch.maximum, "Sqrt": torch.sqrt, "Erf": torch.erf, "MatMul": torch.matmul, "Pow": torch.pow, "Neg": torch.neg, "Exp": torch.exp,
                 "GlobalAveragePool": lambda t: t.mean((2, 3), keepdim=True), "GlobalMaxPool": lambda t: t.amax((2, 3), keepdim=True), "Where": lambda c, p, q: torch.where(c.bool(), p, q)}[op](*v)
        values[node.output[0]] = y
    return values["output"]


folder = sys.argv[1]
passed, refused, wrong, worst, kinds = 0, [], [], 0.0, set()
for case in json.load(open(f"{folder}/index.json")):
    if case["refused"]:
        refused.append(f"{case['text']}: {case['refused']}")
        continue
    try:
        model = onnx.load(f"{folder}/{case['i']}.onnx")
        onnx.checker.check_model(model, full_check=True)
        inferred = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
        kinds.update(n.op_type for n in model.graph.node)
        declared = [d.dim_value for d in inferred.graph.output[0].type.tensor_type.shape.dim][1:]
        assert declared == case["output"], f"declared {declared}, ours {case['output']}"
        x = torch.tensor(case["x"]).reshape(3, *case["input"])
        y = torch.tensor(case["y"]).reshape(3, *case["output"])
        with torch.no_grad():
            found = run(model.graph, x)
        assert list(found.shape) == list(y.shape), f"shape {list(found.shape)}, ours {list(y.shape)}"
        difference = float((found - y).abs().max() / y.abs().max().clamp(min=1e-6))
        worst = max(worst, difference)
        print(f"{difference:.1e}  {case['text']}: {', '.join(n.op_type for n in model.graph.node if n.op_type != 'Identity')}")
        if difference <= 1e-5:
            passed += 1
        else:
            wrong.append(f"{case['text']}: differs by {difference:.2e}")
    except Exception as e:
        wrong.append(f"{case['text']}: {type(e).__name__} {str(e)[:300]}")
print(f"\n{passed} pass onnx's checker, shape inference and the comparison (largest difference {worst:.2e} of the largest output); operators: {', '.join(sorted(kinds))}")
print(f"{len(refused)} have no form and say so:", *refused, sep="\n  ")
print(f"{len(wrong)} wrong", *wrong, sep="\n  ")
sys.exit(1 if wrong else 0)
