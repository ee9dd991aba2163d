#include "compiler/spec/Diagnostics.h"

#include "compiler/checkpoint/Message.h"
#include "compiler/spec/Names.h"

#include <algorithm>

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
  } else if (fullOfWarnings()) {
    overflow_ = {};
    warningsBeyond_ += count;
    return overflow_;
  } else {
    ++warnings_;
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

static std::string_view lineOf(std::string_view text, int line) {
  size_t begin = 0;
  for (int i = 1; i < line && begin != std::string::npos; ++i) {
    begin = text.find('\n', begin);
    if (begin != std::string::npos)
      ++begin;
  }
  if (begin == std::string::npos)
    return {};
  std::string_view out = text.substr(begin, text.find('\n', begin) - begin);
  if (out.ends_with('\r'))
    out.remove_suffix(1);
  return out;
}

// The line and a caret below the column; a file may be one line of megabytes.
static std::string excerpt(std::string_view line, int column) {
  constexpr size_t width = 120;
  auto inside = [&](size_t at) { // a character
    return at < line.size() && (line[at] & 0xc0) == 0x80;
  };
  size_t at = std::min(size_t(std::max(column, 1) - 1), line.size());
  size_t begin = 0, end = line.size();
  if (end > width) {
    begin = at > width / 2 ? std::min(at - width / 2, end - width) : 0;
    end = begin + width;
  }
  while (begin > 0 && inside(begin))
    --begin;
  while (inside(end))
    ++end;
  std::string shown =
      checkpoint::printable(std::string(line.substr(begin, end - begin)));
  if (shown.empty())
    return {};
  std::string caret(begin > 0 ? 3 : 0, ' ');
  for (size_t i = begin; i < at; ++i)
    caret += line[i] == '\t' ? '\t' : ' ';
  return (begin > 0 ? "..." : "") + shown + (end < line.size() ? "..." : "") +
         "\n" + caret + "^\n";
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
  if (source != sources_.end() && at.line > 0)
    out += excerpt(lineOf(source->second, at.line), at.column);
  constexpr size_t maxNote = 400; // they quote names of files
  for (const std::string &note : diagnostic.notes)
    out += "  " + checkpoint::excerpt(note, maxNote) + "\n";
  if (diagnostic.alike > 0)
    out += "  and " + std::to_string(diagnostic.alike) + " more like this\n";
  return out;
}

std::string Diagnostics::print() const {
  std::string out;
  for (const Diagnostic &diagnostic : diagnostics_)
    out += print(diagnostic);
  auto more = [&](int count, const std::string &what) {
    if (count > 0)
      out += "... and " + std::to_string(count) + " more " + what +
             (count == 1 ? "\n" : "s\n");
  };
  more(warningsBeyond_, "warning");
  more(beyond_, "error");
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
