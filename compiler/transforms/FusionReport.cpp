#include "compiler/transforms/FusionReport.h"

#include "mlir/IR/BuiltinAttributes.h"

#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace sluice {

// Looks through names, calls and fusions for the first place in a file.
static void findPlace(Location location, FileLineColLoc &place,
                      std::string &name) {
  if (auto file = dyn_cast<FileLineColLoc>(location)) {
    place = place ? place : file;
  } else if (auto named = dyn_cast<NameLoc>(location)) {
    if (name.empty())
      name = named.getName().str();
    findPlace(named.getChildLoc(), place, name);
  } else if (auto call = dyn_cast<CallSiteLoc>(location)) {
    findPlace(call.getCallee(), place, name);
  } else if (auto fused = dyn_cast<FusedLoc>(location)) {
    for (Location part : fused.getLocations())
      if (!place)
        findPlace(part, place, name);
  }
}

std::string describe(Location location) {
  FileLineColLoc place;
  std::string name;
  findPlace(location, place, name);
  std::string text;
  llvm::raw_string_ostream out(text);
  if (place)
    out << place.getFilename().getValue() << ":" << place.getLine() << ":"
        << place.getColumn();
  if (!name.empty())
    out << (place ? " (" : "(") << name << ")";
  return text.empty() ? "unknown place" : text;
}

void FusionReport::fired(StringRef pass, Location where, const Twine &message) {
  std::erase_if(lines_, [&](const Line &line) {
    return !line.fired && line.pass == pass && line.where == where;
  });
  lines_.push_back({pass.str(), true, where, message.str(), std::nullopt});
}

void FusionReport::missed(StringRef pass, Location where, const Twine &message,
                          std::optional<Location> other) {
  Line line{pass.str(), false, where, message.str(), other};
  for (const Line &have : lines_)
    if (have.pass == line.pass && have.where == where &&
        (have.fired || have.message == line.message))
      return;
  lines_.push_back(std::move(line));
}

void FusionReport::print(llvm::raw_ostream &out) const {
  for (const Line &line : lines_) {
    out << line.pass << (line.fired ? ": fused at " : ": not fused at ")
        << describe(line.where) << ": " << line.message;
    if (line.other)
      out << " (" << describe(*line.other) << ")";
    out << "\n";
  }
}

} // namespace sluice
