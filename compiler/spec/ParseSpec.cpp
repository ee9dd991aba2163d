#include "compiler/spec/Names.h"
#include "compiler/spec/Parser.h"
#include "compiler/spec/Resolve.h"

#include <filesystem>
#include <fstream>
#include <iterator>

namespace sluice::spec {

namespace {

constexpr int languageVersion = 1;

// Reads a spec and, through `use`, the libraries beside it.
class Loader {
public:
  explicit Loader(Diagnostics &diagnostics) : diagnostics_(diagnostics) {}

  std::shared_ptr<const SpecFile> load(const std::string &path,
                                       const std::string &text) {
    std::optional<Tree> tree = readTree(path, text, diagnostics_);
    if (!tree)
      return nullptr;
    auto file = std::make_shared<SpecFile>();
    file->path = path;
    file->bytes = std::max(int64_t(text.size()), minBytes);
    open_.push_back(path);
    header(*tree, *file);
    open_.pop_back();
    for (size_t i = 0; i < file->blocks.size(); ++i)
      file->blockIndex.emplace(file->blocks[i].name, i);
    return file;
  }

private:
  // A library has a scope of its own wherever it is used, so that a few files
  // that use each other twice would become thousands.
  static constexpr int64_t maxBytes = 16 << 20, minBytes = 64 << 10;

  void header(const Tree &tree, SpecFile &file) {
    Parser parser(diagnostics_);
    MapReader map(tree, "the spec", diagnostics_);
    if (!map.valid() || !version(tree, map))
      return;
    const Tree *family = map.take("family");
    const Tree *library = map.take("library");
    if (!family == !library)
      diagnostics_.error(tree.location,
                         "a spec has either `family` or `library`");
    file.library = library != nullptr;
    if (family || library)
      file.name = parser.name(family ? *family : *library, "the name");
    if (const Tree *value = map.take("params")) {
      if (!file.library)
        diagnostics_.error(value->location, "only a library has params");
      parser.params(*value, file.params);
    }
    if (const Tree *value = map.take("match"))
      parser.match(*value, file.match);
    if (const Tree *value = map.take("use"))
      uses(*value, file, parser);
    body(map, file, parser);
    map.take("doc");
    map.finish();
    if (file.library && (file.match.present || !file.entries.empty()))
      diagnostics_.error(tree.location,
                         "a library has no match and no entries");
    if (!file.library && file.entries.empty())
      diagnostics_.error(tree.location, "a family needs entries");
  }

  bool version(const Tree &tree, MapReader &map) {
    const Tree *value = map.require("sluice");
    if (!value)
      return false;
    if (tree.keys[0].text != "sluice")
      diagnostics_.error(tree.keys[0].location,
                         "the first line of a spec is `sluice: 1`");
    if (value->text == std::to_string(languageVersion))
      return true;
    diagnostics_.error(value->location, "this reader knows language version " +
                                            std::to_string(languageVersion) +
                                            ", not " + quote(value->text));
    return false;
  }

  void body(MapReader &map, SpecFile &file, Parser &parser) {
    if (const Tree *value = map.take("config"))
      parser.config(*value, file.config);
    if (const Tree *value = map.take("inert"))
      parser.inert(*value, file.inert);
    if (const Tree *value = map.take("words"))
      file.words = parser.words(*value, "words");
    if (const Tree *value = map.take("check"))
      parser.checks(*value, file.checks);
    if (const Tree *value = map.take("weights")) {
      file.weights.location = value->location;
      parser.weights(*value, file.weights);
    }
    if (const Tree *value = map.take("ignore")) {
      MapReader keys(*value, "ignore", diagnostics_);
      for (const char *format : {"hf", "gguf", "raw"})
        if (const Tree *names = keys.take(format))
          file.ignore[format] = parser.alternatives(*names);
      keys.finish();
    }
    if (const Tree *value = map.take("state"))
      parser.state(*value, file.state);
    if (const Tree *value = map.take("blocks"))
      parser.blocks(*value, file.blocks);
    if (const Tree *value = map.take("entries"))
      parser.entries(*value, file.entries);
  }

