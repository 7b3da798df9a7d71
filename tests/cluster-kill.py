#!/usr/bin/env python3
"""Silos as processes, and kill -9: the same bits, no step lost, and how long until the next commit.

    tests/cluster-kill.py --silo silo/bin/Release/net10.0/disttrain-silo.dll --job samples/jobs/mnist-lenet.yaml --data ../data \
        --set training.epochs=4 --kills 10 --target worker|primary|scheduler|none [--postgresql CONNECTION] [--expect WEIGHTS_SHA256]

Starts a gateway and three silos (membership on this machine, or in PostgreSQL), submits the job, and then again and again kills one silo with SIGKILL at a
random moment (the seed is printed), waits for the next commit, starts a new silo in its place and waits until every shard has its replica again.
`worker`: a silo that runs a worker and holds no primary (a job with more workers than shards has one; where there is none for 20 s, that is an error); `primary`: the silo of a shard's primary; `scheduler`: the silo that holds the job. It fails
where a step is missing or told twice, where the job does not succeed, or where the hash is not the expected one. Only Python's standard library.
"""
import argparse, json, os, random, signal, socket, statistics, subprocess, sys, tempfile, time, urllib.error, urllib.request

TOKEN = "0123456789abcdef0123456789abcdef"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Silo:
    """One process; its standard output goes to a file that is read for what it announces."""

    def __init__(self, cluster, name, options):
        self.name, self.log = name, os.path.join(cluster.folder, f"{name}.txt")
        self.port = free_port()
        arguments = ["dotnet", cluster.program, "--name", name, "--silo-port", str(self.port), "--gateway-port", "0", "--lane-port", "0", "--health-port", "0",
                     "--state", os.path.join(cluster.folder, "state"), "--data", cluster.data, "--attached", "true", *options]
        if cluster.postgresql:
            arguments += ["--clustering", "postgresql", "--cluster", cluster.id]
        else:
            arguments += ["--primary", f"127.0.0.1:{cluster.primary or self.port}"]
        environment = dict(os.environ, DISTTRAIN_TOKEN=TOKEN, DISTTRAIN_POSTGRESQL=cluster.postgresql)
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=open(self.log, "w"), stderr=subprocess.STDOUT, env=environment)

    def says(self, word, limit=60):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            for line in open(self.log):
                if line.startswith(word + " "):
                    return line.split()[1]
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        sys.exit(f"{self.name} did not say '{word}' within {limit} s (exit code {self.process.poll()}); its log: {self.log}\n{open(self.log).read()[-2000:]}")


