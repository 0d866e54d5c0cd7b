#include "native/engine/series_filtration.h"

namespace tda {

namespace {

constexpr double kNoPoint = -1;

void write_row(const PointRing& ring, size_t channel, const SeriesChange& change, double* row) {
  const LogPosition birth = ring.log_position(change.birth);
  const LogPosition death = change.death ? ring.log_position(*change.death) : LogPosition{kNoPoint, 0};
  const bool removed = change.kind == ChangeKind::kRemoved;
  row[0] = static_cast<double>(change.kind);
  row[1] = 0;
  row[2] = removed ? ring.value(channel, change.birth) : change.birth_value;
  row[3] = removed && change.death ? ring.value(channel, *change.death) : change.death_value;
  row[4] = birth.offset;
  row[5] = birth.index;
  row[6] = death.offset;
  row[7] = death.index;
}

}  // namespace

SeriesFiltration::SeriesFiltration(size_t channel, Direction direction, PointId start, size_t samples_max)
    : channel_(channel), series_(direction, samples_max) {
  series_.start_at(start);
}

void SeriesFiltration::append(const PointRing& ring, PointId until) {
  while (series_.next() < until) series_.append(ring.run(channel_, series_.next(), until));
}

void SeriesFiltration::evict_to(const PointRing& ring, PointId first) {
  series_.evict_to(first, first < series_.next() ? ring.value(channel_, first) : 0);
}

void SeriesFiltration::report(const PointRing& ring, RowBuffer* rows) {
  if (rows == nullptr) {
    series_.report([this](const SeriesChange&) { ++edits_; });
    return;
  }
  series_.report([&](const SeriesChange& change) {
    ++edits_;
    write_row(ring, channel_, change, rows->add(kStride));
  });
}

void SeriesFiltration::diagram(const PointRing& ring, RowBuffer& rows) {
  series_.diagram([&](const SeriesChange& change) { write_row(ring, channel_, change, rows.add(kStride)); });
}

}  // namespace tda
