// A place in a spec file.
#pragma once

#include <string>
#include <string_view>

namespace sluice::spec {

// Lines and columns count from 1; line 0 means "the file as a whole".
struct Location {
  std::string file;
  int line = 0;   // from 1; 0: the file as a whole
  int column = 0; // from 1

  friend bool operator==(const Location &, const Location &) = default;
};

// "file:line:column"
inline std::string printLocation(const Location &at) {
  return at.line == 0 ? at.file
                      : at.file + ":" + std::to_string(at.line) + ":" +
                            std::to_string(at.column);
}

// A file below the folder of specs is named from there in what others will
// read, so that an artifact does not tell where it was made.
inline std::string nameFrom(std::string_view folder, std::string_view file) {
  while (folder.ends_with('/'))
    folder.remove_suffix(1);
  bool below = !folder.empty() && file.size() > folder.size() &&
               file.starts_with(folder) && file[folder.size()] == '/';
  return std::string(below ? file.substr(folder.size() + 1) : file);
}

} // namespace sluice::spec
