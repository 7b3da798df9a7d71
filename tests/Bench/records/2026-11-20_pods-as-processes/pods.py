#!/usr/bin/env python3
"""The pods of a rendered overlay as processes, without Kubernetes: each in a network namespace of its own with the pod's environment, ports, mounts,
user, read-only root, no capabilities and no new privileges; a job is trained through the gateway while pods are drained, killed and started again, and
while PostgreSQL is away. Needs root on Linux, PyYAML, PostgreSQL's programs, openssl, and nothing else.

  pods.py MANIFESTS SILO_FOLDER COMMAND JOB [--set PATH=VALUE ...]
  pods.py k8s/rendered/dev.yaml out/silo "dotnet out/cli/disttrain.dll" samples/jobs/digits-lenet.yaml
"""
import json, os, shutil, signal, socket, ssl, subprocess, sys, tempfile, time, urllib.error, urllib.request

import yaml

BRIDGE, NET = "dtbr0", "10.77.0"
manifests, silo, command, job, sets = *sys.argv[1:5], sys.argv[5:]
resources = list(yaml.safe_load_all(open(manifests)))
settings = {r["metadata"]["name"]: r["data"] for r in resources if r["kind"] == "ConfigMap"}
workloads = {r["metadata"]["name"]: r for r in resources if r["kind"] in ("StatefulSet", "Deployment")}
folder = tempfile.mkdtemp(prefix="pods-")
os.chmod(folder, 0o755)
began = time.time()


def say(*words):
    print(f"{time.time() - began:6.1f} s", *words, flush=True)


def sh(line, check=True):
    return subprocess.run(line, shell=True, check=check, capture_output=True, text=True).stdout.strip()


def path(*parts):
    return os.path.join(folder, *parts)


