"""Writes reference cases: a tiny checkpoint with seeded weights and what transformers computes from it."""
import json
import math
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from transformers import PretrainedConfig
from transformers.pytorch_utils import Conv1D

HERE = Path(__file__).parent
GENERATED = 24  # tokens of a greedy continuation
TIE = 1e-3  # choices (a token, an expert) closer than this would make a case fragile

torch.set_num_threads(1)


def seed_weights(model, seed):
    """Gives every parameter values of a size that matters, so that leaving any of them out shows."""
    random = torch.Generator().manual_seed(seed)
    draw = lambda p, deviation, mean=0.0: p.data.copy_(torch.randn(p.shape, generator=random) * deviation + mean)
    for name, module in model.named_modules():
        own = dict(module.named_parameters(recurse=False))
        weight = own.pop("weight", None)
        if weight is not None and weight.dim() == 1:
            draw(weight, 0.25, 1.0)
        elif isinstance(module, nn.Embedding):
            draw(weight, 1.0 if "relative" in name else 0.7)
        elif weight is not None:
            inputs = weight.shape[0] if isinstance(module, Conv1D) else weight.shape[1]
            draw(weight, 1.2 / math.sqrt(inputs))
        for vector in own.values():
            draw(vector, 0.3)
        nudge = getattr(module, "e_score_correction_bias", None)
        if nudge is not None and not isinstance(nudge, nn.Parameter):
            nudge.copy_(torch.randn(nudge.shape, generator=random) * 0.1)
    head = model.get_output_embeddings()
    if head is not None:  # logits with a standard deviation of about 2
        draw(head.weight, 2.0 / math.sqrt(head.weight.shape[1]))
    model.tie_weights()


def sequences(seed, lengths, vocabulary):
    random = torch.Generator().manual_seed(seed)
    return [torch.randint(3, vocabulary, (length,), generator=random) for length in lengths]


def suffix(index):
    return f".{index}" if index else ""


@torch.no_grad()
def greedy(next_logits, ids):
    """The ids that follow `ids`; next_logits gives the logits of all rows."""
    ids, first = list(ids), len(ids)
    while len(ids) < first + GENERATED:
        best, second = next_logits(torch.tensor(ids))[-1].topk(2)[0]
        assert best - second > TIE, f"near tie after {len(ids)} tokens, take another seed"
        ids.append(int(next_logits(torch.tensor(ids))[-1].argmax()))
    return torch.tensor(ids[first:])


@torch.no_grad()
def greedy_with_cache(model, ids):
    """The ids that follow `ids` where a cache makes a difference: the prompt in one pass, then token after token."""
    out, given, cache = [], ids[None], None
    while len(out) < GENERATED:
        step = model(given, past_key_values=cache, use_cache=True)
        cache = step.past_key_values
        best, second = step.logits[0, -1].topk(2)[0]
        assert best - second > TIE, f"near tie after {len(ids) + len(out)} tokens, take another seed"
        out.append(int(step.logits[0, -1].argmax()))
        given = torch.tensor([[out[-1]]])
    return torch.tensor(out)


def stored(model, dtype=torch.float32, rename=lambda name: name, extra=None):
    """The tensors of the checkpoint: tied ones once, under the names of published files."""
    tensors, seen = {}, set()
    for name, tensor in model.state_dict().items():
        if tensor.data_ptr() not in seen:
            seen.add(tensor.data_ptr())
            tensors[rename(name)] = tensor.to(dtype).contiguous().clone()
    return tensors | (extra or {})


def published(config, without=()):
    """The keys of config.json: those of the family, not those that every config has and leaves alone."""
    common = PretrainedConfig().to_dict()
    keys = {key: value for key, value in config.to_dict().items()
            if key == "tie_word_embeddings" or key not in common or value != common[key]}
    if "dtype" in keys:
        keys["torch_dtype"] = keys.pop("dtype")
    return {key: value for key, value in sorted(keys.items()) if key not in without}


@torch.no_grad()
def check_every_tensor_matters(model, evaluate, before, inert):
    for name, p in model.named_parameters():
        if name.endswith(inert):
            continue
        kept = p.data.clone()
        p.data.zero_()
        moved = max((a - b).abs().max().item() for a, b in zip(evaluate(model), before))
        p.data.copy_(kept)
        assert moved > 0.01, f"{name} hardly matters ({moved:.2g}), take another seed"


