// Models whose kernels have the same names, side by side in one process.
#include "runtime/api/sluice.h"

#include "tests/unit/fixture/ToyModel.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

using namespace sluice;

namespace {

using Logits = std::vector<std::vector<float>>;

const std::vector<int32_t> kIds = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8};

// The toy, or its twin whose kernels negate the logits.
class Toy {
public:
  Toy(bool negated, const std::string &name)
      : negated_(negated),
        path_(negated
                  ? test::writeFile(
                        name, test::negatedToyFile({.source = false}).bytes())
                  : test::toyPath(name, {.source = false})) {
    open();
  }

  void open() {
    Result<std::unique_ptr<Model>> loaded =
        Model::load(path_, {.threads = 2, .shareAll = true});
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    model_ = std::move(*loaded);
  }
  void close() { model_.reset(); }

  // Whether the logits of `kIds` are its own.
  bool isRight() const {
    Sequence sequence;
    sequence.tokens = kIds;
    if (!model_->reset(0).ok())
      return false;
    auto results = model_->run("generate", {&sequence, 1}, 5);
    if (!results.ok())
      return false;
    const Output &output = (*results)[0][0];
    Logits expected = test::expectedLogits(kIds, {});
    for (size_t i = 0; i < output.data.size(); ++i) {
      float value = expected[i / output.columns][i % output.columns];
      if (output.data[i] != (negated_ ? -value : value))
        return false;
    }
    return output.data.size() == kIds.size() * test::kVocab;
  }

private:
  bool negated_;
  std::string path_;
  std::unique_ptr<Model> model_;
};

TEST(TwoModels, RunTheirOwnKernels) {
  Toy plain(false, "plain"), negated(true, "negated");
  for (int round = 0; round < 3; ++round) {
    EXPECT_TRUE(plain.isRight());
    EXPECT_TRUE(negated.isRight());
  }
  plain.close();
  EXPECT_TRUE(negated.isRight());
  plain.open();
  negated.close();
  negated.open();
  EXPECT_TRUE(plain.isRight());
  EXPECT_TRUE(negated.isRight());
}

TEST(TwoModels, RunInTwoThreads) {
  auto use = [](bool negated, const char *name, int *right) {
    Toy toy(negated, name);
    for (int round = 0; round < 20; ++round) {
      *right += toy.isRight();
      if (round % 4 == 3) {
        toy.close();
        toy.open();
      }
    }
  };
  int plain = 0, negated = 0;
  std::thread first(use, false, "first", &plain);
  std::thread second(use, true, "second", &negated);
  first.join();
  second.join();
  EXPECT_EQ(plain, 20);
  EXPECT_EQ(negated, 20);
}

// A library of someone else that was loaded by a descriptor's number and
// outlives the descriptor.
TEST(TwoModels, AreNotTakenForAnotherLibrary) {
  test::ToyFile file = test::negatedToyFile();
  std::string path = test::writeFile("library", file.contents[1]);
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  void *library =
      dlopen(("/proc/self/fd/" + std::to_string(fd)).c_str(), RTLD_NOW);
  ASSERT_TRUE(library) << dlerror();
  ::close(fd);
  EXPECT_TRUE(Toy(false, "beside").isRight());
  dlclose(library);
}

} // namespace
