#include "compiler/evaluate/Steps.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace sluice::evaluate {

static Status wrong(const Twine &message) {
  return Status(Code::InvalidArgument, "steps: " + message.str());
}

static Result<std::vector<int32_t>> parseNumbers(StringRef text) {
  std::vector<int32_t> numbers;
  for (StringRef part : llvm::split(text, ',')) {
    int32_t number;
    if (part.trim().getAsInteger(10, number))
      return wrong("expected numbers separated by commas, found '" + text +
                   "'");
    numbers.push_back(number);
  }
  return numbers;
}

std::string tokensOf(ModuleOp module, StringRef name) {
  auto entry = module.lookupSymbol<func::FuncOp>(name);
  for (unsigned i = 0; i < entry.getNumArguments(); ++i)
    if (auto type = entry.getArgAttrOfType<StringAttr>(i, llm::inputAttr);
        type && type.getValue() == "tokens")
      return entry.getArgAttrOfType<StringAttr>(i, llm::nameAttr).str();
  return "";
}

static Status parseWord(StringRef word, const std::string &tokens,
                        Sequence &sequence) {
  if (word.consume_front("@"))
    return word.getAsInteger(10, sequence.slot)
               ? wrong("expected a number after '@', found '" + word + "'")
               : Status();
  for (auto [name, wanted] : {std::pair("all", Wanted::All),
                              {"last", Wanted::Last},
                              {"none", Wanted::None}})
    if (word == name) {
      sequence.wanted = wanted;
      return {};
    }
  auto [name, list] =
      word.contains('=') ? word.split('=') : std::pair(StringRef(tokens), word);
  if (name.empty())
    return wrong("the entry takes no ids");
  Result<std::vector<int32_t>> numbers = parseNumbers(list);
  if (numbers.ok())
    sequence.inputs[name.str()] = std::move(*numbers);
  return numbers.status();
}

static Result<Step> parseStep(StringRef text, const std::string &entry,
                              const std::string &tokens) {
  Step step{entry, {}};
  for (StringRef part : llvm::split(text, ';')) {
    Sequence sequence;
    sequence.slot = int32_t(step.sequences.size());
    SmallVector<StringRef> words;
    llvm::SplitString(part, words);
    for (StringRef word : words)
      if (Status status = parseWord(word, tokens, sequence); !status.ok())
        return status;
    step.sequences.push_back(std::move(sequence));
  }
  return step;
}

std::string entryOfKind(ModuleOp module, StringRef kind) {
  for (auto function : module.getOps<func::FuncOp>())
    if (auto attr = function->getAttrOfType<StringAttr>(llm::entryAttr))
      if (kind.empty() || attr.getValue() == kind)
        return function.getSymName().str();
  return "";
}

Result<std::string> defaultEntry(ModuleOp module) {
  for (StringRef kind : {"generate", "fill", "encode", ""})
    if (std::string name = entryOfKind(module, kind); !name.empty())
      return name;
  return wrong("the module has no entry");
}

Result<std::vector<Step>> parseSteps(StringRef text, ModuleOp module) {
  Result<std::string> entry = defaultEntry(module);
  if (!entry.ok())
    return entry.status();
  std::vector<Step> steps;
  for (StringRef part : llvm::split(text, '|')) {
    if (part.contains(':')) {
      auto [name, rest] = part.split(':');
      *entry = name.trim().str();
      part = rest;
    }
    auto function = module.lookupSymbol<func::FuncOp>(*entry);
    if (!function || !function->hasAttr(llm::entryAttr))
      return wrong("the module has no entry '" + *entry + "'");
    Result<Step> step = parseStep(part, *entry, tokensOf(module, *entry));
    if (!step.ok())
      return step.status();
    steps.push_back(std::move(*step));
  }
  return steps;
}

} // namespace sluice::evaluate
