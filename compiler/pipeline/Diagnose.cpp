#include "compiler/pipeline/Diagnose.h"

#include "mlir/IR/BuiltinAttributes.h"

using namespace mlir;

namespace sluice::pipeline {

// The first place in a file that a location knows; null if there is none.
static FileLineColLoc firstPlace(LocationAttr location) {
  FileLineColLoc found;
  location.walk([&](LocationAttr part) {
    if (auto place = dyn_cast<FileLineColLoc>(part)) {
      found = place;
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return found;
}

// Of a fused op, the last of its parts: what the op gives was written there.
static LocationAttr ownPart(LocationAttr location) {
  while (auto fused = dyn_cast<FusedLoc>(location)) {
    if (fused.getLocations().empty())
      break;
    location = fused.getLocations().back();
  }
  return location;
}

static void print(llvm::raw_ostream &out, const Diagnostic &diagnostic) {
  static const char *names[] = {"note", "warning", "error", "remark"};
  LocationAttr at = ownPart(diagnostic.getLocation());
  if (FileLineColLoc place = firstPlace(at))
    out << place.getFilename().getValue() << ':' << place.getLine() << ':'
        << place.getColumn() << ": ";
  out << names[int(diagnostic.getSeverity())] << ": " << diagnostic << '\n';
  while (auto call = dyn_cast<CallSiteLoc>(at)) {
    if (FileLineColLoc place = firstPlace(call.getCaller()))
      out << "  called from " << place.getFilename().getValue() << ':'
          << place.getLine() << ':' << place.getColumn() << '\n';
    at = call.getCallee();
  }
}

DiagnosticPrinter::DiagnosticPrinter(MLIRContext *context,
                                     llvm::raw_ostream &out)
    : handler(context, [this, &out](Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
          ++errors;
        print(out, diagnostic);
        for (Diagnostic &note : diagnostic.getNotes())
          print(out, note);
        return success();
      }) {}

} // namespace sluice::pipeline
