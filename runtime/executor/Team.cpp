#include "runtime/executor/Team.h"

#include <algorithm>
#include <sched.h>

extern "C" {
void GOMP_parallel(void (*function)(void *), void *data, unsigned threads,
                   unsigned flags);
int omp_get_thread_num(void);
int omp_get_num_threads(void);
void omp_set_num_threads(int);
}

namespace sluice::executor {

int usableCpus() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) != 0)
    return 1;
  return std::max(1, CPU_COUNT(&set));
}

void Team::adopt() const { omp_set_num_threads(workers_); }

void Team::parallel(Function function, void *data) const {
  if (workers_ == 1)
    return function(data, 0, 1);
  struct Call {
    Function function;
    void *data;
  } call = {function, data};
  GOMP_parallel(
      [](void *argument) {
        auto *call = static_cast<Call *>(argument);
        call->function(call->data, static_cast<uint32_t>(omp_get_thread_num()),
                       static_cast<uint32_t>(omp_get_num_threads()));
      },
      &call, static_cast<unsigned>(workers_), 0);
}

} // namespace sluice::executor
