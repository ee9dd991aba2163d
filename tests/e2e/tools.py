#!/usr/bin/env python3
"""Uses the tools as their help says: stages, dumps, resuming, passes, targets, views, named tensors, sampling."""

import array
import json
import math
import os
import re
import shutil
import struct
import subprocess

import bench as harness
import safetensors

STAGES = {"spec": "family: llama", "model": "llm.rms_norm", "fused": "llm.", "plan": "plan.kernel", "kernels": "func.func", "llvm": "define", "asm": "ret"}
FUSIONS = harness.FUSIONS.split(",")
IDS = "5,9,2,37,31,8,44,1,50,12,3"


def read(path):
    with open(path, "rb") as file:
        return file.read()


# The cases have only what they compare.
NO_TOKENIZER = b"warning: the artifact has no tokenizer: the checkpoint has none\n"


def compile(bench, name, *options, case="llama/gqa"):
    path = bench.path(name)
    done = bench.run("sluice-compile", "-c", bench.case(case), "--models", bench.models, "-o", path, *options)
    bench.check(f"{name} is compiled without a word", done.returncode == 0 and done.stderr == NO_TOKENIZER and not done.stdout, done.stderr.decode())
    return path


def tensors(bench, model, *options):
    out = bench.path("out.safetensors")
    bench.output("sluice-run", model, *(options or ("--ids", IDS)), "--out", out)
    return safetensors.load(out)


def logits(bench, model, *options):
    return tensors(bench, model, *options)["logits"].data


def stages(bench):
    """--emit, --dump-dir and --dump-each-pass show the same texts."""
    command = ("sluice-compile", "-c", bench.case("llama/gqa"), "--models", bench.models)
    bench.output(*command, "--dump-dir", "dumps")
    files = sorted(os.listdir(bench.path("dumps")))
    bench.check("one numbered file a stage", [name.split(".")[0] for name in files] == [f"{i:02}-{stage}" for i, stage in enumerate(STAGES)], str(files))
    for name, (stage, word) in zip(files, STAGES.items()):
        text = bench.output(*command, f"--emit={stage}")
        bench.check(f"--emit={stage}", word in text, text[:200])
        bench.check(f"--emit={stage} and its dump", text.encode() == read(bench.path("dumps", name)), name)
    resolved = bench.path("dumps", "00-spec.yaml")
    bench.check("a resolved spec is a spec", bench.output("sluice-compile", "--check", resolved) == "")
    bench.output(*command, "--dump-dir", "passes", "--dump-each-pass")
    files = sorted(os.listdir(bench.path("passes")))
    after = [name.split("-after-")[1].split(".")[0] for name in files if "-after-" in name]
    bench.check("a dump after each pass", [name for name in after if name in FUSIONS] == FUSIONS and after[-1] == "verify-plan", str(files))
    for name, index in ("model", "01"), ("fused", "03"), ("plan", "04"):
        last = [file for file in files if file.endswith(f"-{name}.mlir") and "-after-" not in file]
        bench.check(f"{name} with and without passes", read(bench.path("passes", last[0])) == read(bench.path("dumps", f"{index}-{name}.mlir".replace("03", "02").replace("04", "03"))), last[0])
    opt = bench.output("sluice-opt", "--fusion-pipeline", bench.path("dumps", "01-model.mlir")).replace('"model"', '"fused"')
    bench.check("sluice-opt fuses as sluice-compile does", "sluice.stage" in opt and opt.split() == read(bench.path("dumps", "02-fused.mlir")).decode().split())
    report = bench.run(*command, "--fusion-report", "--emit=fused").stderr.decode()
    bench.check("--fusion-report", "fuse-norm-matmul: fused at" in report and "not fused at" in report, report)
    shutil.rmtree(bench.path("passes"))


