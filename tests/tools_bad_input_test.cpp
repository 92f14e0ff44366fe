// The real programs on bad input and on machines in a bad state: one sentence, the right status, nothing lost.
#include <fmt/format.h>
#include <sqlite3.h>

#include "audio.h"
#include "tool_process.h"

using namespace tool_test;
using fftconv::tools::Audio;

namespace {

/// A sound filter and input, as files, and an old result that must survive.
void write_pair(const Workplace& place) {
  place.write_npy("k.npy", {8}, random_values(8, 1));
  place.write_npy("u.npy", {2, 64}, random_values(128, 2));
  place.write("y.npy", "the result of yesterday");
}

/// run refuses these arguments with status 2, leaves the old result and adds no file.
void check_run_refused(const Workplace& place, std::vector<std::string> arguments, const std::string& part,
                       int status = 2) {
  const auto before = place.files();
  arguments.insert(arguments.end(), {"-o", place.file("y.npy"), "--device", "cpu"});
  CAPTURE(part);
  check_refused(place.run("run", arguments), status, "run", part);
  CHECK(place.files() == before);
  CHECK(place.read("y.npy") == "the result of yesterday");
}

bool may_ignore_permissions() { return ::geteuid() == 0; }

const std::vector<std::string> kSmallSweep{"sweep", "--device", "cpu", "-L", "64", "--budget", "2"};

/// One statement on a database file.
void run_sql(const fs::path& file, const std::string& statement) {
  sqlite3* connection = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &connection) == SQLITE_OK);
  CHECK(sqlite3_exec(connection, statement.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(connection);
}

/// The integer that a query gives; -1 where the file is no database.
int read_sql(const fs::path& file, const char* query) {
  sqlite3* connection = nullptr;
  sqlite3_stmt* statement = nullptr;
  int value = -1;
  if (sqlite3_open_v2(file.c_str(), &connection, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK &&
      sqlite3_prepare_v2(connection, query, -1, &statement, nullptr) == SQLITE_OK &&
      sqlite3_step(statement) == SQLITE_ROW) {
    value = sqlite3_column_int(statement, 0);
  }
  sqlite3_finalize(statement);
  sqlite3_close(connection);
  return value;
}

}  // namespace

TEST_CASE("an unknown option, command or value is refused by every tool") {
  const Workplace place;
  for (const char* tool : {"tune", "inspect", "run", "bench"}) {
    check_refused(place.run(tool, {"--frobnicate"}), 2, tool, "--help");
  }
  check_refused(place.run("tune", {}), 2, "tune", "subcommand");
  check_refused(place.run("tune", {"frobnicate"}), 2, "tune", "--help");
  check_refused(place.run("run", {"k.npy"}), 2, "run", "INPUT");
  check_refused(place.run("bench", {"-L", "64", "--rounds", "many"}), 2, "bench", "many");
}

TEST_CASE("a problem without meaning is refused by every tool that takes one") {
  const Workplace place;
  const auto refuse = [&](const std::vector<std::string>& problem, const std::string& part) {
    const std::pair<const char*, std::vector<std::string>> commands[] = {
        {"tune", {"sweep", "--device", "cuda", "--arch", "sm_90a"}},
        {"tune", {"best", "--device", "cuda", "--arch", "sm_90a"}},
        {"inspect", {"cost", "--arch", "sm_90a"}},
        {"inspect", {"source", "--arch", "sm_90a"}},
    };
    for (const auto& [tool, start] : commands) {
      std::vector<std::string> arguments = start;
      arguments.insert(arguments.end(), problem.begin(), problem.end());
      CAPTURE(arguments.front());
      check_refused(place.run(tool, arguments, {"FFTCONV_LIBCUDA=off"}), 2, tool, part);
    }
  };
  refuse({"-L", "0"}, "seqlen 0");
  refuse({"-L", "-5"}, "-5");
  refuse({"-L", "many"}, "many");
  refuse({"-L", "64", "--filter-len", "65"}, "65 taps");
  refuse({"-L", "64", "--mode", "sideways"}, "sideways");
  refuse({"-L", "64", "--precision", "f128"}, "f128");
  refuse({"-L", "64", "--io", "int8"}, "int8");
  refuse({"-L", "64", "-B", "0"}, "batch 0");
  refuse({"-L", "64", "--sparsity", "half"}, "half");
  refuse({"-L", "64", "--order", "99"}, "99");
  refuse({"--problem", "causal/L0/k1/b1/h1/io-f32/f32/forward"}, "seqlen 0");
  refuse({"--problem", "a convolution"}, "a convolution");
  refuse({}, "--seqlen");
}

TEST_CASE("sparsity that no kernel computes is refused clearly") {
  const Workplace place;
  const std::vector<std::string> problem{
      "-L", "4096", "--arch", "sm_90a", "--sparsity", "kept-1,ffffffffffffffff,ffffffffffffffff,ffffffffffffffff"};
  for (const char* command : {"source", "cost"}) {
    std::vector<std::string> arguments{command};
    arguments.insert(arguments.end(), problem.begin(), problem.end());
    const Output output = place.run("inspect", arguments);
    if (output.status == 0) continue;  // a kernel that computes it exists by now
    check_refused(output, 2, "inspect", "no kernel computes");
  }
}

TEST_CASE("a device or an architecture that is not there is refused with what can be done instead") {
  const Workplace place;
  const std::vector<std::string> off{"FFTCONV_LIBCUDA=off"};
  check_refused(place.run("tune", {"sweep", "-L", "64", "--device", "toaster"}), 2, "tune", "toaster");
  check_refused(place.run("tune", {"sweep", "-L", "64", "--device", "cuda:x"}), 2, "tune", "cuda:x");
  check_refused(place.run("tune", {"sweep", "-L", "64", "--device", "cuda"}, off), 2, "tune", "--arch sm_90a");
  check_refused(place.run("tune", {"sweep", "-L", "64", "--arch", "sm_1"}, off), 2, "tune", "sm_1");
  check_refused(place.run("bench", {"-L", "64", "--device", "cuda"}, off), 2, "bench", "--arch");
  check_refused(place.run("inspect", {"ptx", "-L", "64", "--arch", "sm_90a"}, {"FFTCONV_NVRTC=off"}), 2, "inspect",
                "NVRTC");
  check_refused(place.run("inspect", {"simulate", "-L", "64"}, {"FFTCONV_LLVM=off"}), 2, "inspect", "LLVM");
  check_refused(place.run("tune", {"sweep", "-L", "64", "--device", "cpu", "--threads", "some"}), 2, "tune",
                "'some'");
  check_refused(place.run("tune", {"sweep", "-L", "64", "--device", "cpu", "--host-compiler", "clang++"}), 2, "tune",
                "absolute path");
}

TEST_CASE("a candidate that is no text of one, or cannot compute the problem, is refused") {
  const Workplace place;
  check_refused(place.run("inspect", {"source", "-L", "256", "--arch", "sm_90a", "--config", "fast"}), 2, "inspect",
                "fast");
  const std::string short_one = "p2:16x16/fused/mma-f16acc/rows1/warps1/loop0/depth1/filter-reg/twiddle-reg/nvrtc";
  const Output output = place.run("inspect", {"source", "-L", "4096", "--arch", "sm_90a", "--config", short_one});
  check_refused(output, 2, "inspect", "4096");
  check_refused(place.run("inspect", {"source", "-L", "256", "--stored"}), 1, "inspect", "fftconv-tune sweep");
}

TEST_CASE("run refuses files that are missing, folders, or not what they say") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  write_pair(place);
  const std::string k = place.file("k.npy"), u = place.file("u.npy");
  check_run_refused(place, {k, place.file("none.npy")}, "no file");
  check_run_refused(place, {place.file("none.wav"), u}, "no file");
  check_run_refused(place, {k, place.file("cache")}, "folder");
  place.write("text.npy", "1, 2, 3\n");
  check_run_refused(place, {k, place.file("text.npy")}, "does not begin as .npy files do");
  fs::copy_file(u, place / "u.wav");
  check_run_refused(place, {k, place.file("u.wav")}, "NumPy array");
  REQUIRE(fftconv::tools::write_audio(place / "real.wav", Audio{8000, 1, 100, random_values(100, 4)}).ok());
  fs::copy_file(place / "real.wav", place / "sound.npy");
  check_run_refused(place, {k, place.file("sound.npy")}, "WAV");
  fs::resize_file(place / "real.wav", fs::file_size(place / "real.wav") - 40);
  check_run_refused(place, {k, place.file("real.wav")}, "truncated");
  fs::copy_file(u, place / "short.npy");
  fs::resize_file(place / "short.npy", fs::file_size(u) - 1);
  check_run_refused(place, {k, place.file("short.npy")}, "truncated");
}