class Postgres:
    bin = sh("ls -d /usr/lib/postgresql/*/bin | tail -1")

    def __init__(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        os.mkdir(path("pg"))
        open(path("pw"), "w").write(sh("openssl rand -hex 16"))
        sh(f"chown postgres {path('pg')}; chmod 644 {path('pw')}")
        sh(f"runuser -u postgres -- {self.bin}/initdb -D {path('pg')} -U disttrain --pwfile={path('pw')} -A scram-sha-256")
        sh(f"echo 'host all all {NET}.0/24 scram-sha-256' >> {path('pg', 'pg_hba.conf')}")
        self.start()
        sh(f"PGPASSWORD=$(cat {path('pw')}) {self.bin}/createdb -h 127.0.0.1 -p {self.port} -U disttrain disttrain")

    def start(self):
        options = f"-p {self.port} -k {path('pg')} -c listen_addresses=127.0.0.1,{NET}.1"
        sh(f"runuser -u postgres -- {self.bin}/pg_ctl -D {path('pg')} -o '{options}' -l {path('pg', 'log')} -w start")

    def stop(self):
        sh(f"runuser -u postgres -- {self.bin}/pg_ctl -D {path('pg')} -m immediate -w stop", check=False)

    def connection(self):
        return f"Host={NET}.1;Port={self.port};Database=disttrain;Username=disttrain;Password={open(path('pw')).read().strip()}"


class Pod:
    sources = {"/secrets": "secrets", "/access": "access", "/tls": "tls", "/checkpoints": "checkpoints", "/data": "data"}

    def __init__(self, workload, name, number):
        self.name, self.ip, self.space, self.number = name, f"{NET}.{10 + number}", f"dtns{number}", number
        self.container = workloads[workload]["spec"]["template"]["spec"]["containers"][0]
        self.security = workloads[workload]["spec"]["template"]["spec"]["securityContext"]
        sh(f"ip netns add {self.space}; ip link add dtv{number} type veth peer name eth0 netns {self.space}; ip link set dtv{number} master {BRIDGE} up")
        sh(f"ip -n {self.space} addr add {self.ip}/24 dev eth0; ip -n {self.space} link set eth0 up; ip -n {self.space} link set lo up")
        self.start()

    def environment(self):
        given = {"PATH": os.environ["PATH"], "HOME": "/", "LANG": "C.UTF-8", "ASPNETCORE_HTTP_PORTS": ""}
        for source in self.container.get("envFrom", []):
            given.update(settings[source["configMapRef"]["name"]])
        for variable in self.container["env"]:
            source = variable.get("valueFrom", {})
            field = {"metadata.name": self.name, "status.podIP": self.ip}.get(source.get("fieldRef", {}).get("fieldPath"), "1")
            given[variable["name"]] = variable.get("value", field)
        given.pop("OTEL_EXPORTER_OTLP_ENDPOINT", None)
        return given

    def start(self):
        assert self.container["securityContext"]["readOnlyRootFilesystem"] and self.security["runAsNonRoot"]
        lines = ["set -e", "mount --make-rprivate /"]
        for mount in self.container["volumeMounts"]:
            at = mount["mountPath"]
            if at == "/tmp":
                continue
            lines.append(f"mount --bind {path(self.sources[at])} {at}")
            if mount.get("readOnly"):
                lines.append(f"mount -o remount,bind,ro {at}")
        lines += ["mount -o remount,bind,ro /", "mount -t tmpfs -o mode=1777 tmpfs /tmp"]
        user, group = self.security["runAsUser"], self.security["runAsGroup"]
        lines.append(f"exec setpriv --reuid {user} --regid {group} --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all dotnet {silo}/disttrain-silo.dll")
        log = open(path(f"{self.name}.log"), "a")
        self.process = subprocess.Popen(["ip", "netns", "exec", self.space, "unshare", "-m", "--propagation", "private", "sh", "-c", "\n".join(lines)], env=self.environment(), stdout=log, stderr=log, cwd="/")

    def health(self, route):
        try:
            return urllib.request.urlopen(f"http://{self.ip}:8081/health/{route}", timeout=4).status
        except urllib.error.HTTPError as refused:
            return refused.code
        except OSError:
            return 0

    def ready(self, limit=180):
        end = time.time() + limit
        while time.time() < end and self.process.poll() is None:
            if self.health("ready") == 200:
                return True
            time.sleep(0.3)
        return False

    def drain(self, limit=100):
        at = time.time()
        self.process.send_signal(signal.SIGTERM)
        say(f"{self.name}: SIGTERM, exit code {self.process.wait(limit)} after {time.time() - at:.1f} s")

    def kill(self):
        self.process.kill()
        self.process.wait()


def take_down():
    for number in range(1, 20):
        sh(f"ip netns del dtns{number}", check=False)
    sh(f"ip link del {BRIDGE}", check=False)


def cli(line, **more):
    return subprocess.run(f"{command} {line}", shell=True, env=environment, capture_output=True, text=True, **more).stdout


def step(name):
    answer = json.loads(cli(f"status {name} -o json") or "{}")
    return answer.get("step", -1), answer.get("state")


def beyond(name, target, limit=120):
    end = time.time() + limit
    while time.time() < end:
        at, state = step(name)
        if at >= target or state in ("succeeded", "failed", "stopped"):
            return at
        time.sleep(0.2)
    raise SystemExit(f"step {target} did not come within {limit} s")


made = [d for d in Pod.sources if not os.path.isdir(d)]
pods = []
database = None
take_down()
try:
    for d in made:
        os.mkdir(d)
    sh(f"ip link add {BRIDGE} type bridge; ip addr add {NET}.1/24 dev {BRIDGE}; ip link set {BRIDGE} up")
    database = Postgres()
    for d in Pod.sources.values():
        os.mkdir(path(d))
    token = sh("openssl rand -base64 32 | tr -d '=' | tr '+/' '-_'")
    for name, text in {"secrets/cluster-key": sh("openssl rand -base64 32"), "access/token": token, "secrets/connection-string": database.connection()}.items():
        open(path(name), "w").write(text)
    sh(f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=disttrain-gateway -addext subjectAltName=DNS:disttrain-gateway,IP:{NET}.16 -keyout {path('tls/tls.key')} -out {path('tls/tls.crt')}")
    sh(f"chown 1654:1654 {path('checkpoints')}; chmod -R a+rX {path('secrets')} {path('access')} {path('tls')}")

    for number, (workload, name) in enumerate([("disttrain-shard", f"disttrain-shard-{i}") for i in range(3)] + [("disttrain-worker", "disttrain-worker-a"), ("disttrain-worker", "disttrain-worker-b"), ("disttrain-gateway", "disttrain-gateway-a")], 1):
        pods.append(Pod(workload, name, number))
    for pod in pods:
        say(f"{pod.name}: {'ready' if pod.ready() else 'NOT READY'}")
    gateway = pods[-1]
    environment = dict(os.environ, DISTTRAIN_SERVER=f"https://{gateway.ip}:8443", DISTTRAIN_TOKEN=token, DISTTRAIN_CA=path("tls/tls.crt"), NO_COLOR="1")

    for headers in ({}, {"Authorization": "Bearer wrong-wrong-wrong-wrong"}, {"Authorization": f"Bearer {token}", "Host": "evil.example"}, {"Authorization": f"Bearer {token}", "Host": "disttrain-gateway.disttrain.svc"}):
        try:
            code = urllib.request.urlopen(urllib.request.Request(f"https://{gateway.ip}:8443/api/v1/jobs", headers=headers), timeout=5, context=ssl._create_unverified_context()).status
        except urllib.error.HTTPError as refused:
            code = refused.code
        say("token", {True: "right", False: "wrong"}[token in headers.get("Authorization", "")] if "Authorization" in headers else "none", "host", headers.get("Host", "its address"), "->", code)

    submitted = json.loads(cli(f"submit {job} -o json {' '.join(f'--set {s!r}' for s in sets if s != '--set')}").strip().splitlines()[-1])
    name = submitted.get("job") or sys.exit(f"not submitted: {submitted}")
    say("submitted", name)
    total = None
    marks = []

    def disturb(what, act):
        before = step(name)[0]
        at = time.time()
        act()
        after = beyond(name, before + 2)
        marks.append(what)
        say(f"{what} at step {before}: step {after} committed {time.time() - at:.1f} s later")

    def again(pod):
        pod.start()
        say(f"{pod.name}: started again, {'ready' if pod.ready() else 'NOT READY'}")

    beyond(name, 30)
    used = sorted({p for pod in pods for p in sh(f"ip netns exec {pod.space} ss -tnH state established | awk '{{print $4}}' | sed 's/.*://'").split() if p in ("11111", "11211", "30000", str(database.port))})
    say("ports connected to between pods and to PostgreSQL:", ", ".join("PostgreSQL" if p == str(database.port) else p for p in used))
    disturb("kill -9 disttrain-worker-a", pods[3].kill)
    again(pods[3])
    primaries = [s["primary"] for s in json.loads(cli(f"members {name} -o json"))["shards"]]
    owner = next(p for p in pods if any(primary.startswith(p.ip + ":") for primary in primaries))
    disturb(f"kill -9 {owner.name}, which holds a primary", owner.kill)
    again(owner)

    def away():
        database.stop()
        time.sleep(6)
        say("PostgreSQL away for 6 s: live", {p.name: p.health("live") for p in pods[:1]}, "ready", {p.name: p.health("ready") for p in pods[:1]})
        database.start()

    disturb("PostgreSQL away", away)
    disturb("drain disttrain-worker-b", pods[4].drain)
    again(pods[4])
    while step(name)[1] == "running":
        time.sleep(0.5)
    end = json.loads(cli(f"status {name} -o json"))
    say("the job:", end["state"], "step", end["step"], "of", end["totalSteps"], "incarnation", end["incarnation"], "weights", end["weightsSha256"])
    print(cli(f"logs {name}"))
    for pod in reversed(pods):
        if pod.process.poll() is None:
            pod.drain()
finally:
    for pod in pods:
        if pod.process.poll() is None:
            pod.kill()
    if database:
        database.stop()
    take_down()
    for d in made:
        os.rmdir(d)
    if os.environ.get("KEEP"):
        print("kept", folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)
