#include "tools/support/OutOfMemory.h"

#include "runtime/support/Temporary.h"

#include <atomic>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <unistd.h>

namespace sluice::tools {

static std::atomic<const char *> doing = "starting";
// Given back when there is nothing left, so that cleaning up can allocate.
static std::unique_ptr<char[]> reserve;

void nowDoing(const char *what) { doing = what; }

static std::atomic_flag ends, ending;
static thread_local bool endingHere = false;

// Without stdio, which may want a buffer.
static void say(const char *text) {
  [[maybe_unused]] ssize_t ignored =
      ::write(STDERR_FILENO, text, std::strlen(text));
}

bool endsWhenOutOfMemory() noexcept { return ends.test() && !endingHere; }

void endOutOfMemory() noexcept {
  while (ending.test_and_set()) // another thread is at it
    pause();
  endingHere = true;
  reserve.reset();
  say("error: out of memory while ");
  say(doing);
  say("\n");
  removeTemporaries();
  _exit(1);
}

void endWhenOutOfMemory() {
  reserve = std::make_unique<char[]>(1 << 20);
  std::set_new_handler(endOutOfMemory);
  ends.test_and_set();
}

Status guarded(const char *what, const std::function<Status()> &work) {
  nowDoing(what);
  // Threads of the runtime have nobody who would catch what they throw.
  std::set_terminate([] {
    try {
      if (std::exception_ptr thrown = std::current_exception())
        std::rethrow_exception(thrown);
    } catch (const std::bad_alloc &) {
      endOutOfMemory();
    } catch (...) {
    }
    std::abort();
  });
  try {
    return work();
  } catch (const std::bad_alloc &) {
    return Status(Code::Resource,
                  std::string("out of memory while ") + doing.load());
  } catch (const std::exception &error) {
    return Status(Code::Internal, std::string("internal: ") + error.what());
  }
}

} // namespace sluice::tools
