// A transform without arithmetic: every load and store of a kernel, at the kernel's own addresses and in its order,
// with nothing computed between them. What it takes is what memory and caches take.
#pragma once

#include <cstdint>
#include <type_traits>

#include "cpu/root_gap.h"
#include "cpu/tree.h"
#include "mixture.h"

// Lambdas, too, take the vectors of the function that they end up in.
#define FFTCONV_INTO_CALLER __attribute__((always_inline))

namespace fftconv::targets {

/// What a hollow transform reads and writes for one row.
struct HollowRow {
  const float* u;
  const float* next;  ///< the next row's input, fetched ahead
  float* y;
  const float* spectrum;
};

/// Of rows one at a time, each a transform of its own.
struct HollowPlan {
  cpu::Tree tree;
  std::int64_t gap = 0;           ///< blocks between the root's parts
  std::int64_t leaf_tables = 0;   ///< floats of a leaf's tables
  std::int64_t table_stride = 0;  ///< floats from one leaf's to the next one's, 0 where all have the same
  bool past_caches = false;

  HollowPlan(const Problem& problem, const KernelConfig& config)
      : tree(cpu::tree_of(config)), gap(cpu::root_gap(problem, config)), past_caches(config.streaming) {
    const bool computed = config.twiddle == Residency::registers;
    table_stride = cpu::table_layout(tree, computed).leaf_vectors_each;
    leaf_tables = cpu::table_layout(tree, false).leaf_vectors_each;
  }
};

/// Keeps a load that nothing uses.
template <class Vector>
[[gnu::always_inline]] inline void keep(const Vector& v) {
  asm volatile("" : : "x"(v));
}

template <class Vector, bool past_caches>
[[gnu::always_inline]] inline void put(float* to, const Vector& v) {
#if defined(__x86_64__)
  if constexpr (past_caches && sizeof(Vector) == 16) {
    asm volatile("movntps %1, %0" : "=m"(*reinterpret_cast<Vector*>(to)) : "x"(v));
    return;
  }
  if constexpr (past_caches) {
    asm volatile("vmovntps %1, %0" : "=m"(*reinterpret_cast<Vector*>(to)) : "x"(v));
    return;
  }
#endif
  *reinterpret_cast<Vector*>(to) = v;
}

template <class Vector>
class Hollow {
 public:
  static constexpr std::int64_t kLanes = sizeof(Vector) / sizeof(float);
  static constexpr std::int64_t kBlock = 2 * kLanes;

  [[gnu::always_inline]] Hollow(const HollowPlan& plan, const HollowRow& row, float* z, const float* tables)
      : plan_(plan), row_(row), z_(z), tables_(tables) {}

  [[gnu::always_inline]] void run() {
    const cpu::Level& root = plan_.tree.levels[0];
    const std::int64_t stride = root.length / root.radix / kLanes;
    with_radix(root.radix, [&]<int R>(Number<R>) FFTCONV_INTO_CALLER { read_row<R>(stride); });
    for (int k = 0; k < root.radix; ++k) node(1, z_ + k * (stride + plan_.gap) * kBlock);
    with_radix(root.radix, [&]<int R>(Number<R>) FFTCONV_INTO_CALLER { write_row<R>(stride); });
  }

 private:
  template <int R>
  using Number = std::integral_constant<int, R>;

  /// The root's pass there, from u to z.
  template <int R>
  [[gnu::always_inline]] void read_row(std::int64_t stride) {
    for (std::int64_t b = 0; b < stride; ++b) {
      Vector a[R];
#pragma GCC unroll 8
      for (int j = 0; j < R; ++j) a[j] = *reinterpret_cast<const Vector*>(row_.u + (b + j * stride) * kLanes);
#pragma GCC unroll 8
      for (int j = 0; j < R; ++j) {
        float* const at = z_ + (b + j * (stride + plan_.gap)) * kBlock;
        put<Vector, false>(at, a[j]);
        put<Vector, false>(at + kLanes, a[j]);
      }
    }
  }

  /// And back, from z to y.
  template <int R>
  [[gnu::always_inline]] void write_row(std::int64_t stride) {
    for (std::int64_t b = 0; b < stride; ++b) {
      Vector a[R];
#pragma GCC unroll 8
      for (int j = 0; j < R; ++j) {
        const float* const at = z_ + (b + j * (stride + plan_.gap)) * kBlock;
        a[j] = *reinterpret_cast<const Vector*>(at);
        keep(*reinterpret_cast<const Vector*>(at + kLanes));
      }
#pragma GCC unroll 8
      for (int j = 0; j < R; ++j) {
        float* const to = row_.y + (b + j * stride) * kLanes;
        if (plan_.past_caches)
          put<Vector, true>(to, a[j]);
        else
          put<Vector, false>(to, a[j]);
      }
    }
  }

