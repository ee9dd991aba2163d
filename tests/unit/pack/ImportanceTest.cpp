// What a file of importance may say of a model's weights.
#include "compiler/pack/Importance.h"

#include "tests/unit/pack/Model.h"

#include <gmock/gmock.h>

using namespace sluice;
using namespace sluice::pack;
using namespace sluice::test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

class ImportanceFile : public testing::Test {
protected:
  ImportanceFile() {
    auto q = weight("layers.q", {4, 2}, {"q"});
    q.index = 1;
    auto head = weight("head", {4, 2}, {});
    head.aliasOf = "embed";
    model.weights = {q, weight("embed", {4, 2}, {"e"}), head,
                     weight("up", {3, 5, 2}, {"u"}),
                     weight("norm", {2}, {"n"})};
    model.index();
  }

  Result<Importance>
  read(const std::vector<std::tuple<std::string, Shape, std::vector<float>>>
           &tensors) {
    nlohmann::json header = nlohmann::json::object();
    Bytes data;
    for (const auto &[name, shape, values] : tensors) {
      size_t begin = data.data.size();
      data.floats(values);
      header[name] = {{"dtype", "F32"},
                      {"shape", shape},
                      {"data_offsets", {begin, data.data.size()}}};
    }
    return Importance::read(
        folder.add("i.safetensors", safetensors(header.dump(), data.data)),
        model);
  }
  std::string refused(const std::string &name, const Shape &shape,
                      const std::vector<float> &values) {
    return read({{name, shape, values}}).status().message();
  }
  std::vector<float> of(const Importance &importance,
                        const std::vector<size_t> &parts) {
    std::vector<const spec::Weight *> weights;
    for (size_t part : parts)
      weights.push_back(&model.weights[part]);
    return importance.of(weights);
  }

  Folder folder;
  spec::Model model;
};

TEST_F(ImportanceFile, IsOfWeightsByNameAndLayer) {
  auto importance = read({{"layers.q[1]", {2}, {1, 2}},
                          {"head", {2}, {3, 5}},
                          {"up", {3, 2}, {1, 2, 3, 4, 5, 6}}});
  ASSERT_TRUE(importance.ok()) << importance.status().message();
  EXPECT_THAT(of(*importance, {0}), ElementsAre(1, 2));
  EXPECT_THAT(of(*importance, {1}), ElementsAre(3, 5)); // that of the head
  EXPECT_THAT(of(*importance, {3}), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(of(*importance, {0, 1}), ElementsAre(2, 3.5)); // joined
  EXPECT_THAT(of(*importance, {4}), IsEmpty());
  EXPECT_THAT(of(*importance, {4, 0}), ElementsAre(1, 2));
}

TEST_F(ImportanceFile, RefusesWhatDoesNotFitTheModel) {
  EXPECT_THAT(refused("layers.q[2]", {2}, {1, 2}),
              HasSubstr("the spec has no weight 'layers.q[2]'"));
  EXPECT_THAT(refused("embd", {2}, {1, 2}),
              HasSubstr("no weight 'embd'; did you mean 'embed'?"));
  EXPECT_THAT(refused("embed", {3}, {1, 2, 3}),
              HasSubstr("'embed': expected shape [2], found [3]"));
  EXPECT_THAT(refused("up", {2}, {1, 2}),
              HasSubstr("'up': expected shape [3, 2], found [2]"));
  EXPECT_THAT(refused("norm", {2}, {1, 2}), HasSubstr("'norm' is a vector"));
  for (float bad : {-1.0f, INFINITY, NAN})
    EXPECT_THAT(refused("embed", {2}, {1, bad}),
                HasSubstr("'embed': expected mean squares, found "));
}

} // namespace
