#!/usr/bin/env python3
"""Runs trained models that are not part of the project.

usage: trained.py --bin DIR --models DIR

SLUICE_SHARED_DATA/stories260k.gguf is a small Llama trained on TinyStories; other
programs that run it agree on these ids. SLUICE_SHARED_DATA/rwkv holds small RWKVs whose tokens are
bytes, without a config.json, and the logits after PROMPT_BYTES that the author's code gives.
What is not there is left out; if nothing is, the test is skipped.
"""

import argparse
import array
import os
import subprocess
import sys
import tempfile

import safetensors

PROMPT = "Once upon a time"
PROMPT_IDS = [1, 403, 407, 261, 378]
EXPECTED = [
    *(432, 383, 286, 261, 376, 298, 315, 421, 395, 317, 426, 338, 401, 396, 267, 337, 410, 408, 419, 292),
    *(411, 322, 265, 282, 295, 433, 426, 385, 328, 432, 358, 394, 261, 370, 432, 352, 266, 268, 388, 426),
    *(338, 391, 266, 267, 337, 335, 312, 432, 398, 312, 286, 267, 414, 270, 333, 415, 426, 13, 438, 310),
    *(439, 419, 357, 336, 432, 313, 438, 310, 432, 278, 316, 439, 419, 298, 414, 267, 265, 282, 295, 433),
    *(426, 436, 317, 286, 296, 418, 269, 279, 292, 416, 439, 413, 409, 416, 327, 263, 415, 294, 267, 400),
]
PROMPT_BYTES = b'"in'
STATES = ["5v1-730K", "7v0-834K"]
SKIPPED = 77


def story(model, tool):
    count = str(len(EXPECTED))
    ids = tool("sluice-run", model, "--ids", ",".join(map(str, PROMPT_IDS)), "--generate", count, "--greedy", "--print-ids")
    text = tool("sluice-run", model, "--prompt", PROMPT, "--max-tokens", count, "--greedy")
    actual = [int(word) for word in ids.replace(",", " ").split()]
    assert actual == EXPECTED, f"{actual} instead of {EXPECTED}"
    assert text.startswith(", there was a little girl named Lily."), repr(text)


def states(model, tool, expected):
    out = model + ".safetensors"
    for chunk in [], ["--chunk", "1"]:
        tool("sluice-run", model, "--ids", ",".join(map(str, PROMPT_BYTES)), "--out", out, *chunk)
        actual = safetensors.load(out)["logits"].values()[-len(expected) :]
        apart = sum(abs(a - b) for a, b in zip(actual, expected))
        assert apart < 1e-3, f"the logits differ by {apart} in sum"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--models", required=True)
    args = parser.parse_args()
    data = os.environ.get("SLUICE_SHARED_DATA", "")

    def tool(name, *options):
        return subprocess.run([os.path.join(args.bin, name), *options], check=True, capture_output=True, text=True).stdout

    found = 0
    with tempfile.TemporaryDirectory() as folder:
        model = os.path.join(folder, "model.slc")
        for name in ["stories260k.gguf", *(f"rwkv/rwkv-{state}.safetensors" for state in STATES)]:
            checkpoint = os.path.join(data, name)
            if not os.path.exists(checkpoint):
                continue
            found += 1
            tool("sluice-compile", "--checkpoint", checkpoint, "--models", args.models, "-o", model)
            if name.endswith(".gguf"):
                story(model, tool)
                continue
            with open(checkpoint.replace("/rwkv-", "/expected-logits-").replace(".safetensors", ".bin"), "rb") as file:
                states(model, tool, array.array("f", file.read()))
    if found == 0:
        print("skipped: SLUICE_SHARED_DATA has none of the models")
        sys.exit(SKIPPED)


main()
