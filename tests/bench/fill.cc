// Reports of the workload into a vault, as if each had been written there: without a file's hash in them, as imports
// have.
//   bench_fill FOLDER FORM FIRST < answers        lines "path<tab>value"; an empty line ends a report
// The passphrase is that of tests/bench/contestants.py. FIRST numbers the reports, so that none is taken for another.
#include <cstdio>
#include <iostream>

#include "core/vault/vault_impl.h"

using namespace lysoen;

namespace {

constexpr std::string_view kPassphrase = "correct horse, benchmarked only";
constexpr size_t kPortion = 256;

template <class T>
T must(Result<T> result) {
  if (!result) std::fprintf(stderr, "error: %s\n", result.error().message.c_str()), std::exit(1);
  return std::move(*result);
}

/// One report, or an empty one at the end of the input.
ImportRow next_row(const Form& form, uint64_t number) {
  ImportRow row{form.id(), std::to_string(number), {}};
  for (std::string line; std::getline(std::cin, line) && !line.empty();) {
    const auto tab = line.find('\t');
    std::string path = line.substr(0, tab), question = path;
    if (const auto open = question.find('['); open != std::string::npos)
      question.erase(open, question.find(']') + 1 - open);
    const auto* asked = form.question(question);
    if (tab == std::string::npos || !asked) {
      std::fprintf(stderr, "error: no such question: %s\n", path.c_str());
      std::exit(1);
    }
    row.values.push_back({path, must(Value::parse(asked->type, line.substr(tab + 1)))});
  }
  return row;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "usage: bench_fill FOLDER FORM FIRST < answers\n"), 2;
  const auto form = built_in_form(argv[2]);
  if (!form) return std::fprintf(stderr, "error: no such form: %s\n", argv[2]), 1;
  uint64_t number = std::stoull(argv[3]);
  auto vault = must(Vault::open(argv[1], kPassphrase, system_environment()));
  for (bool more = true; more;) {
    std::vector<ImportRow> rows;
    while (rows.size() < kPortion && more) {
      auto row = next_row(*form, number++);
      more = !row.values.empty();
      if (more) rows.push_back(std::move(row));
    }
    if (must(vault->import_rows(rows)).added != rows.size())
      return std::fprintf(stderr, "error: reports are there already\n"), 1;
  }
  (void)vault->lock();
  return 0;
}
