// Which of some names a piece of a template uses without setting them first.
#pragma once

#include "runtime/template/Ast.h"

#include <set>

namespace sluice::jinja {

std::set<std::string> usedNames(const Block &block,
                                std::set<std::string> names);

} // namespace sluice::jinja
