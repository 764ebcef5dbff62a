// `import`: bundles that devices wrote for this relay, into its store.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/try.h"
#include "tools/relayd/orders.h"

namespace lysoen::relayd {

namespace {

using nlohmann::json;

struct Taken {
  relay::ImportReport sum;
  std::optional<Error> failure;  // the first of a file, while others were taken
};

Error stopping() {
  return make_error(ErrorCode::cancelled, "the import was given up: the relay is stopping",
                    "order it again when it serves; what was taken stays");
}

// Says something about the file, not about the store: the other files are tried all the same.
bool concerns_file(ErrorCode code) {
  return code == ErrorCode::damaged || code == ErrorCode::newer_version || code == ErrorCode::not_found ||
         code == ErrorCode::input_refused || code == ErrorCode::trust_refused;
}

Result<relay::ImportReport> take(relay::Relay& relay, const std::string& file, const OnWriter& on_writer,
                                 const Tell& tell) {
  if (file.empty() || file.front() != '/')
    return make_error(ErrorCode::input_refused, "cannot take the bundle: its name is no absolute path");
  LYSOEN_ASSIGN(auto import, relay.begin_import(file));
  uint64_t told = 0;
  for (;;) {
    LYSOEN_ASSIGN(bool more, import->read());
    if (!more) return import->report();
    Result<void> stored;
    if (!on_writer([&] { stored = import->store(); })) return stopping();
    LYSOEN_TRY(stored);
    const uint64_t percent = import->bytes_done() * 100 / std::max<uint64_t>(import->bytes_all(), 1);
    if (percent > told) tell("import: " + std::to_string(told = percent) + " %");
  }
}

Error damage(const std::string& file) {
  return make_error(ErrorCode::partly_done,
                    "the bundle '" + std::filesystem::path(file).filename().string() +
                        "' is damaged or cut short: what came whole was taken",
                    "ask for it to be written again and import it again; what was taken stays");
}

// What is new; the rest is counted when all files were seen.
void add_stored(relay::ImportReport& sum, const relay::ImportReport& part) {
  sum.entries_stored += part.entries_stored, sum.chunks_stored += part.chunks_stored;
}

void add(Taken& taken, const relay::ImportReport& part, const std::string& file) {
  auto& sum = taken.sum;
  add_stored(sum, part);
  sum.entries_known += part.entries_known, sum.chunks_known += part.chunks_known;
  sum.batches_forked += part.batches_forked, sum.records_unknown += part.records_unknown;
  for (const auto& [why, count] : part.refused) sum.refused[why] += count;
  if (!part.whole && !taken.failure) taken.failure = damage(file);
}

// Those whose entries wait for earlier ones are taken again while that helps.
Result<Taken> take_all(relay::Relay& relay, const Order& order, const OnWriter& on_writer, const Tell& tell) {
  Taken taken;
  std::vector<std::pair<std::string, uint64_t>> early;
  size_t opened = 0;
  for (const auto& file : order.files) {
    auto part = take(relay, file, on_writer, tell);
    if (!part.ok()) {
      if (!concerns_file(part.error().code)) return std::move(part).error();
      if (!taken.failure) taken.failure = std::move(part).error();
      continue;
    }
    ++opened;
    if (part->entries_waiting > 0) early.emplace_back(file, part->entries_waiting);
    add(taken, *part, file);
  }
  if (opened == 0 && taken.failure) return std::move(*taken.failure);
  for (bool helped = order.files.size() > 1; helped;) {
    helped = false;
    for (auto& [file, waiting] : early) {
      if (waiting == 0) continue;
      LYSOEN_ASSIGN(auto part, take(relay, file, on_writer, tell));
      helped = helped || part.entries_waiting < waiting;
      waiting = part.entries_waiting;
      add_stored(taken.sum, part);
    }
  }
  for (const auto& one : early) taken.sum.entries_waiting += one.second;
  return taken;
}

std::string of(uint64_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::string to_text(const relay::ImportReport& sum) {
  std::string text = of(sum.entries_stored, "entry", "entries") + " new, " + std::to_string(sum.entries_known) +
                     " were there already\n";
  if (sum.chunks_stored + sum.chunks_known > 0)
    text += of(sum.chunks_stored, "piece", "pieces") + " of attachments new, " + std::to_string(sum.chunks_known) +
            " were there already\n";
  if (sum.entries_waiting > 0)
    text += of(sum.entries_waiting, "entry waits", "entries wait") +
            " for earlier ones: import the other bundles, then this one again\n";
  if (sum.batches_forked > 0)
    text += of(sum.batches_forked, "batch is", "batches are") + " another version of what is here: both are kept\n";
  for (const auto& [why, count] : sum.refused) text += std::to_string(count) + " refused: " + why + "\n";
  if (sum.records_unknown > 0)
    text += of(sum.records_unknown, "record", "records") + " of a newer Lysoen passed over: keep the file\n";
  return text;
}

json to_json(const Taken& taken) {
  const auto& sum = taken.sum;
  json refused = json::array();
  for (const auto& [why, count] : sum.refused) refused.push_back({{"why", why}, {"count", count}});
  return {{"stored", sum.entries_stored},
          {"known", sum.entries_known},
          {"waiting", sum.entries_waiting},
          {"forked_batches", sum.batches_forked},
          {"chunks_stored", sum.chunks_stored},
          {"chunks_known", sum.chunks_known},
          {"refused", refused},
          {"unknown_records", sum.records_unknown},
          {"damage", taken.failure ? json(taken.failure->message) : json()}};
}

}  // namespace

Outcome take_bundles(relay::Relay& relay, const Order& order, const OnWriter& on_writer, const Tell& tell) {
  auto taken = take_all(relay, order, on_writer, tell);
  tell("");
  if (!taken.ok()) return {{}, taken.error()};
  Outcome outcome{order.json ? to_json(*taken).dump() + "\n" : to_text(taken->sum), std::move(taken->failure)};
  const auto& sum = taken->sum;
  if (!outcome.error && sum.entries_waiting + sum.batches_forked + sum.refused.size() > 0)
    outcome.error = make_error(ErrorCode::partly_done, "not everything in the bundles could be taken",
                               "keep the files; what was taken stays, and importing them again takes the rest");
  return outcome;
}

}  // namespace lysoen::relayd
