// Errors as values: the runtime and the readers never abort, throw or exit.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace sluice {

enum class Code {
  Ok,
  InvalidArgument, // the caller's request is wrong (bad option, id out of
                   // range)
  NotFound,        // a named thing does not exist (file, tensor, entry)
  Corrupt,         // a file breaks its own format
  Unsupported,     // well-formed, but not something this build can do
  Resource,        // memory, disk or slots ran out
  Io,              // the operating system refused a read or write
  Internal,        // a bug of ours
};

class [[nodiscard]] Status {
public:
  Status() = default;
  Status(Code code, std::string message)
      : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == Code::Ok; }
  Code code() const { return code_; }
  const std::string &message() const { return message_; }

  // The same error with `context: ` in front of its message.
  Status in(const std::string &context) const {
    return ok() ? *this : Status(code_, context + ": " + message_);
  }

private:
  Code code_ = Code::Ok;
  std::string message_;
};

// A value or the reason why there is none.
template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : value_(std::move(value)) {}
  Result(Status status) : value_(std::move(status)) {}

  bool ok() const { return value_.index() == 0; }
  Status status() const { return ok() ? Status() : std::get<1>(value_); }
  T &operator*() { return std::get<0>(value_); }
  const T &operator*() const { return std::get<0>(value_); }
  T *operator->() { return &std::get<0>(value_); }
  const T *operator->() const { return &std::get<0>(value_); }

private:
  std::variant<T, Status> value_;
};

} // namespace sluice
