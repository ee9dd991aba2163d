#include "runtime/executor/Engine.h"

#include "runtime/format/CpuFeatures.h"
#include "runtime/format/Packing.h"
#include "runtime/format/kernel_abi.h"

#include <list>
#include <map>
#include <oneapi/dnnl/dnnl.hpp>

namespace sluice::executor {
namespace {

using dnnl::memory;

// A primitive is about 110 KB; prompts of many lengths must not pile them up.
constexpr size_t kMaxPrimitives = 512;

using Key = std::pair<Product, int64_t>;

struct Primitive {
  Key key;
  dnnl::matmul matmul;
  memory x, w, bias, y;
  memory::desc scratch;
};

// Padded columns of w are zero, so computing up to y's stride makes y dense.
int64_t denseColumns(const Product &product) {
  int64_t padded = (product.n + SLC_PANEL - 1) / SLC_PANEL * SLC_PANEL;
  return product.yStride <= padded ? product.yStride : product.n;
}

dnnl::matmul::primitive_desc describe(const dnnl::engine &engine,
                                      const Product &product, int64_t rows) {
  bool bf16 = product.elem == format::Elem::BF16;
  auto type = bf16 ? memory::data_type::bf16 : memory::data_type::f32;
  auto tag =
      bf16 ? memory::format_tag::BA16a64b2a : memory::format_tag::BA16a64b;
  int64_t n = denseColumns(product);
  memory::desc x({rows, product.k}, type, memory::dims{product.xStride, 1});
  memory::desc w({product.k, n}, type, tag);
  memory::desc y({rows, n}, memory::data_type::f32,
                 memory::dims{product.yStride, 1});
  memory::desc bias({1, n}, memory::data_type::f32, memory::dims{n, 1});
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (product.accumulate) {
    dnnl::post_ops sum;
    sum.append_sum(1.0f);
    attributes.set_post_ops(sum);
  }
#if DNNL_VERSION_MAJOR >= 3
  return product.bias
             ? dnnl::matmul::primitive_desc(engine, x, w, bias, y, attributes)
             : dnnl::matmul::primitive_desc(engine, x, w, y, attributes);
#else
  auto matmul = product.bias ? dnnl::matmul::desc(x, w, bias, y)
                             : dnnl::matmul::desc(x, w, y);
  return {matmul, attributes, engine};
#endif
}

Status statusOf(const dnnl::error &error) {
  return Status(error.status == dnnl_out_of_memory ? Code::Resource
                                                   : Code::Internal,
                std::string("oneDNN: ") + error.what());
}

} // namespace

struct Engine::Impl {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  std::list<Primitive> primitives; // least recently used at the back
  std::map<Key, std::list<Primitive>::iterator> byKey;
  std::map<Product, bool> fast;
  memory scratch;
  size_t scratchBytes = 0;

  Primitive &get(const Product &product, int64_t rows);
};

Result<std::unique_ptr<Engine>> Engine::create() {
  try {
    return std::unique_ptr<Engine>(new Engine(std::make_unique<Impl>()));
  } catch (const dnnl::error &error) {
    return statusOf(error);
  }
}

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Engine::~Engine() = default;

Primitive &Engine::Impl::get(const Product &product, int64_t rows) {
  Key key(product, rows);
  if (auto found = byKey.find(key); found != byKey.end()) {
    primitives.splice(primitives.begin(), primitives, found->second);
    return primitives.front();
  }
  auto description = describe(engine, product, rows);
  auto bind = [&](const memory::desc &d) {
    return memory(d, engine, DNNL_MEMORY_NONE);
  };
  primitives.push_front(
      {key, dnnl::matmul(description), bind(description.src_desc()),
       bind(description.weights_desc()),
       product.bias ? bind(description.bias_desc()) : memory(),
       bind(description.dst_desc()), description.scratchpad_desc()});
  byKey[key] = primitives.begin();
  if (primitives.size() > kMaxPrimitives) {
    byKey.erase(primitives.back().key);
    primitives.pop_back();
  }
  return primitives.front();
}

std::string Engine::implementation(const Product &product, int64_t rows) {
  try {
    return describe(impl_->engine, product, rows).impl_info_str();
  } catch (const dnnl::error &) {
    return "";
  }
}

// Reference code is slow, and so may be the vector code for bf16.
static bool isFast(const std::string &implementation, format::Elem elem) {
  if (!implementation.starts_with("brg"))
    return false;
  return elem != format::Elem::BF16 || !format::hasSlowBf16Dot() ||
         implementation.find("amx") != std::string::npos;
}

bool Engine::fast(const Product &product) {
  auto [entry, added] = impl_->fast.try_emplace(product, false);
  // The blocks of K that panels and engine have in common.
  int64_t depth = format::infoOf(product.elem).panelDepth;
  if (added)
    entry->second = product.xStride == product.k && product.k % depth == 0 &&
                    denseColumns(product) == product.yStride &&
                    isFast(implementation(product, 64), product.elem);
  return entry->second;
}

Status Engine::run(const Product &product, int64_t rows, const void *x,
                   const void *w, const float *bias, float *y) {
  try {
    Primitive &primitive = impl_->get(product, rows);
    primitive.x.set_data_handle(const_cast<void *>(x));
    primitive.w.set_data_handle(const_cast<void *>(w));
    primitive.y.set_data_handle(y);
    if (product.bias)
      primitive.bias.set_data_handle(const_cast<float *>(bias));
    if (primitive.scratch.get_size() > impl_->scratchBytes) {
      impl_->scratch = memory(primitive.scratch, impl_->engine);
      impl_->scratchBytes = primitive.scratch.get_size();
    }
    memory scratch(primitive.scratch, impl_->engine,
                   impl_->scratchBytes ? impl_->scratch.get_data_handle()
                                       : nullptr);
    std::unordered_map<int, memory> arguments = {
        {DNNL_ARG_SRC, primitive.x},
        {DNNL_ARG_WEIGHTS, primitive.w},
        {DNNL_ARG_DST, primitive.y},
        {DNNL_ARG_SCRATCHPAD, scratch}};
    if (product.bias)
      arguments.emplace(DNNL_ARG_BIAS, primitive.bias);
    primitive.matmul.execute(impl_->stream, arguments);
    impl_->stream.wait();
    return {};
  } catch (const dnnl::error &error) {
    return statusOf(error);
  }
}

} // namespace sluice::executor