  void uses(const Tree &tree, SpecFile &file, Parser &parser) {
    if (!tree.isMap()) {
      diagnostics_.error(tree.location, "use must be a mapping {name: file}");
      return;
    }
    for (size_t i = 0; i < tree.keys.size(); ++i) {
      UseDecl use;
      use.location = tree.keys[i].location;
      use.name = parser.name(tree.keys[i], "a library's name");
      const Tree &value = tree.items[i];
      const Tree *path = value.isMap() ? value.find("file") : &value;
      for (size_t j = 0; j < value.keys.size(); ++j) {
        if (value.keys[j].text == "file")
          continue;
        Scalar name;
        name.location = value.keys[j].location;
        name.text = value.keys[j].text;
        use.args.push_back({std::move(name), parser.data(value.items[j])});
      }
      if (!path || !path->isScalar())
        diagnostics_.error(use.location,
                           "a library is named by its file: {name: file}");
      else
        use.library = library(file.path, *path);
      if (use.library) {
        arguments(use);
        file.bytes += use.library->bytes;
        if (file.bytes > maxBytes) {
          diagnostics_.error(use.location,
                             "too many libraries, counting each as often as "
                             "it is used");
          return;
        }
      }
      file.uses.push_back(std::move(use));
    }
  }

  std::shared_ptr<const SpecFile> library(const std::string &user,
                                          const Tree &name) {
    namespace fs = std::filesystem;
    std::string path =
        (fs::path(user).parent_path() / name.text).lexically_normal().string();
    if (fs::path(name.text).is_absolute()) {
      diagnostics_.error(name.location,
                         "a library's file is relative to the spec's folder");
      return nullptr;
    }
    for (const std::string &open : open_)
      if (open == path) {
        diagnostics_.error(name.location,
                           "library " + quote(path) + " uses itself");
        return nullptr;
      }
    if (open_.size() > maxBytes / minBytes) {
      diagnostics_.error(name.location, "too many libraries in a chain");
      return nullptr;
    }
    auto [known, isNew] = loaded_.try_emplace(path);
    if (!isNew)
      return known->second;
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    if (in)
      text << in.rdbuf();
    if (!in || !text) {
      diagnostics_.error(name.location, "cannot read library " + quote(path));
      return nullptr;
    }
    std::shared_ptr<const SpecFile> file = load(path, text.str());
    if (file && !file->library) {
      diagnostics_.error(name.location, quote(path) + " is not a library");
      return nullptr;
    }
    return loaded_[path] = file;
  }

  void arguments(const UseDecl &use) {
    std::vector<std::string> names;
    for (const ParamSpec &param : use.library->params) {
      names.push_back(param.name);
      bool given = param.optional;
      for (const ArgDecl &arg : use.args)
        given |= arg.name.text == param.name;
      if (!given)
        diagnostics_.error(use.location, "library " + quote(use.library->name) +
                                             " needs the parameter " +
                                             quote(param.name));
    }
    for (const ArgDecl &arg : use.args) {
      bool known = false;
      for (const std::string &name : names)
        known |= name == arg.name.text;
      if (!known)
        diagnostics_.error(arg.name.location,
                           "library " + quote(use.library->name) +
                               " has no parameter " + quote(arg.name.text) +
                               suggest(arg.name.text, names));
    }
  }

  Diagnostics &diagnostics_;
  std::vector<std::string> open_;
  std::map<std::string, std::shared_ptr<const SpecFile>> loaded_;
};

} // namespace

void SpecDeleter::operator()(Spec *spec) const { delete spec; }

SpecPtr parseSpecText(const std::string &path, std::string text,
                      Diagnostics &diagnostics) {
  Loader loader(diagnostics);
  std::shared_ptr<const SpecFile> file = loader.load(path, text);
  if (!file || !diagnostics.ok())
    return nullptr;
  resolveNames(*file, diagnostics);
  if (!diagnostics.ok())
    return nullptr;
  auto spec = SpecPtr(new Spec);
  spec->file = std::move(file);
  return spec;
}

SpecPtr parseSpec(const std::string &path, Diagnostics &diagnostics) {
  std::ifstream in(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in.is_open() || in.bad()) {
    diagnostics.error({path}, "cannot read the file");
    return nullptr;
  }
  return parseSpecText(path, text, diagnostics);
}

} // namespace sluice::spec
