#include "libs/protocol/p256_var/lanes_var.h"

#include <algorithm>
#include <bit>

#if defined(__x86_64__)
#include <immintrin.h>

namespace cafe::protocol::p256_var {

bool has_lanes() {
  static const bool has =
      __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512ifma") != 0;
  return has;
}

}  // namespace cafe::protocol::p256_var

// Only what follows may use these instructions: functions of headers are shared by all of the
// program.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512ifma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512ifma")
#endif

namespace cafe::protocol::p256_var {
namespace {

constexpr uint64_t kMask = (uint64_t{1} << 52) - 1;
constexpr size_t kLanes = 8;

__m512i broadcast(uint64_t value) { return _mm512_set1_epi64(static_cast<int64_t>(value)); }

// Eight residues mod p side by side, each five limbs of 52 bits. A product of a and b is a·b/2^260
// mod p (Montgomery), below 2p where both are below 4p. Points come and go as x·2^256, so what they
// stand for here is x/16: a slope is the same, only its square has to be divided by 16.
struct Lanes {
  __m512i limb[5];
};

// p in limbs of 52 bits.
constexpr uint64_t kModulus[5] = {kMask, (uint64_t{1} << 44) - 1, 0, uint64_t{1} << 36,
                                  (uint64_t{1} << 48) - (uint64_t{1} << 16)};

// Carries upwards. Limbs may be negative; the number is not.
inline Lanes carried(Lanes a) {
  const __m512i mask = broadcast(kMask);
  for (int i = 0; i < 4; ++i) {
    a.limb[i + 1] = _mm512_add_epi64(a.limb[i + 1], _mm512_srai_epi64(a.limb[i], 52));
    a.limb[i] = _mm512_and_si512(a.limb[i], mask);
  }
  return a;
}

// a - b + k·p; k·p is not below b.
inline Lanes subtract(const Lanes& a, const Lanes& b, uint64_t k) {
  Lanes out;
  for (int i = 0; i < 5; ++i) {
    out.limb[i] =
        _mm512_add_epi64(_mm512_sub_epi64(a.limb[i], b.limb[i]), broadcast(kModulus[i] * k));
  }
  return carried(out);
}

inline Lanes multiply(const Lanes& a, const Lanes& b) {
  __m512i t[10];
  for (__m512i& limb : t) limb = _mm512_setzero_si512();
#pragma GCC unroll 5
  for (int i = 0; i < 5; ++i) {
#pragma GCC unroll 5
    for (int j = 0; j < 5; ++j) {
      t[i + j] = _mm512_madd52lo_epu64(t[i + j], a.limb[i], b.limb[j]);
      t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], a.limb[i], b.limb[j]);
    }
  }
  // Each limb m, from the lowest, goes by adding m·p, since -1/p is 1 mod 2^52: m·(2^96 - 1) +
  // m·2^192 + m·(2^256 - 2^224).
  const __m512i mask = broadcast(kMask);
  const __m512i at96 = broadcast(uint64_t{1} << 44);
  const __m512i at192 = broadcast(kModulus[3]);
  const __m512i at224 = broadcast(kModulus[4]);
#pragma GCC unroll 5
  for (int i = 0; i < 5; ++i) {
    const __m512i m = _mm512_and_si512(t[i], mask);
    t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srli_epi64(t[i], 52));
    t[i + 1] = _mm512_madd52lo_epu64(t[i + 1], m, at96);
    t[i + 2] = _mm512_madd52hi_epu64(t[i + 2], m, at96);
    t[i + 3] = _mm512_madd52lo_epu64(t[i + 3], m, at192);
    t[i + 4] = _mm512_madd52hi_epu64(t[i + 4], m, at192);
    t[i + 4] = _mm512_madd52lo_epu64(t[i + 4], m, at224);
    t[i + 5] = _mm512_madd52hi_epu64(t[i + 5], m, at224);
  }
  return carried({{t[5], t[6], t[7], t[8], t[9]}});
}

