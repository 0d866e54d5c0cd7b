#include "native/rips/row_kernels.h"

#include <atomic>
#include <bit>
#include <cstring>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define TDA_X86_TARGETS 1
#define TDA_INLINE inline __attribute__((always_inline))
#else
#define TDA_INLINE inline
#endif

namespace tda::rips {
namespace {

// Marks are formed 64 at a time by a loop of fixed length, which compilers turn into SIMD compares, and read
// back eight at a time.
constexpr size_t kBlock = 64;

TDA_INLINE size_t collect_body(RowLimit a, RowLimit b, size_t begin, size_t end, Slot* out) {
  size_t count = 0;
  size_t base = begin;
  for (; base + kBlock <= end; base += kBlock) {
    uint8_t marks[kBlock];
    const float* left = a.row + base;
    const float* right = b.row + base;
    for (size_t i = 0; i < kBlock; ++i) {
      marks[i] =
          static_cast<uint8_t>(static_cast<int>(left[i] < a.below) & static_cast<int>(right[i] < b.below));
    }
    for (size_t word = 0; word < kBlock; word += 8) {
      uint64_t bits;
      std::memcpy(&bits, marks + word, 8);
      if constexpr (std::endian::native == std::endian::little) {
        for (; bits != 0; bits &= bits - 1) {
          out[count++] = static_cast<Slot>(base + word + static_cast<size_t>(std::countr_zero(bits)) / 8);
        }
      } else if (bits != 0) {
        for (size_t i = 0; i < 8; ++i) {
          if (marks[word + i] != 0) out[count++] = static_cast<Slot>(base + word + i);
        }
      }
    }
  }
  for (; base < end; ++base) {
    if (a.row[base] < a.below && b.row[base] < b.below) out[count++] = static_cast<Slot>(base);
  }
  return count;
}

TDA_INLINE Slot last_body(const RowLimit (&rows)[4], size_t begin, size_t end) {
  const auto hit = [&](size_t i) {
    return static_cast<int>(rows[0].row[i] < rows[0].below) &
           static_cast<int>(rows[1].row[i] < rows[1].below) &
           static_cast<int>(rows[2].row[i] < rows[2].below) &
           static_cast<int>(rows[3].row[i] < rows[3].below);
  };
  size_t top = end;
  for (; top >= begin + kBlock; top -= kBlock) {
    const float* r0 = rows[0].row + top - kBlock;
    const float* r1 = rows[1].row + top - kBlock;
    const float* r2 = rows[2].row + top - kBlock;
    const float* r3 = rows[3].row + top - kBlock;
    int any = 0;
    for (size_t i = 0; i < kBlock; ++i) {
      any |= static_cast<int>(r0[i] < rows[0].below) & static_cast<int>(r1[i] < rows[1].below) &
             static_cast<int>(r2[i] < rows[2].below) & static_cast<int>(r3[i] < rows[3].below);
    }
    if (any == 0) continue;
    for (size_t i = top; i-- > top - kBlock;) {
      if (hit(i) != 0) return static_cast<Slot>(i);
    }
  }
  for (; top > begin; --top) {
    if (hit(top - 1) != 0) return static_cast<Slot>(top - 1);
  }
  return kNoSlot;
}

struct Kernels {
  size_t (*collect)(RowLimit, RowLimit, size_t, size_t, Slot*);
  Slot (*last)(const RowLimit (&)[4], size_t, size_t);
};

size_t collect_baseline(RowLimit a, RowLimit b, size_t begin, size_t end, Slot* out) {
  return collect_body(a, b, begin, end, out);
}
Slot last_baseline(const RowLimit (&rows)[4], size_t begin, size_t end) {
  return last_body(rows, begin, end);
}
constexpr Kernels kBaseline = {collect_baseline, last_baseline};

#ifdef TDA_X86_TARGETS
__attribute__((target("avx2,bmi"))) size_t collect_avx2(RowLimit a, RowLimit b, size_t begin, size_t end,
                                                        Slot* out) {
  return collect_body(a, b, begin, end, out);
}
__attribute__((target("avx2,bmi"))) Slot last_avx2(const RowLimit (&rows)[4], size_t begin, size_t end) {
  return last_body(rows, begin, end);
}
constexpr Kernels kAvx2 = {collect_avx2, last_avx2};

#define TDA_AVX512 \
  __attribute__((target("avx2,bmi,avx512f,avx512bw,avx512vl,avx512dq,prefer-vector-width=512")))
TDA_AVX512 size_t collect_avx512(RowLimit a, RowLimit b, size_t begin, size_t end, Slot* out) {
  return collect_body(a, b, begin, end, out);
}
TDA_AVX512 Slot last_avx512(const RowLimit (&rows)[4], size_t begin, size_t end) {
  return last_body(rows, begin, end);
}
constexpr Kernels kAvx512 = {collect_avx512, last_avx512};

bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi"); }
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

const Kernels* best() { return has_avx512() ? &kAvx512 : has_avx2() ? &kAvx2 : &kBaseline; }
#else
const Kernels* best() { return &kBaseline; }
#endif

std::atomic<const Kernels*> chosen{best()};

const Kernels& kernels() { return *chosen.load(std::memory_order_relaxed); }

}  // namespace

size_t collect_below(RowLimit a, RowLimit b, size_t begin, size_t end, Slot* out) {
  return kernels().collect(a, b, begin, end, out);
}

Slot last_below(const RowLimit (&rows)[4], size_t begin, size_t end) {
  return kernels().last(rows, begin, end);
}

bool force_kernel_target(std::string_view target) {
  const Kernels* wanted = nullptr;
  if (target == "baseline") wanted = &kBaseline;
#ifdef TDA_X86_TARGETS
  if (target == "avx2" && has_avx2()) wanted = &kAvx2;
  if (target == "avx512" && has_avx512()) wanted = &kAvx512;
#endif
  if (wanted != nullptr) chosen.store(wanted, std::memory_order_relaxed);
  return wanted != nullptr;
}

}  // namespace tda::rips
