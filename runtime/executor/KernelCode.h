// Generated kernels: a shared object out of an artifact, loaded from memory.
#pragma once

#include "runtime/format/kernel_abi.h"
#include "runtime/support/Status.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace sluice::executor {

class KernelCode {
public:
  static Result<KernelCode> load(std::span<const uint8_t> elf);

  // NotFound when the code does not export `symbol`.
  Result<slc_kernel_fn> kernel(const std::string &symbol) const;

private:
  explicit KernelCode(void *handle);

  std::shared_ptr<void> handle_;
};

} // namespace sluice::executor
