// The folders in which ranks keep what rank 0 does not have yet.
#include "scale/rank_folder.h"

#include <doctest/doctest.h>

#include <csignal>

#include "child_process.h"
#include "tuning_db_fixture.h"

namespace fftconv {
namespace {

using test::TemporaryDirectory;
using tools::RankFolder;

}  // namespace

TEST_CASE("a folder is its process' alone until that is gone, and then left behind with its trials") {
  const TemporaryDirectory cache;
  const pid_t child = test::start_child([&] {
    auto folder = RankFolder::make(cache.path(), 1);
    if (!folder || !RankFolder::left_behind(cache.path()).empty()) return 1;
    auto database = TuningDb::open(folder->path() / "tuning.db");
    if (!database) return 2;
    const Trial trial = test::trial_of(test::environment_here(), test::problem_of(4096), test::config_of(8), 1e-3);
    if (!database->put(trial)) return 3;
    std::raise(SIGKILL);
    return 4;
  });
  REQUIRE(test::wait_for(child) == -SIGKILL);
  {
    const auto folders = RankFolder::left_behind(cache.path());
    REQUIRE(folders.size() == 1);
    CHECK(folders.front().lines().find("causal/L4096") != std::string::npos);
    // Who takes it up has it alone.
    CHECK(RankFolder::left_behind(cache.path()).empty());
  }
  auto folders = RankFolder::left_behind(cache.path());
  REQUIRE(folders.size() == 1);
  folders.front().remove();
  CHECK(RankFolder::left_behind(cache.path()).empty());
}

TEST_CASE("a new folder is never taken for an old one, however many processes begin at once") {
  for (int round = 0; round < 40; ++round) {
    const TemporaryDirectory cache;  // without the folder of folders
    std::vector<pid_t> children;
    for (int i = 0; i < 8; ++i) {
      children.push_back(test::start_child([&] {
        for (RankFolder& old : RankFolder::left_behind(cache.path())) old.remove();
        auto own = RankFolder::make(cache.path(), 1);
        if (!own) return 1;
        const bool there = std::filesystem::exists(own->path());
        own->remove();
        return there ? 0 : 2;
      }));
    }
    for (const pid_t child : children) CHECK(test::wait_for(child) == 0);
  }
}

TEST_CASE("folders of other machines and what is no folder are left alone") {
  const TemporaryDirectory cache;
  std::filesystem::create_directories(cache.path() / "ranks" / "another-host-12");
  {
    std::FILE* file = std::fopen((cache.path() / "ranks" / tools::rank_name(1)).c_str(), "w");
    std::fclose(file);
  }
  CHECK(RankFolder::left_behind(cache.path()).empty());
  CHECK_FALSE(RankFolder::make(cache.path(), 1));
  CHECK(std::filesystem::exists(cache.path() / "ranks" / "another-host-12"));
  CHECK(RankFolder::left_behind(cache.path() / "nowhere").empty());
}

}  // namespace fftconv
