#!/usr/bin/env python3
"""Writes beams.json into cases: what transformers' generate answers for greedy and beam search (README.md).

usage: beams.py [CASE...]
"""
import itertools
import json
import sys

import torch
from safetensors.torch import load_file
from transformers import GenerationConfig, GenerationMixin, GPT2LMHeadModel, MarianMTModel, PretrainedConfig, PreTrainedModel, Qwen2ForCausalLM, RwkvForCausalLM, T5ForConditionalGeneration
from transformers.modeling_outputs import CausalLMOutput

import rnn
from common import HERE, suffix

MADE = 12  # tokens at most
BEAMS = [  # settings of generate, the options of sluice-run
    (dict(num_beams=1), []),
    (dict(num_beams=4), ["--beams", "4"]),
    (dict(num_beams=4, num_return_sequences=4), ["--beams", "4", "--results", "4"]),
    (dict(num_beams=4, num_return_sequences=3, length_penalty=2.0), ["--beams", "4", "--results", "3", "--length-penalty", "2"]),
    (dict(num_beams=4, num_return_sequences=4, length_penalty=-0.5), ["--beams", "4", "--results", "4", "--length-penalty", "-0.5"]),
    (dict(num_beams=4, num_return_sequences=4, early_stopping=True), ["--beams", "4", "--results", "4", "--early-stopping", "yes"]),
    (dict(num_beams=3, num_return_sequences=2, early_stopping="never"), ["--beams", "3", "--results", "2", "--early-stopping", "never"]),
]


class Recurrent(PreTrainedModel, GenerationMixin):
    """A model of rnn.py as `generate` wants it, which computes the whole sequence for each token."""

    def __init__(self, inner):
        super().__init__(PretrainedConfig())
        self.inner = inner

    @classmethod
    def from_pretrained(cls, folder, **_):
        return cls(rnn.RNNModel.from_pretrained(folder, rnn.CASES[folder.name][1]))

    def forward(self, input_ids, **_):
        return CausalLMOutput(logits=torch.stack([self.inner(row) for row in input_ids]))


@torch.no_grad()
def generate(model, given, stops, settings, rules, trusted=True):
    """Token lists and scores, best first; None for a choice that f32 cannot be trusted with."""
    answers = []
    for one in model, model.double():
        own = GenerationConfig(eos_token_id=stops or None, pad_token_id=0, max_new_tokens=MADE, do_sample=False, use_cache=model.use_cache,
                               return_dict_in_generate=True, output_scores=True, **settings, **rules)
        made = one.generate(**given, generation_config=own)
        first = 1 if "decoder_input_ids" in given else given["input_ids"].shape[1]
        rows = []
        for row in made.sequences[:, first:].tolist():
            end = next((i for i, token in enumerate(row) if token in stops), None)
            rows.append(row[:end] if end is not None else row)
        scores = made.sequences_scores.tolist() if settings["num_beams"] > 1 else []
        answers.append((rows, scores))
    model.float()
    (rows, scores), (again, exact) = answers
    close = any(abs(a - b) < 3e-4 for a, b in zip(exact, exact[1:]))
    return None if trusted and (rows != again or close) else (rows, exact)


def answers(model, given, stops, rules={}):
    out = []
    for settings, options in BEAMS:
        made = generate(model, given, stops, settings, rules)
        if made is None:
            return None
        out.append({"options": options, "tokens": made[0], "scores": [round(score, 7) for score in made[1]]})
    return out


def lengths(answers):
    return {len(row) for one in answers for row in one["tokens"]}


def inputs(io, index, start):
    ids = io["input_ids" + suffix(index)][None]
    if start is None:
        return {"input_ids": ids}
    return {"input_ids": io["source_ids" + suffix(index)][None], "decoder_input_ids": torch.tensor([[start]])}


def write(case, model_class, start=None, indices=(0, 1), rules={}, forbids=False, cached=True, wanted=3):
    """`rules` are what a generation_config.json says of tokens; with `forbids` the first sequence comes again with more of them.
    The sequences have `wanted` lengths at least, one of them that without an end."""
    if sys.argv[1:] and case not in sys.argv[1:]:
        return
    folder = HERE / case
    model = model_class.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
    model.use_cache = cached
    model.generation_config = GenerationConfig(decoder_start_token_id=start)  # nothing beside what is said here
    io = load_file(folder / "io.safetensors")
    found = []
    for index in indices:
        given = inputs(io, index, start)
        # Tokens that end some sequences early and others not.
        likely = generate(model, given, [], dict(num_beams=8, num_return_sequences=8), {}, trusted=False)[0]
        likely = torch.tensor(list(itertools.chain(*likely)))
        candidates = likely.bincount().argsort(descending=True)[:8].tolist()
        for stops in itertools.chain(([one] for one in candidates), itertools.combinations(candidates, 2)):
            four = generate(model, given, list(stops), BEAMS[2][0], rules)
            if not four or len({len(row) for row in four[0]}) < min(wanted, 2):
                continue
            made = answers(model, given, list(stops), rules)
            if made and len(lengths(made)) >= wanted and MADE in lengths(made):
                break
        else:
            raise SystemExit(f"{case}{suffix(index)}: no stop token gives sequences of several lengths")
        said = {"rules": rules | {"eos_token_id": list(stops)}} if rules else {}
        found.append({"sequence": suffix(index), "stops": list(stops), "made": MADE} | said | {"answers": made})
        if forbids and index == indices[0]:
            rows = [row for one in made for row in one["tokens"] if len(row) > 4]
            for row, at in itertools.product(rows, (0, 1, 2)):
                own = {"bad_words_ids": [[row[-1]], row[at : at + 2]], "suppress_tokens": [row[3]], "forced_eos_token_id": stops[0]}
                again = answers(model, given, list(stops), own)
                if again and all(a["tokens"] != b["tokens"] for a, b in zip(again[2:5], made[2:5])):
                    break
            else:
                raise SystemExit(f"{case}{suffix(index)}: no rules change the sequences")
            found.append({"sequence": suffix(index), "stops": list(stops), "made": MADE, "rules": own | {"eos_token_id": list(stops)}, "answers": again})
    text = ",\n".join(json.dumps(one) for one in found)
    (folder / "beams.json").write_text("[" + text + "]\n")
    print(case, [sorted(lengths(one["answers"])) for one in found], [one["stops"] for one in found])


write("gpt2/odd", GPT2LMHeadModel, forbids=True)
write("gpt2/bare", GPT2LMHeadModel)
write("qwen2/sliding", Qwen2ForCausalLM)  # windows, and prompts of more than one block of a cache
write("t5/relu-tied", T5ForConditionalGeneration, start=0)
write("t5/gated-untied", T5ForConditionalGeneration, start=0, cached=False)  # transformers' cache would have as many layers as the encoder
write("rwkv4/rescaled", RwkvForCausalLM, cached=False)  # transformers does not put its states in the order of the beams
write("rnn_lm/lstm", Recurrent, cached=False)
write("rnn_lm/gru-tied", Recurrent, cached=False)
write("marian/shared", MarianMTModel, start=82, rules={"forced_eos_token_id": 0})
write("marian/apart", MarianMTModel, start=69, rules={"forced_eos_token_id": 0}, wanted=1)  # it says one token again and again
