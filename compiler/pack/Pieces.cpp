#include "compiler/pack/Pieces.h"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

namespace sluice::pack {

namespace {

// Threads take the next piece, whichever it is; piece i waits in slot
// i % slots until those before it are gone.
class Line {
public:
  Line(int64_t count, int64_t threads)
      : count_(count), slots_(size_t(2 * threads)) {}
  ~Line() {
    {
      std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    room_.notify_all();
    for (std::thread &thread : threads_)
      thread.join();
  }

  void start(int64_t threads, const std::function<PieceMaker()> &makerFor) {
    for (int64_t i = 0; i < threads; ++i)
      threads_.emplace_back([this, make = makerFor()] { work(make); });
  }

  Status emit(const Sink &sink) {
    for (int64_t i = 0; i < count_; ++i) {
      Slot &slot = slotOf(i);
      {
        std::unique_lock lock(mutex_);
        made_.wait(lock, [&] { return slot.made; });
      }
      if (slot.thrown)
        std::rethrow_exception(slot.thrown);
      Status status = slot.status;
      if (status.ok())
        status = sink(slot.bytes.data(), slot.bytes.size());
      if (!status.ok())
        return status;
      {
        std::lock_guard lock(mutex_);
        slot.made = false;
        ++emitted_;
      }
      room_.notify_one();
    }
    return {};
  }

private:
  struct Slot {
    std::vector<uint8_t> bytes;
    Status status;
    std::exception_ptr thrown;
    bool made = false;
  };
  Slot &slotOf(int64_t i) { return slots_[size_t(i) % slots_.size()]; }

  void work(const PieceMaker &make) {
    while (true) {
      std::unique_lock lock(mutex_);
      room_.wait(lock, [&] {
        return stopped_ || next_ == count_ ||
               next_ - emitted_ < int64_t(slots_.size());
      });
      if (stopped_ || next_ == count_)
        return;
      int64_t i = next_++;
      lock.unlock();
      Slot &slot = slotOf(i);
      try {
        slot.status = make(i, slot.bytes);
      } catch (...) {
        slot.thrown = std::current_exception();
      }
      lock.lock();
      slot.made = true;
      made_.notify_one();
    }
  }

  const int64_t count_;
  std::vector<Slot> slots_;
  std::mutex mutex_;
  std::condition_variable made_, room_;
  int64_t next_ = 0, emitted_ = 0;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

} // namespace

Status makeInOrder(int64_t count, int64_t threads,
                   const std::function<PieceMaker()> &makerFor,
                   const Sink &sink) {
  if (threads > 1) {
    Line line(count, threads);
    line.start(threads, makerFor);
    return line.emit(sink);
  }
  PieceMaker make = makerFor();
  std::vector<uint8_t> bytes;
  Status status;
  for (int64_t i = 0; i < count && status.ok(); ++i) {
    status = make(i, bytes);
    if (status.ok())
      status = sink(bytes.data(), bytes.size());
  }
  return status;
}

} // namespace sluice::pack
