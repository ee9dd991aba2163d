#include "compiler/codegen/Link.h"

#include "runtime/support/Temporary.h"

#include "lld/Common/Driver.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <mutex>

LLD_HAS_DRIVER(elf)

using namespace llvm;

namespace sluice::codegen {
namespace {

// A directory that goes away with everything in it.
class TemporaryDirectory {
public:
  static Expected<TemporaryDirectory> create() {
    SmallString<128> path;
    if (std::error_code error =
            sys::fs::createUniqueDirectory("sluice-link", path))
      return createStringError(error, "cannot create a temporary directory");
    addTemporary(path.str().str());
    return TemporaryDirectory(path);
  }
  TemporaryDirectory(TemporaryDirectory &&other)
      : path_(std::exchange(other.path_, "")) {}
  ~TemporaryDirectory() {
    if (path_.empty())
      return;
    sys::fs::remove_directories(path_);
    dropTemporary(path_);
  }

  std::string file(const Twine &name) const {
    return (path_ + Twine('/') + name).str();
  }

private:
  explicit TemporaryDirectory(StringRef path) : path_(path) {}
  std::string path_;
};

Error writeFile(const std::string &path, ArrayRef<char> bytes) {
  std::error_code error;
  raw_fd_ostream stream(path, error);
  if (!error) {
    stream.write(bytes.data(), bytes.size());
    stream.close();
    error = stream.error();
    stream.clear_error();
  }
  return error ? createStringError(error, "cannot write " + path)
               : Error::success();
}

Error runLinker(ArrayRef<std::string> arguments) {
  SmallVector<const char *> pointers;
  for (const std::string &argument : arguments)
    pointers.push_back(argument.c_str());
  std::string messages;
  raw_string_ostream stream(messages);
  // lld keeps its state in globals.
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  lld::Result result =
      lld::lldMain(pointers, stream, stream, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode != 0)
    return createStringError("linking the kernels failed: " + messages);
  return Error::success();
}

} // namespace

Expected<std::vector<char>> linkShared(ArrayRef<SmallVector<char, 0>> objects,
                                       ArrayRef<Alias> aliases) {
  Expected<TemporaryDirectory> directory = TemporaryDirectory::create();
  if (!directory)
    return directory.takeError();

  std::string output = directory->file("kernels.so");
  std::vector<std::string> arguments = {"ld.lld",
                                        "-shared",
                                        "-z",
                                        "defs",
                                        "-z",
                                        "noexecstack",
                                        "-z",
                                        "now",
                                        "--hash-style=gnu",
                                        "--build-id=none",
                                        "--threads=1",
                                        "-soname",
                                        "sluice-kernels",
                                        "-o",
                                        output};
  for (const Alias &alias : aliases)
    arguments.push_back("--defsym=" + alias.name + "=" + alias.symbol);
  for (auto [index, object] : enumerate(objects)) {
    std::string path = directory->file(Twine(index) + ".o");
    if (Error error = writeFile(path, object))
      return error;
    arguments.push_back(path);
  }
  if (Error error = runLinker(arguments))
    return error;

  ErrorOr<std::unique_ptr<MemoryBuffer>> image =
      MemoryBuffer::getFile(output, /*IsText=*/false,
                            /*RequiresNullTerminator=*/false);
  if (!image)
    return createStringError(image.getError(), "cannot read " + output);
  return std::vector<char>((*image)->getBufferStart(),
                           (*image)->getBufferEnd());
}

} // namespace sluice::codegen