TEST_CASE("run refuses shapes, lengths and rates that do not go together") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  write_pair(place);
  const std::string k = place.file("k.npy"), u = place.file("u.npy");
  place.write_npy("long.npy", {65}, random_values(65, 3));
  check_run_refused(place, {place.file("long.npy"), u}, "65 taps");
  place.write_npy("k3.npy", {3, 8}, random_values(24, 3));
  check_run_refused(place, {place.file("k3.npy"), u}, "3 channels");
  place.write_npy("cube.npy", {2, 2, 8}, random_values(32, 3));
  check_run_refused(place, {place.file("cube.npy"), u}, "(2, 2, 8)");
  place.write_npy("empty.npy", {2, 0}, {});
  check_run_refused(place, {k, place.file("empty.npy")}, "no samples");
  check_run_refused(place, {place.file("empty.npy"), u}, "no samples");
  REQUIRE(fftconv::tools::write_audio(place / "a.wav", Audio{8000, 1, 100, random_values(100, 4)}).ok());
  REQUIRE(fftconv::tools::write_audio(place / "b.wav", Audio{44100, 1, 10, random_values(10, 4)}).ok());
  check_run_refused(place, {place.file("b.wav"), place.file("a.wav")}, "44100 Hz");
  check_run_refused(place, {k, u, "--mode", "sideways"}, "sideways");
  check_run_refused(place, {k, u, "--precision", "f128"}, "f128");
  check_run_refused(place, {k, u, "--rigor", "lazy"}, "lazy");
  check_run_refused(place, {k, u, "--device", "toaster"}, "--device");
}

