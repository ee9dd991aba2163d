// Errors and warnings about spec files, with the line and a caret.
#pragma once

#include "compiler/spec/Location.h"
#include "runtime/support/Status.h"

#include <map>
#include <string>
#include <vector>

namespace sluice::spec {

struct Diagnostic {
  enum class Severity { Error, Warning } severity = Severity::Error;
  Location location;
  std::string message;
  // Further lines: call chains ("in layer (spec.yaml:70:9)") and other places.
  std::vector<std::string> notes;
  // Errors at the same place that differ in numbers only: of other layers.
  int alike = 0;
};

class Diagnostics {
public:
  // Errors and warnings beyond the first 20 of a stage each are counted but not
  // kept; so is an error that differs from another in numbers only.
  static constexpr int maxErrors = 20, maxWarnings = 20;

  // `count`: how many such errors there are, of so many layers.
  Diagnostic &error(const Location &location, std::string message,
                    int count = 1);
  Diagnostic &warning(const Location &location, std::string message);

  bool ok() const { return errors_ == 0; }
  // Whether further errors are only counted, so that hints are of no use.
  bool full() const { return int(kept_.size()) >= maxErrors; }
  bool fullOfWarnings() const { return warnings_ >= maxWarnings; }
  int errorCount() const { return errors_; }
  const std::vector<Diagnostic> &all() const { return diagnostics_; }

  // The text of a file, so that `print` can show the line.
  void addSource(const std::string &file, std::string text);

  // `file:line:col: error: message`, the line (of a long one the part around
  // the column), a caret, the notes.
  std::string print() const;
  std::string print(const Diagnostic &diagnostic) const;

  // Everything as one Status for callers that only pass errors on.
  Status status() const;

private:
  Diagnostic &add(Diagnostic::Severity severity, const Location &location,
                  std::string message, int count);

  std::vector<Diagnostic> diagnostics_;
  std::vector<size_t> kept_; // the errors among them
  std::map<std::string, std::string> sources_;
  Diagnostic overflow_;
  int errors_ = 0, beyond_ = 0;
  int warnings_ = 0, warningsBeyond_ = 0;
};

} // namespace sluice::spec