// a / 16 mod p: a + m·p ends in four zeros for m = a mod 16.
inline Lanes sixteenth(Lanes a) {
  const __m512i m = _mm512_and_si512(a.limb[0], broadcast(15));
  a.limb[0] = _mm512_sub_epi64(a.limb[0], m);
  a.limb[1] = _mm512_add_epi64(a.limb[1], _mm512_slli_epi64(m, 44));
  a.limb[3] = _mm512_add_epi64(a.limb[3], _mm512_slli_epi64(m, 36));
  a.limb[4] = _mm512_add_epi64(
      a.limb[4], _mm512_sub_epi64(_mm512_slli_epi64(m, 48), _mm512_slli_epi64(m, 16)));
  a = carried(a);
  const __m512i low = broadcast(15);
  for (int i = 0; i < 5; ++i) {
    const __m512i kept = _mm512_srli_epi64(a.limb[i], 4);
    a.limb[i] = i == 4 ? kept
                       : _mm512_add_epi64(
                             kept, _mm512_slli_epi64(_mm512_and_si512(a.limb[i + 1], low), 48));
  }
  return a;
}

// Below p, of a number below 8p.
inline Lanes reduced(Lanes a) {
  const __m512i q = _mm512_srli_epi64(a.limb[4], 48);
  a.limb[0] = _mm512_add_epi64(a.limb[0], q);
  a.limb[1] = _mm512_sub_epi64(a.limb[1], _mm512_slli_epi64(q, 44));
  a.limb[3] = _mm512_sub_epi64(a.limb[3], _mm512_slli_epi64(q, 36));
  a.limb[4] = _mm512_add_epi64(_mm512_and_si512(a.limb[4], broadcast((uint64_t{1} << 48) - 1)),
                               _mm512_slli_epi64(q, 16));
  a = carried(a);
  Lanes less;
  for (int i = 0; i < 5; ++i) less.limb[i] = _mm512_sub_epi64(a.limb[i], broadcast(kModulus[i]));
  less = carried(less);
  const __mmask8 keep = _mm512_cmplt_epi64_mask(less.limb[4], _mm512_setzero_si512());
  for (int i = 0; i < 5; ++i) {
    less.limb[i] = _mm512_mask_blend_epi64(keep, less.limb[i], a.limb[i]);
  }
  return less;
}

// Rows to columns: row[k][lane] becomes row[lane][k].
inline void transpose(__m512i (&row)[8]) {
  __m512i pairs[8];
  for (int i = 0; i < 8; i += 2) {
    pairs[i] = _mm512_unpacklo_epi64(row[i], row[i + 1]);
    pairs[i + 1] = _mm512_unpackhi_epi64(row[i], row[i + 1]);
  }
  __m512i quads[8];
  const __m512i even = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
  const __m512i odd = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
  for (int i = 0; i < 2; ++i) {
    for (int k = 0; k < 2; ++k) {
      quads[4 * i + k] = _mm512_permutex2var_epi64(pairs[4 * i + k], even, pairs[4 * i + k + 2]);
      quads[4 * i + k + 2] = _mm512_permutex2var_epi64(pairs[4 * i + k], odd, pairs[4 * i + k + 2]);
    }
  }
  for (int i = 0; i < 4; ++i) {
    row[i] = _mm512_shuffle_i64x2(quads[i], quads[i + 4], 0x44);
    row[i + 4] = _mm512_shuffle_i64x2(quads[i], quads[i + 4], 0xEE);
  }
}

inline Lanes split(const __m512i* w) {
  const __m512i mask = broadcast(kMask);
  const auto joined = [&](const __m512i& low, int down, const __m512i& high, int up) {
    return _mm512_and_si512(
        _mm512_or_si512(_mm512_srli_epi64(low, down), _mm512_slli_epi64(high, up)), mask);
  };
  return {{_mm512_and_si512(w[0], mask), joined(w[0], 52, w[1], 12), joined(w[1], 40, w[2], 24),
           joined(w[2], 28, w[3], 36), _mm512_srli_epi64(w[3], 16)}};
}

