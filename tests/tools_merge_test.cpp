// fftconv-tune merge takes from shared folders, and changes nothing where one of its sources is damaged.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include "damaged_copies.h"
#include "tool_process.h"
#include "tuning_db_fixture.h"

namespace tool_test {
namespace {

using namespace fftconv;

void put_trial_of(const fs::path& file, std::int64_t seqlen) {
  auto db = TuningDb::open(file);
  REQUIRE(db.ok());
  REQUIRE(db->put(test::trial_of(test::environment_here(), test::problem_of(seqlen), test::config_of(8), 1e-3)).ok());
}

}  // namespace

TEST_CASE("merge takes from a folder that a group may write; with a damaged source nothing is taken at all") {
  const Workplace place;
  put_trial_of(place / "shared/tuning.db", 1024);
  put_trial_of(place / "broken/tuning.db", 2048);
  REQUIRE(chmod(place.file("shared").c_str(), 0775) == 0);
  std::string bytes = test::read_bytes(place / "broken/tuning.db");
  bytes.resize(bytes.size() - test::kPage);
  test::write_bytes(place / "broken/tuning.db", bytes);

  const Output refused = place.run("tune", {"merge", place.file("shared/tuning.db"), place.file("broken/tuning.db")});
  CAPTURE(refused.err);
  CHECK(refused.status == 2);
  CHECK(refused.err.find("broken/tuning.db cannot be read") != std::string::npos);
  CHECK(place.run("tune", {"export"}).out.empty());

  const Output taken = place.run("tune", {"merge", place.file("shared/tuning.db")});
  CAPTURE(taken.err);
  CHECK(taken.status == 0);
  CHECK(taken.out.starts_with("1 trials taken into "));
  CHECK(place.run("tune", {"export"}).out.find("causal/L1024/") != std::string::npos);
}

}  // namespace tool_test
