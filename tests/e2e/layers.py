#!/usr/bin/env python3
"""Checks that includes between folders make no circle, and that some folders know nothing of others.

usage: layers.py SOURCE
"""
import collections
import os
import re
import sys

ROOTS = ("runtime", "dialects", "compiler", "tools")
APART = [
    ("runtime/", "compiler/"), ("runtime/", "dialects/"), ("runtime/format", "runtime/"), ("dialects/", "compiler/"),
    ("compiler/transforms", "compiler/kernels"), ("compiler/transforms", "compiler/lowering"),
    ("compiler/lowering", "compiler/transforms"), ("compiler/evaluate", "compiler/kernels"),
    ("compiler/evaluate", "compiler/lowering"), ("compiler/kernels", "compiler/lowering"),
]
# What these may include of a root; nothing else of it.
ONLY = [
    ("compiler/", "runtime/", ("format", "support", "unicode")), ("dialects/", "runtime/", ("format",)),
    ("runtime/unicode", "runtime/", ("support",)), ("runtime/support", "runtime/", ()),
]


def folder(path):
    return "/".join(path.split("/")[:2])


def includes(source):
    """For each folder the folders that it includes, with a file that does."""
    graph = collections.defaultdict(dict)
    for root in ROOTS:
        for where, _, files in os.walk(os.path.join(source, root)):
            for name in files:
                if name.endswith((".h", ".cpp", ".td")):
                    path = os.path.relpath(os.path.join(where, name), source)
                    with open(os.path.join(source, path), encoding="utf-8") as file:
                        for included in re.findall(r'#?include "((?:%s)/[^"]+)"' % "|".join(ROOTS), file.read()):
                            if folder(included) != folder(path):
                                graph[folder(path)].setdefault(folder(included), path)
    return graph


def circle(graph):
    """A path that comes back to where it began, or None."""
    done = set()

    def walk(at, path):
        if at in path:
            return path[path.index(at) :] + [at]
        if at in done:
            return None
        for other in list(graph.get(at, ())):
            if found := walk(other, path + [at]):
                return found
        done.add(at)
        return None

    return next((found for start in list(graph) if (found := walk(start, []))), None)


def main():
    graph = includes(sys.argv[1])
    failures = [f"{' -> '.join(found)}: a circle"] if (found := circle(graph)) else []
    for lower, upper in APART:
        for at, others in graph.items():
            for other, file in others.items():
                if at.startswith(lower) and other.startswith(upper):
                    failures.append(f"{file} includes {other}")
    for at, others in graph.items():
        for other, file in others.items():
            if any(at.startswith(lower) and other.startswith(root) and other.removeprefix(root) not in parts for lower, root, parts in ONLY):
                failures.append(f"{file} includes {other}")
    print(f"{len(graph)} folders, {sum(map(len, graph.values()))} arrows, {len(failures)} in the wrong direction")
    for failure in failures:
        print(f"  {failure}")
    sys.exit(1 if failures or not graph else 0)


main()
