#include "tools/support/Cli.h"

#include "runtime/support/Temporary.h"

#include <charconv>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <unistd.h>

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

// The pages of a mapped file are gone when it was cut short meanwhile. The
// thread that touches one cannot go on, so the program ends here.
static void onBusError(int signal, siginfo_t *info, void *) {
  static const char message[] =
      "error: a file was cut short, or cannot be read any more, while in use\n";
  if (info->si_code == BUS_ADRERR) {
    (void)!write(STDERR_FILENO, message, sizeof(message) - 1);
    removeTemporaries();
    _exit(1);
  }
  std::signal(signal, SIG_DFL); // it comes again
}

static void reportBusErrors() {
  struct sigaction action = {};
  action.sa_sigaction = onBusError;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGBUS, &action, nullptr);
}

int parse(CLI::App &app, int argc, char **argv) {
  reportBusErrors();
  // A limit of file sizes is an error of writing.
  std::signal(SIGXFSZ, SIG_IGN);
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

CLI::Option *addTexts(CLI::App &app, const std::string &name,
                      std::vector<std::string> &texts,
                      const std::string &help) {
  return app
      .add_option_function<std::string>(
          name, [&](const std::string &text) { texts.push_back(text); }, help)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->trigger_on_parse();
}

CLI::Validator atLeast(int64_t least) {
  return CLI::Validator(
      [least](std::string &text) {
        int64_t value;
        const char *end = text.data() + text.size();
        auto [stop, error] = std::from_chars(text.data(), end, value);
        bool fits = error == std::errc() && stop == end && value >= least;
        return fits ? std::string()
                    : "expected a whole number of at least " +
                          std::to_string(least) + ", found '" + text + "'";
      },
      "");
}

Status keepApart(const std::vector<std::string> &outputs,
                 const std::vector<std::string> &inputs) {
  auto same = [](const std::string &a, const std::string &b) {
    std::error_code error;
    return !a.empty() && (a == b || std::filesystem::equivalent(a, b, error));
  };
  for (size_t i = 0; i < outputs.size(); ++i) {
    for (const std::string &input : inputs)
      if (same(outputs[i], input))
        return Status(Code::InvalidArgument,
                      outputs[i] + ": is read, it cannot be the output");
    for (size_t j = 0; j < i; ++j)
      if (same(outputs[i], outputs[j]))
        return Status(Code::InvalidArgument,
                      outputs[i] + ": is named as the output of two things");
  }
  return {};
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