class Cluster:
    def __init__(self, options):
        self.folder = options.folder or tempfile.mkdtemp(prefix="disttrain-kill-")
        os.makedirs(self.folder, exist_ok=True)
        self.program, self.data, self.postgresql, self.primary = os.path.abspath(options.silo), os.path.abspath(options.data), options.postgresql, 0
        self.extra, self.id = options.silo_option, options.cluster or f"kill-{time.time_ns()}"
        # With membership in memory, the gateway holds it: it is the one that is never killed.
        self.gateway = Silo(self, "gateway", ["--role", "gateway", "--http-port", "0"])
        self.primary = self.gateway.port
        self.address = self.gateway.says("link")
        self.gateway.says("ready")
        self.silos, self.count = {}, 0
        for _ in range(options.silos):
            self.start()
        for silo in list(self.silos.values()):
            silo.ready = silo.says("ready")

    def start(self):
        self.count += 1
        silo = Silo(self, f"silo-{self.count}", self.extra)
        self.silos[silo.name] = silo
        return silo

    def by_node(self, node):
        return next((s for s in self.silos.values() if getattr(s, "ready", None) == node), None)

    def ask(self, path, body=None, limit=40):
        request = urllib.request.Request(self.address.rstrip("/") + "/api/v1" + path, data=None if body is None else json.dumps(body).encode(),
                                         headers={"Authorization": "Bearer " + TOKEN, "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=limit) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            raise RuntimeError(f"{refused.code} {path}: {refused.read().decode()[:500]}") from None

    def status(self, job, limit=40):
        """Asked again where the answer was lost together with a silo."""
        end = time.monotonic() + limit
        while True:
            try:
                return self.ask(f"/jobs/{job}", limit=10)
            except (RuntimeError, OSError) as lost:
                if time.monotonic() > end:
                    sys.exit(f"no status within {limit} s: {lost}")
                time.sleep(0.02)

    def close(self):
        for silo in [*self.silos.values(), self.gateway]:
            if silo.process.poll() is None:
                silo.process.kill()
            silo.process.wait()


def ended(status):
    return status["state"] in ("succeeded", "failed", "stopped", "paused")


def members(cluster, job):
    try:
        return cluster.ask(f"/jobs/{job}/members", limit=10)
    except (RuntimeError, OSError):
        return {"workers": [], "shards": []}


def whole(cluster, job, workers):
    """Every shard has two copies on living silos, and the workers are there."""
    m = members(cluster, job)
    alive = {s.ready for s in cluster.silos.values() if hasattr(s, "ready")}
    return len(m["workers"]) >= workers and m["shards"] and all(s["primary"] in alive and s["replica"] in alive for s in m["shards"])


def holder(cluster, job):
    """The silo whose log says that it took the job up last."""
    newest = ("", None)
    for silo in cluster.silos.values():
        for line in open(silo.log):
            if f"Job {job} is taken up here" in line:
                newest = max(newest, (line[:12], silo), key=lambda n: n[0])
    return newest[1]


def choose(cluster, job, target, rng):
    m = members(cluster, job)
    primaries = {s["primary"] for s in m["shards"]}
    if target == "scheduler":
        return holder(cluster, job)
    if target == "primary":
        nodes = sorted(primaries)
    else:
        nodes = sorted({w["node"] for w in m["workers"]} - primaries)
    nodes = [n for n in nodes if cluster.by_node(n)]
    return cluster.by_node(rng.choice(nodes)) if nodes else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--silo", required=True)
    parser.add_argument("--job", required=True)
    parser.add_argument("--data", default=".")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--silos", type=int, default=3)
    parser.add_argument("--silo-option", action="append", default=[])
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--target", choices=["worker", "primary", "scheduler", "none"], default="none")
    parser.add_argument("--postgresql", default="")
    parser.add_argument("--signal", choices=["kill", "term"], default="kill", help="term: the silo drains, and must end with 0")
    parser.add_argument("--cluster", default="")
    parser.add_argument("--expect", default="")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", default="")
    parser.add_argument("--limit", type=float, default=600)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    began = time.monotonic()
    cluster = Cluster(options)
    print(f"cluster of {options.silos} silos and a gateway up after {time.monotonic() - began:.1f} s; membership {'in PostgreSQL' if options.postgresql else 'in the memory of the gateway'}; logs in {cluster.folder}", flush=True)
    try:
        run(cluster, options, rng)
    finally:
        cluster.close()


def run(cluster, options, rng):
    submission = {"id": f"kill-{options.target}-{options.seed}-{int(time.time())}", "spec": open(options.job).read(), "overrides": options.set}
    first = cluster.ask("/jobs", submission, limit=300)
    job, again = first["job"], cluster.ask("/jobs", submission, limit=300)["job"]
    assert job == again, f"the same submission made {job} and {again}"
    print(f"job {job}: {first['totalSteps']} steps; kills: {options.kills} x {options.target}, seed {options.seed}", flush=True)
    seconds, killed, end, without = [], 0, time.monotonic() + options.limit, None
    while killed < options.kills:
        status = cluster.status(job)
        if ended(status) or time.monotonic() > end:
            break
        if status["step"] < 2 or not whole(cluster, job, 1):
            time.sleep(0.05)
            continue
        time.sleep(rng.random())
        victim = choose(cluster, job, options.target, rng)
        if victim is None:
            # A moment later there may be one: a worker joins, a primary moves. But nothing else is killed in its place.
            without = without or time.monotonic()
            if time.monotonic() > without + 20:
                m = members(cluster, job)
                sys.exit(f"there is no silo for --target {options.target}: workers on {sorted({w['node'] for w in m['workers']})}, primaries on {sorted({s['primary'] for s in m['shards']})}."
                         + (" Give the job a worker more than it has primaries, such as --set cluster.workers=3, or more --silos." if options.target == "worker" else ""))
            time.sleep(0.05)
            continue
        without = None
        before = cluster.status(job)
        if ended(before):
            break
        victim.process.send_signal(signal.SIGKILL if options.signal == "kill" else signal.SIGTERM)
        at = time.monotonic()
        after = cluster.status(job)["step"]
        reached = max(before["step"], after)
        while (now := cluster.status(job))["step"] <= reached and not ended(now) and time.monotonic() < at + 60:
            time.sleep(0.01)
        took = time.monotonic() - at
        if now["step"] <= reached and not ended(now):
            print(json.dumps(cluster.ask(f"/jobs/{job}/why"), indent=1))
            sys.exit(f"no commit within 60 s after {victim.name} was killed at step {reached}")
        killed += 1
        seconds.append(took)
        print(f"kill {killed}: {victim.name} at step {reached}; next commit after {took:.2f} s (step {now['step']}, incarnation {now['incarnation']})", flush=True)
        del cluster.silos[victim.name]
        code = victim.process.wait(timeout=120)
        if options.signal == "term" and code != 0:
            sys.exit(f"{victim.name} was told to end and ended with {code}; its log: {victim.log}")
        new = cluster.start()
        new.ready = new.says("ready")
    while not ended(status := cluster.status(job)):
        if time.monotonic() > end:
            print(json.dumps(cluster.ask(f"/jobs/{job}/why"), indent=1))
            sys.exit(f"the job has not ended after {options.limit} s: {status}")
        time.sleep(0.1)
    steps, after = [], 0
    while True:
        page = cluster.ask(f"/jobs/{job}/metrics?after={after}&limit=1000")
        steps += [p["step"] for p in page["points"] if p["kind"] == "step"]
        if page["after"] == after or not page["points"]:
            break
        after = page["after"]
    print(f"ended: {status['state']} after {status['step']} of {status['totalSteps']} steps, {status['seconds']:.1f} s, incarnation {status['incarnation']}, test loss {status['testLoss']}, accuracy {status['testAccuracy']}")
    print(f"weights {status['weightsSha256']}\nstate   {status['stateSha256']}\nlosses  {status['lossLogSha256']}")
    missing = sorted(set(range(1, status["totalSteps"] + 1)) - set(steps))
    print(f"steps told: {len(steps)}, missing: {len(missing)}{' ' + str(missing[:10]) if missing else ''}, twice: {len(steps) - len(set(steps))}")
    if seconds:
        ordered = sorted(seconds)
        print(f"time to next commit over {len(seconds)} kills: p50 {statistics.median(ordered):.2f} s, p90 {ordered[int(0.9 * (len(ordered) - 1))]:.2f} s, max {ordered[-1]:.2f} s")
    if status["state"] != "succeeded":
        sys.exit(f"the job has {status['state']}: {status['reason']}")
    if missing or len(steps) != len(set(steps)):
        sys.exit("steps are missing or were told twice")
    if killed < options.kills:
        sys.exit(f"the job ended after {killed} of {options.kills} kills; give it more epochs")
    if options.expect and status["weightsSha256"] != options.expect:
        sys.exit(f"the weights differ from {options.expect}")
    print("same weights as expected" if options.expect else "no hash was expected")


if __name__ == "__main__":
    main()