def resuming(bench):
    """A dump resumes to the same artifact; an edited one is what the edited checkpoint gives."""
    command = ("sluice-compile", "-c", bench.case("llama/gqa"), "--models", bench.models)
    direct = logits(bench, compile(bench, "direct.slc"))
    changed = bench.path("changed")
    shutil.copytree(bench.case("llama/gqa"), changed)
    config = json.loads(read(os.path.join(changed, "config.json")))
    config["rms_norm_eps"] = 0.25
    with open(os.path.join(changed, "config.json"), "w") as file:
        json.dump(config, file)
    bench.output("sluice-compile", "-c", changed, "--models", bench.models, "-o", "changed.slc")
    expected = logits(bench, bench.path("changed.slc"))
    bench.check("the edit shows", expected != direct)
    for stage in "model", "fused", "plan":
        text = bench.output(*command, f"--emit={stage}")
        dump = bench.path(f"{stage}.mlir")
        for what, eps, wanted in ("", "9.99999974E-6", direct), ("edited ", "2.500000e-01", expected):
            with open(dump, "w") as file:
                file.write(text.replace("9.99999974E-6", eps))
            name = compile(bench, f"from {what}{stage}.slc", "--from", dump)
            bench.check(f"from {what}{stage}", logits(bench, name) == wanted, "other bits than compiled directly")
        again = bench.output(*command, "--from", dump, f"--emit={stage}")
        bench.check(f"{stage} dump printed again", again == read(dump).decode())
        located = bench.path(f"located-{stage}.mlir")
        silent = bench.output(*command, f"--emit={stage}", "--locations", "-o", located)
        bench.check(f"--emit={stage} -o", silent == "" and "blocks/decoder.yaml" in read(located).decode())
        plan = bench.output("sluice-inspect", compile(bench, "located.slc", "--from", located), "--plan")
        bench.check(f"places in the YAML come back from {stage}", "blocks/decoder.yaml:" in plan and "located-" not in plan, plan[:500])
    shutil.rmtree(changed)
    bench.output(*command, "--emit=fused", "-o", "fused.mlir")
    bench.refuse("types are in a dump already", "--weights and --compute have no effect", *command, "--from", "fused.mlir", "--weights", "bf16", "-o", "no.slc")
    bench.refuse("a format that is none", "--weights: there is no format 'int5'; expected keep, f32, bf16, int8, int4,", *command, "--weights", "int5", "-o", "no.slc")
    bench.refuse("a weight that is none", "--weights: no matrix that may be stored otherwise has the name 'hed'; did you mean 'head'?", *command, "--weights", "int8,hed=f32", "-o", "no.slc")
    bench.refuse("fusions are in a dump already", "--disable-pass has no effect", *command, "--from", "fused.mlir", "--disable-pass", "fuse-swiglu", "-o", "no.slc")


def passes(bench):
    """Leaving out any one fusion does not change a bit."""
    for case in "llama/gqa", "mixtral/two-of-four", "gpt2/odd":
        plain = bench.output("sluice-compile", "-c", bench.case(case), "--models", bench.models, "--emit=fused")
        expected, changed = logits(bench, compile(bench, "fused.slc", case=case)), []
        for fusion in FUSIONS:
            option = ("--disable-pass", fusion)
            if bench.output("sluice-compile", "-c", bench.case(case), "--models", bench.models, "--emit=fused", *option) == plain:
                continue
            changed.append(fusion)
            model = compile(bench, "less.slc", *option, case=case)
            for chunk in ((), ("--chunk", "1")):
                bench.check(f"{case} without {fusion} {chunk}", logits(bench, model, "--ids", IDS, *chunk) == expected, "bits differ")
        wanted = {"fuse-rope-attention", "fuse-epilogue"} | ({"fuse-moe-dispatch"} if "mixtral" in case else set())
        bench.check(f"{case}: fusions that fire", wanted <= set(changed), str(changed))


