// Ends streamed text where one of several strings appears.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice {

class StopStrings {
public:
  // Empty strings are ignored.
  explicit StopStrings(std::vector<std::string> stops);

  // The text that may be shown after `piece` has arrived. What could be the
  // beginning of a stop string is held back; of the stop string itself and of
  // what follows it nothing is ever returned.
  std::string add(std::string_view piece);
  // A stop string has appeared.
  bool stopped() const { return stopped_; }
  // What was held back, when the text ended without a stop string.
  std::string finish();

private:
  std::vector<std::string> stops_;
  std::string held_;
  bool stopped_ = false;
};

} // namespace sluice
