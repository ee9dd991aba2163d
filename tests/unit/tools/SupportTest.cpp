#include "runtime/support/Temporary.h"
#include "tests/unit/fixture/Folder.h"
#include "tools/support/Cli.h"
#include "tools/support/OutOfMemory.h"

#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <stdexcept>
#include <sys/mman.h>
#include <unistd.h>

using namespace sluice;

namespace {

TEST(ToolSupport, WhatIsThrownIsAnError) {
  Status status = tools::guarded(
      "testing", []() -> Status { throw std::runtime_error("odd"); });
  EXPECT_EQ(status.code(), Code::Internal);
  EXPECT_EQ(status.message(), "internal: odd");
}

TEST(ToolSupport, NothingIsLeftBehindWhenAFileIsCutShort) {
  test::Folder folder;
  std::string file = folder.add("file", std::string(1 << 16, 'x'));
  std::string left = folder.add("left", "x");
  auto work = [&] {
    CLI::App app;
    char name[] = "test", *arguments[] = {name};
    tools::parse(app, 1, arguments);
    addTemporary(left);
    int opened = open(file.c_str(), O_RDWR);
    auto *bytes = static_cast<volatile char *>(
        mmap(nullptr, 1 << 16, PROT_READ, MAP_SHARED, opened, 0));
    _exit(ftruncate(opened, 0) == 0 ? bytes[1 << 15] : 2);
  };
  EXPECT_EXIT(work(), testing::ExitedWithCode(1), "a file was cut short");
  EXPECT_FALSE(std::filesystem::exists(left));
}

} // namespace