TEST_CASE("NaN and infinity are refused with their place unless they are let through") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  write_pair(place);
  auto values = random_values(128, 5);
  values[70] = std::nanf("");
  place.write_npy("nan.npy", {2, 64}, values);
  check_run_refused(place, {place.file("k.npy"), place.file("nan.npy")}, "NaN at (batch 0, channel 1, sample 6)");
  values[70] = HUGE_VALF;
  place.write_npy("inf.npy", {2, 64}, values);
  check_run_refused(place, {place.file("k.npy"), place.file("inf.npy")},
                    "infinity at (batch 0, channel 1, sample 6)");
  check_run_refused(place, {place.file("inf.npy"), place.file("u.npy")}, "filter");
  check_run_refused(place, {place.file("k.npy"), place.file("u.npy"), "--allow-nan", "--verify"}, "--verify");
}

TEST_CASE("a value that fp32 cannot hold is refused, unless fp64 is computed") {
  const Workplace place;
  write_pair(place);
  const fftconv::tools::NpyArray wide{{64}, fftconv::tools::NpyType::f8, std::vector<double>(64, 1e300)};
  REQUIRE(fftconv::tools::write_npy(place / "wide.npy", wide).ok());
  check_run_refused(place, {place.file("k.npy"), place.file("wide.npy")}, "1e+300 at element 0");
}

TEST_CASE("a result that overflows its type is an error, and nothing is written") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  write_pair(place);
  const fftconv::tools::NpyArray half{{64}, fftconv::tools::NpyType::f2, std::vector<double>(64, 60000.0)};
  REQUIRE(fftconv::tools::write_npy(place / "half.npy", half).ok());
  place.write_npy("two.npy", {2}, {1.0f, 1.0f});
  check_run_refused(place, {place.file("two.npy"), place.file("half.npy")}, "overflows", 1);
}

TEST_CASE("an output that cannot be is refused before the work") {
  const Workplace place;
  write_pair(place);
  const auto refuse = [&](const std::string& output, const std::string& part) {
    check_refused(place.run("run", {place.file("k.npy"), place.file("u.npy"), "-o", output}), 2, "run", part);
  };
  refuse(place.file("y.txt"), "extension");
  refuse(place.file("no/such/y.npy"), "folder");
  refuse(place.file("y.wav"), "--rate");
  place.write_npy("b.npy", {2, 1, 64}, random_values(128, 2));
  check_refused(
      place.run("run", {place.file("k.npy"), place.file("b.npy"), "-o", place.file("y.wav"), "--rate", "8000"}), 2,
      "run", "one example");
}

