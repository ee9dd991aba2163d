// From the generic tree to the typed tables (stage 1 and the syntax of 2).
#pragma once

#include "compiler/spec/SpecFile.h"

namespace sluice::spec {

// A file without a config has the names of one with it, unless they are said.
template <typename T> void nameRaw(PerFormat<T> &names) {
  if (auto hf = names.find("hf"); hf != names.end())
    names.try_emplace("raw", hf->second);
}

class Parser {
public:
  explicit Parser(Diagnostics &diagnostics) : diagnostics_(diagnostics) {}

  void config(const Tree &tree, ConfigGroup &group);
  void inert(const Tree &tree, PerFormat<std::vector<InertDecl>> &out);
  void inertAsIn(const Tree &tree, std::vector<InertDecl> &out);
  void checks(const Tree &tree, std::vector<CheckDecl> &out);
  void params(const Tree &tree, std::vector<ParamSpec> &out);
  void weights(const Tree &tree, WeightGroup &group);
  void state(const Tree &tree, StateGroup &group);
  void blocks(const Tree &tree, std::vector<BlockDecl> &out);
  void entries(const Tree &tree, std::vector<EntryDecl> &out);
  void match(const Tree &tree, MatchDecl &out);

  // Shared pieces.
  Scalar scalar(const Tree &tree) { return parseScalar(tree, diagnostics_); }
  Data data(const Tree &tree) { return parseData(tree, diagnostics_); }
  Template text(const Tree &tree) { return parseTemplate(tree, diagnostics_); }
  Alternatives alternatives(const Tree &tree);
  std::string word(const Tree &tree, const std::string &what);
  std::string name(const Tree &tree, const std::string &what);
  std::vector<std::string> words(const Tree &tree, const std::string &what);
  bool flag(const Tree &tree, const std::string &what);
  // Whether a list or mapping has no more than `maxNames` elements.
  bool isShort(const Tree &tree, const std::string &what);
  // Refuses a word of the language that nothing carries out yet.
  void notYet(const Location &location, const std::string &what);

private:
  bool type(const Tree &tree, ParamType &out);
  void parameter(const Tree &tree, ParamDecl &out);
  void fallback(const Tree &tree, ParamDecl &out);
  void values(const Tree &tree, ParamDecl &out);
  PerFormat<Alternatives> perFormat(const Tree &tree, const std::string &what);
  std::optional<EachDecl> each(const Tree &tree);
  void weightLeaf(const Tree &tree, WeightLeaf &out);
  void weightBias(const Tree &tree, WeightLeaf &out);
  void rowOrder(const SourceDecl &decl, bool holds);
  void aliasName(const Tree &tree, AliasDecl &out);
  std::optional<AliasDecl> alias(const Tree &tree, const std::string &what);
  std::vector<SourceDecl> sources(const Tree &tree);
  SourceDecl source(const Tree &tree);
  std::vector<TransformDecl> apply(const Tree &tree);
  void stateLeaf(const Tree &tree, StateLeaf &out);
  void heldPart(const Tree &tree, WeightLeaf &out);
  void cacheFields(const Tree &tree, StateLeaf &out);
  std::vector<Data> shape(const Tree &tree, const std::string &what);
  void block(const Tree &tree, BlockDecl &out);
  // `mayLackOne`: names of the form {name: none} are allowed, and optional.
  std::vector<BlockDecl::Name> names(const Tree &tree, const std::string &what,
                                     bool mayLackOne = false);
  void nodes(const Tree &tree, std::vector<NodeDecl> &out);
  void node(const Tree &key, const Tree &tree, NodeDecl &out);
  void call(const Tree &tree, NodeDecl &out);
  void choices(const Tree &tree, NodeDecl &out);
  void entry(const Tree &tree, EntryDecl &out);
  void entryKind(const Tree *kind, EntryDecl &out);
  void entryContract(const EntryDecl &entry);
  void rowsInput(const Tree &tree, InputDecl &out);
  void input(const Tree &tree, InputDecl &out);
  void positions(const Tree &tree, EntryDecl &out);
  void outputs(const Tree &tree, EntryDecl &out);

  Diagnostics &diagnostics_;
};

} // namespace sluice::spec
