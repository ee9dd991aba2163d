// Null-tolerant access to FlatBuffers fields: an absent vector is empty, an
// absent string is "".
#pragma once

#include "runtime/format/artifact_generated.h"

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

// Bytes of one element.
inline int64_t elemBytes(format::Elem elem) {
  switch (elem) {
  case format::Elem::F32:
  case format::Elem::I32:
    return 4;
  case format::Elem::BF16:
  case format::Elem::F16:
    return 2;
  case format::Elem::I8:
  case format::Elem::U8:
    return 1;
  }
  return 0;
}

} // namespace sluice::artifact