TEST_CASE("a full disk leaves the old result untouched") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  write_pair(place);
  place.write_npy("big.npy", {100000}, random_values(100000, 6));
  // The kernel is in the cache before the disk is full.
  REQUIRE(
      place.run("run", {place.file("k.npy"), place.file("big.npy"), "-o", place.file("big_y.npy"), "--device", "cpu"})
          .status == 0);
  fs::remove(place / "big_y.npy");
  const auto before = place.files();
  const Output output = place.run(
      "run", {place.file("k.npy"), place.file("big.npy"), "-o", place.file("y.npy"), "--device", "cpu"}, {}, 200000);
  CAPTURE(output.err);
  CHECK(output.status == 2);
  CHECK(output.err.find("'" + place.file("y.npy") + "'") != std::string::npos);
  CHECK(place.files() == before);
  CHECK(place.read("y.npy") == "the result of yesterday");
}

TEST_CASE("a standard output that is full is an error, not silence") {
  Workplace place;
  place.stdout_to = "/dev/full";
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"tune", "doctor"},
                                                    {"tune", "--version"},
                                                    {"tune", "list"},
                                                    {"run", "--help"},
                                                    {"inspect", "configs", "-L", "64", "--arch", "sm_80"}}) {
    const Output output = place.run(arguments[0], std::vector<std::string>(arguments.begin() + 1, arguments.end()));
    CAPTURE(arguments[0]);
    CHECK(output.status == 2);
    CHECK(output.err.find("standard output") != std::string::npos);
  }
}

TEST_CASE("a sweep whose results nothing would keep is not begun; a convolution is done all the same") {
  const Workplace place;
  if (!has_cpu_device(place) || may_ignore_permissions()) {
    // Root writes anywhere but where there is no folder to be made.
    place.write("cache-file", "not a folder");
    const std::vector<std::string> nowhere{"--cache-dir", place.file("cache-file")};
    std::vector<std::string> sweep = kSmallSweep;
    sweep.insert(sweep.end(), nowhere.begin(), nowhere.end());
    const Output output = place.run("tune", sweep);
    CAPTURE(output.err);
    CHECK(output.status == 2);
    CHECK(output.err.find("--cache-dir") != std::string::npos);
    return;
  }
  write_pair(place);
  fs::permissions(place / "cache", fs::perms::owner_read | fs::perms::owner_exec);
  const Output sweep = place.run("tune", kSmallSweep);
  CAPTURE(sweep.err);
  CHECK(sweep.status == 2);
  CHECK(sweep.out.empty());
  CHECK(sweep.err.find("--cache-dir") != std::string::npos);
  const Output run =
      place.run("run", {place.file("k.npy"), place.file("u.npy"), "-o", place.file("y2.npy"), "--device", "cpu"});
  CHECK(run.status == 0);
  CHECK(run.err.find("memory") != std::string::npos);
  CHECK(fs::exists(place / "y2.npy"));
}

TEST_CASE("a damaged database is set aside, said so, and work goes on") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  std::string bytes = "SQLite format 3";
  bytes.resize(5000, 'x');
  place.write("cache/tuning.db", bytes);
  fs::permissions(place / "cache/tuning.db", fs::perms::owner_read | fs::perms::owner_write);
  const Output list = place.run("tune", {"list"});
  CAPTURE(list.err);
  CHECK(list.status == 2);
  CHECK(place.read("cache/tuning.db") == bytes);
  CHECK(contains(place.run("tune", {"doctor"}).out, "cannot be read"));

  const Output sweep = place.run("tune", kSmallSweep);
  CAPTURE(sweep.err);
  CHECK(sweep.status == 0);
  CHECK(sweep.err.find("set aside") != std::string::npos);
  bool kept = false;
  for (const auto& entry : fs::directory_iterator(place / "cache")) {
    const std::string name = entry.path().filename().string();
    kept = kept || (name != "tuning.db" && name.starts_with("tuning.db") && place.read("cache/" + name) == bytes);
  }
  CHECK(kept);
  CHECK(place.run("tune", {"list", "--json"}).json().size() == 1);
}

