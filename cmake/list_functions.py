#!/usr/bin/env python3
"""Lists the functions that files offer to a registry, so that none has to be named elsewhere.

    list_functions.py PREFIX SUFFIX OUT FILE...

Writes a line SLUICE_ADD(name) for each definition `void PREFIX...SUFFIX(` at the start of a line.
"""
import os
import re
import sys


def main():
    prefix, suffix, out, *files = sys.argv[1:]
    pattern = re.compile(rf"^void ({prefix}\w+{suffix})\([^;]*?\)\s*{{", re.M)
    names = []
    for path in files:
        with open(path, encoding="utf-8") as file:
            names += pattern.findall(file.read())
    text = "".join(f"SLUICE_ADD({name})\n" for name in sorted(names))
    if os.path.exists(out):
        with open(out, encoding="utf-8") as file:
            if file.read() == text:  # what includes it stays as it is
                return
    with open(out, "w", encoding="utf-8") as file:
        file.write(text)


main()
