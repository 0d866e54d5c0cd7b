#include "native/rips/row_kernels.h"

#include <atomic>
#include <bit>
#include <cstring>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define TDA_X86_TARGETS 1
#define TDA_INLINE inline __attribute__((always_inline))
#define TDA_INLINE_LAMBDA __attribute__((always_inline))
#else
#define TDA_INLINE inline
#define TDA_INLINE_LAMBDA
#endif

namespace tda::rips {
namespace {

// Marks are formed 64 at a time by a loop of fixed length, which compilers turn into SIMD compares, and read
// back eight at a time.
constexpr size_t kBlock = 64;

// Extends `out` by the marked places of one block.
TDA_INLINE size_t read_marks(const uint8_t (&marks)[kBlock], size_t base, Slot* out) {
  size_t count = 0;
  for (size_t word = 0; word < kBlock; word += 8) {
    uint64_t bits;
    std::memcpy(&bits, marks + word, 8);
    if (bits == 0) continue;
    if constexpr (std::endian::native == std::endian::little) {
      for (; bits != 0; bits &= bits - 1) {
        out[count++] = static_cast<Slot>(base + word + static_cast<size_t>(std::countr_zero(bits)) / 8);
      }
    } else {
      for (size_t i = 0; i < 8; ++i) {
        if (marks[word + i] != 0) out[count++] = static_cast<Slot>(base + word + i);
      }
    }
  }
  return count;
}

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
    count += read_marks(marks, base, out + count);
  }
  for (; base < end; ++base) {
    if (a.row[base] < a.below && b.row[base] < b.below) out[count++] = static_cast<Slot>(base);
  }
  return count;
}

TDA_INLINE size_t outside_body(RowLimit a, RowLimit b, RowLimit c, size_t begin, size_t end, Slot* out) {
  size_t count = 0;
  size_t base = begin;
  for (; base + kBlock <= end; base += kBlock) {
    uint8_t marks[kBlock];
    const float* left = a.row + base;
    const float* right = b.row + base;
    const float* centre = c.row + base;
    int any = 0;  // most blocks have none
    for (size_t i = 0; i < kBlock; ++i) {
      any |= static_cast<int>(left[i] < a.below) & static_cast<int>(right[i] < b.below) &
             static_cast<int>(centre[i] >= c.below);
    }
    if (any == 0) continue;
    for (size_t i = 0; i < kBlock; ++i) {
      marks[i] =
          static_cast<uint8_t>(static_cast<int>(left[i] < a.below) & static_cast<int>(right[i] < b.below) &
                               static_cast<int>(centre[i] >= c.below));
    }
    count += read_marks(marks, base, out + count);
  }
  for (; base < end; ++base) {
    if (a.row[base] < a.below && b.row[base] < b.below && c.row[base] >= c.below) {
      out[count++] = static_cast<Slot>(base);
    }
  }
  return count;
}

// The largest marked place, where `hit(i)` is 0 or 1 and branch-free.
template <typename Hit>
TDA_INLINE Slot last_hit(size_t begin, size_t end, Hit hit) {
  size_t top = end;
  for (; top >= begin + kBlock; top -= kBlock) {
    const size_t base = top - kBlock;
    int any = 0;
    for (size_t i = 0; i < kBlock; ++i) any |= hit(base + i);
    if (any == 0) continue;
    for (size_t i = top; i-- > base;) {
      if (hit(i) != 0) return static_cast<Slot>(i);
    }
  }
  for (; top > begin; --top) {
    if (hit(top - 1) != 0) return static_cast<Slot>(top - 1);
  }
  return kNoSlot;
}

TDA_INLINE Slot last_body(const RowLimit (&rows)[4], size_t begin, size_t end) {
  const RowLimit a = rows[0], b = rows[1], c = rows[2], d = rows[3];
  return last_hit(begin, end, [=](size_t i) TDA_INLINE_LAMBDA {
    return static_cast<int>(a.row[i] < a.below) & static_cast<int>(b.row[i] < b.below) &
           static_cast<int>(c.row[i] < c.below) & static_cast<int>(d.row[i] < d.below);
  });
}

// Ranks are positive floats compared as integers, whose maximum compilers can vectorise; 0 is "not a member".
template <Centrality kCentrality>
TDA_INLINE int32_t rank_of(float x, float y, float length, float scale) {
  float a = x * scale, b = y * scale;
  float rank = 0;
  if constexpr (kCentrality == Centrality::kFarther) {
    rank = 2 - (a > b ? a : b);
  } else {
    if constexpr (kCentrality == Centrality::kSpindle) {
      a *= a;
      b *= b;
    }
    const float s = a + b, d = a - b;
    rank = s < 1 ? 12 - 8 * s + s * s + 3 * d * d : 5 - s;
  }
  const int member = static_cast<int>(x < length) & static_cast<int>(y < length);
  return std::bit_cast<int32_t>(rank) & -member;
}

