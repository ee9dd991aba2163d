// The options of how a model is loaded, the same in every tool.
#pragma once

#include "runtime/api/sluice.h"

#include <CLI/CLI.hpp>

namespace sluice::tools {

inline void declareLoading(CLI::App &app, LoadOptions &load, bool &verbose,
                           const char *group) {
  app.add_option_function<std::string>(
         "--load",
         [&load](const std::string &way) {
           load.load = way == "map"    ? Load::Map
                       : way == "huge" ? Load::Huge
                                       : Load::Auto;
         },
         "Where the weights lie: in the mapped file (map), in huge pages, into "
         "which they are copied at the start (huge), or where it is best "
         "(auto, the default)")
      ->group(group)
      ->check(CLI::IsMember({"auto", "map", "huge"}));
  app.add_flag("--prefault", load.prefault,
               "Read all weights into memory at the start")
      ->group(group);
  app.add_flag("--lock", load.lock,
               "Keep the weights in memory, as far as the system allows it")
      ->group(group);
  app.add_flag("--verbose", verbose, "Say how the weights were loaded, and why")
      ->group(group);
}

} // namespace sluice::tools
