// Names in messages: what the user may have meant.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::spec {

// letter { letter | digit | "_" }
bool isName(std::string_view text);
bool isNameCharacter(char c, bool digits);
// The YAML 1.1 booleans that other tools read as true and false.
bool isYamlBoolean(std::string_view text);

// "; did you mean 'eps'?" and, when there are at most eight candidates, all of
// them. Empty if there is nothing to say.
std::string suggest(std::string_view wrong,
                    const std::vector<std::string> &candidates);
// The candidate with the smallest edit distance; empty if none is near: within
// `most` edits, by default a third of the name's length, but at least two.
std::string nearest(std::string_view wrong,
                    const std::vector<std::string> &candidates,
                    std::optional<size_t> most = std::nullopt);

// What names of different layers have in common.
std::string withoutDigits(std::string text);
// "a, b, c"
std::string join(const std::vector<std::string> &names);
// "'x'"
std::string quote(std::string_view text);
// "[2, 3]"
std::string printShape(const std::vector<int64_t> &shape);

// "a.b" and "3" of "a[3].b", by the first brackets; nothing without any.
struct InstanceName {
  std::string name, index;
};
std::optional<InstanceName> instanceName(std::string_view text);

// `*` stands for anything within one dotted part, `**` for anything at all.
bool matchesPattern(std::string_view pattern, std::string_view name);

} // namespace sluice::spec
