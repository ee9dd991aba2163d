// The name that was probably meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::jinja {

// "; did you mean 'x'?" with the nearest of `names`, or "" if none is near.
std::string suggestion(std::string_view name,
                       const std::vector<std::string_view> &names);

} // namespace sluice::jinja
