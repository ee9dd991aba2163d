// A place in a spec file.
#pragma once

#include <string>

namespace sluice::spec {

// Lines and columns count from 1; line 0 means "the file as a whole".
struct Location {
  std::string file;
  int line = 0;
  int column = 0;

  friend bool operator==(const Location &, const Location &) = default;
};

// "file:line:column"
inline std::string printLocation(const Location &at) {
  return at.line == 0 ? at.file
                      : at.file + ":" + std::to_string(at.line) + ":" +
                            std::to_string(at.column);
}

} // namespace sluice::spec
