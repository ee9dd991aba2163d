#!/usr/bin/env python3
"""Wherever memory runs out, the compiler says so and leaves nothing behind."""

import os
import resource

import bench as harness

STEP = 16 << 20


def limits(bench):
    scratch = bench.path("scratch")
    os.mkdir(scratch)
    compiling = ("sluice-compile", "-c", bench.case("llama/gqa"), "--models", bench.models, "-o", bench.path("out.slc"))

    def run(bytes, tool, *options):
        limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (bytes, bytes))
        return bench.run(tool, *options, preexec_fn=limit, env=dict(os.environ, TMPDIR=scratch, OMP_NUM_THREADS="1"))

    least = next((n for n in range(256) if run(n * STEP, "sluice-compile", "--version").returncode == 0), None)
    if least is None or run((least + 128) * STEP, *compiling).returncode != 0:
        print("skipped: the tools need address space without limit")
        return
    os.remove(bench.path("out.slc"))
    before, ran_out, bytes = bench.files(), 0, (least + 1) * STEP
    while True:
        done = run(bytes, *compiling)
        if done.returncode == 0:
            break
        said = done.stderr.decode()
        # The dynamic linker has messages of its own.
        starting = done.returncode == 127 and "shared" in said
        ran_out += not starting
        clear = "error: out of memory while " in said or "Cannot allocate memory" in said
        bench.check(f"{bytes >> 20} MiB", starting or done.returncode == 1 and clear, f"exit code {done.returncode} {said}")
        bench.check(f"{bytes >> 20} MiB leave nothing", bench.files() == before, str(set(bench.files()) - set(before)))
        bytes += STEP
    bench.check("memory ran out at all", ran_out > 1, f"{ran_out} times")


harness.main(__doc__, limits)
