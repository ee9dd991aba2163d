// A checkpoint in memory whose tensors count upwards, and weights that read it.
#pragma once

#include "compiler/pack/Pack.h"
#include "tests/unit/checkpoint/Files.h"

#include <numeric>

namespace sluice::test {

using pack::Shape;

inline int64_t count(const Shape &shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1),
                         std::multiplies<>());
}

// Tensor t's element i is 1000 * t + i.
class CountingFile {
public:
  explicit CountingFile(
      const std::vector<std::pair<std::string, Shape>> &tensors)
      : checkpoint_(open(tensors)) {}

  const checkpoint::Checkpoint &operator*() const { return *checkpoint_; }

private:
  Result<checkpoint::Checkpoint>
  open(const std::vector<std::pair<std::string, Shape>> &tensors) {
    nlohmann::json header;
    Bytes data;
    for (size_t t = 0; t < tensors.size(); ++t) {
      size_t begin = data.data.size();
      for (int64_t i = 0; i < count(tensors[t].second); ++i)
        data.number(float(1000 * t + i));
      header[tensors[t].first] = {{"dtype", "F32"},
                                  {"shape", tensors[t].second},
                                  {"data_offsets", {begin, data.data.size()}}};
    }
    return checkpoint::Checkpoint::open(
        folder_.add("m.safetensors", safetensors(header.dump(), data.data)));
  }

  Folder folder_;
  Result<checkpoint::Checkpoint> checkpoint_;
};

inline spec::Weight weight(const std::string &path, Shape shape,
                           const std::vector<std::string> &tensors) {
  spec::Weight weight;
  weight.path = path;
  weight.shape = std::move(shape);
  for (const std::string &tensor : tensors)
    weight.source.tensors.push_back({tensor, "", "", {}});
  return weight;
}

inline spec::Weight randomWeight(const std::string &path, Shape shape) {
  spec::Weight weight;
  weight.path = path;
  weight.shape = std::move(shape);
  weight.source.kind = spec::Source::Kind::Random;
  return weight;
}

// All values of a view.
inline std::vector<float> values(const pack::View &view) {
  int64_t rows = view.matrices() * view.rows();
  std::vector<float> out(rows * view.columns());
  Status status = view.read({0, rows, 0, view.columns()}, out.data());
  EXPECT_TRUE(status.ok()) << status.message();
  return out;
}

template <typename T>
std::vector<T> packed(const checkpoint::Checkpoint &file,
                      const std::vector<const spec::Weight *> &parts,
                      format::Layout layout) {
  std::vector<T> out;
  auto shape = pack::joinedShape(parts);
  EXPECT_TRUE(shape.ok()) << shape.status().message();
  format::Packing packing{
      sizeof(T) == 4 ? format::Elem::F32 : format::Elem::BF16, layout, *shape};
  Status status = pack::packWeight(
      file, parts, packing, [&](const void *data, size_t size) {
        const T *from = static_cast<const T *>(data);
        out.insert(out.end(), from, from + size / sizeof(T));
        return Status();
      });
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(int64_t(out.size() * sizeof(T)), packing.bytes());
  return out;
}

} // namespace sluice::test
