#include "compiler/import/Locations.h"

#include "mlir/IR/BuiltinAttributes.h"

using namespace mlir;

namespace sluice::import {

Location locate(MLIRContext *context, const spec::Location &at) {
  if (at.file.empty())
    return UnknownLoc::get(context);
  return FileLineColLoc::get(context, at.file, at.line, at.column);
}

Location locate(MLIRContext *context, const spec::Node &node) {
  Location result = NameLoc::get(StringAttr::get(context, node.name),
                                 locate(context, node.location));
  for (const spec::Location &call : node.calls)
    result = CallSiteLoc::get(result, locate(context, call));
  return result;
}

} // namespace sluice::import
