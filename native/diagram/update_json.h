// The JSON of diagram updates and snapshots, straight from an engine's rows (update.h). Equal, byte for byte, to
// JSON.stringify of the DiagramMessage of lib/diagram.ts with its keys in their order (a property test holds it to that).
//
//   {"type":"update", ... ,"window":{...}   "removed":[ids],"added":[pairs],"moved":[...]   ,"features":{...},"part":{...}}
//    head, the same in every part           lists, cut into parts                           tail
//
// A message above bytes_max is cut between list items into parts of one sequence. A part is at most bytes_max long,
// unless a single item does not fit beside the head; room for the numbering is kept free, so that a message within
// kPartBytes of the limit may be cut already.
// Cost: about 0.15 us a pair, nearly all of it printing the two values.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "native/diagram/json_text.h"

namespace tda {

struct UpdateContext {
  // `"stream":"...","scale":"...","sequence":`, as JSON has it.
  std::string_view names;
  size_t partition = 0;
  size_t birth_points = 1;
  size_t death_points = 1;
  // Longest message in bytes of UTF-8.
  size_t bytes_max = 0;
  // The window could not be rebuilt completely after a restart: messages say so until it is full.
  bool rebuilt = false;
  // Whether the stream has event time: if not, the window's timestamps are null.
  bool event_time = false;
};

// The rows of one advance, as an engine leaves them.
struct UpdateRows {
  std::span<const double> emissions;
  std::span<const double> changes;
  std::span<const double> snapshots;
};

// Whether the rows are whole, and each emission's end lies within them and not before the one ahead of it.
bool are_consistent(const UpdateRows& rows, const UpdateContext& context);

// The messages of advances, one after the other. Keeps its memory from use to use; for one thread.
class UpdateJson {
 public:
  // Adds each update, cut into parts where it is too long, followed by its snapshot where due.
  // REQUIRES: are_consistent(rows, context), and every number but timestamps and deaths is finite.
  void add(const UpdateRows& rows, const UpdateContext& context);
  void clear();

  // All messages, UTF-8, without separators.
  std::string_view text() const { return text_.text(); }
  // Bytes of each message.
  std::span<const uint32_t> lengths() const { return lengths_; }
  // Arrival number of the point that made each message due; a boundary in time is due with the first point after it.
  std::span<const double> due_at() const { return due_at_; }

 private:
  // A message is begun, filled item by item, and finished; its lists carry these names, in this order.
  using ListNames = std::span<const std::string_view>;
  void begin(std::string_view type, ListNames lists, const double* emission);
  template <class Put>
  void add_item(size_t list, const Put& put);
  void cut(size_t shortened, size_t length);
  void finish();

  void write_head(std::string_view type, const double* emission);
  // Each writes at `at`, within item_room_ bytes, and returns the end of what it wrote.
  char* put_id(char* at, const double* row) const;
  char* put_pair(char* at, const double* row) const;
  char* put_move(char* at, const double* row) const;
  static char* put_death(char* at, const double* row);
  char* put_death_points(char* at, const double* row) const;
  static char* put_points(char* at, const double* points, size_t count);

  const UpdateContext* context_ = nullptr;
  JsonText text_;
  std::vector<uint32_t> lengths_;
  std::vector<double> due_at_;

  // The message under way: what its parts have in common, the lists since the last cut, what was cut.
  ListNames names_;
  double due_ = 0;
  size_t frame_ = 0;  // bytes of a part beside its items
  size_t item_room_ = 0;
  size_t used_ = 0;  // bytes of the lists
  JsonText head_;
  JsonText tail_;
  std::array<JsonText, 3> lists_;
  JsonText bodies_;
  std::vector<size_t> body_ends_;
};

}  // namespace tda