template <Centrality kCentrality>
TDA_INLINE Slot central_of(const float* x, const float* y, float length, size_t begin, size_t end,
                           int32_t& score) {
  const float scale = 1 / length;
  size_t best_begin = begin, best_end = begin;
  score = 0;
  for (size_t base = begin; base < end; base += kBlock) {
    int32_t best = 0;
    size_t stop = end;
    if (base + kBlock <= end) {
      stop = base + kBlock;
      for (size_t i = 0; i < kBlock; ++i) {
        const int32_t rank = rank_of<kCentrality>(x[base + i], y[base + i], length, scale);
        best = rank > best ? rank : best;
      }
    } else {
      for (size_t i = base; i < end; ++i) {
        const int32_t rank = rank_of<kCentrality>(x[i], y[i], length, scale);
        best = rank > best ? rank : best;
      }
    }
    if (best <= score) continue;
    score = best;
    best_begin = base;
    best_end = stop;
  }
  for (size_t i = best_begin; i < best_end; ++i) {
    if (rank_of<kCentrality>(x[i], y[i], length, scale) == score) return static_cast<Slot>(i);
  }
  return kNoSlot;
}

TDA_INLINE Slot central_body(const float* x, const float* y, float length, Centrality centrality,
                             size_t begin, size_t end, int32_t& score) {
  switch (centrality) {
    case Centrality::kSpindle:
      return central_of<Centrality::kSpindle>(x, y, length, begin, end, score);
    case Centrality::kSpindleSquared:
      return central_of<Centrality::kSpindleSquared>(x, y, length, begin, end, score);
    case Centrality::kFarther:
      return central_of<Centrality::kFarther>(x, y, length, begin, end, score);
  }
  return kNoSlot;
}

struct Kernels {
  size_t (*collect)(RowLimit, RowLimit, size_t, size_t, Slot*);
  size_t (*outside)(RowLimit, RowLimit, RowLimit, size_t, size_t, Slot*);
  Slot (*last)(const RowLimit (&)[4], size_t, size_t);
  Slot (*central)(const float*, const float*, float, Centrality, size_t, size_t, int32_t&);
};

// One copy of every body per instruction set.
#define TDA_KERNELS(name, attribute)                                                                         \
  attribute size_t collect_##name(RowLimit a, RowLimit b, size_t begin, size_t end, Slot* out) {             \
    return collect_body(a, b, begin, end, out);                                                              \
  }                                                                                                          \
  attribute size_t outside_##name(RowLimit a, RowLimit b, RowLimit c, size_t begin, size_t end, Slot* out) { \
    return outside_body(a, b, c, begin, end, out);                                                           \
  }                                                                                                          \
  attribute Slot last_##name(const RowLimit(&rows)[4], size_t begin, size_t end) {                           \
    return last_body(rows, begin, end);                                                                      \
  }                                                                                                          \
  attribute Slot central_##name(const float* x, const float* y, float length, Centrality centrality,         \
                                size_t begin, size_t end, int32_t& score) {                                  \
    return central_body(x, y, length, centrality, begin, end, score);                                        \
  }                                                                                                          \
  constexpr Kernels name = {collect_##name, outside_##name, last_##name, central_##name};

TDA_KERNELS(kBaseline, )
#ifdef TDA_X86_TARGETS
TDA_KERNELS(kAvx2, __attribute__((target("avx2,bmi"))))
TDA_KERNELS(kAvx512,
            __attribute__((target("avx2,bmi,avx512f,avx512bw,avx512vl,avx512dq,prefer-vector-width=512"))))

bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi"); }
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

const Kernels* best() { return has_avx512() ? &kAvx512 : has_avx2() ? &kAvx2 : &kBaseline; }
#else
const Kernels* best() { return &kBaseline; }
#endif
#undef TDA_KERNELS

std::atomic<const Kernels*> chosen{best()};

const Kernels& kernels() { return *chosen.load(std::memory_order_relaxed); }

}  // namespace

size_t collect_below(RowLimit a, RowLimit b, size_t begin, size_t end, Slot* out) {
  return kernels().collect(a, b, begin, end, out);
}

size_t collect_outside(RowLimit a, RowLimit b, RowLimit c, size_t begin, size_t end, Slot* out) {
  return kernels().outside(a, b, c, begin, end, out);
}

Slot last_below(const RowLimit (&rows)[4], size_t begin, size_t end) {
  return kernels().last(rows, begin, end);
}

Slot most_central(const float* x, const float* y, float length, Centrality centrality, size_t begin,
                  size_t end, int32_t& score) {
  return kernels().central(x, y, length, centrality, begin, end, score);
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
