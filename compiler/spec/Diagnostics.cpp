#include "compiler/spec/Diagnostics.h"

#include "compiler/checkpoint/Message.h"
#include "compiler/spec/Names.h"

namespace sluice::spec {

Diagnostic &Diagnostics::add(Diagnostic::Severity severity,
                             const Location &location, std::string message,
                             int count) {
  message = checkpoint::printable(std::move(message));
  if (severity == Diagnostic::Severity::Error) {
    overflow_ = {};
    errors_ += count;
    for (size_t i : kept_) {
      Diagnostic &other = diagnostics_[i];
      if (other.location == location &&
          withoutDigits(other.message) == withoutDigits(message)) {
        other.alike += count;
        return overflow_;
      }
    }
    if (full()) {
      beyond_ += count;
      return overflow_;
    }
    kept_.push_back(diagnostics_.size());
  }
  diagnostics_.push_back(
      {severity, location, std::move(message), {}, count - 1});
  return diagnostics_.back();
}

Diagnostic &Diagnostics::error(const Location &location, std::string message,
                               int count) {
  return add(Diagnostic::Severity::Error, location, std::move(message), count);
}

Diagnostic &Diagnostics::warning(const Location &location,
                                 std::string message) {
  return add(Diagnostic::Severity::Warning, location, std::move(message), 1);
}

void Diagnostics::addSource(const std::string &file, std::string text) {
  sources_[file] = std::move(text);
}

static std::string lineOf(const std::string &text, int line) {
  size_t begin = 0;
  for (int i = 1; i < line && begin != std::string::npos; ++i) {
    begin = text.find('\n', begin);
    if (begin != std::string::npos)
      ++begin;
  }
  if (begin == std::string::npos)
    return {};
  std::string out = text.substr(begin, text.find('\n', begin) - begin);
  if (!out.empty() && out.back() == '\r')
    out.pop_back();
  // A file that is no text must not command the terminal.
  for (char &c : out)
    if (static_cast<unsigned char>(c) < ' ' && c != '\t')
      c = '?';
  return out;
}

std::string Diagnostics::print(const Diagnostic &diagnostic) const {
  const Location &at = diagnostic.location;
  std::string out = at.file;
  if (at.line > 0)
    out += ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
  out += diagnostic.severity == Diagnostic::Severity::Error ? ": error: "
                                                            : ": warning: ";
  out += diagnostic.message + "\n";
  auto source = sources_.find(at.file);
  if (source != sources_.end() && at.line > 0) {
    std::string line = lineOf(source->second, at.line);
    std::string caret;
    for (int i = 1; i < at.column && size_t(i) <= line.size(); ++i)
      caret += line[i - 1] == '\t' ? '\t' : ' ';
    if (!line.empty())
      out += line + "\n" + caret + "^\n";
  }
  for (const std::string &note : diagnostic.notes)
    out += "  " + note + "\n";
  if (diagnostic.alike > 0)
    out += "  and " + std::to_string(diagnostic.alike) + " more like this\n";
  return out;
}

std::string Diagnostics::print() const {
  std::string out;
  for (const Diagnostic &diagnostic : diagnostics_)
    out += print(diagnostic);
  if (beyond_ > 0)
    out += "... and " + std::to_string(beyond_) +
           (beyond_ == 1 ? " more error\n" : " more errors\n");
  return out;
}

Status Diagnostics::status() const {
  if (ok())
    return {};
  std::string text = print();
  if (!text.empty() && text.back() == '\n')
    text.pop_back();
  return Status(Code::InvalidArgument, std::move(text));
}

} // namespace sluice::spec
