#include "sim/helpers.h"

#include "sim/lane_math.h"
#include "sim/launch.h"

namespace fftconv::sim {
namespace {

using Word = std::uint32_t;

int warp() { return Launch::current().warp(); }
int lane() { return Launch::current().lane(); }
int block(int axis) { return Launch::current().block(axis); }

void lds(Word* result, const int* offset, const int* mask, int bytes, int line) {
  Launch::current().load_shared(result, offset, mask, bytes, line);
}
void sts(const int* offset, const Word* value, const int* mask, int bytes, int line) {
  Launch::current().store_shared(offset, value, mask, bytes, line);
}
void ldmatrix(Word* result, const int* row, int matrices, int transposed, int line) {
  Launch::current().load_matrix(result, row, matrices, transposed != 0, line);
}
void ldg(Word* result, const void* base, const int* offset, const int* mask, int bytes, int constant, int line) {
  Launch::current().load_global(result, base, offset, mask, bytes, constant != 0, line);
}
void stg(void* base, const int* offset, const Word* value, const int* mask, int bytes, int line) {
  Launch::current().store_global(base, offset, value, mask, bytes, line);
}
void cp_async(const int* shared, const void* base, const int* offset, const int* mask, int bytes, int line) {
  Launch::current().copy_async(shared, base, offset, mask, bytes, line);
}
void cp_async_commit() { Launch::current().commit_copies(); }
void cp_async_wait(int pending, int line) { Launch::current().wait_copies(pending, line); }
void block_sync(int line) { Launch::current().block_sync(line); }
void group_sync(int id, int threads, int line) { Launch::current().group_sync(id, threads, line); }
void warp_sync(int line) { Launch::current().warp_sync(line); }
void mma(Word* d, const Word* a, const Word* b0, const Word* b1, int kind, int line) {
  Launch::current().multiply(kind, d, a, b0, b1, line);
}

template <class Function>
void* address(Function* function) {
  return reinterpret_cast<void*>(function);
}

}  // namespace

const std::vector<std::pair<std::string, void*>>& helper_symbols() {
  static const std::vector<std::pair<std::string, void*>> table = {
      {"fftconv_sim_warp", address(warp)},
      {"fftconv_sim_lane", address(lane)},
      {"fftconv_sim_block", address(block)},
      {"fftconv_sim_lds", address(lds)},
      {"fftconv_sim_sts", address(sts)},
      {"fftconv_sim_ldmatrix", address(ldmatrix)},
      {"fftconv_sim_ldg", address(ldg)},
      {"fftconv_sim_stg", address(stg)},
      {"fftconv_sim_cp_async", address(cp_async)},
      {"fftconv_sim_cp_async_commit", address(cp_async_commit)},
      {"fftconv_sim_cp_async_wait", address(cp_async_wait)},
      {"fftconv_sim_block_sync", address(block_sync)},
      {"fftconv_sim_group_sync", address(group_sync)},
      {"fftconv_sim_warp_sync", address(warp_sync)},
      {"fftconv_sim_mma", address(mma)},
      {"fftconv_sim_f16x2_add", address(lane_math().f16x2_add)},
      {"fftconv_sim_f16x2_mul", address(lane_math().f16x2_mul)},
      {"fftconv_sim_f16x2_fma", address(lane_math().f16x2_fma)},
      {"fftconv_sim_bf16x2_fma", address(lane_math().bf16x2_fma)},
      {"fftconv_sim_pack_f16x2", address(lane_math().pack_f16x2)},
      {"fftconv_sim_pack_bf16x2", address(lane_math().pack_bf16x2)},
      {"fftconv_sim_unpack_f16", address(lane_math().unpack_f16)},
  };
  return table;
}

}  // namespace fftconv::sim
