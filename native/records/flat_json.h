// Numbers out of JSON records of the ordinary shape, without building the object: one flat object, ASCII, no escapes.
//
//   {"value": 21.5, "unit": "C", "ok": true}      fields "value": 21.5
//
// Reads what JSON.parse reads, or leaves the record to it: whatever is nested, escaped, not ASCII, malformed, lacks a
// field, has something else than a number there or a number beyond double's range is *unusual* and not judged here. So
// there is one authority on what is valid, and this is a short cut to the same numbers (a property test compares them).
// Of a field given twice the last counts, as in JSON.parse.
// Cost: 2 to 3 ns a byte; nothing is allocated.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tda {

inline constexpr size_t kFlatFieldsMax = 64;

// Writes the numbers of the fields in the order of `names` and answers true, or answers false for an unusual record;
// `numbers` is then undefined. REQUIRES: 1 to kFlatFieldsMax names, numbers.size() == names.size().
bool read_flat_json(std::string_view text, std::span<const std::string> names, std::span<double> numbers);

}  // namespace tda
