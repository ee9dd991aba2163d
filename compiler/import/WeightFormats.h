// How matrices are stored (`--weights`).
#pragma once

#include "compiler/spec/Model.h"
#include "runtime/format/Packing.h"
#include "runtime/support/Status.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::import {

class WeightFormats {
public:
  // As the checkpoint has them.
  WeightFormats() = default;

  // "keep", "int4" or "int4,head=int8,router=f32": a format for all, then some
  // for the weights of which a part of the path has that name (`*` stands for
  // any text); of several the last counts. InvalidArgument says which formats
  // there are.
  static Result<WeightFormats> parse(std::string_view text);
  // "keep, f32, bf16, int8, int4, ..."
  static std::string names();

  // Of a matrix that may be stored narrower. Where a row is no whole number of
  // blocks it is kept.
  format::Elem elemOf(const spec::Weight &weight) const;

  // The first name that belongs to no matrix of the model; empty if none.
  std::string unused(const spec::Model &model) const;

  // Whether all is kept.
  bool keeps() const { return rules.size() == 1 && !rules[0].elem; }

private:
  struct Rule {
    std::string name;                 // empty: all
    std::optional<format::Elem> elem; // none: kept
  };
  std::vector<Rule> rules = {{}};
};

} // namespace sluice::import