def targets(bench):
    def codes(model):
        return [section["name"] for section in json.loads(bench.output("sluice-inspect", model, "--json"))["sections"] if section["kind"] == "code"]

    several = compile(bench, "several.slc", "--target", "x86-64-v3,x86-64-v4,native,x86-64-v3")
    native = compile(bench, "native.slc")
    named = ["x86-64-v3", "x86-64-v4"]
    bench.check("a code section per target", codes(several) == named + [name for name in codes(native) if name not in named], str(codes(several)))
    bench.check("the best code runs", logits(bench, several) == logits(bench, native))
    expected, least = tensors(bench, several)["logits"], tensors(bench, compile(bench, "v3.slc", "--target", "x86-64-v3"))["logits"]
    bench.check("x86-64-v3 agrees", safetensors.difference(expected, least)[1] <= 1e-4, str(safetensors.difference(expected, least)))

    tiles = compile(bench, "tiles.slc", "--target", "x86-64-v3+amx-emulated", "--weights", "bf16")
    expected = logits(bench, tiles)
    for options in ("--chunk", "1"), ("--chunk", "5"), ("--threads", "1"), ("--reproducible",):
        bench.check(f"tiles {options}", logits(bench, tiles, "--ids", IDS, *options) == expected, "bits differ")
    plain = compile(bench, "plain.slc", "--target", "x86-64-v3", "--weights", "bf16")
    apart = safetensors.difference(tensors(bench, plain)["logits"], tensors(bench, tiles)["logits"])[1]
    bench.check("tiles agree", 0 < apart <= 1e-4, str(apart))

    # What each kernel multiplies with, per target.
    summary = json.loads(bench.output("sluice-inspect", compile(bench, "units.slc", "--target", "x86-64-v3,x86-64-v4+bf16,x86-64-v4+amx", "--weights", "bf16"), "--json"))
    for section, unit, other in zip((section for section in summary["sections"] if section["kind"] == "code"), ("avx2", "avx512bf16", "amx-bf16"), ("avx2", "avx512", "avx512")):
        units = {kernel["kind"]: found for kernel, found in zip(summary["kernels"], section["units"], strict=True)}
        bench.check(f"units of {section['name']}", (units["linear"], units["norm"]) == (unit, other), str(units))

    # The code of the tile unit itself, whatever machine this is: configured and released, and no tile has to leave its register.
    asm = bench.output("sluice-compile", "-c", bench.case("llama/gqa"), "--models", bench.models, "--emit=asm", "--target", "x86-64-v4+amx", "--weights", "bf16")
    counts = {word: len(re.findall(word, asm)) for word in (r"\btdpbf16ps\b", r"\bldtilecfg\b", r"\btilerelease\b", r"\btileloadd\b.*\(%rsp", r"\btilestored\b.*\(%rsp")}
    products, configured, released, *spilled = counts.values()
    bench.check("code for tiles", products > 0 and 0 < configured <= released and not any(spilled), str(counts))


def determinism(bench):
    for case in "llama/gqa", "mixtral/two-of-four":
        first, second = compile(bench, "first.slc", case=case), compile(bench, "second.slc", case=case)
        bench.check(f"{case} compiles to the same bytes", read(first) == read(second))
    models = []
    for name, seed in ("a", 1), ("b", 1), ("c", 2):
        path = bench.path(f"random-{name}.slc")
        bench.output("sluice-compile", "-c", f"random:{seed}", "--config", os.path.join(bench.case("llama/gqa"), "config.json"), "--models", bench.models, "-o", path)
        models.append(logits(bench, path))
    bench.check("random weights by their seed", models[0] == models[1] != models[2])


def views(bench):
    model = compile(bench, "views.slc", "--keep-ir")
    for options, word in [
        ([], "vocabulary   96"),
        (["--plan"], "layers.q_k_v"),
        (["--kernels"], "writes cache: cache k [kv_heads, head_dim] v [kv_heads, value_dim]"),
        (["--weights"], "layers.gate"),
        (["--memory"], "activations"),
        (["--spec"], "family: llama"),
        (["--ir", "plan"], "plan.kernel"),
        (["--ir", "fused"], "llm."),
        (["--verify"], "vocabulary"),
    ]:
        text = bench.output("sluice-inspect", model, *options)
        bench.check(f"sluice-inspect {options}", word in text, text[:300])
        if options and options[0] in ("--plan", "--kernels", "--weights", "--memory"):
            bench.check(f"{options} --json", bool(json.loads(bench.output("sluice-inspect", model, *options, "--json"))))
    summary = json.loads(bench.output("sluice-inspect", model, "--json"))
    bench.check("--json", summary["family"] == "llama" and summary["context"] == 64 and summary["vocab"] == 96, str(summary)[:300])
    text = bench.output("sluice-run", model, "--verify")
    bench.check("--verify", text.count("ok: ") == len(text.splitlines()) >= 5, text)


