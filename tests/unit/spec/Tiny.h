// The tiny model of tests/unit/spec/data, and changes of its spec that are one
// mistake each.
#pragma once

#include "tests/unit/spec/Fixture.h"

#include <algorithm>

namespace sluice::spec::test {

inline const std::string tiny =
    readText(source("tests/unit/spec/data/tiny.yaml"));

inline const std::string config =
    R"({"architectures": ["Tiny"], "vocab_size": 10,
  "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
  "hidden_act": "gelu"})";

inline Shapes tensors() {
  Shapes out = {{"embed.weight", {10, 8}}};
  for (std::string i : {"0", "1"}) {
    std::string p = "layers." + i + ".";
    out[p + "norm.weight"] = {8};
    out[p + "qkv.weight"] = {24, 8};
    out[p + "up.weight"] = {16, 8};
    out[p + "up.bias"] = {16};
    out[p + "gate.weight"] = {16, 8};
    out[p + "down.weight"] = {16, 8};
  }
  return out;
}

inline std::string replaced(std::string text, const std::string &from,
                            const std::string &to) {
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

// All messages, or "" if the spec binds.
inline std::string messages(const std::string &spec,
                            const std::string &configText,
                            const Shapes &shapes) {
  Folder dir;
  dir.add("config.json", configText);
  dir.writeTensors("model.safetensors", shapes);
  return bindText(spec, openCheckpoint(dir.path()), "tiny.yaml").messages;
}

// `to` stands for `from` in the spec. A message points to the place of `to`
// that <!> marks, which is no part of the spec; without a mark it may point
// anywhere.
struct Mistake {
  const char *name, *from, *to, *message;
};

inline void PrintTo(const Mistake &mistake, std::ostream *out) {
  *out << mistake.name;
}

inline void expectSaid(const Mistake &mistake,
                       const std::string &configText = config,
                       const Shapes &shapes = tensors(),
                       const std::string &base = tiny) {
  std::string text = replaced(base, mistake.from, mistake.to);
  std::string expected = mistake.message;
  if (size_t mark = text.find("<!>"); mark != std::string::npos) {
    text.erase(mark, 3);
    std::string before = text.substr(0, mark);
    size_t line = before.rfind('\n');
    expected =
        "tiny.yaml:" +
        std::to_string(std::count(before.begin(), before.end(), '\n') + 1) +
        ":" + std::to_string(mark - (line + 1) + 1) + ": error: " + expected;
  }
  std::string found = messages(text, configText, shapes);
  EXPECT_NE(found.find(expected), std::string::npos)
      << "expected: " << expected << "\nfound:\n"
      << found;
}

} // namespace sluice::spec::test
