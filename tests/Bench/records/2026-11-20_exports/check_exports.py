#!/usr/bin/python3
"""Exported files against PyTorch and onnx's own checker.

    check_exports.py MODEL.safetensors MODEL.onnx INPUT.txt PREDICTION.json OUT.safetensors

Reads the safetensors file with a few lines, runs the ONNX graph's operators in PyTorch with the weights of both files, compares
with what `disttrain predict` gave (softmax, six digits), and writes the PyTorch weights back as safetensors.
"""
import json
import struct
import sys

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper

tensors_path, graph_path, input_path, prediction_path, out_path = sys.argv[1:]
with open(tensors_path, "rb") as file:
    raw = file.read()
length = struct.unpack("<Q", raw[:8])[0]
header = json.loads(raw[8:8 + length])
header.pop("__metadata__", None)
kinds = {"F32": np.float32, "I64": np.int64}
state = {name: torch.tensor(np.frombuffer(raw[8 + length + t["data_offsets"][0]:8 + length + t["data_offsets"][1]], kinds[t["dtype"]]).reshape(t["shape"]).copy()) for name, t in header.items()}

model = onnx.load(graph_path)
onnx.checker.check_model(model, full_check=True)
inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
values = {i.name: torch.tensor(numpy_helper.to_array(i).copy()) for i in model.graph.initializer}
same = sum(1 for name, value in values.items() if name in state and torch.equal(value, state[name]))
shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim][1:]
values["input"] = torch.tensor(np.loadtxt(input_path, dtype=np.float32).reshape([1] + shape))


def attribute(node, name, otherwise=None):
    for a in node.attribute:
        if a.name == name:
            return list(a.ints) if a.type == onnx.AttributeProto.INTS else a.i if a.type == onnx.AttributeProto.INT else a.f
    return otherwise


for node in model.graph.node:
    x = [values[name] for name in node.input]
    pads = attribute(node, "pads")
    if node.op_type == "Conv":
        y = F.conv2d(x[0], x[1], x[2] if len(x) > 2 else None, attribute(node, "strides"), pads[:2], attribute(node, "dilations"), attribute(node, "group"))
    elif node.op_type == "MaxPool":
        y = F.max_pool2d(x[0], attribute(node, "kernel_shape"), attribute(node, "strides"), pads[:2])
    elif node.op_type == "BatchNormalization":
        y = F.batch_norm(x[0], x[3], x[4], x[1], x[2], eps=attribute(node, "epsilon"))
    else:
        y = {"Relu": F.relu, "Identity": lambda v: v, "Flatten": lambda v: v.flatten(1), "Add": torch.add, "GlobalAveragePool": lambda v: v.mean((2, 3), keepdim=True), "Gemm": lambda v, w, b=None: F.linear(v, w, b)}[node.op_type](*x)
    values[node.output[0]] = y

ours = json.load(open(prediction_path))["probabilities"]
difference = float((torch.softmax(values["output"][0], 0) - torch.tensor(ours)).abs().max())

# And back: PyTorch's state in PyTorch's names.
tensors, body, at = {}, b"", 0
for name, value in state.items():
    data = value.numpy().tobytes()
    tensors[name] = {"dtype": "F32" if value.dtype == torch.float32 else "I64", "shape": list(value.shape), "data_offsets": [at, at + len(data)]}
    body, at = body + data, at + len(data)
text = json.dumps(tensors).encode()
with open(out_path, "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + body)
print(f"{graph_path.split('/')[-1]}: onnx {onnx.__version__} checker passed, {len(model.graph.node)} nodes; {same} of {len(state)} tensors equal in both files; largest difference of probabilities to PyTorch {torch.__version__}: {difference:.2e}")