@torch.no_grad()
def write_case(case, config, model, evaluate, inputs, generate=None, inert=(), config_file=None, without=(), store=None, **storing):
    """Writes tests/reference/<case>/.

    evaluate(model, i) gives the named outputs of sequence i, generate(model, i) its greedy continuation, inputs the
    named inputs of each sequence. `config` is what the model was made from; config.json omits its keys `without`, or
    is `config_file`. Tensors whose names end like one of `inert` have no effect on the outputs. `store` gives the tensors
    of the checkpoint in the place of `stored`.
    """
    folder = HERE / case
    folder.mkdir(parents=True, exist_ok=True)
    tensors = store(model) if store else stored(model, **storing)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config_file or published(config, without), indent=2) + "\n")
    run = lambda m: [tensor for i in range(len(inputs)) for tensor in evaluate(m, i).values()]
    if storing.get("dtype"):
        model.load_state_dict({name: t.to(storing["dtype"]).float() for name, t in model.state_dict().items()})
    expected = run(model)
    check_every_tensor_matters(model, run, expected, inert)

    again = type(model).from_pretrained(folder, config=config, attn_implementation="eager", torch_dtype=torch.float32)
    reread = max((a - b).abs().max().item() for a, b in zip(run(again.eval()), expected))
    assert reread < 1e-5, f"the files give other results, by {reread:.2g}"
    torch.set_default_dtype(torch.float64)
    exact = max((a - b).abs().max().item() for a, b in zip(run(again.double()), expected))
    torch.set_default_dtype(torch.float32)
    assert exact < 3e-5, f"f32 and f64 differ by {exact:.2g}"

    io = {}
    for i, given in enumerate(inputs):
        results = given | {name: tensor.float() for name, tensor in evaluate(model, i).items()}
        continued = generate(model, i) if generate else None
        if continued is not None:
            results["generated"] = continued
        io |= {name + suffix(i): tensor.contiguous() for name, tensor in results.items()}
    save_file(io, folder / "io.safetensors")
    for file in folder.glob("*.safetensors"):
        file.chmod(0o644)
    size = (folder / "model.safetensors").stat().st_size
    assert size < 300_000, f"{size} bytes"
    print(f"{case}: {len(tensors)} tensors, {size / 1000:.0f} kB, deviation of the outputs "
          f"{expected[0].std():.2f}, f32 against f64 {exact:.1g}")


def far_rows(length):
    """The rows of a long sequence that a case holds: every 300th, and the last ones."""
    return torch.tensor([*range(0, length - 16, 300), *range(length - 16, length)])


def far_case(evaluate, inputs):
    """Like `evaluate`, but for some rows, which `inputs` then name."""
    for given in inputs:
        given["at"] = far_rows(len(given["input_ids"]))
    return lambda model, i: {name: rows[inputs[i]["at"]] for name, rows in evaluate(model, i).items()}


def with_seed(case, seed, write, find):
    """write(seed) of a case; with `find` the next seeds until one is taken."""
    while True:
        try:
            return write(seed)
        except AssertionError as problem:
            if not find:
                raise
            print(f"{case}, seed {seed}: {problem}")
            seed += 100


def write_decoder(case, make, values, lengths, seed, far=False, grows=False, within=None, **more):
    """A case of a decoder-only model: `make` is the pair of its config and model class. Of `far` sequences, some rows. What would
    be longer than `within` is not continued."""
    config_class, model_class = make
    config = config_class(**values)
    config._attn_implementation = config._experts_implementation = "eager"
    config.architectures = [model_class.__name__]
    config.torch_dtype = "float32"
    model = model_class(config).eval()
    seed_weights(model, seed)
    ids = sequences(seed + 1, lengths, config.vocab_size)
    grows = grows or (getattr(config, "rope_parameters", None) or {}).get("rope_type") == "dynamic"     # rotations do, with the length

    def logits(m, row):
        if grows:  # a rotary table of a longer sequence before goes back
            m(row[None, :1], use_cache=False)
        return m(row[None], use_cache=False).logits[0]

    def generate(m, i):
        if within and len(ids[i]) + GENERATED > within:
            return None
        if not grows:
            return greedy(lambda row: logits(m, row), ids[i].tolist())
        logits(m, ids[i])
        return greedy_with_cache(m, ids[i])

    if far:
        inputs = [{"input_ids": row} for row in ids]
        write_case(case, config, model, far_case(lambda m, i: {"logits": logits(m, ids[i])}, inputs), inputs, **more)
        return model, ids
    write_case(case, config, model, lambda m, i: {"logits": logits(m, ids[i])}, [{"input_ids": row} for row in ids], generate, **more)
    return model, ids
