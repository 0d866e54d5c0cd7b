// TDA_ASSERT holds one O(1) property of ours and stays on in release builds.
//
// The process belongs to the user, so a failed assertion does not end it: it throws AssertionFailed, the one
// exception the core knows; the engine that threw answers Status::kInternal from then on and is rebuilt from its
// points. A test build (TDA_ASSERT_ABORTS) aborts instead, so that a debugger or sanitizer sees the place.
#pragma once

#include <cstdlib>

namespace tda {

struct AssertionFailed {
  const char* condition;
  const char* file;
  int line;
};

[[noreturn]] inline void fail_assertion(const char* condition, const char* file, int line) {
#ifdef TDA_ASSERT_ABORTS
  (void)condition, (void)file, (void)line;
  std::abort();
#else
  throw AssertionFailed{condition, file, line};
#endif
}

}  // namespace tda

#define TDA_ASSERT(condition) \
  (static_cast<bool>(condition) ? void(0) : ::tda::fail_assertion(#condition, __FILE__, __LINE__))
