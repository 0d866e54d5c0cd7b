// What needs no handle.
#include <cmath>

#include "binding/calls.h"
#include "binding/convert.h"
#include "native/diagram/row_buffer.h"
#include "native/rips/rips_window.h"
#include "native/rips/row_kernels.h"
#include "native/series/batch.h"
#include "native/series/embedding.h"

namespace tda::binding {

Napi::Value series_batch_diagram(const Napi::CallbackInfo& info) {
  const std::span<const double> values = doubles_from(info[0], "values");
  const bool superlevel = series_filtration_from(info[1], "filtration") == FiltrationKind::kSuperlevel;
  if (values.size() > kRingCapacityMax)
    check(Status::kInvalidArgument, "seriesBatchDiagram: too many values");
  for (const double value : values) {
    if (!std::isfinite(value)) check(Status::kNonFinitePoint, "seriesBatchDiagram");
  }
  RowBuffer rows;
  for (const SeriesPair& pair : batch_series_pairs(values, superlevel)) {
    double* row = rows.add(change_stride(1, 1));
    row[0] = static_cast<double>(ChangeKind::kAdded);
    row[1] = 0;
    row[2] = values[pair.birth] + 0.0;
    row[3] = pair.death ? values[*pair.death] + 0.0 : kInfinity;
    row[4] = static_cast<double>(pair.birth);
    row[5] = 0;
    row[6] = pair.death ? static_cast<double>(*pair.death) : -1;
    row[7] = 0;
  }
  return to_float64_array(info.Env(), rows.numbers());
}

Napi::Value embedding_delay(const Napi::CallbackInfo& info) {
  const std::span<const double> values = doubles_from(info[0], "values");
  const size_t delay_max = integer_from(info[1], "delayMax", 0, kEmbeddingDelayMax);
  std::vector<double> bits;
  const Status status = mutual_information(values, delay_max, bits);
  if (status == Status::kInvalidArgument) {
    fail(status, "embeddingDelay: " + std::to_string(values.size()) +
                     " values are too few for delays up to " + std::to_string(delay_max) +
                     "; at least 20 and twice as many as delays are needed");
  }
  check(status, "embeddingDelay");
  return to_float64_array(info.Env(), bits);
}

Napi::Value embedding_dimension(const Napi::CallbackInfo& info) {
  const std::span<const double> values = doubles_from(info[0], "values");
  const size_t delay = integer_from(info[1], "delay", 1, kEmbeddingDelayMax);
  const size_t dimension_max = integer_from(info[2], "dimensionMax", 1, kEmbeddingDimensionMax);
  std::vector<EmbeddingRow> rows;
  const Status status = embedding_dimensions(values, delay, dimension_max, rows);
  if (status == Status::kInvalidArgument) {
    fail(status, "embeddingDimension: " + std::to_string(values.size()) + " values are too few for " +
                     std::to_string(dimension_max) + " dimensions with delay " + std::to_string(delay) +
                     "; " + std::to_string((dimension_max + 3) * delay + 20) + " are needed");
  }
  check(status, "embeddingDimension");
  std::vector<double> numbers;
  for (const EmbeddingRow& row : rows)
    numbers.insert(numbers.end(), {row.false_share, row.cao_e1, row.cao_e2});
  return to_float64_array(info.Env(), numbers);
}

Napi::Value kernel_target(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), std::string(rips::kernel_target()));
}

Napi::Value rips_predict_bytes(const Napi::CallbackInfo& info) {
  const rips::RipsConfig config{
      .window_max = integer_from(info[0], "points", 1, rips::kRipsWindowMax),
      .dimension = integer_from(info[1], "coordinates", 1, kDimensionMax),
      .metric = {},
      .max_dimension = static_cast<int>(integer_from(info[2], "maxDimension", 0, 2)),
      .threshold = kInfinity,
      .first = 0};
  if (const Status status = rips::RipsWindow::check_config(config); status != Status::kOk)
    check(status, "ripsPredictBytes");
  return to_number(info.Env(), rips::RipsWindow::predict_bytes(config));
}

Napi::Value live_handles(const Napi::CallbackInfo& info) { return to_number(info.Env(), registry().size()); }

}  // namespace tda::binding
