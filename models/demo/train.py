#!/usr/bin/env python3
"""Trains the bundled demo model and writes it in Hugging Face layout.

    apt-get install bible-kjv bible-kjv-text
    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install torch==2.3.1 'numpy<2' transformers==4.56.2
    /tmp/venv/bin/python models/demo/train.py --work /tmp/demo                       # trains, with checkpoints
    /tmp/venv/bin/python models/demo/train.py --work /tmp/demo --export models/demo  # writes the model files

A stopped run goes on from its last checkpoint. The learning rate falls to zero over the last third of --steps, in which
windows of the whole context are trained and before it half as long ones; so a run can be shortened or lengthened by
giving another --steps before that third begins.
"""
import argparse
import re
import subprocess
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

SEED = 1611
CONTEXT = 512
VOCABULARY = 1536
END = "<|endoftext|>"  # stands before every chapter
HELD_OUT = 50  # every 50th chapter is for validation
WARM_UP = 100


def chapters():
    """The chapters of the King James text, one verse a line."""
    verses = subprocess.run(["bible", "-f", "Gen1:1-Rev22:21"], capture_output=True, text=True, check=True).stdout
    found = {}
    for place, verse in re.findall(r"^(\w+):\d+ (.*)$", verses, re.M):
        found.setdefault(place, []).append(verse.strip())
    return ["\n".join(lines) + "\n" for lines in found.values()]


def make_tokenizer(texts):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[END], initial_alphabet=alphabet, show_progress=False))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=END, eos_token=END,
                                   model_max_length=CONTEXT, clean_up_tokenization_spaces=False)


def load_data():
    """The tokenizer, and the token ids of the training and of the validation chapters."""
    texts = chapters()
    parts = {"training": [t for i, t in enumerate(texts) if i % HELD_OUT],
             "validation": [t for i, t in enumerate(texts) if i % HELD_OUT == 0]}
    tokenizer = make_tokenizer(parts["training"])
    ids = {name: torch.tensor(tokenizer.encode("".join(END + t for t in part), verbose=False))
           for name, part in parts.items()}
    return tokenizer, ids["training"], ids["validation"]


def make_model():
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=192, intermediate_size=352, num_hidden_layers=5, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=CONTEXT, rope_theta=10000.0, rms_norm_eps=1e-5,
        tie_word_embeddings=True, bos_token_id=0, eos_token_id=0, pad_token_id=None, use_cache=True))


def loss_of(model, windows):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(input_ids=windows[:, :-1], use_cache=False).logits
    return torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), windows[:, 1:].flatten())


@torch.no_grad()
def validation_loss(model, ids, length):
    """Mean loss of a token in nats over whole windows of the held-out chapters."""
    windows = ids[:(len(ids) - 1) // length * length + 1].unfold(0, length + 1, length)
    losses = [loss_of(model, batch) * len(batch) for batch in windows.split(8)]
    return sum(losses).item() / len(windows)


class Muon(torch.optim.Optimizer):
    """Momentum whose update is brought near the closest orthogonal matrix (five Newton-Schulz steps)."""

    def __init__(self, matrices, lr, momentum=0.95, weight_decay=0.01):
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state["mean"] = torch.zeros_like(p)
                state["mean"].lerp_(p.grad, 1 - group["momentum"])
                update = self.orthogonal(p.grad.lerp(state["mean"], group["momentum"]))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update, alpha=-group["lr"] * max(1, p.shape[0] / p.shape[1]) ** 0.5)

    @staticmethod
    def orthogonal(matrix):
        x = (matrix / (matrix.norm() + 1e-7)).bfloat16()
        tall = x.shape[0] > x.shape[1]
        x = x.T if tall else x
        for _ in range(5):
            square = x @ x.T
            x = 3.4445 * x + (2.0315 * square @ square - 4.775 * square) @ x
        return (x.T if tall else x).float()


def make_optimizers(model):
    matrices = [p for name, p in model.named_parameters() if p.dim() == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.dim() == 1 or "embed" in name]
    return [Muon(matrices, lr=0.02), torch.optim.AdamW(others, lr=4e-3, betas=(0.9, 0.95), weight_decay=0.0)]


def rate(step, steps):
    """The share of the full learning rate: constant, then falling to zero over the last third."""
    return min(1.0, (step + 1) / WARM_UP, (steps - step) / (steps / 3))


def load(path, model, optimizers=()):
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    for optimizer, saved in zip(optimizers, state["optimizers"]):
        optimizer.load_state_dict(saved)
    return state


def save(path, model, optimizers, step):
    fresh = path.with_suffix(".new")
    torch.save({"model": model.state_dict(), "optimizers": [o.state_dict() for o in optimizers], "step": step,
                "random": torch.get_rng_state()}, fresh)
    fresh.rename(path)


def train(options):
    torch.set_num_threads(options.threads)
    torch.manual_seed(SEED)
    _, training, validation = load_data()
    model = make_model()
    optimizers = make_optimizers(model)
    full_rates = [o.param_groups[0]["lr"] for o in optimizers]
    checkpoint = options.work / "checkpoint.pt"
    first = 0
    if checkpoint.exists():
        state = load(checkpoint, model, optimizers)
        torch.set_rng_state(state["random"])
        first = state["step"]
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {len(training)} training tokens, "
          f"{len(validation)} validation tokens", flush=True)
    began, total, count = time.time(), 0.0, 0
    for step in range(first, options.steps):
        share = rate(step, options.steps)
        length = CONTEXT if share < 1 and step > WARM_UP else CONTEXT // 2
        for optimizer, full in zip(optimizers, full_rates):
            optimizer.param_groups[0]["lr"] = full * share
        starts = torch.randint(len(training) - length, (options.tokens // length,))
        loss = loss_of(model, torch.stack([training[s:s + length + 1] for s in starts]))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        total, count, done = total + loss.item(), count + 1, step + 1
        if done % options.every == 0 or done == options.steps:
            print(f"step {done}: training loss {total / count:.3f}, validation loss "
                  f"{validation_loss(model, validation, length):.3f}, {(time.time() - began) / 60:.1f} min", flush=True)
            save(checkpoint, model, optimizers, done)
            total, count = 0.0, 0


def export(options):
    tokenizer, _, validation = load_data()
    model = make_model()
    state = load(options.work / "checkpoint.pt", model)
    model = model.bfloat16()
    model.save_pretrained(options.export)
    tokenizer.save_pretrained(options.export)
    loss = validation_loss(model.float(), validation, CONTEXT)
    print(f"step {state['step']}: validation loss of the exported weights {loss:.3f} a token, "
          f"{loss * len(validation) / len(tokenizer.decode(validation).replace(END, '').encode()):.3f} a byte")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for the checkpoint")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--tokens", type=int, default=4096, help="tokens in a step")
    parser.add_argument("--every", type=int, default=100, help="steps between validations")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--export", type=Path, help="write the last checkpoint there instead of training")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    (export if options.export else train)(options)


if __name__ == "__main__":
    main()