TEST_CASE("a database from the future is left as it is") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  REQUIRE(place.run("tune", kSmallSweep).status == 0);
  run_sql(place / "cache/tuning.db", "PRAGMA user_version=99");
  const Output list = place.run("tune", {"list"});
  CAPTURE(list.err);
  CHECK(list.status == 2);
  CHECK(list.err.find("later") != std::string::npos);
  const Output sweep = place.run("tune", kSmallSweep);
  CHECK(sweep.status == 0);
  CHECK(sweep.err.find("set aside") != std::string::npos);
  // The one from the future is still there, under another name.
  bool kept = false;
  for (const auto& entry : fs::directory_iterator(place / "cache")) {
    const std::string name = entry.path().filename().string();
    const bool aside = name != "tuning.db" && name.starts_with("tuning.db");
    kept = kept || (aside && read_sql(entry.path(), "PRAGMA user_version") == 99);
  }
  CHECK(kept);
}

TEST_CASE("a database that another process has locked is refused, and nothing is lost") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  REQUIRE(place.run("tune", kSmallSweep).status == 0);
  const Json before = place.run("tune", {"list", "--json"}).json();
  sqlite3* holder = nullptr;
  REQUIRE(sqlite3_open((place / "cache/tuning.db").c_str(), &holder) == SQLITE_OK);
  for (const char* statement : {"PRAGMA journal_mode=DELETE", "BEGIN EXCLUSIVE"}) {
    REQUIRE(sqlite3_exec(holder, statement, nullptr, nullptr, nullptr) == SQLITE_OK);
  }
  const Output sweep = place.run("tune", {"sweep", "--device", "cpu", "-L", "80", "--budget", "1"});
  CAPTURE(sweep.err);
  CHECK(sweep.status == 2);
  CHECK(sweep.err.find("locked") != std::string::npos);
  sqlite3_exec(holder, "ROLLBACK", nullptr, nullptr, nullptr);
  sqlite3_close(holder);
  CHECK(place.run("tune", {"list", "--json"}).json() == before);
}

TEST_CASE("import and merge take nothing from what is not theirs") {
  const Workplace place;
  place.write("words.txt", "these are words\n");
  const Output import = place.run("tune", {"import", place.file("words.txt")});
  CAPTURE(import.err);
  CHECK(import.status == 2);
  CHECK(import.out.empty());
  const Output merge = place.run("tune", {"merge", place.file("words.txt")});
  CAPTURE(merge.err);
  CHECK(merge.status == 2);
  CHECK(place.read("words.txt") == "these are words\n");
  check_refused(place.run("tune", {"merge", place.file("none.db")}), 2, "tune", "no file");
  check_refused(place.run("tune", {"import", place.file("none.jsonl")}), 2, "tune", "no file");
  check_refused(place.run("tune", {"list", "--db", place.file("none.db")}), 2, "tune", "none.db");
  CHECK(place.run("tune", {"list", "--json"}).json() == Json::array());
}

TEST_CASE("an export that does not fit leaves the old file") {
  const Workplace place;
  if (!has_cpu_device(place)) return;
  REQUIRE(place.run("tune", kSmallSweep).status == 0);
  place.write("old.jsonl", "old");
  const Output output = place.run("tune", {"export", "-o", place.file("old.jsonl")}, {}, 40);
  CAPTURE(output.err);
  CHECK(output.status == 2);
  CHECK(place.read("old.jsonl") == "old");
  CHECK(place.files() == std::vector<std::string>{"old.jsonl"});
}

TEST_CASE("replay refuses a file that is no capture, with the line, and one without problems") {
  const Workplace place;
  place.write("bad", "# fftconv capture 1\n3 1 causal/L64/k64/b1/h1/io-f32/f32/forward\nthree\n");
  place.write("other", "Dear reader,\n");
  place.write("empty", "# fftconv capture 1\n");
  check_refused(place.run("tune", {"replay", place.file("bad"), "--device", "cpu"}), 2, "tune", "line 3");
  check_refused(place.run("tune", {"replay", place.file("other"), "--device", "cpu"}), 2, "tune", "no capture");
  check_refused(place.run("tune", {"replay", place.file("empty"), "--device", "cpu"}), 2, "tune", "FFTCONV_CAPTURE=");
  check_refused(place.run("tune", {"replay", place.file("absent"), "--device", "cpu"}), 2, "tune", "absent");
  CHECK(place.read("other") == "Dear reader,\n");
}
