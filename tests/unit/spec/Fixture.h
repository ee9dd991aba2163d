// Checkpoints made on the spot for tests of the spec reader.
#pragma once

#include "compiler/checkpoint/Checkpoint.h"
#include "compiler/spec/Spec.h"
#include "tests/unit/fixture/Folder.h"

#include <gtest/gtest.h>
#include <map>

namespace sluice::spec::test {

using Shapes = std::map<std::string, std::vector<int64_t>>;

class Folder : public sluice::test::Folder {
public:
  // f32 zeros under the given names.
  std::string writeTensors(const std::string &name,
                           const Shapes &shapes) const {
    nlohmann::json header = nlohmann::json::object();
    uint64_t at = 0;
    for (const auto &[tensor, shape] : shapes) {
      uint64_t bytes = 4;
      for (int64_t size : shape)
        bytes *= uint64_t(size);
      header[tensor] = {{"dtype", "F32"},
                        {"shape", shape},
                        {"data_offsets", {at, at + bytes}}};
      at += bytes;
    }
    std::string text = header.dump();
    while (text.size() % 8 != 0)
      text += ' ';
    uint64_t size = text.size();
    return add(name, std::string(reinterpret_cast<char *>(&size), 8) + text +
                         std::string(at, '\0'));
  }
};

inline checkpoint::Checkpoint openCheckpoint(const std::string &path) {
  Result<checkpoint::Checkpoint> found = checkpoint::Checkpoint::open(path);
  EXPECT_TRUE(found.ok()) << found.status().message();
  if (!found.ok())
    abort();
  return std::move(*found);
}

inline checkpoint::Checkpoint randomCheckpoint(const Folder &dir,
                                               const std::string &config) {
  Result<checkpoint::Checkpoint> made =
      checkpoint::Checkpoint::random(1, dir.add("config.json", config));
  EXPECT_TRUE(made.ok()) << made.status().message();
  if (!made.ok())
    abort();
  return std::move(*made);
}

// A model, or what stands in its way.
struct Bound {
  std::unique_ptr<Model> model;
  std::string messages;
};

// Whatever binds can be printed, and what is printed binds.
inline Bound bindText(const std::string &spec, const checkpoint::Checkpoint &ck,
                      const std::string &name = "spec.yaml") {
  Diagnostics diagnostics;
  SpecPtr parsed = parseSpecText(name, spec, diagnostics);
  Bound out;
  if (parsed)
    out.model = bind(*parsed, ck, diagnostics);
  EXPECT_EQ(out.model == nullptr, !diagnostics.ok());
  if (out.model) {
    Diagnostics again;
    SpecPtr resolved =
        parseSpecText("resolved.yaml", printResolved(*out.model), again);
    EXPECT_TRUE(resolved && bind(*resolved, ck, again))
        << again.print() << printResolved(*out.model);
  }
  out.messages = diagnostics.print();
  return out;
}

inline std::string source(const std::string &path) {
  return std::string(SLUICE_SOURCE_DIR) + "/" + path;
}

inline std::string readText(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace sluice::spec::test