  /// A node's pass, one way.
  template <int R>
  [[gnu::always_inline]] void inner(float* z, std::int64_t stride) {
    for (std::int64_t b = 0; b < stride; ++b) {
      Vector re[R], im[R];
#pragma GCC unroll 8
      for (int j = 0; j < R; ++j) {
        re[j] = *reinterpret_cast<const Vector*>(z + (b + j * stride) * kBlock);
        im[j] = *reinterpret_cast<const Vector*>(z + (b + j * stride) * kBlock + kLanes);
      }
      asm volatile("" : : : "memory");
#pragma GCC unroll 8
      for (int j = 0; j < R; ++j) {
        put<Vector, false>(z + (b + j * stride) * kBlock, re[j]);
        put<Vector, false>(z + (b + j * stride) * kBlock + kLanes, im[j]);
      }
    }
  }

  /// Calls `pass` with the radix as a constant.
  template <class Function>
  [[gnu::always_inline]] void with_radix(int radix, const Function& pass) {
    switch (radix) {
      case 2:
        return pass(Number<2>());
      case 3:
        return pass(Number<3>());
      case 4:
        return pass(Number<4>());
      case 5:
        return pass(Number<5>());
      case 7:
        return pass(Number<7>());
      default:
        return pass(Number<8>());
    }
  }

  /// The subtree at `z`, depth first as in a kernel; a stack of its own, so that all is one function.
  [[gnu::always_inline]] void node(std::size_t level, float* z) {
    struct Frame {
      std::size_t level;
      float* z;
      int child;
    };
    Frame frames[32];
    int depth = 0;
    frames[0] = {level, z, 0};
    while (depth >= 0) {
      Frame& frame = frames[depth];
      if (frame.level == plan_.tree.levels.size()) {
        leaf(frame.z);
        --depth;
        continue;
      }
      const cpu::Level& at = plan_.tree.levels[frame.level];
      const std::int64_t stride = at.length / at.radix / kLanes;
      const bool there = frame.child == 0, back = frame.child == at.radix;
      if (there || back) {
        with_radix(at.radix, [&]<int R>(Number<R>) FFTCONV_INTO_CALLER { inner<R>(frame.z, stride); });
      }
      if (back) {
        --depth;
        continue;
      }
      frames[++depth] = {frame.level + 1, frame.z + frame.child++ * stride * kBlock, 0};
    }
  }

  [[gnu::always_inline]] void leaf(float* z) {
    const std::int64_t floats = plan_.tree.leaf_radix * kBlock;
    for (std::int64_t at = 0; at < floats / 2; at += 64 / sizeof(float)) {
      __builtin_prefetch(row_.next + leaf_ * floats / 2 + at);
    }
    const float* const spectrum = row_.spectrum + leaf_ * floats;
    for (std::int64_t at = 0; at < floats; at += kLanes) keep(*reinterpret_cast<const Vector*>(spectrum + at));
    const float* const tables = tables_ + leaf_ * plan_.table_stride;
    for (std::int64_t at = 0; at < plan_.leaf_tables; at += kLanes) {
      keep(*reinterpret_cast<const Vector*>(tables + at));
    }
    for (std::int64_t at = 0; at < floats; at += kLanes) {
      const Vector v = *reinterpret_cast<const Vector*>(z + at);
      asm volatile("" : : : "memory");
      put<Vector, false>(z + at, v);
    }
    ++leaf_;
  }

  const HollowPlan& plan_;
  const HollowRow& row_;
  float* z_;
  const float* tables_;
  std::int64_t leaf_ = 0;
};

/// One row, in the vectors of the kernel's own width.
inline void hollow_plain(const HollowPlan& plan, const HollowRow& row, float* z, const float* tables) {
  Hollow<Floats4>(plan, row, z, tables).run();
}
#if defined(__x86_64__)
[[gnu::target("avx2")]] inline void hollow_avx2(const HollowPlan& plan, const HollowRow& row, float* z,
                                                const float* tables) {
  Hollow<Floats8>(plan, row, z, tables).run();
}
[[gnu::target("avx512f")]] inline void hollow_avx512(const HollowPlan& plan, const HollowRow& row, float* z,
                                                     const float* tables) {
  Hollow<Floats16>(plan, row, z, tables).run();
}
#endif

inline void hollow_row(const HollowPlan& plan, const HollowRow& row, float* z, const float* tables) {
#if defined(__x86_64__)
  if (plan.tree.lanes == 16) return hollow_avx512(plan, row, z, tables);
  if (plan.tree.lanes == 8) return hollow_avx2(plan, row, z, tables);
#endif
  hollow_plain(plan, row, z, tables);
}

}  // namespace fftconv::targets
