#!/usr/bin/env python3
"""Saves sequences in one process and goes on with them in another: the same ids and bits as without the break.

usage: state.py --bin DIR --models DIR --reference DIR

For caches that keep all rows, caches with a window whose first blocks are given back by then or that begins full of zeros, caches of keys alone, an
encoder-decoder, whose decoder looks at a source, and states that keep sums.
"""

import os
import struct

import bench as harness
import safetensors
import xxh3

# The case, how many tokens there are (with a window: more than its blocks hold), and how many come before the break.
CASES = [("llama/gqa", 60, 31), ("mixtral/window", 120, 77), ("qwen2/sliding", 240, 201), ("deepseek_v3/groups", 60, 31), ("t5/relu-tied", 60, 30), ("transformer_xl/one-width", 240, 100), ("rwkv4/plain", 60, 31), ("rwkv7/plain", 60, 31)]


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def compile(bench, case):
    path = bench.path("model.slc")
    bench.output("sluice-compile", "-c", bench.case(case), "--models", bench.models, "-o", path)
    return path


def ids(count, vocabulary, start=None):
    values = [(i * i + 7 * i + 3) % vocabulary for i in range(count)]
    return values if start is None else [start, *values[1:]]


def joined(values):
    return ",".join(map(str, values))


def sequences(bench):
    """Logits and ids, whatever the chunks, threads and capacities on either side."""
    for case, count, head in CASES:
        model, out, saved = compile(bench, case), bench.path("out.safetensors"), bench.path("saved")
        io = safetensors.load(os.path.join(bench.case(case), "io.safetensors"))
        seq2seq = "source_ids" in io
        source = ("--source-ids", joined(ids(150, 80))) if seq2seq else ()
        sequence = ids(count, io["logits"].shape[1], start=0 if seq2seq else None)

        def logits(*options):
            bench.output("sluice-run", model, *options, "--out", out)
            return safetensors.load(out)["logits"].data

        whole = logits(*source, "--ids", joined(sequence))
        for before, after in [((), ()), (("--chunk", "1"), ("--threads", "1", "--capacity", "150")), (("--chunk", "17", "--threads", "1"), ("--chunk", "5"))]:
            first = logits(*source, "--ids", joined(sequence[:head]), "--save-state", saved, *before)
            rest = logits("--load-state", saved, "--ids", joined(sequence[head:]), *after)
            bench.check(f"{case} {before} {after}", first + rest == whole, "bits differ")
        # A state that was loaded is saved again.
        bench.output("sluice-run", model, "--load-state", saved, "--ids", joined(sequence[head : head + 9]), "--save-state", saved)
        last = logits("--load-state", saved, "--ids", joined(sequence[head + 9 :]))
        bench.check(f"{case} in three parts", last == whole[(head + 9) * len(whole) // count :], "bits differ")

        for options in ("--greedy",), ("--repetition-penalty", "1.7"):
            generate = (*options, "--ignore-stop", "--generate")
            prompt = joined(sequence[:20])
            expected = bench.output("sluice-run", model, *source, "--ids", prompt, *generate, "14").split()
            found = bench.output("sluice-run", model, *source, "--ids", prompt, *generate, "5", "--save-state", saved).split()
            found += bench.output("sluice-run", model, "--load-state", saved, *generate, "1", "--save-state", saved).split()
            found += bench.output("sluice-run", model, "--load-state", saved, *generate, "8").split()
            bench.check(f"{case} {options} generates", found == expected, f"{found} instead of {expected}")
        if seq2seq:
            bench.refuse("the prompt of an encoder-decoder", "goes on with --generate", "sluice-run", model, "--load-state", saved)


def texts(bench):
    """Prompts and conversations."""
    demo, saved = bench.path("demo.slc"), bench.path("saved")
    bench.output("sluice-compile", "-c", os.path.join(bench.models, "demo"), "--models", bench.models, "-o", demo)
    prompt = ("--prompt", "In the beginning", "--ignore-stop")
    for form in (), ("--print-ids",):
        whole = bench.output("sluice-run", demo, *prompt, *form, "--max-tokens", "12").strip("\n")
        first = bench.output("sluice-run", demo, *prompt, *form, "--max-tokens", "7", "--save-state", saved).strip("\n")
        rest = bench.output("sluice-run", demo, "--load-state", saved, *form, "--ignore-stop", "--max-tokens", "5").strip("\n")
        bench.check(f"a text in two parts {form}", "".join((first + rest).split()) == "".join(whole.split()), f"{first!r} + {rest!r}, not {whole!r}")

    with open(bench.path("words.jinja"), "w") as file:
        file.write("{% for m in messages %}{{ m.role }} {{ m.content }}\n{% endfor %}")
    chat = ("sluice-run", demo, "--chat", "--template-file", "words.jinja", "--max-tokens", "6", "--ignore-stop")

    def talk(text, *options):
        done = bench.run(*chat, *options, input=text.encode())
        bench.check(f"talk {options}", done.returncode == 0, done.stderr.decode())
        return done.stdout

    whole = talk("one\ntwo\nthree\n", "--system", "be brief")
    parts = talk("one\n", "--system", "be brief", "--save-state", saved)
    parts += talk("two\n", "--load-state", saved, "--save-state", saved)
    parts += talk("three\n", "--load-state", saved)
    bench.check("a conversation in three parts", parts == whole, f"{parts} instead of {whole}")
    bench.output("sluice-run", demo, "--ids", "5,6", "--save-state", saved)
    bench.refuse("a text to talk on", "holds no conversation", *chat, "--load-state", saved, "--prompt", "x")
    bench.refuse("two beginnings", "--system begins a conversation", *chat, "--load-state", saved, "--system", "x", code=2)


def refusals(bench):
    model, saved = compile(bench, "llama/gqa"), bench.path("saved")
    other = bench.path("other.slc")
    bench.output("sluice-compile", "-c", bench.case("llama/tied-bias"), "--models", bench.models, "-o", other)
    bench.output("sluice-run", model, "--ids", joined(ids(40, 90)), "--save-state", saved)
    good = read(saved)
    going_on = ("sluice-run", model, "--load-state", saved, "--ids", "5", "--generate", "2")
    bench.output(*going_on)
    bench.refuse("another model", "made with another model", "sluice-run", other, *going_on[2:])
    bench.refuse("all is taken in", "give ids to go on with", "sluice-run", model, "--load-state", saved, "--generate", "2")
    bench.refuse("a small context", "holds 40 tokens, more than the context of 30", *going_on, "--context", "30")
    bench.refuse("a full context", "longer than the context of 64", *going_on[:4], "--ids", joined(ids(30, 90)), "--generate", "2")

    def forged(offset, form, *values):
        """Numbers of the snapshot changed, with the digest that fits."""
        data = bytearray(good)
        struct.pack_into(form, data, offset, *values)
        return bytes(data[:-8]) + struct.pack("<Q", xxh3.digest(bytes(data[:-8])))

    for what, data, message in [
        ("an empty state", b"", "not a snapshot of a slot"),
        ("a state that is none", b"x" * 1000, "not a snapshot of a slot"),
        ("an artifact as a state", read(model), "not a snapshot of a slot"),
        ("a truncated state", good[:-1], f"truncated: {len(good) - 1} bytes, expected {len(good)}"),
        ("a state with more behind it", good + b"x", "too long"),
        ("a damaged state", good[:5000] + bytes([good[5000] ^ 1]) + good[5001:], "damaged: its digest differs"),
        ("a state of another version", forged(8, "<I", 1), "a snapshot of version 1, this runtime reads version 2"),
        ("a state with more tokens", forged(32, "<q", 2**40), "more than the context"),
        ("a state with a source", forged(40, "<q", 2**62), "source has"),
        ("a state with an endless note", forged(48, "<Q", 2**64 - 1), "ends within its tokens or its note"),
        ("a state without its first rows", forged(72 + 40 * 4 + 8, "<q", 20), "its rows begin at 20 of 40"),
    ]:
        write(saved, data)
        bench.refuse(what, message, *going_on)
    write(saved, good)
    write(saved, forged(72 + 40 * 4, "<2s", b"{!"))
    bench.refuse("a note that is none", "its note: not valid JSON", *going_on)
    write(saved, good)
    for what, message, *options in [
        ("two sequences", "are for one sequence", "--ids", "5", "--ids", "6", "--save-state", saved),
        ("a source for a state", "--source-ids begins a sequence anew", "--source-ids", "5", "--load-state", saved, "--generate", "2"),
        ("states to convert", "are for what runs a sequence", "--tokenize", "-", "--save-state", saved),
        ("states to verify", "are for what runs a sequence", "--verify", "--load-state", saved),
    ]:
        bench.refuse(what, message, "sluice-run", model, *options, code=2)
    for what, message, *options in [
        ("no such state", "missing: cannot open", "--load-state", "missing", "--ids", "5", "--generate", "2"),
        ("a state in no folder", "cannot create", "--ids", "5", "--save-state", "missing/state"),
        ("a state in the model's place", "it cannot be the output", "--ids", "5", "--save-state", model),
        ("outputs in the state's place", "it cannot be the output", "--load-state", saved, "--ids", "5", "--out", saved),
    ]:
        bench.refuse(what, message, "sluice-run", model, *options)


harness.main(__doc__, sequences, texts, refusals)
