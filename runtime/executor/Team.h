// The team of threads. It is libgomp's, because oneDNN uses that too: one pool
// for generated kernels and engine. libgomp is called by its own interface, so
// the library can be built by any compiler.
//
// libgomp keeps a team per calling thread: all runs of a model must come from
// one thread at a time, and should always come from the same one.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>

namespace sluice::executor {

// CPUs that this process may use.
int usableCpus();

class Team {
public:
  explicit Team(int workers) : workers_(workers) {}

  int workers() const { return workers_; }

  // Resource if the system has no room for so many threads: libgomp would end
  // the process. Starts them on trial.
  Status check() const;

  // Makes the calling thread's later OpenMP regions (oneDNN's) use so many of
  // this team.
  void adopt(uint32_t workers) const;

  // Calls work(worker, workers) on `workers` of the threads, worker 0 on the
  // caller's. The system may provide fewer workers than asked for.
  template <typename F> void run(uint32_t workers, F &&work) const {
    parallel(
        [](void *data, uint32_t worker, uint32_t workers) {
          (*static_cast<F *>(data))(worker, workers);
        },
        &work, workers);
  }

private:
  using Function = void (*)(void *data, uint32_t worker, uint32_t workers);
  void parallel(Function function, void *data, uint32_t workers) const;

  int workers_;
};

} // namespace sluice::executor
