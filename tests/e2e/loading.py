#!/usr/bin/env python3
"""Loads weights in every way there is: the same bits, the same states, and clear errors."""

import os
import resource

import bench as harness
import safetensors

IDS = "5,9,2,37,31,8,44,1,50,12,3"
WAYS = {"auto": (), "map": ("--load", "map"), "huge": ("--load", "huge"), "prefault": ("--prefault",), "huge and prefault": ("--load", "huge", "--prefault")}
CASES = ["llama/gqa", "mixtral/window", "rwkv7/plain"]


def read(path):
    with open(path, "rb") as file:
        return file.read()


def compile(bench, case, *options):
    path = bench.path("model.slc")
    bench.output("sluice-compile", "-c", bench.case(case), "--models", bench.models, "-o", path, *options)
    return path


def available(bench, model):
    """The ways that this system has: without huge pages there is a message."""
    done = bench.run("sluice-run", model, "--load", "huge", "--ids", IDS, "--generate", "1")
    if done.returncode == 0:
        return WAYS
    said = done.stderr.decode()
    bench.check("no huge pages", "huge pages" in said and "transparent_hugepage" in said, said)
    return {way: options for way, options in WAYS.items() if "huge" not in options}


def same_bits(bench):
    for case in CASES:
        for format in "f32", "bf16":
            model, out = compile(bench, case, "--weights", format), bench.path("out.safetensors")
            expected = None
            for way, options in available(bench, model).items():
                for threads in "1", "2":
                    bench.output("sluice-run", model, "--ids", IDS, "--out", out, "--threads", threads, *options)
                    found = safetensors.load(out)["logits"].data
                    expected = expected or found
                    bench.check(f"{case}, {format}, {way}, {threads} threads", found == expected, "other bits")


def states(bench):
    """What one way has saved, another goes on with."""
    model = compile(bench, "llama/gqa")
    ways, saved = available(bench, model), {}
    for way, options in ways.items():
        saved[way] = bench.path("saved-" + way.replace(" ", "-"))
        bench.output("sluice-run", model, "--ids", IDS, "--save-state", saved[way], *options)
        bench.check(f"the state of {way}", read(saved[way]) == read(saved["auto"]), "other bytes")
        bench.output("sluice-run", model, "--load-state", saved["auto"], "--ids", "7", "--out", bench.path("out.safetensors"), *options)


def messages(bench):
    model = compile(bench, "llama/gqa")
    for way, options in available(bench, model).items():
        done = bench.run("sluice-run", model, "--ids", IDS, "--generate", "2", "--verbose", *options)
        said = done.stderr.decode()
        where = "copied into huge pages" if "huge" in options else "mapped"
        bench.check(f"--verbose, {way}", done.returncode == 0 and f"weights: {where} (" in said, said)
        bench.check(f"--verify, {way}", "ok: digests" in bench.output("sluice-run", model, "--verify", *options), way)
    bench.refuse("another way", "hug not in", "sluice-run", model, "--ids", IDS, "--generate", "1", "--load", "hug", code=2)

    def damaged():
        data = bytearray(read(model))
        data[-100] ^= 1
        with open(bench.path("damaged.slc"), "wb") as file:
            file.write(data)

    damaged()
    for way, options in available(bench, model).items():
        bench.refuse(f"a damaged weight, {way}", "corrupted", "sluice-run", "damaged.slc", "--verify", *options)


def locked(bench):
    """Root may lock what it likes; anybody else what the limit says."""
    model = compile(bench, "llama/gqa")

    def unprivileged():
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
        if os.getuid() == 0:
            os.setgid(65534)
            os.setuid(65534)

    os.chmod(bench.folder, 0o755)
    command = ("sluice-run", model, "--ids", IDS, "--generate", "1", "--lock")
    try:
        bench.refuse("no memory may be locked", "the limit is 0 bytes (ulimit -l)", *command, preexec_fn=unprivileged)
    except PermissionError:
        print("skipped: the tools cannot be run by another user")
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    if limit == resource.RLIM_INFINITY or limit > 4 * os.path.getsize(model):
        said = bench.run(*command, "--verbose").stderr.decode()
        bench.check("locked", ", locked: " in said, said)


harness.main(__doc__, same_bits, states, messages, locked)
