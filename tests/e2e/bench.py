"""What tests of the command-line tools share: a folder to work in, and counted checks."""

import argparse
import os
import subprocess
import sys
import tempfile

# For --disable-pass: all.
FUSIONS = "share-rope,wanted-rows,merge-siblings,fuse-norm-matmul,fuse-swiglu,fuse-epilogue,fuse-rope-attention,fuse-moe-dispatch,fuse-elementwise"
CRASHES = ("Stack dump", "PLEASE submit", "terminate called", "Assertion", "Sanitizer", "runtime error", "LLVM ERROR")


class Bench:
    """Runs tools in a temporary folder. Command lines are lists; files are named within the folder."""

    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.models, self.reference = args.models, args.reference
        self.failures, self.checks = [], 0

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def case(self, name):
        return os.path.join(self.reference, name)

    def run(self, tool, *options, **more):
        command = [os.path.join(self.args.bin, tool), *options]
        return subprocess.run(command, cwd=self.folder, capture_output=True, timeout=300, **more)

    def check(self, what, ok, detail=""):
        self.checks += 1
        if not ok:
            self.failures.append(f"{what}: {detail}" if detail else what)
        return ok

    def output(self, tool, *options):
        """The standard output of a run that must succeed; without a message, as in a pipe nothing is shown."""
        done = self.run(tool, *options)
        if done.returncode != 0:
            sys.exit(f"{tool} {' '.join(options)}\nexit code {done.returncode}\n{done.stderr.decode()}")
        return done.stdout.decode()

    def files(self):
        """Everything in the folder, so that a file that appears or changes is seen."""
        found = {}
        for folder, _, names in os.walk(self.folder):
            for name in names:
                path = os.path.join(folder, name)
                info = os.stat(path)
                found[path] = (info.st_size, info.st_mtime_ns, info.st_ino)
        return found

    def refuse(self, what, fragment, tool, *options, code=1, **more):
        """The command must fail with `fragment` in its message and leave the folder as it was."""
        before = self.files()
        try:
            done = self.run(tool, *options, **more)
        except subprocess.TimeoutExpired:
            return self.check(what, False, "it hangs")
        message = done.stderr.decode(errors="replace")
        problem = ""
        if done.returncode != code:
            problem = f"exit code {done.returncode} instead of {code}"
        elif "error: " not in message or fragment not in message:
            problem = f"the message lacks {fragment!r}"
        elif any(word in message for word in CRASHES):
            problem = "it crashed"
        elif self.files() != before:
            changed = set(self.files().items()) ^ set(before.items())
            problem = f"it left or changed {sorted({os.path.basename(path) for path, _ in changed})}"
        if self.args.verbose:
            print(f"--- {what}\n{message}", end="")
        return self.check(what, not problem, f"{problem}\n    {message.strip()[:800]}")


def main(description, *parts):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--bin", required=True, help="folder of the tools")
    parser.add_argument("--models", required=True, help="folder of the specs")
    parser.add_argument("--reference", required=True, help="folder of the reference cases")
    parser.add_argument("--verbose", action="store_true", help="show every message")
    parser.add_argument("--only", help="run only the part of this name")
    args = parser.parse_args()
    for folder in "bin", "models", "reference":
        setattr(args, folder, os.path.abspath(getattr(args, folder)))
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(args, folder)
        for part in parts:
            if args.only in (None, part.__name__):
                part(bench)
    print(f"{bench.checks - len(bench.failures)} of {bench.checks} checks hold")
    for failure in bench.failures:
        print(f"  {failure}")
    sys.exit(1 if bench.failures or bench.checks == 0 else 0)
