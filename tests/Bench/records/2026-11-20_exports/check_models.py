#!/usr/bin/python3
"""Exported weights and graphs of the six peer models against PyTorch, and PyTorch's weights back.

    check_models.py FOLDER        FOLDER/MODEL.safetensors, MODEL.onnx, MODEL.inputs (numbers), MODEL.outputs.json (predict --raw -o json)

For each model: the safetensors file is parsed with a few lines and loaded into the PyTorch module in order of its tensors (every shape must fit); the
module's outputs are compared with disttrain's. The ONNX file must pass onnx's checker with shape inference; its operators are run one by one in PyTorch
from the weights inside the file, and compared too. Last, the module's state is written back as MODEL.torch.safetensors with the same names.
"""
import json
import os
import struct
import sys

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../DistTrain.Tests/Learning/Models/Golden"))
KINDS = {"F32": np.float32, "I64": np.int64}


def read(path):
    raw = open(path, "rb").read()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + length])
    header.pop("__metadata__", None)
    return {n: torch.tensor(np.frombuffer(raw[8 + length + t["data_offsets"][0]:8 + length + t["data_offsets"][1]], KINDS[t["dtype"]]).reshape(t["shape"]).copy()) for n, t in header.items()}


def write(path, state):
    tensors, body, at = {}, b"", 0
    for name, value in state.items():
        data = value.contiguous().numpy().tobytes()
        tensors[name] = {"dtype": "F32" if value.dtype == torch.float32 else "I64", "shape": list(value.shape), "data_offsets": [at, at + len(data)]}
        body, at = body + data, at + len(data)
    text = json.dumps(tensors).encode()
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + body)


def models():
    source = open(os.path.join(sys.path[0], "make_models.py")).read()
    scope = {}
    exec(source[:source.index("cases = []")], scope)
    return scope["MODELS"]


def attribute(node, name, otherwise=None):
    for a in node.attribute:
        if a.name == name:
            return onnx.helper.get_attribute_value(a)
    return otherwise


def lstm(node, x, w, r, b):
    """ONNX's LSTM in its own words: gates i, o, f, c."""
    hidden = attribute(node, "hidden_size")
    steps, n, _ = x.shape
    h, c, out = torch.zeros(n, hidden), torch.zeros(n, hidden), []
    for t in range(steps):
        i, o, f, g = (x[t] @ w[0].T + h @ r[0].T + b[0][:4 * hidden] + b[0][4 * hidden:]).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        out.append(h)
    return torch.stack(out).unsqueeze(1)


def reshape(v, shape):
    sizes = [int(s) for s in shape]
    return v.reshape([v.shape[i] if s == 0 else s for i, s in enumerate(sizes)])


def run(graph, x):
    values = {i.name: torch.tensor(numpy_helper.to_array(i).copy()) for i in graph.initializer}
    values["input"] = x
    simple = {
        "Relu": F.relu, "Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "Identity": lambda v: v, "Flatten": lambda v: v.flatten(1), "Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Div": torch.div,
        "Sqrt": torch.sqrt, "Erf": torch.erf, "MatMul": torch.matmul, "GlobalAveragePool": lambda v: v.mean((2, 3), keepdim=True), "Gemm": lambda v, w, b=None: F.linear(v, w, b), "Reshape": reshape,
        "Squeeze": lambda v, axes: v.squeeze(int(axes[0])), "Slice": lambda v, a, b, axis: v.narrow(int(axis[0]), int(a[0]), int(b[0] - a[0])), "Gather": lambda table, index: table[index],
    }
    for node in graph.node:
        v = [values[name] for name in node.input]
        pads = attribute(node, "pads")
        if node.op_type == "Conv":
            y = F.conv2d(v[0], v[1], v[2] if len(v) > 2 else None, attribute(node, "strides"), pads[:2], attribute(node, "dilations"), attribute(node, "group"))
        elif node.op_type == "MaxPool":
            y = F.max_pool2d(v[0], attribute(node, "kernel_shape"), attribute(node, "strides"), pads[:2])
        elif node.op_type == "BatchNormalization":
            y = F.batch_norm(v[0], v[3], v[4], v[1], v[2], eps=attribute(node, "epsilon"))
        elif node.op_type == "Transpose":
            y = v[0].permute(*attribute(node, "perm"))
        elif node.op_type == "ReduceMean":
            y = v[0].mean(attribute(node, "axes"), keepdim=True)
        elif node.op_type == "Softmax":
            y = torch.softmax(v[0], attribute(node, "axis"))
        elif node.op_type == "Cast":
            y = v[0].long()
        elif node.op_type == "LSTM":
            y = lstm(node, *v)
        else:
            y = simple[node.op_type](*v)
        values[node.output[0]] = y
    return values["output"]


folder, worst = sys.argv[1], 0.0
torch.manual_seed(0)
for name, (make, shape) in models().items():
    state = read(f"{folder}/{name}.safetensors")
    module = make().float().eval()
    ours = list(state.items())
    theirs = list(module.state_dict().keys())
    assert len(ours) == len(theirs), (name, len(ours), len(theirs))
    module.load_state_dict({key: value for key, (_, value) in zip(theirs, ours)}, strict=True)
    inputs = torch.tensor(np.loadtxt(f"{folder}/{name}.inputs", dtype=np.float32, ndmin=2))
    outputs = torch.tensor([json.loads(line)["output"] for line in open(f"{folder}/{name}.outputs.json")])
    batch = inputs.reshape(len(inputs), *shape)
    text = name in ("lstm", "gpt")
    with torch.no_grad():
        expected = module(batch.long() if text else batch).reshape(len(inputs), -1)
        graph = onnx.load(f"{folder}/{name}.onnx")
        onnx.checker.check_model(graph, full_check=True)
        onnx.shape_inference.infer_shapes(graph, strict_mode=True)
        declared = [d.dim_value for d in graph.graph.input[0].type.tensor_type.shape.dim][1:]
        by_graph = run(graph.graph, inputs.reshape(len(inputs), *declared)).reshape(len(inputs), -1)
    by_module, of_graph = float((expected - outputs).abs().max()), float((by_graph - outputs).abs().max())
    worst = max(worst, by_module, of_graph)
    print(f"{name:10} {len(ours):4} tensors; largest difference of {outputs.numel()} outputs (largest {float(outputs.abs().max()):.3f}): PyTorch module {by_module:.2e}, ONNX graph ({len(graph.graph.node)} nodes, checker passed) {of_graph:.2e}")
    write(f"{folder}/{name}.torch.safetensors", {ours_name: module.state_dict()[key] for key, (ours_name, _) in zip(theirs, ours)})
print("largest of all", f"{worst:.2e}")
sys.exit(0 if worst <= 1e-5 else 1)
