#include "runtime/tokenizer/CleanUp.h"

#include <algorithm>
#include <utility>

namespace sluice::tokenizer {

// Appends what is replaced, and all before it, to `out`; gives where the rest
// of the text begins.
static size_t replaceInto(std::string &out, std::string_view text,
                          Replacement replacement) {
  size_t done = 0;
  for (size_t at = text.find(replacement.from); at != std::string_view::npos;
       at = text.find(replacement.from, done)) {
    out.append(text, done, at - done).append(replacement.to);
    done = at + replacement.from.size();
  }
  return done;
}

void replaceAll(std::string &text, Replacement replacement) {
  std::string result;
  if (size_t done = replaceInto(result, text, replacement); done > 0)
    text = result.append(text, done);
}

// Bytes at the end of the text that `from` begins with.
static size_t beginning(std::string_view text, std::string_view from) {
  size_t length = std::min(text.size(), from.size() - 1);
  while (length > 0 && !text.ends_with(from.substr(0, length)))
    --length;
  return length;
}

std::string CleanUp::add(std::string_view text) {
  std::string passed(text);
  for (size_t i = 0; i < held_.size(); ++i) {
    std::string all = std::exchange(held_[i], "") + passed;
    passed.clear();
    std::string_view rest = all;
    rest.remove_prefix(replaceInto(passed, rest, kTidied[i]));
    size_t kept = beginning(rest, kTidied[i].from);
    passed += rest.substr(0, rest.size() - kept);
    held_[i] = rest.substr(rest.size() - kept);
  }
  return passed;
}

std::string CleanUp::finish() {
  std::string passed;
  for (size_t i = 0; i < held_.size(); ++i) {
    passed = std::exchange(held_[i], "") + passed;
    replaceAll(passed, kTidied[i]);
  }
  return passed;
}

} // namespace sluice::tokenizer
