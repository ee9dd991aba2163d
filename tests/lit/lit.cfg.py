# Tests of the compiler by its textual IR.
import os

import lit.formats

config.name = "sluice"
config.test_format = lit.formats.ShTest(False)
config.suffixes = [".mlir"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = config.sluice_obj_root
config.environment["PATH"] = os.pathsep.join(
    [config.sluice_tools_dir, config.llvm_tools_dir, config.environment["PATH"]])
# SLUICE_VERIFY_ROUNDTRIP=1: every module is also printed and read back.
if os.environ.get("SLUICE_VERIFY_ROUNDTRIP"):
    config.substitutions.append((r"\bsluice-opt\b", "sluice-opt --verify-roundtrip"))
