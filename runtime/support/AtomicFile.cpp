#include "runtime/support/AtomicFile.h"

#include "runtime/support/Temporary.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice {

Status AtomicFile::fail(const char *what) const {
  Code code = errno == ENOSPC || errno == EDQUOT ? Code::Resource : Code::Io;
  return Status(code, path_ + ": " + what + ": " + std::strerror(errno));
}

// The name of an open file that has none in a folder.
static std::string procName(int fd) {
  return "/proc/self/fd/" + std::to_string(fd);
}

Result<AtomicFile> AtomicFile::create(const std::string &given) {
  struct stat info;
  if (stat(given.c_str(), &info) == 0 && !S_ISREG(info.st_mode))
    return Status(Code::InvalidArgument,
                  given + (S_ISDIR(info.st_mode) ? ": is a folder"
                                                 : ": is not a regular file"));
  // A link stays one: the file that it names is written.
  std::error_code error;
  std::string path = given;
  if (std::filesystem::is_symlink(given, error))
    if (auto target = std::filesystem::weakly_canonical(given, error); !error)
      path = target.string();
  AtomicFile file;
  file.path_ = path;
  // A file without a name vanishes however the process ends.
  size_t slash = path.rfind('/');
  std::string folder =
      slash == std::string::npos ? "." : path.substr(0, slash + 1);
  file.fd_ = open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
  if (file.fd_ >= 0 && access(procName(file.fd_).c_str(), F_OK) == 0)
    return file;
  if (file.fd_ >= 0)
    close(file.fd_);
  std::string name = path + ".XXXXXX";
  file.fd_ = mkostemp(name.data(), O_CLOEXEC);
  if (file.fd_ < 0)
    return file.fail("cannot create");
  file.temporary_ = name;
  addTemporary(name);
  mode_t mask = umask(0);
  umask(mask);
  if (fchmod(file.fd_, 0666 & ~mask) != 0)
    return file.fail("cannot set the mode");
  return file;
}

AtomicFile::AtomicFile(AtomicFile &&other) noexcept {
  *this = std::move(other);
}

AtomicFile &AtomicFile::operator=(AtomicFile &&other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  std::swap(waiting_, other.waiting_);
  std::swap(path_, other.path_);
  std::swap(temporary_, other.temporary_);
  return *this;
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0)
    close(fd_);
  if (temporary_.empty())
    return;
  unlink(temporary_.c_str());
  dropTemporary(temporary_);
}

Status AtomicFile::writeOut(uint64_t offset, const void *data, size_t size) {
  const char *bytes = static_cast<const char *>(data);
  while (size > 0) {
    ssize_t written = pwrite(fd_, bytes, size, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return fail("cannot write");
    bytes += written;
    offset += static_cast<uint64_t>(written);
    size -= static_cast<size_t>(written);
  }
  return {};
}

Status AtomicFile::writeAt(uint64_t offset, const void *data, size_t size) {
  Status status = flush();
  return status.ok() ? writeOut(offset, data, size) : status;
}

Status AtomicFile::flush() {
  Status status =
      writeOut(size_ - waiting_.size(), waiting_.data(), waiting_.size());
  waiting_.clear();
  return status;
}

// A file that is written in aligned blocks lies in the page cache in large
// pieces, which are read through a mapping up to a fifth faster.
Status AtomicFile::write(const void *data, size_t size) {
  constexpr uint64_t block = 8 << 20;
  const char *bytes = static_cast<const char *>(data);
  while (size > 0) {
    size_t part = std::min<uint64_t>(size, block - size_ % block);
    waiting_.insert(waiting_.end(), bytes, bytes + part);
    size_ += part;
    bytes += part;
    size -= part;
    if (size_ % block == 0)
      if (Status status = flush(); !status.ok())
        return status;
  }
  return {};
}

Status AtomicFile::pad(size_t alignment) {
  static const char zeros[4096] = {};
  uint64_t rest = (alignment - size_ % alignment) % alignment;
  while (rest > 0) {
    size_t chunk = std::min<uint64_t>(rest, sizeof(zeros));
    if (Status status = write(zeros, chunk); !status.ok())
      return status;
    rest -= chunk;
  }
  return {};
}

// Gives a file without a name one beside `path_`: a link, unlike a rename,
// cannot replace what is there.
Status AtomicFile::link() {
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::string name =
        path_ + "." + std::to_string(getpid()) + "." + std::to_string(attempt);
    if (linkat(AT_FDCWD, procName(fd_).c_str(), AT_FDCWD, name.c_str(),
               AT_SYMLINK_FOLLOW) == 0) {
      temporary_ = name;
      addTemporary(name);
      return {};
    }
    if (errno != EEXIST)
      break;
  }
  return fail("cannot name the finished file");
}

Status AtomicFile::commit() {
  if (Status status = flush(); !status.ok())
    return status;
  if (fsync(fd_) != 0)
    return fail("cannot flush");
  if (temporary_.empty())
    if (Status status = link(); !status.ok())
      return status;
  if (close(std::exchange(fd_, -1)) != 0)
    return fail("cannot close");
  if (rename(temporary_.c_str(), path_.c_str()) != 0)
    return fail("cannot rename the finished file");
  dropTemporary(temporary_);
  temporary_.clear();
  return {};
}

} // namespace sluice
