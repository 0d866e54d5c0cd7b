#include "native/diagram/update_json.h"

#include "native/base/types.h"
#include "native/diagram/update.h"

namespace tda {

namespace {

// ,"part":{"index":9999999,"of":9999999}
constexpr size_t kPartBytes = 40;
constexpr std::array<std::string_view, 3> kUpdateLists = {R"("removed":)", R"("added":)", R"("moved":)"};
constexpr std::array<std::string_view, 1> kSnapshotLists = {R"("pairs":)"};
static_assert(static_cast<int>(ChangeKind::kRemoved) == 0 && static_cast<int>(ChangeKind::kAdded) == 1 &&
              static_cast<int>(ChangeKind::kMoved) == 2);

}  // namespace

bool are_consistent(const UpdateRows& rows, const UpdateContext& context) {
  const size_t stride = change_stride(context.birth_points, context.death_points);
  if (rows.emissions.size() % kEmissionStride != 0 || rows.changes.size() % stride != 0 ||
      rows.snapshots.size() % stride != 0) {
    return false;
  }
  double changes = 0;
  double snapshots = 0;
  for (size_t at = 0; at < rows.emissions.size(); at += kEmissionStride) {
    const double changes_end = rows.emissions[at + kEmissionChangesEnd];
    const double snapshot_end = rows.emissions[at + kEmissionSnapshotEnd];
    if (!(changes_end >= changes && snapshot_end >= snapshots)) return false;
    changes = changes_end;
    snapshots = snapshot_end;
  }
  return changes * static_cast<double>(stride) <= static_cast<double>(rows.changes.size()) &&
         snapshots * static_cast<double>(stride) <= static_cast<double>(rows.snapshots.size());
}

void UpdateJson::add(const UpdateRows& rows, const UpdateContext& context) {
  context_ = &context;
  const size_t stride = change_stride(context.birth_points, context.death_points);
  size_t change = 0;
  size_t pair = 0;
  for (size_t at = 0; at < rows.emissions.size(); at += kEmissionStride) {
    const double* const emission = rows.emissions.data() + at;
    const auto changes_end = static_cast<size_t>(emission[kEmissionChangesEnd]);
    const auto pairs_end = static_cast<size_t>(emission[kEmissionSnapshotEnd]);
    begin("update", kUpdateLists, emission);
    for (; change < changes_end; ++change) {
      const double* const row = rows.changes.data() + change * stride;
      const auto kind = static_cast<ChangeKind>(row[0]);
      add_item(static_cast<size_t>(kind), [&](char* to) {
        if (kind == ChangeKind::kRemoved) return put_id(to, row);
        return kind == ChangeKind::kAdded ? put_pair(to, row) : put_move(to, row);
      });
    }
    finish();
    if (pairs_end == pair) continue;
    begin("snapshot", kSnapshotLists, emission);
    for (; pair < pairs_end; ++pair) {
      const double* const row = rows.snapshots.data() + pair * stride;
      add_item(0, [&](char* to) { return put_pair(to, row); });
    }
    finish();
  }
}

void UpdateJson::clear() {
  text_.clear();
  lengths_.clear();
  due_at_.clear();
}

void UpdateJson::begin(std::string_view type, ListNames lists, const double* emission) {
  names_ = lists;
  due_ = emission[kEmissionLastArrival] + (std::isnan(emission[kEmissionBoundaryMs]) ? 0 : 1);
  head_.clear();
  write_head(type, emission);
  tail_.clear();
  tail_.add(R"("features":{"pairs":)");
  tail_.add_number(emission[kEmissionPairs]);
  tail_.add('}');
  frame_ = head_.size() + tail_.size() + 1;
  for (const std::string_view name : names_) frame_ += name.size() + 3;  // name [ ] ,
  for (JsonText& list : lists_) list.clear();
  bodies_.clear();
  body_ends_.clear();
  used_ = 0;
  // All numbers of a pair, with what stands between them, and what the last of them may touch.
  item_room_ = 160 + 28 * (4 + 4 * context_->birth_points + 2 * context_->death_points) + kNumberRoom;
}

// `put` writes the item where it is told, within item_room_ bytes, and returns its end.
template <class Put>
void UpdateJson::add_item(size_t list, const Put& put) {
  TDA_ASSERT(list < names_.size());
  JsonText& text = lists_[list];
  const size_t before = text.size();
  char* at = text.room(item_room_);
  if (before > 0) *at++ = ',';
  text.end(put(at));
  // One more byte for the comma, whether or not there is one.
  const size_t item = text.size() - before - (before > 0 ? 1 : 0);
  if (used_ > 0 && frame_ + kPartBytes + used_ + item + 1 > context_->bytes_max) {
    cut(list, before);
    text.drop_front(text.size() - item);
    used_ = 0;
  }
  used_ += item + (text.size() > item ? 1 : 0);
}

// Ends a part with the lists as they are, of one of them only the beginning; the rest is the caller's.
void UpdateJson::cut(size_t shortened, size_t length) {
  for (size_t list = 0; list < names_.size(); ++list) {
    const std::string_view text = lists_[list].text();
    bodies_.add(names_[list]);
    bodies_.add('[');
    bodies_.add(list == shortened ? text.substr(0, length) : text);
    bodies_.add("],");
    if (list != shortened) lists_[list].clear();
  }
  body_ends_.push_back(bodies_.size());
}

void UpdateJson::finish() {
  cut(names_.size(), 0);
  size_t from = 0;
  for (size_t part = 0; part < body_ends_.size(); ++part) {
    const size_t begun = text_.size();
    text_.add(head_.text());
    text_.add(bodies_.text().substr(from, body_ends_[part] - from));
    text_.add(tail_.text());
    if (body_ends_.size() > 1) {
      text_.add(R"(,"part":{"index":)");
      text_.add_number(static_cast<double>(part));
      text_.add(R"(,"of":)");
      text_.add_number(static_cast<double>(body_ends_.size()));
      text_.add('}');
    }
    text_.add('}');
    lengths_.push_back(static_cast<uint32_t>(text_.size() - begun));
    due_at_.push_back(due_);
    from = body_ends_[part];
  }
}

void UpdateJson::write_head(std::string_view type, const double* emission) {
  const auto field = [&](std::string_view name, double number) {
    head_.add(name);
    head_.add_number(number);
  };
  const auto timestamp = [&](std::string_view name, double number) {
    head_.add(name);
    if (context_->event_time && !std::isnan(number))
      head_.add_number(number);
    else
      head_.add("null");
  };
  const bool full = emission[kEmissionFull] == 1;
  head_.add(R"({"type":")");
  head_.add(type);
  head_.add(R"(",)");
  head_.add(context_->names);
  head_.add_number(emission[kEmissionSequence]);
  field(R"(,"partition":)", static_cast<double>(context_->partition));
  field(R"(,"window":{"points":)", emission[kEmissionPoints]);
  head_.add(full ? R"(,"full":true)" : R"(,"full":false)");
  field(R"(,"first":[)", emission[kEmissionFirstOffset]);
  field(",", emission[kEmissionFirstIndex]);
  field(R"(],"last":[)", emission[kEmissionLastOffset]);
  field(",", emission[kEmissionLastIndex]);
  timestamp(R"(],"firstTimestamp":)", emission[kEmissionFirstTimestamp]);
  timestamp(R"(,"lastTimestamp":)", emission[kEmissionLastTimestamp]);
  head_.add('}');
  const double boundary = emission[kEmissionBoundaryMs];
  if (type == "update" && !std::isnan(boundary)) field(R"(,"boundaryTimestamp":)", boundary);
  // A window that is full is complete by its own points.
  head_.add(context_->rebuilt && !full ? R"(,"rebuilt":true,)" : ",");
}

char* UpdateJson::put_id(char* at, const double* row) const {
  const double* const births = row + 4;
  *at++ = '"';
  at = json::put(at, row[1]);
  for (size_t p = 0; p < context_->birth_points && (p == 0 || births[2 * p] >= 0); ++p) {
    *at++ = p == 0 ? ':' : '-';
    at = json::put(at, births[2 * p]);
    *at++ = '.';
    at = json::put(at, births[2 * p + 1]);
  }
  *at++ = '"';
  return at;
}

char* UpdateJson::put_pair(char* at, const double* row) const {
  at = put_id(json::put(at, R"({"id":)"), row);
  at = json::put(json::put(at, R"(,"dimension":)"), row[1]);
  at = json::put(json::put(at, R"(,"birth":)"), row[2]);
  at = put_death(at, row);
  at = put_points(json::put(at, R"(,"birthPoints":[)"), row + 4, context_->birth_points);
  return put_death_points(json::put(at, "]"), row);
}

char* UpdateJson::put_move(char* at, const double* row) const {
  at = put_id(json::put(at, R"({"id":)"), row);
  return put_death_points(put_death(at, row), row);
}

char* UpdateJson::put_death(char* at, const double* row) {
  at = json::put(at, R"(,"death":)");
  return row[3] == kInfinity ? json::put(at, "null") : json::put(at, row[3]);
}

char* UpdateJson::put_death_points(char* at, const double* row) const {
  at = json::put(at, R"(,"deathPoints":[)");
  at = put_points(at, row + 4 + 2 * context_->birth_points, context_->death_points);
  return json::put(at, "]}");
}

char* UpdateJson::put_points(char* at, const double* points, size_t count) {
  for (size_t p = 0; p < count && points[2 * p] >= 0; ++p) {
    if (p > 0) *at++ = ',';
    *at++ = '[';
    at = json::put(at, points[2 * p]);
    *at++ = ',';
    at = json::put(at, points[2 * p + 1]);
    *at++ = ']';
  }
  return at;
}

}  // namespace tda