def save(path, **lists):
    """Lists of whole numbers as I32 tensors; a name may hold a dot written as two underscores."""
    header, data = {}, b""
    for name, values in lists.items():
        part = array.array("i", values).tobytes()
        header[name.replace("__", ".")] = {"dtype": "I32", "shape": [len(values)], "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def entries(bench):
    """Any entry by name, on ids or on named tensors."""
    model, source = compile(bench, "named.slc"), bench.path("in.safetensors")
    ids = list(map(int, IDS.split(",")))
    save(source, ids=ids)
    bench.check("--in gives what --ids gives", logits(bench, model, "--in", source) == logits(bench, model))
    save(source, ids__0=ids, ids__1=ids[:3])
    batch = tensors(bench, model, "--entry", "generate", "--in", source)
    bench.check("a batch by names", batch["logits.0"].data == logits(bench, model) and batch["logits.1"].data == logits(bench, model, "--ids", "5,9,2"))
    bert = compile(bench, "bert.slc", case="bert/pretraining")
    names = [entry["name"] for entry in json.loads(bench.output("sluice-inspect", bert, "--json"))["entries"]]
    bench.check("several entries", len(names) > 1, str(names))
    for name in names:
        found = tensors(bench, bert, "--ids", "5,9,2", "--entry", name)
        bench.check(f"--entry {name}", bool(found) and all(any(t.values()) for t in found.values()), str(list(found)))
    only = compile(bench, "only.slc", "--entry", names[0], case="bert/pretraining")
    bench.check("only one entry compiled", [e["name"] for e in json.loads(bench.output("sluice-inspect", only, "--json"))["entries"]] == names[:1])


def outputs(bench):
    """What is read is never written over; what is typed is taken as it is."""
    model = compile(bench, "kept.slc")
    config = os.path.join(bench.case("llama/gqa"), "config.json")
    for command, path in (
        (("sluice-run", model, "--ids", "1", "--generate", "1", "--profile", model), model),
        (("sluice-run", model, "--ids", "1", "--out", model), model),
        (("sluice-compile", "-c", bench.case("llama/gqa"), "--models", bench.models, "-o", config), config),
    ):
        before = read(path)
        done = bench.run(*command)
        bench.check(f"{command[0]} keeps its input", done.returncode == 1 and b"cannot be the output" in done.stderr and read(path) == before, done.stderr.decode())
    link = bench.path("link.slc")
    os.symlink(model, link)
    compile(bench, "link.slc")
    bench.check("a link stays one", os.path.islink(link))
    plan = bench.output("sluice-compile", "-c", bench.case("llama/gqa"), "--models", bench.models, "--emit=plan")
    edited = bench.path("edited.mlir")
    for what, text in ("a weight", "\n".join(line for line in plan.splitlines() if "plan.weight @norm " not in line)), ("a width", plan.replace("K = ", "K = 99999", 1)):
        with open(edited, "w") as file:
            file.write(text)
        done = bench.run("sluice-compile", "-c", bench.case("llama/gqa"), "--models", bench.models, "--from", edited, "-o", bench.path("edited.slc"))
        bench.check(f"a plan without {what} is refused", done.returncode == 1 and b"edited.mlir:" in done.stderr, done.stderr.decode())


def versions(bench):
    for tool in "sluice-compile", "sluice-run", "sluice-inspect", "sluice-bench":
        bench.check(f"{tool} --version", bench.output(tool, "--version").startswith("sluice "))


def generation(bench):
    """On the bundled model: sampling repeats by its seed, text stops where it shall."""
    demo = bench.path("demo.slc")
    bench.output("sluice-compile", "-c", os.path.join(bench.models, "demo"), "--models", bench.models, "-o", demo)

    def text(*options, prompt="And God said"):
        return bench.output("sluice-run", demo, "--prompt", prompt, *options)

    sampled = ("--temperature", "1.5", "--top-k", "50", "--top-p", "0.95", "--min-p", "0.01", "--repetition-penalty", "1.1", "--max-tokens", "24", "--seed")
    first = text(*sampled, "1")
    bench.check("the same seed, the same text", first == text(*sampled, "1"))
    bench.check("another seed, another text", first != text(*sampled, "2"))
    greedy = text("--max-tokens", "24")
    bench.check("greedy by default", greedy == text("--greedy", "--max-tokens", "24") and len(greedy) > 20, greedy)
    bench.check("nearly greedy", greedy == text("--temperature", "0.7", "--top-k", "1", "--max-tokens", "24"))
    bench.check("threads change nothing", greedy == text("--threads", "1", "--max-tokens", "24"))
    bench.check("--echo", text("--echo", "--max-tokens", "24") == "And God said" + greedy)
    with open(bench.path("prompt.txt"), "w") as file:
        file.write("And God said")
    bench.check("--prompt-file", bench.output("sluice-run", demo, "--prompt-file", bench.path("prompt.txt"), "--max-tokens", "24") == greedy)
    empty = bench.run("sluice-run", demo, "--prompt", "")
    bench.check("an empty prompt", b"the prompt has no tokens" in empty.stderr, empty.stderr.decode())
    ids = text("--max-tokens", "6", "--print-ids")
    bench.check("--print-ids", len(ids.split()) == 6 and all(word.isdigit() for word in ids.split()), ids)
    stopped = text("--max-tokens", "6", "--print-ids", "--stop-token", ids.split()[2])
    bench.check("--stop-token", stopped.split() == ids.split()[:2], stopped)
    bench.check("brackets are text", text("--max-tokens", "24", "--stop", "[" + greedy.split()[2] + "]") == greedy)
    stop = greedy.split()[4]
    before = greedy[: greedy.index(stop)]
    bench.check("--stop ends the text before it", text("--max-tokens", "24", "--stop", "no such text", "--stop", stop).rstrip("\n") == before.rstrip("\n"), stop)
    wild = ("--temperature", "9", "--seed", "1", "--max-tokens", "400")
    ended = text(*wild)
    bench.check("a special token is known by its text", len(ended) < len(text(*wild, "--ignore-stop")) and ended == text(*wild, "--ignore-stop", "--stop", "<|endoftext|>"), ended)
    ids = bench.output("sluice-run", demo, "--ids", "5,9,2", "--ids", "7", "--generate", "6", "--greedy", "--print-ids", "--ignore-stop").splitlines()
    bench.check("a line of ids per sequence", [len(line.split()) for line in ids] == [6, 6], str(ids))
    trace = bench.run("sluice-run", demo, "--ids", "5,9,2", "--generate", "4", "--profile", bench.path("trace.json"))
    bench.check("--profile", b"kernel" in trace.stderr and bool(json.loads(read(bench.path("trace.json")))), trace.stderr.decode())


def scoring(bench):
    """Perplexity against the logits of the same tokens."""
    demo = bench.path("demo.slc")
    with open(bench.path("score.txt"), "w") as file:
        file.write("In the beginning God created the heaven and the earth. And the earth was without form, and void; " * 3)
    ids = [int(word) for word in bench.output("sluice-run", demo, "--tokenize", bench.path("score.txt"), "--no-special").split()]
    begin = [int(word) for word in bench.run("sluice-run", demo, "--tokenize", "-", input=b"").stdout.split()]
    for window in 40, 512:
        step, total, count = window - len(begin), 0, 0
        for first in range(0, len(ids), step):
            tokens = begin + ids[first : first + step]
            bench.output("sluice-run", demo, "--ids", ",".join(map(str, tokens)), "--out", "score.safetensors")
            logits = safetensors.load(bench.path("score.safetensors"))["logits"]
            rows = logits.values()
            for at in range(max(len(begin), 1), len(tokens)):
                row = rows[(at - 1) * logits.shape[1] : at * logits.shape[1]]
                most = max(row)
                total += row[tokens[at]] - most - math.log(sum(math.exp(value - most) for value in row))
                count += 1
        said = bench.output("sluice-run", demo, "--score", bench.path("score.txt"), "--score-window", str(window))
        words = said.split()  # N tokens, BITS bits each, perplexity NUMBER
        close = abs(float(words[2]) + total / count / math.log(2)) < 1e-4 and abs(float(words[-1]) / math.exp(-total / count) - 1) < 1e-4
        bench.check(f"--score in windows of {window}", words[0] == str(count) and close, f"{said} instead of {count} tokens, perplexity {math.exp(-total / count)}")
    bench.refuse("a window without room", "--score-window is 1, expected", "sluice-run", demo, "--score", bench.path("score.txt"), "--score-window", "1")
    bench.refuse("a text of one token", "no token stands behind another", "sluice-run", demo, "--score", os.devnull)


def converting(bench):
    """Text to ids and back, with places; from files and from a pipe."""
    demo = bench.path("demo.slc")

    def piped(text, *options):
        done = bench.run("sluice-run", demo, *options, input=text.encode())
        bench.check(f"{options} succeeds", done.returncode == 0, done.stderr.decode())
        return done.stdout.decode()

    text = "And God said,\n  \u20ac \u4e2d\U0001f642 end\n"
    ids = piped(text, "--tokenize", "-")
    bench.check("ids on a line", ids.endswith("\n") and all(word.isdigit() for word in ids.split()), ids)
    bench.check("there and back", piped(ids, "--detokenize", "-") == text)
    with open(bench.path("text.txt"), "w") as file:
        file.write(text)
    bench.check("from a file", bench.output("sluice-run", demo, "--tokenize", bench.path("text.txt")) == ids)
    lines = [line.split("\t") for line in piped(text, "--tokenize", "-", "--offsets").splitlines()]
    bench.check("--offsets has the same ids", [line[0] for line in lines] == ids.split(), str(lines))
    places = [(int(line[1]), int(line[2])) for line in lines]
    # Tokens that share a character have the same place.
    distinct = sorted(set(places))
    bench.check("places follow each other", places == sorted(places) and [end for _, end in distinct][:-1] == [begin for begin, _ in distinct][1:], str(places))
    bench.check("places cover the text", (places[0][0], places[-1][1]) == (0, len(text.encode())), str(places))
    bench.check("places show what stands there", json.loads(lines[0][3]) == text.encode()[: places[0][1]].decode(), lines[0][3])
    bench.check("no text, no ids, no text", piped("", "--tokenize", "-") == "\n" and piped("\n", "--detokenize", "-") == "")
    bench.refuse("nothing else is run", "run nothing", "sluice-run", demo, "--tokenize", "-", "--prompt", "x", code=2, input=b"")
    bench.refuse("text that is not UTF-8", "byte 2", "sluice-run", demo, "--tokenize", "-", input=b"ab\xff")
    bench.refuse("ids that are none", "'1 x' is not a list of ids", "sluice-run", demo, "--detokenize", "-", input=b"1 x")
    bench.refuse("ids out of range", "out of range", "sluice-run", demo, "--detokenize", "-", input=b"1 99999999")


def talking(bench):
    """A conversation with the bundled model, which has no template of its own."""
    demo = bench.path("demo.slc")
    bench.refuse("no template", "--template-file", "sluice-run", demo, "--chat", "--prompt", "hello")
    with open(bench.path("plain.jinja"), "w") as file:
        file.write("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}")
    chat = ("--chat", "--template-file", bench.path("plain.jinja"), "--max-tokens", "8")

    def answers(text, *options):
        done = bench.run("sluice-run", demo, *chat, *options, input=text.encode())
        bench.check("a conversation succeeds", done.returncode == 0, done.stderr.decode())
        return done.stdout.decode()

    def continued(prompt):
        return bench.output("sluice-run", demo, "--prompt", prompt, "--max-tokens", "8")

    first = continued("user: hello\nassistant:")
    bench.check("an answer continues the template's text", answers("hello\n") == first, first)
    bench.check("--prompt asks once", bench.output("sluice-run", demo, *chat, "--prompt", "hello") == first)
    bench.check("--system", answers("hello\n", "--system", "Be kind.") == continued("system: Be kind.\nuser: hello\nassistant:"))
    second = continued(f"user: hello\nassistant: {first[:-1]}\nuser: and\nassistant:")
    bench.check("a second question knows the first", answers("hello\nand\n") == first + second, second)
    full = bench.run("sluice-run", demo, *chat, "--context", "16", "--prompt", "hello")
    bench.check("a full context is told", full.returncode == 0 and b"the context of 16 tokens is full" in full.stderr, full.stderr.decode())
    bench.refuse("an entry that does not exist", "nope", "sluice-run", demo, *chat, "--prompt", "x", "--entry", "nope")
    bench.refuse("greedy and not", "exclude each other", "sluice-run", demo, *chat, "--prompt", "x", "--greedy", "--temperature", "1", code=2)
    # An encoder reads the whole conversation anew, and rows of the vocabulary
    # that the tokenizer does not know have no text.
    seq2seq = bench.path("seq2seq")
    shutil.copytree(bench.case("t5/relu-tied"), seq2seq)
    words = {word: id for id, word in enumerate("<pad> </s> <unk> a b c d e f".split())}
    with open(os.path.join(seq2seq, "tokenizer.json"), "w") as file:
        json.dump({"model": {"type": "WordLevel", "vocab": words, "unk_token": "<unk>"}, "pre_tokenizer": {"type": "WhitespaceSplit"}}, file)
    bench.output("sluice-compile", "-c", seq2seq, "--models", bench.models, "-o", "seq2seq.slc")
    with open(bench.path("words.jinja"), "w") as file:
        file.write("{% for m in messages %}{{ m.content }} {% endfor %}")
    words = ("--template-file", bench.path("words.jinja"), "--max-tokens", "6", "--ignore-stop")
    done = bench.run("sluice-run", "seq2seq.slc", "--chat", *words, input=b"a b\nc d\n")
    lines = done.stdout.decode().split("\n")
    again = [bench.output("sluice-run", "seq2seq.slc", "--prompt", prompt, "--max-tokens", "6", "--ignore-stop") for prompt in ("a b", f"a b {lines[0]} c d")]
    bench.check("a conversation through an encoder", done.returncode == 0 and lines[:2] == [text.rstrip("\n") for text in again], f"{lines} {again} {done.stderr}")
    # One that is longer than a step takes all the same.
    long = " ".join(["a b c"] * 230)
    done = bench.run("sluice-run", "seq2seq.slc", "--chat", *words, input=f"a b\n{long}\nd\n".encode())
    lines = done.stdout.decode().split("\n")
    bench.check("a long conversation", done.returncode == 0 and len(lines) == 4, f"{lines} {done.stderr}")
    texts = f"a b {lines[0]} {long}", f"a b {lines[0]} {long} {lines[1]} d"
    again = [bench.output("sluice-run", "seq2seq.slc", "--prompt", prompt, "--max-tokens", "6", "--ignore-stop") for prompt in texts]
    bench.check("a long conversation through an encoder", lines[1:3] == [text.rstrip("\n") for text in again], f"{lines} {again} {done.stderr}")
    for options in ("--ids", "0,5", "--generate", "3"), ("--ids", "0,5", "--out", "none.st"):
        bench.refuse("a decoder without a source", "--source-ids", "sluice-run", "seq2seq.slc", *options)
    with open(bench.path("refusing.jinja"), "w") as file:
        file.write("{{ raise_exception('no roles today') }}")
    bench.refuse("a template that refuses", "no roles today", "sluice-run", demo, "--chat", "--template-file", bench.path("refusing.jinja"), "--prompt", "x")
    with open(bench.path("endless.jinja"), "w") as file:
        file.write("{% for i in range(10000) %}{% for j in range(10000) %}x{% endfor %}{% endfor %}")
    bench.refuse("a template without end", "more than 20000000 steps", "sluice-run", demo, "--chat", "--template-file", bench.path("endless.jinja"), "--prompt", "x")
    with open(bench.path("broken.jinja"), "w") as file:
        file.write("a\n{% if x %}")
    bench.refuse("a template with an error", "line 2", "sluice-run", demo, "--chat", "--template-file", bench.path("broken.jinja"), "--prompt", "x")


def cut_short(bench):
    """A model may be replaced while it runs; one that is cut short ends the tool with an error."""
    demo, other = bench.path("demo.slc"), bench.path("other.slc")
    with open(bench.path("words.jinja"), "w") as file:
        file.write("{% for m in messages %}{{ m.content }} {% endfor %}")
    command = (os.path.join(bench.args.bin, "sluice-run"), other, "--chat", "--template-file", bench.path("words.jinja"), "--max-tokens", "4")

    def talk(change):
        shutil.copy(demo, other)
        chat = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        chat.stdin.write(b"one\n")
        chat.stdin.flush()
        first = chat.stdout.readline()
        change()
        rest, errors = chat.communicate(b"two\n", timeout=300)
        return chat.returncode, first, rest, errors.decode()

    def replace():
        with open(bench.path("new.slc"), "wb") as file:
            file.write(b"another file")
        os.replace(bench.path("new.slc"), other)

    code, first, rest, errors = talk(replace)
    bench.check("a replaced model goes on", code == 0 and first and rest, errors)
    code, first, _, errors = talk(lambda: os.truncate(other, 4096))
    bench.check("a model that is cut short", code == 1 and first and errors.startswith("error: a file was cut short"), f"{code} {errors}")


harness.main(__doc__, stages, resuming, passes, targets, determinism, views, entries, outputs, versions, generation, scoring, converting, talking, cut_short)
