#!/usr/bin/env python3
"""Continues a text with a trained model that is not part of the project.

usage: trained.py --bin DIR --models DIR

SLUICE_SHARED_DATA/stories260k.gguf is a small Llama trained on TinyStories; other
programs that run it agree on these ids. Without the file the test is skipped.
"""

import argparse
import os
import subprocess
import sys
import tempfile

PROMPT = "Once upon a time"
PROMPT_IDS = [1, 403, 407, 261, 378]
EXPECTED = [
    *(432, 383, 286, 261, 376, 298, 315, 421, 395, 317, 426, 338, 401, 396, 267, 337, 410, 408, 419, 292),
    *(411, 322, 265, 282, 295, 433, 426, 385, 328, 432, 358, 394, 261, 370, 432, 352, 266, 268, 388, 426),
    *(338, 391, 266, 267, 337, 335, 312, 432, 398, 312, 286, 267, 414, 270, 333, 415, 426, 13, 438, 310),
    *(439, 419, 357, 336, 432, 313, 438, 310, 432, 278, 316, 439, 419, 298, 414, 267, 265, 282, 295, 433),
    *(426, 436, 317, 286, 296, 418, 269, 279, 292, 416, 439, 413, 409, 416, 327, 263, 415, 294, 267, 400),
]
SKIPPED = 77


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--models", required=True)
    args = parser.parse_args()
    checkpoint = os.path.join(os.environ.get("SLUICE_SHARED_DATA", ""), "stories260k.gguf")
    if not os.path.exists(checkpoint):
        print("skipped: SLUICE_SHARED_DATA has no stories260k.gguf")
        sys.exit(SKIPPED)

    def tool(name, *options):
        return subprocess.run([os.path.join(args.bin, name), *options], check=True, capture_output=True, text=True).stdout

    with tempfile.TemporaryDirectory() as folder:
        model = os.path.join(folder, "model.slc")
        tool("sluice-compile", "--checkpoint", checkpoint, "--models", args.models, "-o", model)
        count = str(len(EXPECTED))
        ids = tool("sluice-run", model, "--ids", ",".join(map(str, PROMPT_IDS)), "--generate", count, "--greedy", "--print-ids")
        text = tool("sluice-run", model, "--prompt", PROMPT, "--max-tokens", count, "--greedy")
    actual = [int(word) for word in ids.replace(",", " ").split()]
    assert actual == EXPECTED, f"{actual} instead of {EXPECTED}"
    assert text.startswith(", there was a little girl named Lily."), repr(text)


main()
