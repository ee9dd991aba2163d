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

  // Vectors, which cost nothing, and what the spec asks for are f32; of the
  // matrices left, one whose row is no whole number of blocks is kept.
  format::Elem elemOf(const spec::Weight &weight) const;

  // NotFound where a name belongs to no matrix that this can change.
  Status check(const spec::Model &model) const;
  // Which matrices stay as they are although blocks were asked for.
  std::vector<std::string> notes(const spec::Model &model) const;

private:
  struct Rule {
    std::string name;                 // empty: all
    std::optional<format::Elem> elem; // none: kept
  };
  const Rule &ruleFor(const spec::Weight &weight) const;

  std::vector<Rule> rules = {{}};
};

} // namespace sluice::import