inline void join(const Lanes& a, __m512i* w) {
  const auto joined = [&](int i, int down, int up) {
    return _mm512_or_si512(_mm512_srli_epi64(a.limb[i], down),
                           _mm512_slli_epi64(a.limb[i + 1], up));
  };
  w[0] = joined(0, 0, 52);
  w[1] = joined(1, 12, 40);
  w[2] = joined(2, 24, 28);
  w[3] = joined(3, 36, 16);
}

struct PointLanes {
  Lanes x, y;
  __mmask8 identity;
};

static_assert(sizeof(AffinePoint) == 64, "a point fills one register");

inline PointLanes load(std::span<const AffinePoint> points, const SignedIndex* at, size_t stride) {
  __m512i row[8];
  unsigned negative = 0;
  for (size_t lane = 0; lane < kLanes; ++lane) {
    const SignedIndex index = at[lane * stride];
    row[lane] = _mm512_loadu_si512(&points[index.index()]);
    negative |= unsigned{index.negative()} << lane;
  }
  transpose(row);
  PointLanes out{split(row), split(row + 4), 0};
  __m512i any = _mm512_or_si512(row[0], row[1]);
  for (int i = 2; i < 8; ++i) any = _mm512_or_si512(any, row[i]);
  out.identity = _mm512_cmpeq_epi64_mask(any, _mm512_setzero_si512());
  if (negative != 0) {
    Lanes opposite;
    for (int i = 0; i < 5; ++i) {
      opposite.limb[i] = _mm512_sub_epi64(broadcast(kModulus[i]), out.y.limb[i]);
    }
    opposite = carried(opposite);
    for (int i = 0; i < 5; ++i) {
      out.y.limb[i] =
          _mm512_mask_blend_epi64(static_cast<__mmask8>(negative), out.y.limb[i], opposite.limb[i]);
    }
  }
  return out;
}

// Eight additions whose denominators are known. `denominator` is x2 - x1, and 1 in the lanes of
// `exceptions`.
struct Step {
  PointLanes a, b;
  Lanes denominator;
  __mmask8 exceptions;
};

inline Step begin_step(std::span<const AffinePoint> points, const IndexPair* pairs) {
  Step step;
  step.a = load(points, &pairs->a, 2);
  step.b = load(points, &pairs->b, 2);
  __mmask8 same = 0xFF;
  for (int i = 0; i < 5; ++i) {
    same &= _mm512_cmpeq_epi64_mask(step.a.x.limb[i], step.b.x.limb[i]);
  }
  step.exceptions = same | step.a.identity | step.b.identity;
  step.denominator = subtract(step.b.x, step.a.x, 1);
  if (step.exceptions != 0) {
    for (int i = 0; i < 5; ++i) {
      step.denominator.limb[i] = _mm512_mask_blend_epi64(step.exceptions, step.denominator.limb[i],
                                                         broadcast(i == 0 ? 1 : 0));
    }
  }
  return step;
}

inline void end_step(const Step& step, const Lanes& inverse, AffinePoint* sums) {
  const Lanes slope = multiply(subtract(step.b.y, step.a.y, 1), inverse);
  const Lanes square = sixteenth(multiply(slope, slope));
  const Lanes x = reduced(subtract(subtract(square, step.a.x, 1), step.b.x, 1));
  const Lanes y = reduced(subtract(multiply(slope, subtract(step.a.x, x, 1)), step.a.y, 1));
  __m512i row[8];
  join(x, row);
  join(y, row + 4);
  transpose(row);
  for (size_t lane = 0; lane < kLanes; ++lane) _mm512_storeu_si512(&sums[lane], row[lane]);
}

