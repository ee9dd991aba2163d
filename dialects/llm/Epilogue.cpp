#include "dialects/llm/LLMDialect.h"

using namespace mlir;

namespace sluice::llm {

static constexpr std::pair<StringLiteral, FloatAttr Epilogue::*> numbers[] = {
    {"beta", &Epilogue::beta},        {"gate_max", &Epilogue::gateMax},
    {"up_limit", &Epilogue::upLimit}, {"up_add", &Epilogue::upAdd},
    {"scale", &Epilogue::scale},      {"cap", &Epilogue::cap}};

llvm::hash_code hash_value(const Epilogue &epilogue) {
  llvm::hash_code hash =
      llvm::hash_combine(epilogue.glu, epilogue.act ? int(*epilogue.act) : -1);
  for (auto [word, number] : numbers)
    hash = llvm::hash_combine(hash, epilogue.*number);
  return hash;
}

ParseResult parseEpilogueWords(AsmParser &parser, Epilogue &epilogue) {
  epilogue.glu = succeeded(parser.parseOptionalKeyword("glu"));
  if (succeeded(parser.parseOptionalKeyword("act"))) {
    SMLoc at = parser.getCurrentLocation();
    StringRef word;
    if (parser.parseKeyword(&word))
      return failure();
    epilogue.act = symbolizeAct(word);
    if (!epilogue.act)
      return parser.emitError(at, "'") << word << "' is no function of 'act'";
  }
  Type f32 = parser.getBuilder().getF32Type();
  for (auto [word, number] : numbers)
    if (succeeded(parser.parseOptionalKeyword(word)) &&
        parser.parseAttribute(epilogue.*number, f32))
      return failure();
  return success();
}

void printEpilogueWords(AsmPrinter &printer, const Epilogue &epilogue) {
  StringRef before = "";
  auto next = [&]() -> AsmPrinter & {
    printer << before;
    before = " ";
    return printer;
  };
  if (epilogue.glu)
    next() << "glu";
  if (epilogue.act)
    next() << "act " << stringifyAct(*epilogue.act);
  for (auto [word, number] : numbers)
    if (FloatAttr value = epilogue.*number) {
      next() << word << ' ';
      printer.printAttributeWithoutType(value);
    }
}

Attribute EpilogueAttr::parse(AsmParser &parser, Type) {
  Epilogue epilogue;
  if (parser.parseLess() || parseEpilogueWords(parser, epilogue) ||
      parser.parseGreater())
    return {};
  return get(parser.getContext(), epilogue);
}

void EpilogueAttr::print(AsmPrinter &printer) const {
  printer << '<';
  printEpilogueWords(printer, getValue());
  printer << '>';
}

} // namespace sluice::llm
