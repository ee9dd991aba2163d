#!/usr/bin/env python3
"""Compares two safetensors files tensor by tensor and prints the largest differences.

usage: compare.py EXPECTED ACTUAL [--tensor NAME]... [--as NAME] [--tolerance 1e-4]

Every element may differ by the tolerance, absolute and relative to what is expected: |a - e| <= t + t |e|. Without
--tensor all tensors of type F32 and F64 of EXPECTED are compared. Exit code 1: a difference; 2: a file, tensor or shape
that does not fit.
"""
import argparse
import struct
import sys

import safetensors


def parse():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    parser.add_argument("expected")
    parser.add_argument("actual")
    parser.add_argument("--tensor", action="append", help="compare only this one; may be repeated")
    parser.add_argument("--as", dest="name", help="what the one tensor is called in ACTUAL")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    options = parser.parse_args()
    if options.name and len(options.tensor or []) != 1:
        parser.error("--as needs exactly one --tensor")
    return options


def load(path):
    try:
        return safetensors.load(path)
    except (ValueError, KeyError, TypeError, struct.error) as error:
        raise ValueError(f"{path} is no safetensors file: {error}") from None


def find(tensors, name, path):
    if name not in tensors:
        raise ValueError(f"{path} has no tensor {name}; it has {', '.join(sorted(tensors)) or 'none'}")
    return tensors[name]


def compare(options):
    expected, actual = load(options.expected), load(options.actual)
    names = options.tensor or sorted(name for name, t in expected.items() if t.dtype in ("F32", "F64"))
    if not names:
        raise ValueError(f"{options.expected} has no tensor of type F32 or F64")
    good = True
    for name in names:
        one = find(expected, name, options.expected)
        other = find(actual, options.name or name, options.actual)
        if not {one.dtype, other.dtype} <= {"F32", "F64"}:
            raise ValueError(f"{name}: types {one.dtype} and {other.dtype}, expected F32 or F64")
        try:
            worst, scaled = safetensors.difference(one, other)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        fits = scaled <= options.tolerance
        good = good and fits
        print(f"{name}: {'ok' if fits else 'DIFFERS'}, largest difference {worst:.3g}, "
              f"{scaled:.3g} relative to 1 + |expected|, tolerance {options.tolerance:g}")
    return good


def main():
    options = parse()
    try:
        sys.exit(0 if compare(options) else 1)
    except (OSError, ValueError) as error:
        print(f"compare.py: {error}", file=sys.stderr)
        sys.exit(2)


main()
