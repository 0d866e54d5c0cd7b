// What needs no handle.
#include <cmath>

#include "binding/calls.h"
#include "binding/convert.h"
#include "native/diagram/row_buffer.h"
#include "native/series/batch.h"

namespace tda::binding {

Napi::Value series_batch_diagram(const Napi::CallbackInfo& info) {
  const std::span<const double> values = doubles_from(info[0], "values");
  const bool superlevel = filtration_from(info[1], "filtration") == FiltrationKind::kSuperlevel;
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

Napi::Value live_handles(const Napi::CallbackInfo& info) { return to_number(info.Env(), registry().size()); }

}  // namespace tda::binding
