// What the fusions did, and what they nearly did.
#pragma once

#include "mlir/IR/Location.h"

#include <optional>
#include <string>
#include <vector>

namespace sluice {

class FusionReport {
public:
  struct Line {
    std::string pass;
    bool fired;
    mlir::Location where;
    std::string message;
    // The op that stood in the way, if there is one.
    std::optional<mlir::Location> other;
  };

  void fired(llvm::StringRef pass, mlir::Location where,
             const llvm::Twine &message);
  // A pattern that matched in part. Said once per place, and forgotten if the
  // pass fires there after all.
  void missed(llvm::StringRef pass, mlir::Location where,
              const llvm::Twine &message,
              std::optional<mlir::Location> other = std::nullopt);

  const std::vector<Line> &lines() const { return lines_; }
  // One line each: `pass: fused at place: message`.
  void print(llvm::raw_ostream &out) const;

private:
  std::vector<Line> lines_;
};

// `models/family.yaml:31:9 (layer/q)`: the innermost place and its name.
std::string describe(mlir::Location location);

} // namespace sluice
