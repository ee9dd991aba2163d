// What the command-line tools of the runtime share. Errors go to stderr as
// "error: ..."; exit code 1 for failures, 2 for wrong usage.
#pragma once

#include "runtime/support/Status.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice::tools {

// Prints the error and returns exit code 1.
int fail(const Status &status);

// Wrong usage that only shows after parsing: exit code 2.
int usage(const std::string &message);

// Parses the command line. Returns -1 to go on, else the exit code (help was
// printed, or an error). From then on the program also ends with an error when
// a mapped file is cut short under it.
int parse(CLI::App &app, int argc, char **argv);

// An option that may be repeated, each time with one text that is taken as it
// is: CLI11 reads a vector's "[a,b]" as two texts.
CLI::Option *addTexts(CLI::App &app, const std::string &name,
                      std::vector<std::string> &texts, const std::string &help);

// A whole number of at least `least`.
CLI::Validator atLeast(int64_t least);

// InvalidArgument if an output is also an input or another output.
Status keepApart(const std::vector<std::string> &outputs,
                 const std::vector<std::string> &inputs);

// "5,9,2" or "5 9 2".
Result<std::vector<int32_t>> parseIds(const std::string &text);

} // namespace sluice::tools
