#include "runtime/executor/Team.h"

#include <algorithm>
#include <latch>
#include <sched.h>
#include <system_error>
#include <thread>
#include <vector>
#ifdef SLUICE_TSAN
#include <sanitizer/tsan_interface.h>
#endif

extern "C" {
void GOMP_parallel(void (*function)(void *), void *data, unsigned threads,
                   unsigned flags);
int omp_get_thread_num(void);
int omp_get_num_threads(void);
void omp_set_num_threads(int);
}

namespace sluice::executor {

// libgomp is not instrumented, so ThreadSanitizer has to be told what it
// orders: all before `given` comes before all after `taken`.
static void given([[maybe_unused]] void *point) {
#ifdef SLUICE_TSAN
  __tsan_release(point);
#endif
}

static void taken([[maybe_unused]] void *point) {
#ifdef SLUICE_TSAN
  __tsan_acquire(point);
#endif
}

int usableCpus() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) != 0)
    return 1;
  return std::max(1, CPU_COUNT(&set));
}

Status Team::check() const {
  struct Trial {
    std::latch end{1};
    std::vector<std::thread> threads;
    ~Trial() {
      end.count_down();
      for (std::thread &thread : threads)
        thread.join();
    }
  } trial;
  trial.threads.reserve(static_cast<size_t>(workers_));
  try {
    for (int worker = 1; worker < workers_; ++worker)
      trial.threads.emplace_back([&trial] { trial.end.wait(); });
  } catch (const std::system_error &error) {
    return Status(Code::Resource, "cannot start " + std::to_string(workers_) +
                                      " threads: " + error.what());
  }
  return {};
}

void Team::adopt(uint32_t workers) const {
  omp_set_num_threads(static_cast<int>(workers));
}

void Team::parallel(Function function, void *data, uint32_t workers) const {
  if (workers == 1)
    return function(data, 0, 1);
  struct Call {
    Function function;
    void *data;
  } call = {function, data};
  given(&call);
  GOMP_parallel(
      [](void *argument) {
        taken(argument);
        auto *call = static_cast<Call *>(argument);
        call->function(call->data, static_cast<uint32_t>(omp_get_thread_num()),
                       static_cast<uint32_t>(omp_get_num_threads()));
        given(argument);
      },
      &call, workers, 0);
  taken(&call);
}

} // namespace sluice::executor
