// The resolved spec as text.
#pragma once

#include "compiler/spec/Model.h"

#include <functional>
#include <set>

namespace sluice::spec {

class Printer {
public:
  Printer(const Model &model, const std::string &specs)
      : model_(model), specs_(specs) {}
  std::string run();

private:
  // One name of the tables with all its instances, by index.
  using WeightRows = std::map<int64_t, const Weight *>;
  using StateRows = std::map<int64_t, const State *>;
  // A table is printed as a tree of groups.
  struct Group {
    std::map<std::string, Group> groups;
    std::vector<std::string> order; // leaves and groups as they came
    std::map<std::string, WeightRows> weights;
    std::map<std::string, StateRows> states;
  };

  void line(int depth, const std::string &text,
            const std::string &comment = "");
  std::string place(Location location) const;
  void config();
  void countInstances(const std::vector<Node> &nodes);
  template <typename Row>
  void addRow(Group &root, const Row &row, const std::string &top);
  static bool hasGroup(const Group &root, const std::string &path);
  static void addGroup(Group &root, const std::string &path);
  void group(const Group &group, const std::string &path, int depth);
  void weight(const std::string &name, const std::string &path,
              const WeightRows &rows, int depth);
  void fused(const Group &group, const std::string &path, int depth,
             std::set<std::string> &done);
  void state(const std::string &name, const std::string &path,
             const StateRows &rows, int depth);
  void ignored();

  // A number or text that may depend on the instance.
  std::string perInstance(const std::map<int64_t, std::string> &values,
                          int64_t count) const;
  std::string shapeOf(const std::map<int64_t, std::vector<int64_t>> &shapes,
                      int64_t count) const;
  std::string sources(const WeightRows &rows, int64_t count) const;
  std::string partSource(const WeightRows &rows, int64_t count, size_t part,
                         bool whole) const;
  std::string stackName(const WeightRows &rows, int64_t count,
                        std::string TensorPart::*field) const;
  std::string oneSource(const WeightRows &rows, int64_t count) const;
  std::string nameTemplate(const std::map<int64_t, std::string> &names,
                           int64_t count) const;
  std::string sourceKey(const Weight &weight) const;
  int64_t countOf(const std::string &path) const;
  void nameInner(const std::string &part);
  // A path as the printed spec has it.
  std::string named(const std::string &path) const;
  std::string aliasName(const std::string &path, const WeightRows &rows,
                        int64_t count) const;
  std::string whenOf(const std::vector<int64_t> &present, int64_t count) const;

  // Graph.
  struct Scope {
    std::string group;  // "" in an entry
    int64_t index = -1; // of its instance
    std::vector<std::string> names;
    std::vector<bool> used;
    int left = 0; // inputs that are not printed, before all other values
  };
  void graph();
  void entry(const Entry &entry, int depth);
  std::string blockFor(const Body &body, const std::string &group,
                       int64_t index);
  std::string bodyText(const Body &body, const std::string &group,
                       int64_t index);
  std::string nodes(const std::vector<Node> &nodes, Scope &scope, int depth);
  std::string node(const Node &node, Scope &scope);
  std::string repeat(const Node &node, Scope &scope);
  std::string experts(const Node &node, Scope &scope);
  std::string operand(const Operand &operand, const Scope &scope) const;
  std::string mask(const Mask &mask, const Scope &scope) const;
  std::string results(const Node &node, Scope &scope) const;
  std::string relative(const std::string &path, const Scope &scope) const;
  // Of a weight or state, as nodes of the scope name it.
  std::string nameIn(const Scope &scope, const std::string &path,
                     int64_t index) const;
  void markUsed(const std::vector<Node> &nodes, std::vector<bool> &used) const;

  const Model &model_;
  const std::string &specs_;
  std::string out_;
  std::map<std::string, int64_t> counts_; // of groups with instances
  // An instance of a group within another becomes a group: "g[2]" -> "g_2".
  std::map<std::string, std::string> inner_;
  std::set<std::string> parts_;                                 // of all paths
  std::map<std::string, std::string> blocks_;                   // text -> name
  std::vector<std::pair<std::string, std::string>> blockOrder_; // name, text
  std::set<std::string> blockNames_;
};

// A scalar as YAML, so that it reads back as the same value.
std::string yamlScalar(const Value &value);
// Text in double quotes if YAML could take it for something else.
std::string yamlText(const std::string &text);
// The same for names, in which a `$` would start an expression.
std::string escapeName(const std::string &text);
// ", apply: [...]", empty without transforms.
std::string applyText(const std::vector<Transform> &apply);

} // namespace sluice::spec
