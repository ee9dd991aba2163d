// Places where two neighbours may be merged, the lowest rank first and of one
// rank the leftmost. Long texts have many places of few ranks, which mostly
// come in order: a list per rank takes them and gives them back in constant
// time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <queue>
#include <unordered_map>
#include <vector>

namespace sluice::tokenizer {

class MergeQueue {
public:
  explicit MergeQueue(size_t places) { nodes_.reserve(2 * places); }

  void push(uint32_t rank, uint32_t place) {
    auto [it, fresh] = byRank_.emplace(rank, uint32_t(lists_.size()));
    if (fresh)
      lists_.emplace_back();
    List &list = lists_[it->second];
    if (list.empty())
      ranks_.push({rank, it->second});
    if (list.head >= 0 && place < nodes_[size_t(list.tail)].place) {
      list.late.push_back(place);
      std::push_heap(list.late.begin(), list.late.end(), std::greater());
      return;
    }
    int32_t node = int32_t(nodes_.size());
    (list.head < 0 ? list.head : nodes_[size_t(list.tail)].next) = node;
    list.tail = node;
    nodes_.push_back({place, -1});
  }

  // False at the end.
  bool pop(uint32_t &rank, uint32_t &place) {
    if (ranks_.empty())
      return false;
    rank = ranks_.top().rank;
    List &list = lists_[ranks_.top().list];
    bool late =
        !list.late.empty() &&
        (list.head < 0 || list.late.front() < nodes_[size_t(list.head)].place);
    if (late) {
      place = list.late.front();
      std::pop_heap(list.late.begin(), list.late.end(), std::greater());
      list.late.pop_back();
    } else {
      place = nodes_[size_t(list.head)].place;
      list.head = nodes_[size_t(list.head)].next;
    }
    if (list.empty())
      ranks_.pop();
    return true;
  }

private:
  struct Node {
    uint32_t place;
    int32_t next; // -1: none
  };
  struct List {
    int32_t head = -1, tail = -1;
    std::vector<uint32_t> late; // a heap of those that did not come in order

    bool empty() const { return head < 0 && late.empty(); }
  };
  struct Rank {
    uint32_t rank, list;
    bool operator<(const Rank &other) const { return other.rank < rank; }
  };

  std::vector<Node> nodes_;
  std::vector<List> lists_;
  std::unordered_map<uint32_t, uint32_t> byRank_;
  std::priority_queue<Rank> ranks_; // of the lists that are not empty
};

} // namespace sluice::tokenizer
