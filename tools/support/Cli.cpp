#include "tools/support/Cli.h"

#include <charconv>
#include <iostream>

namespace sluice::tools {

int fail(const Status &status) {
  std::cout.flush();
  std::cerr << "error: " << status.message() << '\n';
  return 1;
}

int usage(const std::string &message) {
  std::cout.flush();
  std::cerr << "error: " << message << "\nTry --help.\n";
  return 2;
}

int parse(CLI::App &app, int argc, char **argv) {
  app.set_version_flag("--version", "sluice " SLUICE_VERSION,
                       "Print the version and exit");
  try {
    app.parse(argc, argv);
    return -1;
  } catch (const CLI::Success &success) { // --help
    return app.exit(success);
  } catch (const CLI::ParseError &error) {
    return usage(error.what());
  }
}

Result<std::vector<int32_t>> parseIds(const std::string &text) {
  std::vector<int32_t> ids;
  const char *at = text.data(), *end = at + text.size();
  while (at != end) {
    if (*at == ',' || *at == ' ' || *at == '\n') {
      ++at;
      continue;
    }
    int32_t id;
    auto [next, error] = std::from_chars(at, end, id);
    if (error != std::errc() ||
        (next != end && *next != ',' && *next != ' ' && *next != '\n'))
      return Status(Code::InvalidArgument,
                    "'" + text + "' is not a list of ids");
    ids.push_back(id);
    at = next;
  }
  if (ids.empty())
    return Status(Code::InvalidArgument, "the list of ids is empty");
  return ids;
}

} // namespace sluice::tools
