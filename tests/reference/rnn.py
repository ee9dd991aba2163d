#!/usr/bin/env python3
"""Makes the cases rnn_lm/*: recurrent language models of torch.nn.

    rnn.py [CASE ...]            (needs torch, safetensors and transformers)
"""
import sys

import torch
from safetensors.torch import load_file
from torch import nn

from common import HERE, greedy, seed_weights, sequences, write_case

CELLS = {"RNN_TANH": (nn.RNN, {"nonlinearity": "tanh"}), "RNN_RELU": (nn.RNN, {"nonlinearity": "relu"}), "LSTM": (nn.LSTM, {}), "GRU": (nn.GRU, {})}
GAINS = {"RNN_TANH": 1.2, "RNN_RELU": 0.8, "LSTM": 3.0, "GRU": 2.5}  # of the weights: gates that open and close
NAMES = ("encoder", "rnn", "decoder")


def renamed(name, names, others):
    module, rest = name.split(".", 1)
    return others[names.index(module)] + "." + rest


class RNNModel(nn.Module):
    """Embedding, recurrent layers, product; called like in the checkpoints of word_language_model."""

    def __init__(self, cell, vocab, width, hidden, layers, tied=False, bias=True, names=NAMES):
        super().__init__()
        kind, more = CELLS[cell]
        self.encoder = nn.Embedding(vocab, width)
        self.rnn = kind(width, hidden, layers, bias=bias, **more)
        self.decoder = nn.Linear(hidden, vocab, bias=bias or names == NAMES)
        self.tied, self.names = tied, names
        self.tie_weights()

    def tie_weights(self):
        if self.tied:
            self.decoder.weight = self.encoder.weight

    def get_output_embeddings(self):
        return self.decoder

    def forward(self, ids):
        return self.decoder(self.rnn(self.encoder(ids)[:, None])[0])[:, 0]

    @classmethod
    def from_pretrained(cls, folder, config, **_):
        model = cls(*config)
        tensors = {renamed(name, model.names, NAMES): tensor for name, tensor in load_file(folder / "model.safetensors").items()}
        missing, more = model.load_state_dict(tensors, strict=False)
        assert not more and missing == (["decoder.weight"] if model.tied else []), (missing, more)
        return model


# A seed, what the model is made of, and config keys: those of the model's constructor, of the example's command line, and of configs in the manner of others.
CASES = {
    "lstm": (900, ("LSTM", 83, 20, 27, 2), {"architectures": ["RNNModel"], "rnn_type": "LSTM", "ntoken": 83, "ninp": 20, "nhid": 27, "nlayers": 2, "dropout": 0.5, "tie_weights": False}),
    "lstm-tied": (910, ("LSTM", 61, 32, 32, 3, True, False),
                  {"model_type": "lstm", "vocab_size": 61, "embedding_size": 32, "hidden_size": 32, "num_layers": 3, "tie_word_embeddings": True, "bias": False, "batch_first": True, "bidirectional": False, "proj_size": 0}),
    "gru": (920, ("GRU", 70, 18, 41, 2), {"model_type": "GRU", "emsize": 18, "nhid": 41, "nlayers": 2, "dropout": 0.2, "tied": False}),
    "gru-tied": (930, ("GRU", 90, 30, 30, 1, True), {"model_type": "rnn_lm", "rnn_type": "GRU", "tie_weights": True}),
    "tanh": (940, ("RNN_TANH", 64, 24, 33, 3, False, False), {"architectures": ["RNNModel"], "rnn_type": "RNN_TANH", "ntoken": 64, "ninp": 24, "nhid": 33, "nlayers": 3, "bias": False}),
    "relu": (950, ("RNN_RELU", 64, 40, 40, 2, True), {"model_type": "rnn", "nonlinearity": "relu", "vocab_size": 64, "embedding_dim": 40, "hidden_size": 40, "num_layers": 2, "tie_weights": True}),
    # A state dict alone, under other names; one with a config that says what the tensors cannot.
    "lstm-alone": (960, ("LSTM", 58, 22, 26, 2, False, True, ("embedding", "lstm", "fc")), None),
    "gru-bare": (970, ("GRU", 66, 20, 35, 2, False, False, ("embed", "gru", "out")), None),
    "relu-named": (980, ("RNN_RELU", 62, 34, 34, 2, True, True, ("word_embeddings", "rnn", "lm_head")),
                   {"model_type": "rnn_lm", "nonlinearity": "relu", "tie_word_embeddings": True}),
}


def write(name, seed, made_of, keys):
    model = RNNModel(*made_of).eval()
    seed_weights(model, seed)
    random = torch.Generator().manual_seed(seed + 2)
    for tensor, p in model.rnn.named_parameters():
        gain = 0.5 if tensor.startswith("bias") else GAINS[made_of[0]] / p.shape[1] ** 0.5
        p.data.copy_(torch.randn(p.shape, generator=random) * gain)
    ids = sequences(seed + 1, (40, 7, 1), made_of[1])
    write_case(f"rnn_lm/{name}", made_of, model, lambda m, i: {"logits": m(ids[i])}, [{"input_ids": row} for row in ids],
               lambda m, i: greedy(m, ids[i].tolist()), config_file=keys or {"no": "config"}, rename=lambda tensor: renamed(tensor, NAMES, model.names))
    if not keys:
        (HERE / "rnn_lm" / name / "config.json").unlink()


def main():
    for name, case in CASES.items():
        if not sys.argv[1:] or name in sys.argv[1:]:
            write(name, *case)


if __name__ == "__main__":
    main()
