#!/usr/bin/env python3
"""Gloo (torch.distributed) between two processes on loopback, on demand: a line "BYTES COUNT" on standard input sends COUNT tensors of BYTES from one
to the other and prints the seconds from the first send to the receiver's acknowledgement. The first line printed says the version. Ends with its input."""
import os, sys, time
import torch, torch.distributed as dist, torch.multiprocessing as mp


def run(rank, port, orders):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), GLOO_SOCKET_IFNAME="lo", OMP_NUM_THREADS="1")
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=2)
    order = torch.zeros(2, dtype=torch.int64)
    source = open(orders) if rank == 0 else None
    if rank == 0:
        print("gloo, torch " + torch.__version__, flush=True)
    tensors = {}
    while True:
        if rank == 0:
            line = source.readline().split()
            order[0], order[1] = (int(line[0]), int(line[1])) if line else (0, 0)
        dist.broadcast(order, 0)
        size, count = int(order[0]), int(order[1])
        if size == 0:
            break
        if size not in tensors:
            tensors[size] = torch.ones(size // 4)
        start = time.perf_counter()
        for _ in range(count):
            dist.send(tensors[size], 1) if rank == 0 else dist.recv(tensors[size], 0)
        dist.recv(order, 1) if rank == 0 else dist.send(order, 0)
        if rank == 0:
            print(time.perf_counter() - start, flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    mp.spawn(run, args=(29500 + os.getpid() % 1000, f"/proc/{os.getpid()}/fd/0"), nprocs=2)
