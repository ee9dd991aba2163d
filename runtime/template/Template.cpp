#include "runtime/template/Template.h"

#include "runtime/template/Interpreter.h"
#include "runtime/template/Lexer.h"
#include "runtime/template/Parser.h"
#include "runtime/template/Resolver.h"
#include "runtime/unicode/Unicode.h"

#include <new>

namespace sluice {

struct Template::Impl {
  jinja::Tree tree;
};

Template::Template(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Template::Template(Template &&) noexcept = default;
Template &Template::operator=(Template &&) noexcept = default;
Template::~Template() = default;

namespace {
Status statusOf(const jinja::Error &error) {
  if (error.at.line == 0)
    return Status(error.code, "template: " + error.message);
  return Status(error.code, "template, line " + std::to_string(error.at.line) +
                                ", column " + std::to_string(error.at.column) +
                                ": " + error.message);
}

// Runs `work`, and makes a Status of what it throws.
template <typename T, typename Work> Result<T> guarded(const Work &work) {
  try {
    return work();
  } catch (const jinja::Error &error) {
    return statusOf(error);
  } catch (const std::bad_alloc &) {
    return Status(Code::Resource, "template: out of memory");
  } catch (const std::exception &error) {
    return Status(Code::Internal, std::string("template: ") + error.what());
  }
}
} // namespace

Result<Template> Template::parse(std::string_view source,
                                 const Limits &limits) {
  return guarded<Template>([&]() -> Result<Template> {
    if (source.size() > limits.source)
      return Status(Code::Resource,
                    "template: " + std::to_string(source.size()) +
                        " bytes are more than the limit of " +
                        std::to_string(limits.source));
    if (Status status = unicode::check(source); !status.ok())
      return Status(Code::Corrupt, status.message()).in("template");
    auto impl = std::make_unique<Impl>();
    jinja::Parser(jinja::tokenize(source), limits.nesting, impl->tree).run();
    jinja::Resolver(impl->tree, limits.nesting).run();
    return Template(std::move(impl));
  });
}

Result<std::string> Template::render(const nlohmann::ordered_json &variables,
                                     const Limits &limits,
                                     const Clock &clock) const {
  return guarded<std::string>([&]() -> Result<std::string> {
    if (!variables.is_object())
      return Status(Code::InvalidArgument,
                    "template: the variables are no JSON object");
    return jinja::Interpreter(impl_->tree, variables, limits, clock).run();
  });
}

} // namespace sluice
