#include "runtime/support/AtomicFile.h"

#include "tests/unit/fixture/Folder.h"

#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

using namespace sluice;

namespace {

std::string contentOf(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// More than the blocks in which bytes reach the file, in pieces of all sizes.
TEST(AtomicFile, HoldsWhatWasWrittenInAnyPieces) {
  test::Folder folder;
  std::string path = folder.path("out"), expected;
  Result<AtomicFile> file = AtomicFile::create(path);
  ASSERT_TRUE(file.ok()) << file.status().message();
  auto append = [&](const std::string &bytes) {
    ASSERT_TRUE(file->write(bytes.data(), bytes.size()).ok());
    expected += bytes;
    ASSERT_EQ(file->size(), expected.size());
  };
  auto overwrite = [&](size_t at, const std::string &bytes) {
    ASSERT_TRUE(file->writeAt(at, bytes.data(), bytes.size()).ok());
    expected.replace(at, bytes.size(), bytes);
  };
  for (size_t size = 10; size < 20'000'000; size = size * 3 + 1) {
    append(std::string(size, static_cast<char>('a' + size % 23)));
    overwrite(size / 2, "over");
  }
  append(std::string(20'000'000, 'z'));
  overwrite(expected.size() - 4, "last");
  ASSERT_TRUE(file->pad(4096).ok());
  expected.resize((expected.size() + 4095) / 4096 * 4096);
  EXPECT_FALSE(std::filesystem::exists(path));
  ASSERT_TRUE(file->commit().ok());
  EXPECT_TRUE(contentOf(path) == expected);
}

TEST(AtomicFile, LeavesNothingWithoutCommit) {
  test::Folder folder;
  {
    Result<AtomicFile> file = AtomicFile::create(folder.path("out"));
    ASSERT_TRUE(file.ok()) << file.status().message();
    std::string bytes(10'000'000, 'x');
    ASSERT_TRUE(file->write(bytes.data(), bytes.size()).ok());
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

} // namespace
