#!/usr/bin/python3
"""The peer's language models (lstm, gpt) trained in PyTorch for a given number of steps: test perplexity.

    torch_text_steps.py PEERS/torch_train.py TEXT --model lstm --steps 5538 --threads 1

The recipe of the peer's torch_text.py (90/10 split, batch 32, sequence 64, AdamW (0.9, 0.99, decay 0.01), rate 4e-3 or 2e-3, 100 warm-up steps, cosine,
clip 1.0, starts drawn at random), with the cosine over steps instead of seconds, so that what else the machine does changes nothing.
"""
import argparse, json, math, os, sys, time
a = argparse.ArgumentParser()
a.add_argument("peer"); a.add_argument("text"); a.add_argument("--model", default="lstm"); a.add_argument("--steps", type=int, default=5000)
a.add_argument("--threads", default="1"); a.add_argument("--seed", type=int, default=1)
a = a.parse_args()
os.environ.update(OMP_NUM_THREADS=a.threads, OPENBLAS_NUM_THREADS=a.threads)
import torch, torch.nn as nn, torch.nn.functional as F

space = {"__name__": "peer"}
sys.argv = ["peer"]
exec(compile(open(a.peer).read().rsplit("\nmain()", 1)[0], "torch_train.py", "exec"), space)
torch.set_num_threads(int(a.threads)); torch.manual_seed(a.seed)
text = open(a.text).read()
symbols = sorted(set(text)); data = torch.tensor([symbols.index(c) for c in text]); cut = int(len(data) * 0.9); train, test = data[:cut], data[cut:]
model, _ = space["build"](a.model)
if a.model == "gpt":
    for m in model.modules():
        if isinstance(m, nn.Linear): nn.init.normal_(m.weight, 0, 0.02); nn.init.zeros_(m.bias)
        if isinstance(m, nn.Embedding): nn.init.normal_(m.weight, 0, 0.02)
opt = torch.optim.AdamW(model.parameters(), lr=1, betas=(0.9, 0.99), weight_decay=0.01)
rate, start = (2e-3 if a.model == "gpt" else 4e-3), time.time()


def batch(source, starts):
    return torch.stack([source[i:i + 64] for i in starts]), torch.stack([source[i + 1:i + 65] for i in starts]).flatten()


for step in range(a.steps):
    lr = rate * min(1, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * step / a.steps)) + 1e-5
    for g in opt.param_groups: g["lr"] = lr
    x, y = batch(train, torch.randint(0, len(train) - 65, (32,)))
    opt.zero_grad(); loss = F.cross_entropy(model(x), y); loss.backward(); nn.utils.clip_grad_norm_(model.parameters(), 1.0); opt.step()
    if step % 500 == 0: print(step, round(float(loss), 4), file=sys.stderr, flush=True)
model.eval(); losses = []
with torch.no_grad():
    for i in range(0, len(test) - 65 * 64, 64 * 64):
        x, y = batch(test, range(i, i + 64 * 64, 64)); losses.append(float(F.cross_entropy(model(x), y)))
loss = sum(losses) / len(losses)
print(json.dumps({"peer": "pytorch " + torch.__version__, "model": a.model, "steps": a.steps, "seconds": round(time.time() - start, 1), "test_loss": round(loss, 4), "perplexity": round(math.exp(loss), 3)}))
