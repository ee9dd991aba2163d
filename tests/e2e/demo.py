#!/usr/bin/env python3
"""Runs the bundled model and compares with what transformers makes of it (tests/reference/demo.json)."""

import json
import os

import bench as harness


def start(bench):
    """The model, in f32 as the reference is."""
    checkpoint = os.path.join(bench.models, "demo")
    bench.output("sluice-compile", "-q", "-c", checkpoint, "--models", bench.models, "--weights", "f32", "-o", "demo.slc")
    with open(bench.case("demo.json")) as file:
        bench.expected = json.load(file)


def tokens(bench):
    for item in bench.expected["tokens"]:
        done = bench.run("sluice-run", "demo.slc", "--tokenize", "-", input=item["text"].encode())
        bench.check(f"the ids of {item['text']!r}", list(map(int, done.stdout.split())) == item["ids"], done.stdout.decode())


def greedy(bench):
    for item in bench.expected["greedy"]:
        ids = ",".join(map(str, item["ids"]))
        count = len(item["continuation"])
        made = bench.output("sluice-run", "demo.slc", "--ids", ids, "--generate", str(count), "--ignore-stop", "--greedy")
        bench.check(f"what follows {item['prompt']!r}", list(map(int, made.split())) == item["continuation"], made)


def conversation(bench):
    """The whole of a conversation counts for the penalty, not only the last question and its answer."""
    expected = bench.expected["conversation"]
    with open(bench.path("words.jinja"), "w") as file:
        file.write(expected["template"])
    options = ("--chat", "--template-file", "words.jinja", "--max-tokens", str(expected["tokens"]), "--ignore-stop")
    for end in "\n", "\r\n":
        asked = "".join(question + end for question in expected["questions"])
        done = bench.run("sluice-run", "demo.slc", *options, "--repetition-penalty", str(expected["penalty"]), input=asked.encode())
        answers = "".join(answer + "\n" for answer in expected["answers"])
        bench.check("answers with a penalty", done.stdout.decode() == answers, f"{done.stdout} instead of {answers!r}")


def files(bench):
    """A prompt in a file is the text, however the system that wrote it ends lines."""
    prompt = "In the beginning\nGod created"
    options = ("--max-tokens", "12")
    expected = bench.output("sluice-run", "demo.slc", "--prompt", prompt, *options)
    for what, content in {
        "as it is": prompt,
        "with an end": prompt + "\n",
        "of Windows": prompt.replace("\n", "\r\n") + "\r\n",
        "with a mark": "\ufeff" + prompt + "\n",
    }.items():
        with open(bench.path("prompt.txt"), "wb") as file:
            file.write(content.encode())
        bench.check(f"a prompt file {what}", bench.output("sluice-run", "demo.slc", "--prompt-file", "prompt.txt", *options) == expected)
    with open(bench.path("prompt.txt"), "wb") as file:
        file.write((prompt + "\n\n").encode())
    other = bench.output("sluice-run", "demo.slc", "--prompt", prompt + "\n", *options)
    bench.check("an empty line at the end is text", bench.output("sluice-run", "demo.slc", "--prompt-file", "prompt.txt", *options) == other)


harness.main(__doc__, start, tokens, greedy, conversation, files)
