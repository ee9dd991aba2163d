// Runs the chat templates of Hugging Face models: a subset of Jinja that gives,
// for what it knows, the text that Python's Jinja2 gives with the settings of
// transformers (sandbox, trim_blocks, lstrip_blocks, loop controls,
// {% generation %}, and its own tojson, raise_exception and strftime_now).
#pragma once

#include "runtime/support/Status.h"

#include <nlohmann/json.hpp>

#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace sluice {

class Template {
public:
  // A template comes with a checkpoint and is not trusted. Whatever exceeds a
  // limit ends with Resource.
  struct Limits {
    size_t source = 4 << 20;    // bytes of the template
    size_t nesting = 150;       // of statements and expressions in each other
    size_t steps = 20'000'000;  // nodes and items visited, texts by length
    size_t depth = 1000;        // of evaluation: calls, statements, expressions
    size_t output = 64 << 20;   // bytes of the result
    size_t memory = 256u << 20; // bytes of values in between
  };
  // What strftime_now() takes for the present; empty: local time.
  using Clock = std::function<std::tm()>;

  // Corrupt when the source is not a template, Unsupported when it uses what
  // this subset leaves out; the message has line and column.
  static Result<Template> parse(std::string_view source, const Limits &limits);
  static Result<Template> parse(std::string_view source) {
    return parse(source, Limits());
  }

  // `variables` is an object: messages, tools, add_generation_prompt, bos_token
  // and so on. InvalidArgument when the template calls raise_exception() or an
  // operation fails; the message has line and column.
  Result<std::string> render(const nlohmann::ordered_json &variables,
                             const Limits &limits,
                             const Clock &clock = {}) const;
  Result<std::string> render(const nlohmann::ordered_json &variables) const {
    return render(variables, Limits());
  }

  Template(Template &&) noexcept;
  Template &operator=(Template &&) noexcept;
  ~Template();

  struct Impl;

private:
  explicit Template(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

} // namespace sluice
