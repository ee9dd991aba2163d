#!/usr/bin/env python3
"""Measures how much the specs of families repeat each other, and fails beyond the limits.

usage: shared_blocks.py [--repeated PERCENT] [--median LINES] MODELS

Of MODELS/*.yaml it counts the lines that say something: no blank line, no comment, not the language's version, not
the name of the base (`extends:`) and no line that only opens a section (`config:`), which no file can do without. A line is repeated if it stands in another
family's file as well, whatever its indentation and the comment behind it. The median is that of whole lines of the
specs of decoders: those that extend the base decoder, directly or not, or have an entry of kind generate and none of
kind source.
A list of nodes with an attention in it may be written once, in all of MODELS and MODELS/blocks; two are the same if they
differ in norms, factors and the like only.
"""

import argparse
import collections
import glob
import os
import re
import statistics
import sys

OPENS = re.compile(r"^(- )?[\w.]+:$")
NODE = re.compile(r"^\s*- [\w, ]+: \{(\w+):")


def lines(path):
    """The lines of a file that say something, without indentation and comments."""
    out = []
    for line in open(path):
        text = re.sub(r"\s+#.*$", "", line).strip()
        if text and not text.startswith("#") and not text.startswith(("sluice:", "extends:")) and not OPENS.match(text):
            out.append(re.sub(r"\s+", " ", text))
    return out


def is_decoder(path):
    text = open(path).read()
    base = re.search(r"^extends: (\S+)", text, re.M)
    if base:
        path = os.path.join(os.path.dirname(path), base[1])
        return base[1].endswith("/decoder.yaml") or base[1] == "decoder.yaml" or is_decoder(path)
    return "kind: generate" in text and "kind: source" not in text


FRAME = {"linear", "reshape", "rope", "append", "cached", "attention"}


def attention_lists(path):
    """The words of FRAME in each list of nodes that has an attention in it."""
    out, words = [], []
    for line in [*open(path), ""]:
        node = NODE.match(line)
        if node:
            words.append(node[1])
        elif not line.startswith(" " * 10):  # not the rest of a long node
            if "attention" in words:
                out.append(tuple(word for word in words if word in FRAME))
            words = []
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeated", type=float, default=10)
    parser.add_argument("--median", type=float, default=60)
    parser.add_argument("models")
    args = parser.parse_args()
    families = {os.path.basename(path): path for path in sorted(glob.glob(f"{args.models}/*.yaml"))}
    if len(families) < 2:
        sys.exit(f"{args.models} has no specs to compare")
    said = {name: lines(path) for name, path in families.items()}
    holders = collections.defaultdict(set)
    for name, texts in said.items():
        for text in texts:
            holders[text].add(name)
    repeated = {name: [text for text in texts if len(holders[text]) > 1] for name, texts in said.items()}
    for name in families:
        print(f"{name}: {len(said[name])} lines, {len(repeated[name])} of them in another family's file")
    total, again = sum(map(len, said.values())), sum(map(len, repeated.values()))
    lengths = [len(open(path).readlines()) for path in families.values() if is_decoder(path)]
    median = statistics.median(lengths)
    written = collections.Counter()
    for path in [*families.values(), *glob.glob(f"{args.models}/blocks/*.yaml")]:
        written.update(attention_lists(path))
    twice = [words for words, count in written.items() if count > 1]
    print(f"repeated: {again} of {total} lines, {100 * again / total:.1f} %; {len(lengths)} decoders with a median of {median:g} lines")
    print(f"lists of nodes with an attention: {sum(written.values())}, {len(twice)} of them written twice")
    for text, names in sorted(holders.items(), key=lambda item: -len(item[1])):
        if len(names) > 2:
            print(f"  in {len(names)} files: {text[:110]}")
    if 100 * again > args.repeated * total or median > args.median or twice or not written:
        sys.exit(f"the limits are {args.repeated:g} % and {args.median:g} lines, and no list twice")


if __name__ == "__main__":
    main()
