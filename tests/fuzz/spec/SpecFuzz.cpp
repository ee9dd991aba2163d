#include "compiler/checkpoint/Checkpoint.h"
#include "compiler/spec/Spec.h"

#include <cstdlib>
#include <fstream>
#include <unistd.h>

using namespace sluice;

// A checkpoint without tensors: every weight counts as present.
static const checkpoint::Checkpoint &checkpointForAll() {
  static const checkpoint::Checkpoint *made =
      [] {
        std::string path =
            "/tmp/spec-fuzz-" + std::to_string(getpid()) + ".json";
        std::ofstream(path)
            << R"({"vocab_size": 8, "hidden_size": 4, "num_hidden_layers": 2,
               "num_attention_heads": 2, "kinds": ["a", "b"]})";
        Result<checkpoint::Checkpoint> found =
            checkpoint::Checkpoint::random(1, path);
        if (!found.ok() || !found->config())
          abort();
        unlink(path.c_str());
        return new checkpoint::Checkpoint(std::move(*found));
      }();
  return *made;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string text(reinterpret_cast<const char *>(data), size);
  // A spec names libraries by path; here none may be opened.
  if (text.find("use") != std::string::npos)
    return 0;
  spec::Diagnostics diagnostics;
  spec::SpecPtr parsed =
      spec::parseSpecText("/nowhere/fuzz.yaml", text, diagnostics);
  std::unique_ptr<spec::Model> model;
  if (parsed)
    model = spec::bind(*parsed, checkpointForAll(), diagnostics);
  if (model)
    spec::printResolved(*model);
  else if (diagnostics.print().empty())
    abort(); // refused without a word
  return 0;
}
