// What launchers and batch systems say of this process.
#include "fftconv/launcher.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "child_process.h"
#include "fftconv/settings.h"

namespace fftconv {
namespace {

using Variables = std::vector<std::pair<const char*, const char*>>;

constexpr const char* kAll[] = {"OMPI_COMM_WORLD_RANK",
                                "OMPI_COMM_WORLD_SIZE",
                                "MV2_COMM_WORLD_RANK",
                                "MV2_COMM_WORLD_SIZE",
                                "PMI_RANK",
                                "PMI_SIZE",
                                "SLURM_PROCID",
                                "SLURM_STEP_NUM_TASKS",
                                "SLURM_ARRAY_TASK_ID",
                                "SLURM_ARRAY_TASK_MIN",
                                "SLURM_ARRAY_TASK_STEP",
                                "SLURM_ARRAY_TASK_COUNT"};

/// settings() reads once for each process: each case has its own.
bool reads(const Variables& variables, const Launcher& expected) {
  return test::in_child([&] {
           for (const char* name : kAll) unsetenv(name);
           for (const auto& [name, value] : variables) setenv(name, value, 1);
           return settings().launcher == expected ? 0 : 1;
         }) == 0;
}

}  // namespace

TEST_CASE("each launcher's variables are read") {
  CHECK(reads({}, {}));
  CHECK(reads({{"OMPI_COMM_WORLD_RANK", "2"}, {"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_LOCAL_RANK", "1"}},
              {.name = "Open MPI", .rank = 2, .size = 4, .local_rank = 1}));
  CHECK(reads({{"PMI_RANK", "0"}, {"PMI_SIZE", "8"}}, {.name = "MPICH (PMI)", .rank = 0, .size = 8}));
  CHECK(reads({{"SLURM_PROCID", "3"}, {"SLURM_STEP_NUM_TASKS", "4"}, {"SLURM_LOCALID", "1"}},
              {.name = "Slurm", .rank = 3, .size = 4, .local_rank = 1}));
}

TEST_CASE("a batch script is no step, and half of what a launcher says is nothing") {
  CHECK(reads({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}}, {}));
  CHECK(reads({{"OMPI_COMM_WORLD_RANK", "2"}}, {}));
  CHECK(reads({{"PMI_RANK", "two"}, {"PMI_SIZE", "4"}}, {}));
}

TEST_CASE("array tasks are counted from 0, whatever their first number and step") {
  const Variables task = {{"SLURM_ARRAY_TASK_ID", "7"},
                          {"SLURM_ARRAY_TASK_MIN", "3"},
                          {"SLURM_ARRAY_TASK_STEP", "2"},
                          {"SLURM_ARRAY_TASK_COUNT", "5"}};
  CHECK(reads(task, {.array_index = 2, .array_count = 5}));
  CHECK(reads({{"SLURM_ARRAY_TASK_ID", "4"}, {"SLURM_ARRAY_TASK_MIN", "1"}, {"SLURM_ARRAY_TASK_COUNT", "4"}},
              {.array_index = 3, .array_count = 4}));
}

}  // namespace fftconv
