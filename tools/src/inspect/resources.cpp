// resources: static quality of one kernel, from the compiler, from the machine code and from the simulation.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "algorithm_count.h"
#include "fftconv/kernel_counts.h"
#include "fftconv/llvm_component.h"
#include "fftconv/nvrtc.h"
#include "inspect/simulation.h"
#include "row_loop.h"
#include "table.h"

namespace fftconv::tools {
namespace {

struct Resources {
  KernelSource source;
  CompiledKernel kernel;
  Occupancy fits;
  PointBudget budget;                  ///< of a complex point
  double slots_per_point = 0;          ///< of a lane; from the emitter's count
  Problem simulated_problem;           ///< a few rows of one channel
  std::optional<Simulated> simulated;  ///< without LLVM there is none
  std::optional<CubinKernel> machine;  ///< of the convolution entry
  std::string without;                 ///< why one of the two is missing
};

/// Few rows of one channel: what a row costs does not depend on how many there are.
Problem few_rows(const Subject& subject) {
  Problem problem = subject.problem;
  problem.channels = 1;
  problem.groups = 1;
  const int rows = std::max(1, subject.config.rows) * (subject.config.paired ? 2 : 1);
  problem.batch = std::min<std::int64_t>(problem.batch, 2 * rows);
  problem.strides = {};
  return problem;
}

std::optional<CubinKernel> read_machine_code(LlvmComponent& llvm, const Resources& resources) {
  auto kernels = llvm.read_cubin(resources.kernel.binary);
  if (!kernels) return std::nullopt;
  for (CubinKernel& kernel : *kernels) {
    if (kernel.name == resources.source.convolution.name) return std::move(kernel);
  }
  return std::nullopt;
}

Result<Resources> collect(const Subject& subject, std::uint64_t seed) {
  auto source = emit(subject.problem, subject.config, subject.target.facts);
  if (!source) return source.error();
  if (subject.config.engine == Engine::vector) {
    return invalid("resources are those of a CUDA kernel; leave out --device cpu");
  }
  auto kernel = nvrtc_compile(*source, source->arch, BinaryFormat::cubin);
  if (!kernel) return kernel.error();
  Resources resources{std::move(*source), std::move(*kernel), {}, {}, 0, few_rows(subject), {}, {}, {}};
  resources.fits = occupancy(resources.source, resources.kernel, subject.target.facts);
  resources.budget = point_budget(subject.problem, subject.config, subject.target.facts);
  const KernelCounts counts = count(subject.problem, subject.config, subject.target.facts);
  resources.slots_per_point = counts.instructions * 32 / counts.complex_points;
  const auto llvm = llvm_component();
  if (!llvm) {
    resources.without = llvm.error().message;
    return resources;
  }
  resources.machine = read_machine_code(**llvm, resources);
  auto simulated = run_simulated(subject, resources.simulated_problem, SimMode::vector, seed);
  if (!simulated && simulated.error().code == ErrorCode::dependency_missing) {
    resources.without = simulated.error().message;
    return resources;
  }
  if (!simulated) return simulated.error();
  resources.simulated = std::move(*simulated);
  return resources;
}

std::optional<double> slots_of_machine_code(const Resources& r) {
  return r.machine ? machine_slots_per_point(*r.machine, r.source.config) : std::nullopt;
}

std::vector<std::pair<std::string, int>> opcodes_of(const CubinKernel& kernel) {
  std::map<std::string, int> counts;
  for (const std::string& mnemonic : kernel.code) ++counts[mnemonic];
  return {counts.begin(), counts.end()};
}

std::string fixed(double value) { return fmt::format("{:.2f}", value); }

void add_simulated(Table& table, const Subject& subject, const Resources& r) {
  const SimCounters& c = r.simulated->report.counters;
  const double points = complex_points(r.simulated_problem, subject.config);
  table.add({"matrix products", fmt::format("{}", c.mma),
             fmt::format("{:.0f} by the algorithm", algorithm_products(r.simulated_problem, subject.config))});
  table.add({"shared-memory bytes a point", fixed(static_cast<double>(c.shared_bytes) / points),
             fmt::format("budget {}", fixed(r.budget.shared_bytes))});
  table.add({"bank-conflict degree", fmt::format("{:.3f}", conflict_degree(c)), "at most 1.1"});
  table.add({"sectors over ideal", fmt::format("{:.3f}", sector_ratio(c)), "at most 1.05"});
  table.add({"relative L2 error", show_error(r.simulated->error),
             fmt::format("budget {}", show_error(error_budget(r.simulated_problem)))});
}

std::string as_text(const Subject& subject, const Resources& r) {
  Table table({{"resource"}, {"value", Align::right}, {"beside"}});
  table.add({"registers a thread", fmt::format("{}", r.kernel.registers), ""});
  table.add({"spilled bytes", fmt::format("{}", r.kernel.spill_bytes), "none wanted"});
  table.add({"threads a block", fmt::format("{}", r.source.convolution.threads), ""});
  table.add({"shared memory a block", show_bytes(static_cast<double>(r.source.convolution.shared_bytes)),
             fmt::format("at most {}", show_bytes(static_cast<double>(subject.target.facts.shared_per_block)))});
  table.add({"blocks an SM", fmt::format("{}", r.fits.blocks),
             fmt::format("registers {}, shared memory {}, warps {}", r.fits.by_registers, r.fits.by_shared,
                         r.fits.by_warps)});
  table.add({"occupancy", fixed(r.fits.warps_share), ""});
  table.add({"issue slots a point", fixed(r.slots_per_point),
             fmt::format("budget {}, estimated by the emitter", fixed(r.budget.slots))});
  const auto counted = slots_of_machine_code(r);
  table.add({"the same in machine code", counted ? fixed(*counted) : "-",
             counted ? "counted in the row loop" : "not counted: this kernel's loops are not told apart"});
  if (r.simulated) add_simulated(table, subject, r);
  std::string text = fmt::format("{}\n{} ({})\nNVRTC for {}, compiled in {}\n\n{}", to_string(subject.problem),
                                 to_string(subject.config), subject.chosen_by, r.source.arch,
                                 show_seconds(r.kernel.compile_s), table.text());
  if (r.simulated) {
    text += fmt::format("simulated: {} rows of one channel; a point is complex\n", r.simulated_problem.batch);
    for (const SimFinding& finding : r.simulated->report.findings) {
      text += fmt::format("line {}: {}: {}\n", finding.line, finding.kind, finding.message);
    }
  } else {
    text += fmt::format("not simulated: {}\n", r.without);
  }
  if (r.machine) {
    auto counts = opcodes_of(*r.machine);
    std::stable_sort(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    Table opcodes({{"opcode"}, {"count", Align::right}});
    for (const auto& [name, number] : counts) opcodes.add({name, fmt::format("{}", number)});
    text += fmt::format("\n{} instructions of machine code\n{}", r.machine->code.size(), opcodes.text());
  }
  return text;
}

Json as_json(const Subject& subject, const Resources& r) {
  Json json{{"problem", to_json(subject.problem)},
            {"config", to_string(subject.config)},
            {"chosen_by", subject.chosen_by},
            {"arch", r.source.arch},
            {"registers", r.kernel.registers},
            {"spill_bytes", r.kernel.spill_bytes},
            {"threads", r.source.convolution.threads},
            {"shared_bytes", r.source.convolution.shared_bytes},
            {"compile_s", number(r.kernel.compile_s)},
            {"blocks_per_sm", r.fits.blocks},
            {"occupancy", number(r.fits.warps_share)},
            {"slots_per_point", number(r.slots_per_point)},
            {"slots_budget", number(r.budget.slots)},
            {"slots_per_point_in_machine_code", number(slots_of_machine_code(r).value_or(NAN))},
            {"shared_bytes_budget", number(r.budget.shared_bytes)},
            {"without", r.without}};
  if (r.simulated) {
    const double points = complex_points(r.simulated_problem, subject.config);
    json["shared_bytes_per_point"] = number(static_cast<double>(r.simulated->report.counters.shared_bytes) / points);
    json["algorithm_products"] = number(algorithm_products(r.simulated_problem, subject.config));
    json["simulated"] = to_json(*r.simulated);
  }
  if (r.machine) {
    json["instructions"] = r.machine->code.size();
    for (const auto& [name, number] : opcodes_of(*r.machine)) json["opcodes"][name] = number;
  }
  return json;
}

}  // namespace

int show_resources(const InspectOptions& options, const Console& console) {
  const auto subject = find_subject(options);
  if (!subject) return console.fail(subject.error());
  const auto resources = collect(*subject, options.seed);
  if (!resources) return console.fail(resources.error());
  const int printed =
      finish(console, options.json ? dump(as_json(*subject, *resources)) : as_text(*subject, *resources));
  if (printed != 0) return printed;
  if (resources->simulated && !resources->simulated->failure.empty()) {
    return console.fail({ErrorCode::launch_failed, resources->simulated->failure});
  }
  return 0;
}

}  // namespace fftconv::tools
