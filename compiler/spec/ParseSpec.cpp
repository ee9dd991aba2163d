// From a file to a parsed spec, with its bases and libraries.
#include "compiler/spec/Extend.h"
#include "compiler/spec/Names.h"
#include "compiler/spec/Parser.h"
#include "compiler/spec/Resolve.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace sluice::spec {

namespace {

constexpr int languageVersion = 1;

// Reads a spec, the base that it extends and, through `use`, libraries; both
// lie beside it or in the folder of specs.
class Loader {
public:
  Loader(Diagnostics &diagnostics, std::string models)
      : diagnostics_(diagnostics), models_(std::move(models)) {}

  std::shared_ptr<const SpecFile> load(const std::string &path,
                                       const std::string &text) {
    std::optional<Tree> tree = readTree(path, text, diagnostics_);
    if (!tree)
      return nullptr;
    auto file = std::make_shared<SpecFile>();
    file->path = path;
    file->bytes = std::max(int64_t(text.size()), minBytes);
    open_.push_back(path);
    if (version(*tree) && extended(*tree, *file))
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
    map.take("sluice");
    map.take("extends");
    int kinds = 0;
    for (const char *kind : {"family", "library", "base"})
      if (const Tree *name = map.take(kind)) {
        ++kinds;
        file.name = parser.name(*name, "the name");
      }
    if (kinds != 1)
      diagnostics_.error(tree.location,
                         "a spec has one of `family`, `library` and `base`");
    file.library = tree.find("library");
    file.base = tree.find("base");
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
    if (file.base && file.match.present)
      diagnostics_.error(tree.find("match")->location, "a base has no match");
    if (!file.library && file.entries.empty())
      diagnostics_.error(tree.location, "a family needs entries");
  }

  bool version(const Tree &tree) {
    const Tree *value = tree.isMap() ? tree.find("sluice") : nullptr;
    if (!value) {
      diagnostics_.error(tree.location, tree.isMap()
                                            ? "the spec needs the key 'sluice'"
                                            : "the spec must be a mapping");
      return false;
    }
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

  // Puts the tree over that of the base that it extends, if any.
  bool extended(Tree &tree, SpecFile &file) {
    const Tree *name = tree.find("extends");
    if (!name)
      return true;
    if (!name->isScalar() || tree.find("library")) {
      diagnostics_.error(name->location,
                         name->isScalar()
                             ? "only a family or a base extends a base"
                             : "a base is named by its file: `extends: file`");
      return false;
    }
    std::string path;
    std::optional<std::string> text = read(*name, "base", path);
    if (!text)
      return false;
    std::optional<Tree> base = readTree(path, *text, diagnostics_);
    if (!base || !version(*base))
      return false;
    if (!base->find("base")) {
      diagnostics_.error(name->location, quote(path) + " is not a base");
      return false;
    }
    if (const Tree *match = base->find("match")) {
      diagnostics_.error(match->location, "a base has no match");
      return false;
    }
    if (!grow(file, int64_t(text->size()), name->location))
      return false;
    open_.push_back(path);
    bool ok = extended(*base, file);
    open_.pop_back();
    if (!ok)
      return false;
    // What the base is called is its own.
    for (const char *key : {"base", "extends", "doc"})
      for (size_t i = 0; i < base->keys.size(); ++i)
        if (base->keys[i].text == key) {
          base->keys.erase(base->keys.begin() + long(i));
          base->items.erase(base->items.begin() + long(i));
        }
    extend(*base, std::move(tree), diagnostics_);
    tree = std::move(*base);
    return diagnostics_.ok();
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
      nameRaw(file.ignore);
      keys.finish();
    }
    if (const Tree *value = map.take("state"))
      parser.state(*value, file.state);
    if (const Tree *value = map.take("blocks"))
      parser.blocks(*value, file.blocks);
    if (const Tree *value = map.take("entries"))
      parser.entries(*value, file.entries);
  }

  bool grow(SpecFile &file, int64_t bytes, const Location &location) {
    file.bytes += bytes;
    if (file.bytes <= maxBytes)
      return true;
    diagnostics_.error(location, "too many libraries, counting each as often "
                                 "as it is used");
    return false;
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
        use.library = library(*path);
      if (use.library) {
        arguments(use);
        if (!grow(file, use.library->bytes, use.location))
          return;
      }
      file.uses.push_back(std::move(use));
    }
  }

  // The text of the file that `name` names, from beside the file that says so
  // or else from the folder of specs; sets its path.
  std::optional<std::string> read(const Tree &name, const std::string &what,
                                  std::string &path) {
    namespace fs = std::filesystem;
    if (fs::path(name.text).is_absolute()) {
      diagnostics_.error(name.location, "a " + what +
                                            "'s file is relative to the spec's "
                                            "folder or the folder of specs");
      return std::nullopt;
    }
    std::vector<fs::path> folders = {
        fs::path(name.location.file).parent_path()};
    if (!models_.empty())
      folders.emplace_back(models_);
    std::vector<std::string> tried;
    for (const fs::path &folder : folders) {
      path = (folder / name.text).lexically_normal().string();
      if (std::find(tried.begin(), tried.end(), path) != tried.end())
        continue;
      tried.push_back(path);
      std::error_code failed;
      if (!fs::is_regular_file(path, failed))
        continue;
      if (std::find(open_.begin(), open_.end(), path) != open_.end()) {
        diagnostics_.error(name.location,
                           what + " " + quote(path) + " uses itself");
        return std::nullopt;
      }
      if (open_.size() > maxBytes / minBytes) {
        diagnostics_.error(name.location,
                           "too many " + plural(what) + " in a chain");
        return std::nullopt;
      }
      std::ifstream in(path, std::ios::binary);
      std::ostringstream text;
      if (in && text << in.rdbuf())
        return text.str();
    }
    diagnostics_.error(name.location, "cannot read " + what + " " +
                                          quote(name.text) + "; looked at " +
                                          join(tried));
    return std::nullopt;
  }

  static std::string plural(const std::string &what) {
    return what == "library" ? "libraries" : what + "s";
  }

  std::shared_ptr<const SpecFile> library(const Tree &name) {
    std::string path;
    std::optional<std::string> text = read(name, "library", path);
    if (!text)
      return nullptr;
    auto [known, isNew] = loaded_.try_emplace(path);
    if (!isNew)
      return known->second;
    std::shared_ptr<const SpecFile> file = load(path, *text);
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
  std::string models_; // the folder of specs; may be empty
  std::vector<std::string> open_;
  std::map<std::string, std::shared_ptr<const SpecFile>> loaded_;
};

} // namespace

void SpecDeleter::operator()(Spec *spec) const { delete spec; }

SpecPtr parseSpecText(const std::string &path, std::string text,
                      Diagnostics &diagnostics, const std::string &models) {
  Loader loader(diagnostics, models);
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

SpecPtr parseSpec(const std::string &path, Diagnostics &diagnostics,
                  const std::string &models) {
  std::ifstream in(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in.is_open() || in.bad()) {
    diagnostics.error({path}, "cannot read the file");
    return nullptr;
  }
  return parseSpecText(path, text, diagnostics, models);
}

} // namespace sluice::spec
