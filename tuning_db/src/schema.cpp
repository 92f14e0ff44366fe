#include "trial_row.h"

namespace fftconv {
namespace {

// Winners are a query: trial_best holds exactly the rows that can win, in the order in which they do, so that the
// best of a problem is the first entry of one index range however many trials there are; trial_environment finds the
// latest trials of an environment among those of many others.
constexpr std::string_view statements[] = {
    "CREATE TABLE environment(id INTEGER PRIMARY KEY, device TEXT NOT NULL, kind TEXT NOT NULL, arch TEXT NOT NULL, "
    "sm_count INTEGER NOT NULL, l2_bytes INTEGER NOT NULL, driver TEXT NOT NULL, compiler TEXT NOT NULL, "
    "generator_digest TEXT NOT NULL, policy TEXT NOT NULL, UNIQUE(device, kind, arch, sm_count, l2_bytes, driver, "
    "compiler, generator_digest, policy)) STRICT",
    // family: what problems must share to be compared by size; rows: batch x channels.
    "CREATE TABLE problem(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, family TEXT NOT NULL, seqlen INTEGER "
    "NOT "
    "NULL, rows INTEGER NOT NULL) STRICT",
    "CREATE INDEX problem_family ON problem(family, seqlen, rows)",
    // Times in seconds; samples: fp64, little-endian, one after another.
    "CREATE TABLE trial(id INTEGER PRIMARY KEY, problem INTEGER NOT NULL REFERENCES problem, environment INTEGER NOT "
    "NULL REFERENCES environment, config TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL, samples BLOB NOT "
    "NULL, lower_quartile REAL NOT NULL, median REAL NOT NULL, upper_quartile REAL NOT NULL, error REAL NOT NULL, "
    "clock_hz REAL NOT NULL, throttled INTEGER NOT NULL, registers INTEGER NOT NULL, spill_bytes INTEGER NOT NULL, "
    "compile_s REAL NOT NULL, unix_time INTEGER NOT NULL, checksum INTEGER NOT NULL, predicted_s REAL NOT NULL "
    "DEFAULT 0, UNIQUE(problem, environment, config)) STRICT",
    "CREATE INDEX trial_best ON trial(problem, environment, median) WHERE status='measured' AND error>=0",
    "CREATE INDEX trial_environment ON trial(environment)",
    "CREATE TABLE search(problem INTEGER NOT NULL REFERENCES problem, environment INTEGER NOT NULL REFERENCES "
    "environment, rigor TEXT NOT NULL, budget_s REAL NOT NULL, candidates INTEGER NOT NULL, measured INTEGER NOT "
    "NULL, complete INTEGER NOT NULL, unix_time INTEGER NOT NULL, checksum INTEGER NOT NULL, compiled INTEGER NOT "
    "NULL DEFAULT 0, refused TEXT NOT NULL DEFAULT '', first TEXT NOT NULL DEFAULT '', PRIMARY KEY(problem, "
    "environment)) STRICT, WITHOUT ROWID",
    "CREATE TABLE sweep(id INTEGER PRIMARY KEY, arguments TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT "
    "NULL) STRICT",
};

// From version 1. SQLite puts an added column where the statements above have it, letter by letter, so that a
// migrated file passes for a new one. Checksums leave out what has its default: those of version 1 stay right.
constexpr std::string_view to_version_2[] = {
    "ALTER TABLE trial ADD COLUMN predicted_s REAL NOT NULL DEFAULT 0",
    "CREATE INDEX trial_environment ON trial(environment)",
    "ALTER TABLE search ADD COLUMN compiled INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE search ADD COLUMN refused TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE search ADD COLUMN first TEXT NOT NULL DEFAULT ''",
    "CREATE TABLE sweep(id INTEGER PRIMARY KEY, arguments TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT "
    "NULL) STRICT",
};
constexpr std::span<const std::string_view> migrations[] = {to_version_2};

constexpr std::string_view walks[] = {
    "SELECT id, (SELECT count(*) FROM environment i INDEXED BY sqlite_autoindex_environment_1 WHERE "
    "i.device=e.device AND i.kind=e.kind AND i.arch=e.arch AND i.sm_count=e.sm_count AND i.l2_bytes=e.l2_bytes AND "
    "i.driver=e.driver AND i.compiler=e.compiler AND i.generator_digest=e.generator_digest AND i.policy=e.policy AND "
    "i.id=e.id) FROM environment e NOT INDEXED WHERE id>? ORDER BY id",
    "SELECT id, (SELECT count(*) FROM problem i INDEXED BY sqlite_autoindex_problem_1 WHERE i.text=p.text AND "
    "i.id=p.id) AND (SELECT count(*) FROM problem i INDEXED BY problem_family WHERE i.family=p.family AND "
    "i.seqlen=p.seqlen AND i.rows=p.rows AND i.id=p.id) FROM problem p NOT INDEXED WHERE id>? ORDER BY id",
    "SELECT id, (SELECT count(*) FROM trial i INDEXED BY sqlite_autoindex_trial_1 WHERE i.problem=t.problem AND "
    "i.environment=t.environment AND i.config=t.config AND i.id=t.id) AND (SELECT count(*) FROM trial i INDEXED BY "
    "trial_environment WHERE i.environment=t.environment AND i.id=t.id) AND (status<>'measured' OR error<0 OR "
    "(SELECT count(*) FROM trial i INDEXED BY trial_best WHERE i.problem=t.problem AND i.environment=t.environment "
    "AND i.median=t.median AND i.id=t.id AND i.status='measured' AND i.error>=0)) FROM trial t NOT INDEXED WHERE "
    "id>? "
    "ORDER BY id",
};

}  // namespace

std::span<const std::string_view> tuning_index_walks() { return walks; }

std::span<const std::string_view> tuning_schema() { return statements; }

std::span<const std::span<const std::string_view>> tuning_migrations() { return migrations; }

}  // namespace fftconv
