#!/usr/bin/python3
"""The peer's ResNet-18 on the CIFAR-10 subset in PyTorch: test accuracy.

    torch_cifar.py PEERS/torch_train.py CIFAR_FOLDER --epochs 5 --batch 64 --seed 1 --threads 1

Recipe: pixels standardized by channel with the training set's mean and deviation, SGD with momentum 0.9, rate 0.05, weight decay 5e-4 on every weight,
cosine to zero after 50 warm-up steps, gradient norm clipped at 1, a new order each epoch, the last batch of an epoch may be smaller. No augmentation.
"""
import argparse, glob, gzip, json, math, os, sys, time
a = argparse.ArgumentParser()
a.add_argument("peer"); a.add_argument("folder"); a.add_argument("--epochs", type=int, default=5); a.add_argument("--batch", type=int, default=64)
a.add_argument("--threads", default="1"); a.add_argument("--seed", type=int, default=1)
a = a.parse_args()
os.environ.update(OMP_NUM_THREADS=a.threads, OPENBLAS_NUM_THREADS=a.threads)
import numpy as np, torch, torch.nn as nn, torch.nn.functional as F

space = {"__name__": "peer"}
sys.argv = ["peer"]
exec(compile(open(a.peer).read().rsplit("\nmain()", 1)[0], "torch_train.py", "exec"), space)
torch.set_num_threads(int(a.threads)); torch.manual_seed(a.seed)


def read(names):
    raw = np.concatenate([np.frombuffer(gzip.open(n).read(), np.uint8).reshape(-1, 3073) for n in sorted(names)])
    return torch.from_numpy(raw[:, 1:].reshape(-1, 3, 32, 32).astype(np.float32) / 255), torch.from_numpy(raw[:, 0].astype(np.int64))


x, y = read(glob.glob(os.path.join(a.folder, "data_batch*.bin.gz"))); tx, ty = read(glob.glob(os.path.join(a.folder, "test_batch*.bin.gz")))
mean, std = x.mean((0, 2, 3), keepdim=True), x.std((0, 2, 3), keepdim=True)
x, tx = ((x - mean) / std).contiguous(memory_format=torch.channels_last), (tx - mean) / std
model = space["build"]("resnet18")[0].to(memory_format=torch.channels_last)
opt = torch.optim.SGD(model.parameters(), lr=1, momentum=0.9, weight_decay=5e-4)
per_epoch = math.ceil(len(x) / a.batch); total = per_epoch * a.epochs; step = 0; start = time.time()
for epoch in range(a.epochs):
    model.train(); order = torch.randperm(len(x)); seen = 0.0
    for at in range(0, len(x), a.batch):
        pick = order[at:at + a.batch]
        lr = 0.05 * ((step + 1) / 50 if step < 50 else 0.5 + 0.5 * math.cos(math.pi * (step - 50) / (total - 50)))
        for g in opt.param_groups: g["lr"] = lr
        opt.zero_grad(); loss = F.cross_entropy(model(x[pick]), y[pick]); loss.backward(); nn.utils.clip_grad_norm_(model.parameters(), 1.0); opt.step()
        step += 1; seen += float(loss) * len(pick)
    model.eval()
    with torch.no_grad():
        out = torch.cat([model(tx[i:i + 100]) for i in range(0, len(tx), 100)])
    print(json.dumps({"peer": "pytorch " + torch.__version__, "model": "resnet18", "seed": a.seed, "epoch": epoch + 1, "seconds": round(time.time() - start, 1), "train_loss": round(seen / len(x), 4),
                      "test_loss": round(float(F.cross_entropy(out, ty)), 4), "test_accuracy": round(float((out.argmax(1) == ty).float().mean()), 4)}), flush=True)
