// The objects of one rendering, and what it may still use.
#pragma once

#include "runtime/template/Template.h"
#include "runtime/template/Value.h"

namespace sluice::jinja {

class Heap {
public:
  explicit Heap(const Template::Limits &limits) : limits_(limits) {}
  Heap(const Heap &) = delete;
  Heap &operator=(const Heap &) = delete;
  ~Heap();

  // For as long as it lives, evaluation is a level deeper. Whatever recurses at
  // the will of a template has one, so that the stack suffices; `levels` for
  // what takes more of it.
  struct Nested {
    explicit Nested(Heap &heap, size_t levels = 1);
    ~Nested() { heap.depth_ -= levels; }
    Nested(const Nested &) = delete;
    Heap &heap;
    size_t levels;
  };

  // Work to be done; fails when the limit is reached.
  void step(size_t work = 1) {
    if (work > limits_.steps - steps_)
      tooManySteps();
    steps_ += work;
  }
  // The work of reading or writing that many bytes.
  void stepBytes(size_t bytes) { step(bytes / 32 + 1); }
  // Memory that is now in use, until the end.
  void charge(size_t bytes) {
    room(bytes);
    used_ += bytes;
  }
  void release(size_t bytes) { used_ -= bytes; }
  // Fails when that many bytes more would be too many.
  void room(size_t bytes) const {
    if (bytes > limits_.memory - used_)
      tooMuchMemory();
  }
  const Template::Limits &limits() const { return limits_; }

  template <typename T, typename... Args> T *make(Args &&...args) {
    charge(sizeof(T) + sizeof(void *));
    auto object = std::make_unique<T>(std::forward<Args>(args)...);
    T *result = object.get();
    objects_.push_back(std::move(object));
    return result;
  }

  Value string(std::string bytes, bool safe = false);
  Value undefined(std::string message);
  // Counts the item as a new one of a container.
  void push(std::vector<Value> &items, Value value) {
    step();
    charge(sizeof(Value));
    items.push_back(std::move(value));
  }
  // Their items have been counted by push().
  Value list(std::vector<Value> items, Kind kind = Kind::List);
  Value tuple(std::vector<Value> items) {
    return list(std::move(items), Kind::Tuple);
  }
  Value pair(Value first, Value second);
  // An object in an object: fails when they nest too deeply.
  void contain(Object &outer, const Value &inner) const;

private:
  [[noreturn]] void tooManySteps() const;
  [[noreturn]] void tooMuchMemory() const;

  const Template::Limits &limits_;
  size_t steps_ = 0, used_ = 0, depth_ = 0;
  std::vector<std::unique_ptr<Object>> objects_;
};

// A string that grows within the limits.
class Writer {
public:
  explicit Writer(Heap &heap) : heap_(heap) {}
  Writer &operator<<(std::string_view text) {
    heap_.stepBytes(text.size());
    heap_.room(text_.size() + text.size());
    text_ += text;
    return *this;
  }
  void repeat(std::string_view text, size_t times);
  size_t size() const { return text_.size(); }
  const std::string &str() const { return text_; }
  std::string take() { return std::move(text_); }
  Value value(bool safe = false) { return heap_.string(take(), safe); }

private:
  Heap &heap_;
  std::string text_;
};

} // namespace sluice::jinja
