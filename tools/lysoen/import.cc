// lysoen import: a CSV or JSON file by a mapping; what does not fit is set aside with the reason.
#include "core/exchange/import.h"

#include <iostream>

#include "core/base/bytes.h"
#include "core/base/try.h"
#include "tools/lysoen/app.h"
#include "tools/lysoen/people.h"
#include "tools/lysoen/terminal.h"

namespace lysoen::cli {

namespace {

constexpr size_t kMappingMax = 1024 * 1024;
constexpr size_t kRowsAtOnce = 256;  // of Vault::import_rows

struct Arguments {
  std::string file, mapping, encoding, refused;
};

struct Counts {
  size_t added = 0, known = 0, refused = 0;
};

// Takes portion after portion. What was taken stays taken when a later one fails.
Result<void> take_all(exchange::Import& import, Vault& vault, exchange::RefusedFile& refused, Counts& counts) {
  Bar bar("importing");
  Interruptible ctrl_c;
  for (bool last = false; !last;) {
    if (ctrl_c.asked())
      return make_error(ErrorCode::cancelled, "the import was interrupted", "import the file again to go on");
    LYSOEN_ASSIGN(auto portion, import.next(kRowsAtOnce));
    last = portion.last;
    if (!portion.rows.empty()) {
      LYSOEN_ASSIGN(auto outcome, vault.import_rows(portion.rows));
      counts.added += outcome.added;
      counts.known += outcome.known;
    }
    for (auto& row : portion.refused) LYSOEN_TRY(refused.add(row));
    counts.refused = refused.count();
    bar.show(import.progress().done, import.progress().total, count_text(counts.added) + " added");
  }
  return {};
}

Result<void> import(App& app, const Arguments& arguments) {
  LYSOEN_ASSIGN(Bytes text, read_file(arguments.mapping, kMappingMax));
  LYSOEN_ASSIGN(auto mapping, exchange::Mapping::parse(as_text(text), built_in_forms()));
  if (!arguments.encoding.empty()) {
    auto encoding = exchange::encoding_from(arguments.encoding);
    if (!encoding)
      return make_error(ErrorCode::input_refused, "there is no encoding '" + safe(arguments.encoding) + "'",
                        "utf-8 or windows-1252");
    mapping.set_encoding(*encoding);
  }
  std::string aside = arguments.refused.empty() ? arguments.file + ".refused" : arguments.refused;
  std::error_code ignored;
  if (std::filesystem::equivalent(aside, arguments.file, ignored) ||
      std::filesystem::equivalent(aside, arguments.mapping, ignored))
    return make_error(ErrorCode::usage, "rows that do not fit cannot go into a file that is read",
                      "choose another name with --refused");
  bool is_json = mapping.source().json;
  LYSOEN_ASSIGN(auto import, exchange::Import::open(arguments.file, std::move(mapping)));
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  exchange::RefusedFile refused(aside, is_json, import->columns());
  Counts counts;
  auto taken = take_all(*import, *vault, refused, counts);
  if (auto finished = refused.finish(); taken.ok()) taken = std::move(finished);
  app.print_json({{"added", counts.added},
                  {"known", counts.known},
                  {"refused", counts.refused},
                  {"refused_file", counts.refused ? json(aside) : json()},
                  {"complete", taken.ok()}});
  say(count_text(counts.added) + " rows added, " + count_text(counts.known) + " were there already");
  if (counts.refused > 0) {
    say_warning(count_text(counts.refused) + " rows do not fit; they are in " + aside +
                " with the reasons: correct and import that file");
    if (!refused.kept().empty()) say("the file that had this name is now " + refused.kept().string());
    app.remember(ErrorCode::partly_done);
  }
  if (!taken.ok() && counts.added + counts.known > 0)
    say("what was read until then is saved; importing the file again goes on from there");
  return taken;
}

}  // namespace

void add_import(App& app) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.commands().add_subcommand(
      "import",
      "Import a CSV or JSON file. A row is known by the file's hash and its number: importing twice adds nothing");
  command->add_option("file", arguments->file, "The file")->required();
  command
      ->add_option("--mapping", arguments->mapping,
                   "How its columns become answers (JSON; see docs/guides/importing.md)")
      ->required();
  command->add_option("--encoding", arguments->encoding, "utf-8 or windows-1252, instead of the mapping's");
  command->add_option("--refused", arguments->refused, "Where to put rows that do not fit (default: FILE.refused)");
  app.does(command, [&app, arguments] { return import(app, *arguments); });
}

}  // namespace lysoen::cli
