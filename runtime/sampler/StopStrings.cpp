#include "runtime/sampler/StopStrings.h"

#include <algorithm>
#include <utility>

namespace sluice {

StopStrings::StopStrings(std::vector<std::string> stops)
    : stops_(std::move(stops)) {
  std::erase_if(stops_, [](const std::string &stop) { return stop.empty(); });
}

std::string StopStrings::add(std::string_view piece) {
  if (stopped_)
    return "";
  held_ += piece;
  size_t end = std::string::npos;
  for (const std::string &stop : stops_)
    end = std::min(end, held_.find(stop));
  if (end != std::string::npos) {
    stopped_ = true;
    std::string shown = held_.substr(0, end);
    held_.clear();
    return shown;
  }
  // The longest end of the text that begins a stop string.
  size_t keep = 0;
  for (const std::string &stop : stops_)
    for (size_t length = std::min(stop.size() - 1, held_.size()); length > keep;
         --length)
      if (held_.ends_with(std::string_view(stop).substr(0, length)))
        keep = length;
  std::string shown = held_.substr(0, held_.size() - keep);
  held_.erase(0, held_.size() - keep);
  return shown;
}

std::string StopStrings::finish() { return std::exchange(held_, ""); }

} // namespace sluice
