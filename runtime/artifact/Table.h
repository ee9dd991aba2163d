// Null-tolerant access to FlatBuffers fields: an absent vector is empty, an
// absent string is "".
#pragma once

#include "runtime/format/Packing.h"

#include <string_view>
#include <vector>

namespace sluice::artifact {

inline std::string_view text(const flatbuffers::String *string) {
  return string ? std::string_view(string->data(), string->size())
                : std::string_view();
}

template <typename T> class List {
public:
  List(const flatbuffers::Vector<T> *vector) : vector_(vector) {}

  size_t size() const { return vector_ ? vector_->size() : 0; }
  auto operator[](size_t i) const {
    return vector_->Get(static_cast<flatbuffers::uoffset_t>(i));
  }

  class Iterator {
  public:
    Iterator(const List &list, size_t at) : list_(list), at_(at) {}
    auto operator*() const { return list_[at_]; }
    Iterator &operator++() {
      ++at_;
      return *this;
    }
    bool operator!=(const Iterator &other) const { return at_ != other.at_; }

  private:
    const List &list_;
    size_t at_;
  };
  Iterator begin() const { return {*this, 0}; }
  Iterator end() const { return {*this, size()}; }

private:
  const flatbuffers::Vector<T> *vector_;
};

template <typename T> List<T> list(const flatbuffers::Vector<T> *vector) {
  return {vector};
}

inline std::vector<int64_t>
numbers(const flatbuffers::Vector<int64_t> *vector) {
  return vector ? std::vector<int64_t>(vector->begin(), vector->end())
                : std::vector<int64_t>();
}

inline format::Packing packingOf(const format::Weight &weight) {
  return {weight.elem(), weight.layout(), numbers(weight.shape())};
}

} // namespace sluice::artifact
