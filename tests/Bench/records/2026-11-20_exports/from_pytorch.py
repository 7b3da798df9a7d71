#!/usr/bin/python3
"""PyTorch's weights into a run: for each of the six peer models (shared/peers/torch_train.py, its own names) the state_dict as a safetensors file, a job whose spec.init takes it
(rename rules from PyTorch's names to ours, everything frozen), one epoch of disttrain train, and predict's outputs on four samples against the module's.

    from_pytorch.py DISTTRAIN_DLL TORCH_TRAIN_PY FOLDER
"""
import json
import os
import random
import struct
import subprocess
import sys
import zlib

import torch

program, peer, folder = sys.argv[1:4]
os.makedirs(folder, exist_ok=True)
scope = {"__name__": "peer"}
source = open(peer).read()
exec(source[:source.index("def main")], scope)
random.seed(5)


def disttrain(*arguments):
    done = subprocess.run(["dotnet", program, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, (arguments, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


def save(path, state):
    tensors, body, at = {}, b"", 0
    for name, value in state.items():
        data = value.contiguous().numpy().tobytes()
        tensors[name] = {"dtype": "F32" if value.dtype == torch.float32 else "I64", "shape": list(value.shape), "data_offsets": [at, at + len(data)]}
        body, at = body + data, at + len(data)
    text = json.dumps(tensors).encode()
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + body)


def png(path, side):
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + random.randbytes(3 * side) for _ in range(side))
    open(path, "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


for digit in range(10):
    os.makedirs(f"{folder}/pictures/{digit}", exist_ok=True)
    for i in range(8):
        png(f"{folder}/pictures/{digit}/{i}.png", 32)
symbols = [chr(c) for c in range(48, 48 + 65)]
open(f"{folder}/text.txt", "w").write("".join(symbols) + "".join(random.choice(symbols) for _ in range(6000)))

DIGITS, PICTURES, TEXT = "{ format: { digits: { train: 160, test: 40 } }, standardize: false }", "{ format: images, path: pictures, standardize: false }", "{ format: { text: { length: 64 } }, path: text.txt }"
BLOCK = {"c1": "body.0", "b1": "body.1", "c2": "body.3", "b2": "body.4", "short.0": "shortcut.0", "short.1": "shortcut.1"}
separable = lambda i: [(f"{i}.{a}.*", f"{i}.{a}.*") for a in range(6)]
JOBS = {
    "mlp": (DIGITS, "[flatten, { linear: 512 }, relu, { linear: 512 }, relu, { linear: 10 }]", [("4.*", "5.*"), ("2.*", "3.*"), ("0.*", "1.*")]),
    "lenet": (DIGITS, "lenet", []),
    "resnet18": (PICTURES, "resnet18", [(f"{i}.{a}.*", f"{i}.{b}.*") for i in range(3, 11) for a, b in BLOCK.items()] + [("13.*", "12.*")]),
    "mobilenet": (PICTURES, "mobilenet", [("10.*", "9.*")]),
    "lstm": (TEXT, "lstm", [("e.*", "0.*"), ("r.*", "1.*"), ("o.*", "2.*")]),
    "gpt": (TEXT, "gpt", None),
}
worst = 0.0
for name, (data, model, rules) in JOBS.items():
    torch.manual_seed(7)
    module, shape = scope["build"](name)
    for key, buffer in module.named_buffers():
        if key.endswith("running_mean"):
            buffer.copy_(0.3 * torch.randn_like(buffer))
        if key.endswith("running_var"):
            buffer.copy_(0.5 + torch.rand_like(buffer))
    module.eval()
    state = {k: v for k, v in module.state_dict().items() if k != "mask"}
    save(f"{folder}/{name}.safetensors", state)
    spec = lambda name, rules: "\n".join([
        "apiVersion: disttrain/v1", "kind: TrainingJob", f"metadata: {{ name: {name} }}", "spec:", f"  data: {data}", f"  model: {model}", "  loss: crossEntropy", "  optimizer: sgd",
        *([f"  init:\n    from: {name}.safetensors", *(["    map:"] + [f'      - {{ rename: {{ match: "{a}", to: "{b}" }} }}' for a, b in rules] if rules else [])] if rules is not None else []),
        '  training: { epochs: 1, batchSize: 16, microBatches: 1, seed: 1, parameters: [{ freeze: "*" }] }', ""])
    if rules is None:
        # By order: our names from a run without weights.
        open(f"{folder}/{name}0.yaml", "w").write(spec(f"{name}0", None))
        disttrain("train", f"{name}0.yaml", "--overwrite", "--dashboard", "off")
        disttrain("checkpoints", "export", f"runs/{name}0", "--out", f"{name}0.safetensors")
        raw = open(f"{folder}/{name}0.safetensors", "rb").read()
        header = json.loads(raw[8:8 + struct.unpack("<Q", raw[:8])[0]])
        header.pop("__metadata__", None)
        shapes, rules = {n: t["shape"] for n, t in header.items()}, []
        theirs = [k for k in state if k != "p"]
        theirs.insert(1, "p")  # PyTorch lists a module's own parameters first
        assert len(theirs) == len(shapes)
        for a, b in zip(theirs, shapes):
            assert list(state[a].shape) == shapes[b], (a, b)
            rules.append((a, b))
    open(f"{folder}/{name}.yaml", "w").write(spec(name, rules))
    disttrain("train", f"{name}.yaml", "--overwrite", "--dashboard", "off")
    text = shape == "text"
    inputs = torch.randint(0, 65, (4, 64)) if text else torch.randn(4, *shape)
    open(f"{folder}/{name}.inputs", "w").write("\n".join(" ".join(f"{v:.9g}" for v in row.reshape(-1).tolist()) for row in inputs) + "\n")
    outputs = torch.tensor([json.loads(line)["output"] for line in disttrain("predict", f"runs/{name}", f"{name}.inputs", "--raw", "-o", "json").splitlines()])
    with torch.no_grad():
        expected = module(inputs).reshape(4, -1)
    difference = float((expected - outputs.reshape(4, -1)).abs().max() / expected.abs().max())
    worst = max(worst, difference)
    print(f"{name:10} {len(state):4} tensors of PyTorch's state_dict, {len(rules)} rename rules; largest difference of {outputs.numel()} outputs, of the largest ({float(expected.abs().max()):.3f}): {difference:.2e}", flush=True)
print("largest of all", f"{worst:.2e}")
sys.exit(0 if worst <= 1e-5 else 1)
