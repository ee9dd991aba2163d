// Work in pieces: the same bytes in the same order with any number of threads.
#include "compiler/pack/Pieces.h"

#include "tests/unit/pack/Model.h"

#include <atomic>
#include <stdexcept>

using namespace sluice;
using namespace sluice::pack;
using namespace sluice::test;

namespace {

// Piece i is i % 7 bytes of i.
Status makePiece(int64_t i, std::vector<uint8_t> &out) {
  out.assign(size_t(i % 7), uint8_t(i));
  return {};
}

std::vector<uint8_t> all(int64_t count, int64_t threads) {
  std::vector<uint8_t> bytes;
  Status status = makeInOrder(
      count, threads, [] { return makePiece; },
      [&](const void *data, size_t size) {
        const auto *from = static_cast<const uint8_t *>(data);
        bytes.insert(bytes.end(), from, from + size);
        return Status();
      });
  EXPECT_TRUE(status.ok()) << status.message();
  return bytes;
}

TEST(Pieces, LeaveInOrder) {
  for (int64_t count : {0, 1, 2, 1000})
    for (int64_t threads : {1, 2, 5, 16})
      EXPECT_EQ(all(count, threads), all(count, 0)) << count << " " << threads;
}

TEST(Pieces, WaitForTheSink) {
  constexpr int64_t threads = 3;
  std::atomic<int64_t> made = 0;
  int64_t taken = 0, ahead = 0;
  Status status = makeInOrder(
      200, threads,
      [&]() -> PieceMaker {
        return [&](int64_t, std::vector<uint8_t> &) {
          ++made;
          return Status();
        };
      },
      [&](const void *, size_t) {
        ahead = std::max(ahead, made - taken++);
        return Status();
      });
  EXPECT_TRUE(status.ok());
  EXPECT_LE(ahead, 2 * threads);
}

TEST(Pieces, EndWithTheFirstError) {
  for (int64_t threads : {1, 4}) {
    int64_t taken = 0;
    Status status = makeInOrder(
        50, threads,
        []() -> PieceMaker {
          return [](int64_t i, std::vector<uint8_t> &) {
            return i < 20 ? Status() : Status(Code::Corrupt, std::to_string(i));
          };
        },
        [&](const void *, size_t) {
          ++taken;
          return Status();
        });
    EXPECT_EQ(status.message(), "20") << threads;
    EXPECT_EQ(taken, 20) << threads;
  }
}

TEST(Pieces, PassOnWhatIsThrown) {
  for (int64_t threads : {1, 4})
    EXPECT_THROW((void)makeInOrder(
                     50, threads,
                     []() -> PieceMaker {
                       return [](int64_t, std::vector<uint8_t> &) -> Status {
                         throw std::bad_alloc();
                       };
                     },
                     [](const void *, size_t) { return Status(); }),
                 std::bad_alloc)
        << threads;
}

// More than one piece of each kind, the last of them ragged.
TEST(Pieces, ThreadsChangeNoByteOfAWeight) {
  Folder folder;
  auto file =
      checkpoint::Checkpoint::random(3, folder.add("config.json", "{}"));
  ASSERT_TRUE(file.ok());
  auto gate = randomWeight("gate", {2, 130, 2304});
  auto up = randomWeight("up", {2, 130, 2304});
  using format::Elem, format::Layout;
  for (Elem elem : {Elem::F32, Elem::BF16, Elem::I4x32})
    for (Layout layout : {Layout::Rows, Layout::Panel, Layout::PanelGlu}) {
      std::vector<const spec::Weight *> parts = {&gate, &up};
      format::Packing packing{elem, layout, *joinedShape(parts)};
      auto packed = [&](int64_t threads) {
        std::vector<uint8_t> bytes;
        Status status =
            packWeight(*file, parts, packing,
                       [&](const void *data, size_t size) {
                         const auto *from = static_cast<const uint8_t *>(data);
                         bytes.insert(bytes.end(), from, from + size);
                         return Status();
                       },
                       {.importance = {}, .threads = threads});
        EXPECT_TRUE(status.ok()) << status.message();
        EXPECT_EQ(int64_t(bytes.size()), packing.bytes());
        return bytes;
      };
      EXPECT_TRUE(packed(1) == packed(4));
    }
}

} // namespace
