// What a call answers when the outside world is at fault. Our own mistakes are assertions (assert.h).
#pragma once

#include <cstdint>
#include <string_view>

namespace tda {

// Each value says what the caller can do. `lib/errors.ts` lists the same codes; a test compares the two.
// clang-format off
enum class [[nodiscard]] Status : uint8_t {
  kOk,
  kInvalidArgument,     // a size, handle type or option that can never be right; correct the call
  kNonFinitePoint,      // NaN or infinity in the batch; nothing was applied
  kWrongDimension,      // values are not a whole number of points; nothing was applied
  kTimestampBackwards,  // a timestamp before the newest one in a stream that needs event time; nothing was applied
  kCapacityExceeded,    // the ring is full of points a window still needs; advance the engines or raise the capacity
  kPointNotRetained,    // the range asked for has left the ring, or has not arrived yet
  kWindowEmpty,         // there is no point to remove
  kEngineBusy,          // another thread is advancing this engine; try again when it is done
  kUnknownHandle,       // the handle was released or never existed
  kDistanceOverflow,    // coordinates whose distances leave the range of the stored distance type
  kMemoryLimit,         // the predicted size exceeds the limit given; the message has the estimate
  kCancelled,           // the caller asked for the computation to stop
  kInternal,            // an invariant of ours failed; the engine is poisoned and must be rebuilt from its points
};
// clang-format on

// The stable code as users see it, for example "NON_FINITE_POINT".
constexpr std::string_view code_of(Status status) {
  switch (status) {
    case Status::kOk: return "OK";
    case Status::kInvalidArgument: return "INVALID_ARGUMENT";
    case Status::kNonFinitePoint: return "NON_FINITE_POINT";
    case Status::kWrongDimension: return "WRONG_DIMENSION";
    case Status::kTimestampBackwards: return "TIMESTAMP_BACKWARDS";
    case Status::kCapacityExceeded: return "CAPACITY_EXCEEDED";
    case Status::kPointNotRetained: return "POINT_NOT_RETAINED";
    case Status::kWindowEmpty: return "WINDOW_EMPTY";
    case Status::kEngineBusy: return "ENGINE_BUSY";
    case Status::kUnknownHandle: return "UNKNOWN_HANDLE";
    case Status::kDistanceOverflow: return "DISTANCE_OVERFLOW";
    case Status::kMemoryLimit: return "MEMORY_LIMIT";
    case Status::kCancelled: return "CANCELLED";
    case Status::kInternal: return "INTERNAL";
  }
  return "INTERNAL";
}

}  // namespace tda