// 2^520 / a mod p in each lane: the inverse in this form.
Lanes invert(const Lanes& a) {
  alignas(64) uint64_t words[8][kLanes];
  const Lanes whole = reduced(a);
  __m512i row[4];
  join(whole, row);
  for (int i = 0; i < 4; ++i) _mm512_store_si512(words[i], row[i]);
  std::array<FieldElement, kLanes> elements;
  for (size_t lane = 0; lane < kLanes; ++lane) {
    elements[lane] =
        FieldElement::from_limbs({words[0][lane], words[1][lane], words[2][lane], words[3][lane]});
  }
  invert_all(std::span<FieldElement>(elements));
  static const FieldElement radix_squared = FieldElement::from_limbs(FieldModulus::kSquaredRadix) *
                                            FieldElement::from_limbs({256, 0, 0, 0});
  for (size_t lane = 0; lane < kLanes; ++lane) {
    const Limbs limbs = (elements[lane] * radix_squared).to_limbs();
    for (int i = 0; i < 4; ++i) words[i][lane] = limbs[i];
  }
  for (int i = 0; i < 4; ++i) row[i] = _mm512_load_si512(words[i]);
  return split(row);
}

// Lanes in memory.
using StoredLanes = std::array<uint64_t, 5 * kLanes>;

inline void store(const Lanes& a, StoredLanes& to) {
  for (size_t i = 0; i < 5; ++i) _mm512_storeu_si512(&to[i * kLanes], a.limb[i]);
}

inline Lanes restore(const StoredLanes& from) {
  Lanes out;
  for (size_t i = 0; i < 5; ++i) out.limb[i] = _mm512_loadu_si512(&from[i * kLanes]);
  return out;
}

// Pairs that share an inversion, in registers of eight: the inversion should weigh little, and the
// products should stay in the cache.
constexpr size_t kChunkSteps = 512;

void add_steps(std::span<const AffinePoint> points, std::span<const IndexPair> pairs,
               std::span<AffinePoint> sums, uint32_t first, std::vector<uint32_t>& left) {
  const size_t steps = pairs.size() / kLanes;
  // before[k]: the product of all denominators in front of step k, lane by lane.
  thread_local std::vector<StoredLanes> before;
  before.resize(steps);
  Lanes product = {{broadcast(1), _mm512_setzero_si512(), _mm512_setzero_si512(),
                    _mm512_setzero_si512(), _mm512_setzero_si512()}};
  for (size_t k = 0; k < steps; ++k) {
    const Step step = begin_step(points, &pairs[k * kLanes]);
    store(product, before[k]);
    product = multiply(product, step.denominator);
    for (unsigned mask = step.exceptions; mask != 0; mask &= mask - 1) {
      left.push_back(first + static_cast<uint32_t>(k * kLanes) +
                     static_cast<uint32_t>(std::countr_zero(mask)));
    }
  }
  Lanes rest = invert(product);
  for (size_t k = steps; k-- > 0;) {
    const Step step = begin_step(points, &pairs[k * kLanes]);
    end_step(step, multiply(rest, restore(before[k])), &sums[k * kLanes]);
    rest = multiply(rest, step.denominator);
  }
}

}  // namespace

void add_pairs_in_lanes(std::span<const AffinePoint> points, std::span<const IndexPair> pairs,
                        std::span<AffinePoint> sums, std::vector<uint32_t>& left) {
  const size_t whole = pairs.size() / kLanes * kLanes;
  for (size_t begin = 0; begin < whole; begin += kChunkSteps * kLanes) {
    const size_t count = std::min(kChunkSteps * kLanes, whole - begin);
    add_steps(points, pairs.subspan(begin, count), sums.subspan(begin, count),
              static_cast<uint32_t>(begin), left);
  }
  for (size_t i = whole; i < pairs.size(); ++i) left.push_back(static_cast<uint32_t>(i));
}

}  // namespace cafe::protocol::p256_var

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#else

namespace cafe::protocol::p256_var {

bool has_lanes() { return false; }

void add_pairs_in_lanes(std::span<const AffinePoint>, std::span<const IndexPair> pairs,
                        std::span<AffinePoint>, std::vector<uint32_t>& left) {
  for (size_t i = 0; i < pairs.size(); ++i) left.push_back(static_cast<uint32_t>(i));
}

}  // namespace cafe::protocol::p256_var

#endif
