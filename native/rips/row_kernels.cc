#include "native/rips/row_kernels.h"

#include <atomic>
#include <bit>
#include <cstring>
#include <type_traits>

#include "native/base/assert.h"

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

// A range is taken in blocks of kBlock, then of kSmallBlock. What is left is taken in one more small block that reaches
// back into what has been seen, where that does no harm, and one by one otherwise. The loops over a block have a fixed
// length and no branch, which compilers turn into SIMD.
constexpr size_t kBlock = 64;
constexpr size_t kSmallBlock = 16;

// Appends the places i of a block with hit(i) != 0 to `out`.
template <size_t kSize, typename Hit>
TDA_INLINE size_t append_hits(size_t base, Hit hit, Slot* out) {
  uint8_t marks[kSize];
  for (size_t i = 0; i < kSize; ++i) marks[i] = static_cast<uint8_t>(hit(base + i));
  size_t count = 0;
  for (size_t word = 0; word < kSize; word += 8) {
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

template <size_t kSize, typename Hit>
TDA_INLINE bool any_hit(size_t base, Hit hit) {
  if constexpr (kSize > kSmallBlock) {
    int any = 0;
    for (size_t i = 0; i < kSize; ++i) any |= hit(base + i);
    return any != 0;
  } else {  // a sum over so few is unrolled before it is turned into SIMD, and then it is not; stores are
    uint8_t marks[kSize];
    for (size_t i = 0; i < kSize; ++i) marks[i] = static_cast<uint8_t>(hit(base + i));
    uint64_t any = 0;
    for (size_t word = 0; word < kSize; word += 8) {
      uint64_t bits;
      std::memcpy(&bits, marks + word, 8);
      any |= bits;
    }
    return any != 0;
  }
}

// The last place i of a block with hit(i) != 0, or kNoSlot.
template <size_t kSize, typename Hit>
TDA_INLINE Slot last_hit(size_t base, Hit hit) {
  uint8_t marks[kSize];
  for (size_t i = 0; i < kSize; ++i) marks[i] = static_cast<uint8_t>(hit(base + i));
  for (size_t word = kSize; word > 0; word -= 8) {
    uint64_t bits;
    std::memcpy(&bits, marks + word - 8, 8);
    if (bits == 0) continue;
    if constexpr (std::endian::native == std::endian::little) {
      return static_cast<Slot>(base + word - 1 - static_cast<size_t>(std::countl_zero(bits)) / 8);
    } else {
      return static_cast<Slot>(base + word - 1 - static_cast<size_t>(std::countr_zero(bits)) / 8);
    }
  }
  return kNoSlot;
}

// The first, which there must be.
template <size_t kSize, typename Hit>
TDA_INLINE Slot first_hit(size_t base, Hit hit) {
  uint8_t marks[kSize];
  for (size_t i = 0; i < kSize; ++i) marks[i] = static_cast<uint8_t>(hit(base + i));
  size_t word = 0;
  uint64_t bits = 0;
  for (; word < kSize; word += 8) {
    std::memcpy(&bits, marks + word, 8);
    if (bits != 0) break;
  }
  const int zeros =
      std::endian::native == std::endian::little ? std::countr_zero(bits) : std::countl_zero(bits);
  return static_cast<Slot>(base + word + static_cast<size_t>(zeros) / 8);
}

TDA_INLINE size_t collect_body(RowLimit a, RowLimit b, size_t begin, size_t end, Slot* out) {
  const auto hit = [=](size_t i) TDA_INLINE_LAMBDA {
    return static_cast<int>(a.row[i] < a.below) & static_cast<int>(b.row[i] < b.below);
  };
  size_t count = 0;
  size_t base = begin;
  for (; base + kBlock <= end; base += kBlock) count += append_hits<kBlock>(base, hit, out + count);
  for (; base + kSmallBlock <= end; base += kSmallBlock)
    count += append_hits<kSmallBlock>(base, hit, out + count);
  for (; base < end; ++base) {
    if (hit(base) != 0) out[count++] = static_cast<Slot>(base);
  }
  return count;
}

// Hits are rare here, so whole blocks are passed over first.
TDA_INLINE size_t outside_body(RowLimit a, RowLimit b, RowLimit c, size_t begin, size_t end, Slot* out) {
  const auto hit = [=](size_t i) TDA_INLINE_LAMBDA {
    return static_cast<int>(a.row[i] < a.below) & static_cast<int>(b.row[i] < b.below) &
           static_cast<int>(c.row[i] >= c.below);
  };
  size_t count = 0;
  size_t base = begin;
  for (; base + kBlock <= end; base += kBlock) {
    if (any_hit<kBlock>(base, hit)) count += append_hits<kBlock>(base, hit, out + count);
  }
  for (; base + kSmallBlock <= end; base += kSmallBlock) {
    if (any_hit<kSmallBlock>(base, hit)) count += append_hits<kSmallBlock>(base, hit, out + count);
  }
  if (base < end && end - begin >= kSmallBlock && !any_hit<kSmallBlock>(end - kSmallBlock, hit)) return count;
  for (; base < end; ++base) {
    if (hit(base) != 0) out[count++] = static_cast<Slot>(base);
  }
  return count;
}

TDA_INLINE Slot last_body(const RowLimit (&rows)[4], size_t begin, size_t end) {
  const RowLimit a = rows[0], b = rows[1], c = rows[2], d = rows[3];
  const auto hit = [=](size_t i) TDA_INLINE_LAMBDA {
    return static_cast<int>(a.row[i] < a.below) & static_cast<int>(b.row[i] < b.below) &
           static_cast<int>(c.row[i] < c.below) & static_cast<int>(d.row[i] < d.below);
  };
  size_t top = end;
  for (; top >= begin + kBlock; top -= kBlock) {
    if (any_hit<kBlock>(top - kBlock, hit)) return last_hit<kBlock>(top - kBlock, hit);
  }
  for (; top >= begin + kSmallBlock; top -= kSmallBlock) {
    const Slot found = last_hit<kSmallBlock>(top - kSmallBlock, hit);
    if (found != kNoSlot) return found;
  }
  if (end - begin >= kSmallBlock) return top == begin ? kNoSlot : last_hit<kSmallBlock>(begin, hit);
  for (; top > begin; --top) {
    if (hit(top - 1) != 0) return static_cast<Slot>(top - 1);
  }
  return kNoSlot;
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

template <size_t kSize, typename Rank>
TDA_INLINE int32_t best_of(size_t base, Rank rank) {
  int32_t ranks[kSize];
  for (size_t i = 0; i < kSize; ++i) ranks[i] = rank(base + i);
  int32_t best = 0;
  for (size_t i = 0; i < kSize; ++i) best = ranks[i] > best ? ranks[i] : best;
  return best;
}

template <Centrality kCentrality>
TDA_INLINE Slot central_of(const float* x, const float* y, float length, size_t begin, size_t end,
                           int32_t& score) {
  const float scale = 1 / length;
  const auto rank = [=](size_t i)
                        TDA_INLINE_LAMBDA { return rank_of<kCentrality>(x[i], y[i], length, scale); };
  size_t best_base = end, best_size = 0;
  score = 0;
  const auto consider = [&](size_t base, size_t size, int32_t best) TDA_INLINE_LAMBDA {
    if (best <= score) return;
    score = best;
    best_base = base;
    best_size = size;
  };
  size_t base = begin;
  for (; base + kBlock <= end; base += kBlock) consider(base, kBlock, best_of<kBlock>(base, rank));
  for (; base + kSmallBlock <= end; base += kSmallBlock)
    consider(base, kSmallBlock, best_of<kSmallBlock>(base, rank));
  if (base < end && end - begin >= kSmallBlock) {
    consider(end - kSmallBlock, kSmallBlock, best_of<kSmallBlock>(end - kSmallBlock, rank));
  } else {
    for (; base < end; ++base) consider(base, 1, rank(base));
  }
  const auto is_best = [=](size_t i) TDA_INLINE_LAMBDA { return static_cast<int>(rank(i) == score); };
  if (best_size == kBlock) return first_hit<kBlock>(best_base, is_best);
  if (best_size == kSmallBlock) return first_hit<kSmallBlock>(best_base, is_best);
  return best_size == 1 ? static_cast<Slot>(best_base) : kNoSlot;
}

TDA_INLINE Slot central_body(const float* x, const float* y, float length, Centrality centrality,
                             size_t begin, size_t end, int32_t& score) {
  switch (centrality) {
    case Centrality::kSpindle: return central_of<Centrality::kSpindle>(x, y, length, begin, end, score);
    case Centrality::kSpindleSquared:
      return central_of<Centrality::kSpindleSquared>(x, y, length, begin, end, score);
    case Centrality::kFarther: return central_of<Centrality::kFarther>(x, y, length, begin, end, score);
  }
  return kNoSlot;
}

// As integers, like ranks.
TDA_INLINE Slot smallest_body(const float* row, size_t begin, size_t end) {
  const auto at = [=](size_t i) TDA_INLINE_LAMBDA { return std::bit_cast<int32_t>(row[i]); };
  int32_t least = std::numeric_limits<int32_t>::max();
  size_t stop = end;
  const auto consider = [&](size_t base, size_t next, int32_t other) TDA_INLINE_LAMBDA {
    if (other > least) return;
    least = other;
    stop = next;
    begin = base;
  };
  const auto least_of = [=](size_t base, auto size) TDA_INLINE_LAMBDA {
    int32_t smallest = at(base);
    for (size_t i = 1; i < size(); ++i) {
      const int32_t other = at(base + i);
      smallest = other < smallest ? other : smallest;
    }
    return smallest;
  };
  size_t base = begin;
  for (; base + kBlock <= end; base += kBlock)
    consider(base, base + kBlock, least_of(base, std::integral_constant<size_t, kBlock>()));
  for (; base + kSmallBlock <= end; base += kSmallBlock)
    consider(base, base + kSmallBlock, least_of(base, std::integral_constant<size_t, kSmallBlock>()));
  for (; base < end; ++base) consider(base, base + 1, at(base));
  for (size_t top = stop; top > begin; --top) {
    if (at(top - 1) == least) return static_cast<Slot>(top - 1);
  }
  return kNoSlot;
}

TDA_INLINE void strike_body(float* reach, const float* row, float above, size_t begin, size_t end) {
  constexpr float kStruck = std::numeric_limits<float>::infinity();
  for (size_t i = begin; i < end; ++i) {
    const bool within =
        static_cast<bool>(static_cast<int>(reach[i] > above) & static_cast<int>(row[i] <= reach[i]));
    reach[i] = within ? kStruck : reach[i];
  }
}

struct Kernels {
  size_t (*collect)(RowLimit, RowLimit, size_t, size_t, Slot*);
  size_t (*outside)(RowLimit, RowLimit, RowLimit, size_t, size_t, Slot*);
  Slot (*last)(const RowLimit (&)[4], size_t, size_t);
  Slot (*central)(const float*, const float*, float, Centrality, size_t, size_t, int32_t&);
  Slot (*smallest)(const float*, size_t, size_t);
  void (*strike)(float*, const float*, float, size_t, size_t);
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
  attribute Slot smallest_##name(const float* row, size_t begin, size_t end) {                               \
    return smallest_body(row, begin, end);                                                                   \
  }                                                                                                          \
  attribute void strike_##name(float* reach, const float* row, float above, size_t begin, size_t end) {      \
    strike_body(reach, row, above, begin, end);                                                              \
  }                                                                                                          \
  constexpr Kernels name = {collect_##name, outside_##name,  last_##name,                                    \
                            central_##name, smallest_##name, strike_##name};

TDA_KERNELS(kBaseline, )
#ifdef TDA_X86_TARGETS
TDA_KERNELS(kAvx2, __attribute__((target("avx2,bmi"))))
#ifdef __clang__
TDA_KERNELS(kAvx512, __attribute__((target("avx2,bmi,avx512f,avx512bw,avx512vl,avx512dq"))))
#else
TDA_KERNELS(kAvx512,
            __attribute__((target("avx2,bmi,avx512f,avx512bw,avx512vl,avx512dq,prefer-vector-width=512"))))
#endif

bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi"); }
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

const Kernels* best() {
  __builtin_cpu_init();  // this runs before main
  return has_avx512() ? &kAvx512 : has_avx2() ? &kAvx2 : &kBaseline;
}
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

Slot last_smallest(const float* row, size_t begin, size_t end) { return kernels().smallest(row, begin, end); }

void strike_within(float* reach, const float* row, float above, size_t begin, size_t end) {
  kernels().strike(reach, row, above, begin, end);
}

std::string_view kernel_target() {
  const Kernels* now = &kernels();
#ifdef TDA_X86_TARGETS
  if (now == &kAvx512) return "avx512";
  if (now == &kAvx2) return "avx2";
#endif
  TDA_ASSERT(now == &kBaseline);
  return "baseline";
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
