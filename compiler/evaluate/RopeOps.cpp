// Rotary positions.
#include "compiler/evaluate/Arithmetic.h"

#include <algorithm>
#include <numbers>

using namespace mlir;

namespace sluice::evaluate {

namespace {

Tensor ropeFreqs(Run &, llm::RopeFreqsOp op) {
  Tensor freqs{Shape(op.getType().getShape())};
  for (size_t i = 0; i < freqs.data.size(); ++i)
    freqs.data[i] = float(std::pow(double(op.getTheta()),
                                   -2.0 * double(i) / double(op.getDims())));
  return freqs;
}

Tensor freqsLlama3(Run &run, llm::FreqsLlama3Op op) {
  double factor = op.getFactor(), low = op.getLow(), high = op.getHigh(),
         original = double(op.getOriginal());
  return each(*run.tensor(op.getFreqs()), [&](float f) {
    double length = 2 * std::numbers::pi / f;
    double s = (original / length - low) / (high - low);
    return float(length < original / high  ? double(f)
                 : length > original / low ? f / factor
                                           : (1 - s) * f / factor + s * f);
  });
}

Tensor freqsYarn(Run &run, llm::FreqsYarnOp op) {
  Tensor freqs = *run.tensor(op.getFreqs());
  double d = 2 * double(freqs.data.size());
  auto channel = [&](double turns) {
    return d *
           std::log(double(op.getOriginal()) / (2 * std::numbers::pi * turns)) /
           (2 * std::log(double(op.getTheta())));
  };
  double lo = channel(op.getFast()), hi = channel(op.getSlow());
  if (op.getTruncate()) {
    lo = std::floor(lo);
    hi = std::ceil(hi);
  }
  lo = std::max(lo, 0.0);
  hi = std::min(hi, d - 1);
  for (size_t i = 0; i < freqs.data.size(); ++i) {
    double f = freqs.data[i], at = double(i);
    double ramp = hi != lo ? std::clamp((at - lo) / (hi - lo), 0.0, 1.0)
                           : at > lo; // a step
    freqs.data[i] = float(f / op.getFactor() * ramp + f * (1 - ramp));
  }
  return freqs;
}

Tensor freqsNtk(Run &run, llm::FreqsNtkOp op) {
  const Tensor &x = *run.tensor(op.getX());
  double dims = double(op.getDims());
  Tensor freqs{Shape{x.shape[0], int64_t(op.getDims()) / 2}};
  for (int64_t r = 0; r < x.shape[0]; ++r) {
    double theta =
        op.getTheta() * std::pow(double(x.data[size_t(r)]), dims / (dims - 2));
    for (int64_t i = 0; i < freqs.width(); ++i)
      freqs.at(r)[i] = float(std::pow(theta, -2.0 * double(i) / dims));
  }
  return freqs;
}

// cos and sin of f32(pos) * freqs[i], times `amplitude`: [rows, 2, pairs].
// Frequencies are those of all rows or of each one.
Tensor tableOf(const Ints &pos, const Tensor &freqs, float amplitude) {
  int64_t pairs = freqs.width();
  Tensor table{Shape{pos.shape[0], 2, pairs}};
  for (int64_t r = 0; r < pos.shape[0]; ++r)
    for (int64_t i = 0; i < pairs; ++i) {
      int64_t row = freqs.shape.size() > 1 ? r : 0;
      float angle =
          float(pos.data[size_t(r)]) * freqs.data[size_t(row * pairs + i)];
      table.at(2 * r)[i] = amplitude * float(std::cos(double(angle)));
      table.at(2 * r + 1)[i] = amplitude * float(std::sin(double(angle)));
    }
  return table;
}

Tensor ropeTable(Run &run, llm::RopeTableOp op) {
  return tableOf(run.ints(op.getPos()), *run.tensor(op.getFreqs()),
                 op.getAmplitude());
}

Tensor rope(Run &run, llm::RopeOp op) {
  return rotate(*run.tensor(op.getX()),
                tableOf(run.ints(op.getPos()), *run.tensor(op.getFreqs()),
                        op.getAmplitude()),
                op.getPairing(), op.getFrom());
}

Tensor rotateBy(Run &run, llm::RotateOp op) {
  return rotate(*run.tensor(op.getX()), *run.tensor(op.getTable()),
                op.getPairing(), op.getFrom());
}

} // namespace

Tensor rotate(const Tensor &x, const Tensor &table, llm::Pairing pairing,
              int64_t from) {
  Tensor y = x;
  int64_t heads = x.shape[1], pairs = table.width();
  bool half = pairing == llm::Pairing::half;
  for (int64_t head = 0; head < x.count(); ++head) {
    const float *cos = table.at(head / heads * 2), *sin = cos + pairs;
    for (int64_t i = 0; i < pairs; ++i) {
      int64_t one = from + (half ? i : 2 * i), other = one + (half ? pairs : 1);
      float a = x.at(head)[one], b = x.at(head)[other];
      y.at(head)[one] = a * cos[i] - b * sin[i];
      y.at(head)[other] = b * cos[i] + a * sin[i];
    }
  }
  return y;
}

void addRopeOps(OpTable &table) {
  table.add<llm::RopeFreqsOp>(ropeFreqs);
  table.add<llm::FreqsLlama3Op>(freqsLlama3);
  table.add<llm::FreqsYarnOp>(freqsYarn);
  table.add<llm::FreqsNtkOp>(freqsNtk);
  table.add<llm::RopeTableOp>(ropeTable);
  table.add<llm::RopeOp>(rope);
  table.add<llm::RotateOp>(rotateBy);
}

} // namespace sluice::evaluate
