#!/usr/bin/env python3
"""Checks that the documentation tells the truth.

usage: docs.py --bin DIR --source DIR

In README.md and docs/*.md
  ```sh           is run, in a folder that has the files of the source tree and the tools under build/release/bin;
  ```sh setup     is not: it installs or builds;
  ```LANG FILE    quotes lines of FILE;
  ```LANG $ COMMAND quotes lines of what COMMAND prints.
A quotation keeps the order of its lines; ... stands for any text within a line, runs of blanks count as one. Links
to files and headings must lead somewhere.
"""

import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

FENCE = re.compile(r"^```(\S*)(?: +(.*))?$")
LINK = re.compile(r"\]\(([^()\s]+)\)")


class Block:
    def __init__(self, line, language, argument):
        self.line, self.language, self.argument, self.lines = line, language, argument or "", []


def blocks_and_prose(path):
    """The fenced blocks of a page, and its other lines with their numbers."""
    blocks, prose, block = [], [], None
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file.read().splitlines(), 1):
            fence = FENCE.match(line)
            if block:
                if line == "```":
                    blocks.append(block)
                    block = None
                else:
                    block.lines.append(line)
            elif fence:
                block = Block(number, *fence.groups())
            else:
                prose.append((number, line))
    assert block is None, f"{path}:{block.line}: this block has no end"
    return blocks, prose


def run(command, folder):
    """Runs shell lines as a reader would; gives what they print, or None and the reason."""
    environment = os.environ | {"SLUICE_MODELS": os.path.join(folder, "models")}
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=folder, env=environment, text=True,
                          capture_output=True, timeout=600)
    if done.returncode == 0:
        return done.stdout, ""
    return None, f"exit code {done.returncode}\n{done.stdout[-1000:]}{done.stderr[-2000:]}"


def missing_line(quoted, text):
    """The first quoted line that `text` does not hold after the ones before it."""
    squeeze = lambda line: " ".join(line.split())
    rest = iter([squeeze(line) for line in text.splitlines()])
    for line in quoted:
        pattern = re.compile(".*".join(map(re.escape, squeeze(line).split("..."))))
        if line.strip() and not any(pattern.fullmatch(found) for found in rest):
            return line
    return None


def heading_names(path):
    """The anchors of a page's headings."""
    _, prose = blocks_and_prose(path)
    titles = [line.lstrip("#").strip() for _, line in prose if line.startswith("#")]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def check_link(page, target):
    if "://" in target or target.startswith("mailto:"):
        return None
    name, _, heading = target.partition("#")
    path = os.path.normpath(os.path.join(os.path.dirname(page), name)) if name else page
    if not os.path.exists(path):
        return f"{target} does not exist"
    if heading and path.endswith(".md") and heading not in heading_names(path):
        return f"{name or 'this page'} has no heading {heading}"
    return None


class Checker:
    def __init__(self, source, tools):
        self.source, self.tools = source, tools
        self.checks, self.failures = 0, []

    def check(self, page, line, problem):
        self.checks += 1
        if problem:
            self.failures.append(f"{os.path.relpath(page, self.source)}:{line}: {problem}")

    def workplace(self, folder):
        """What a reader has in a clone after the build; the specs are a copy, since pages may write there."""
        for name in os.listdir(self.source):
            if name not in ("models", "build") and not name.startswith("."):
                os.symlink(os.path.join(self.source, name), os.path.join(folder, name))
        shutil.copytree(os.path.join(self.source, "models"), os.path.join(folder, "models"))
        os.makedirs(os.path.join(folder, "build/release"))
        os.symlink(self.tools, os.path.join(folder, "build/release/bin"))

    def block(self, page, block, folder):
        if block.language == "sh" and not block.argument:
            return self.check(page, block.line, run("\n".join(block.lines), folder)[1])
        if block.language == "sh" or not block.argument:
            return
        if block.argument.startswith("$ "):
            text, problem = run(block.argument[2:], folder)
            if text is None:
                return self.check(page, block.line, problem)
        else:
            with open(os.path.join(self.source, block.argument), encoding="utf-8") as file:
                text = file.read()
        line = missing_line(block.lines, text)
        self.check(page, block.line, line is not None and f"'{line}' is not in {block.argument}, or not there")

    def page(self, page):
        blocks, prose = blocks_and_prose(page)
        for number, line in prose:
            for target in LINK.findall(line):
                self.check(page, number, check_link(page, target))
        with tempfile.TemporaryDirectory() as folder:
            self.workplace(folder)
            for block in blocks:
                self.block(page, block, folder)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--source", required=True)
    args = parser.parse_args()
    source = os.path.abspath(args.source)
    checker = Checker(source, os.path.abspath(args.bin))
    for page in [os.path.join(source, "README.md"), *sorted(glob.glob(os.path.join(source, "docs", "*.md")))]:
        checker.page(page)
    print(f"{checker.checks - len(checker.failures)} of {checker.checks} checks hold")
    for failure in checker.failures:
        print(f"  {failure}")
    sys.exit(1 if checker.failures or checker.checks == 0 else 0)


main()
