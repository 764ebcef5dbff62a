// What a report of the workload takes, step by step from its JSON to the wire, in bytes.
//   bench_sizes TRAINING.jsonl REPORTS.jsonl COUNT
// The reports have the workload's 22 columns. Three of them are the report's own: its id, the device that wrote it,
// when it was created. The others are answers to a form that is made here, of the columns and of the codes that the
// training reports use. Two dictionaries: `shipped`, made as those in the forms that ship are, and `own`, trained from
// the training reports. Everything is sealed, signed, sent to a relay and fetched by a reader, with the code of the
// product.
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/crypto/cipher.h"
#include "core/feed/stream.h"
#include "core/report/change.h"
#include "core/team/admission.h"
#include "core/team/text_key.h"
#include "sync/relay/keys.h"
#include "sync/relay/relay.h"
#include "sync/session/device.h"
#include "tests/bench/measure.h"
#include "tests/support/field_device.h"
#include "tests/support/memory_disk.h"
#include "tests/support/temp_folder.h"
#include "tools/dictionary/make.h"

using namespace lysoen;
using namespace lysoen::bench;

namespace {

using Json = nlohmann::json;

constexpr size_t kWindow = 1 << 20, kAnswer = 4 << 20;
// Of each exchange; docs/protocol/exchange.md, "Sizes, measured".
constexpr size_t kHttpHead = 144;
constexpr size_t kExchangesMax = 10000;

template <class T>
T must(Result<T> result) {
  if (!result) std::fprintf(stderr, "error: %s\n", result.error().message.c_str()), std::exit(1);
  return std::move(*result);
}
void must(Result<void> result) {
  if (!result) std::fprintf(stderr, "error: %s\n", result.error().message.c_str()), std::exit(1);
}

struct Column {
  const char *name, *type;  // of the bind; "code" is a choice among the codes that occur
  const char* role = "";
};
constexpr Column kColumns[] = {
    {"case_ref", "string"},
    {"category", "code", "category"},
    {"event_time", "dateTime", "event_time"},
    {"location", "geopoint", "place"},
    {"accuracy", "decimal"},
    {"place", "string", "place_name"},
    {"severity", "int"},
    {"perpetrator", "code"},
    {"method", "code"},
    {"source", "code"},
    {"confidence", "code"},
    {"target", "code"},
    {"need", "code"},
    {"killed", "int"},
    {"injured", "int"},
    {"detained", "int"},
    {"lang", "code"},
    {"narrative", "string", "narrative"},
};

std::vector<std::string> lines_of(const char* path, size_t count) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; lines.size() < count && std::getline(file, line);) lines.push_back(line);
  if (lines.empty()) std::fprintf(stderr, "error: no reports in '%s'\n", path), std::exit(1);
  return lines;
}

std::shared_ptr<const Form> make_form(const std::vector<std::string>& reports) {
  std::map<std::string, std::set<std::string>> codes;
  for (const auto& line : reports) {
    auto report = Json::parse(line);
    for (const auto& column : kColumns)
      if (column.type == std::string_view("code")) codes[column.name].insert(report.at(column.name));
  }
  std::string instance, binds, controls;
  for (const auto& column : kColumns) {
    const std::string name = column.name, path = "/report/" + name;
    const bool code = column.type == std::string_view("code");
    instance += "<" + name + "/>";
    binds += "<bind nodeset='" + path + "' type='" + (code ? "string" : column.type) + "'";
    if (*column.role) binds += std::string(" lysoen:role='") + column.role + "'";
    binds += "/>";
    controls += code ? "<select1 ref='" + path + "'>" : "<input ref='" + path + "'>";
    for (const auto& value : codes[name])
      controls += "<item><label>" + value + "</label><value>" + value + "</value></item>";
    controls += code ? "</select1>" : "</input>";
  }
  return must(Form::parse(
      "<h:html xmlns='http://www.w3.org/2002/xforms' xmlns:h='http://www.w3.org/1999/xhtml' "
      "xmlns:lysoen='urn:lysoen:form'><h:head><model><instance><report id='workload' version='1'>" +
      instance + "</report></instance>" + binds + "</model></h:head><h:body>" + controls + "</h:body></h:html>"));
}

std::string point_of(const Json& report) {
  return report.at("lat").dump() + " " + report.at("lon").dump();
}

std::string time_of(int64_t milliseconds) {
  auto seconds = static_cast<time_t>(milliseconds / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char day[40], text[64];
  std::strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text, sizeof text, "%s.%03dZ", day, static_cast<int>(milliseconds % 1000));
  return text;
}

/// The creating edit of a report of the workload.
Bytes edit_of(const std::string& line, const Form& form) {
  auto report = Json::parse(line);
  std::vector<Change> changes;
  for (const auto& question : form.questions()) {
    std::string text;
    if (question.path == "location")
      text = point_of(report);
    else if (question.path == "event_time")
      text = time_of(report.at("event_time"));
    else if (const auto& value = report.at(question.path); value.is_string())
      text = value;
    else
      text = value.dump();
    changes.push_back({question.path, must(Value::parse(question.type, text))});
  }
  int64_t created = report.at("created");
  report::EditContext context{WallTime(std::chrono::milliseconds(created)), static_cast<uint64_t>(created % 864000000),
                              3};
  return must(report::encode_edit(report::make_creating_edit(form, changes, "", context)));
}

double mean(const std::vector<size_t>& sizes) {
  double sum = 0;
  for (size_t size : sizes) sum += static_cast<double>(size);
  return sum / static_cast<double>(sizes.size());
}

/// A relay, a reporter and a reader. The admission list was brought before anything is counted.
struct Field {
  explicit Field(uint64_t salt)
      : random(salt),
        root(crypto::SigningKey::generate(random)),
        team(team::team_id(root.public_key())),
        reporter(team, random),
        reader(team, random),
        epoch(crypto::KemKeyPair::generate(random)),
        audience(feed::audience_id(team, feed::AudienceKind::team)) {
    must(relay::make_key_file(folder.path() / "relay.key", environment()));
    relay::RelayOptions options;
    options.folder = folder.path() / "store";
    options.key_file = folder.path() / "relay.key";
    options.files = &disk;
    relay = must(relay::Relay::open(options, environment()));
    must(relay->admit_team(team::team_key_text(root.public_key())));
    reader.mailboxes = {audience};
    reporter.mailboxes = {feed::inbox_of(team, reporter.id)};
    team::AdmissionContents contents;
    contents.admins = {reader.id};
    for (auto* device : {&reporter, &reader})
      contents.devices.push_back({device->id, team::QuotaClass::member, device->mailboxes});
    reader.todo.admission_lists.push_back(
        team::encode_admission(must(team::next_admission(nullptr, root.public_key(), contents, root, clock.wall()))));
    (void)sync(reader);
  }
  Environment environment() { return {clock, random}; }

  struct Sent {
    size_t requests = 0, answers = 0, exchanges = 0;
  };
  Sent sync(test::FieldDevice& device) {
    session::DeviceExchange exchange(device, device.store, relay->info(), environment());
    Sent sent;
    for (bool more = true; more && sent.exchanges < kExchangesMax; ++sent.exchanges) {
      Bytes request = must(exchange.request({.window = kWindow, .answer_max = kAnswer}));
      Bytes answer = relay->handle({request}).front();
      sent.requests += request.size(), sent.answers += answer.size();
      more = must(exchange.response(answer)).more();
    }
    return sent;
  }

  test::SeededRandom random;
  test::ManualClock clock;
  test::TempFolder folder;
  test::MemoryDisk disk;
  crypto::SigningKey root;
  TeamId team;
  std::unique_ptr<relay::Relay> relay;
  test::FieldDevice reporter, reader;
  crypto::KemKeyPair epoch;
  AudienceId audience;
};

/// Seals the edits as a vault does, a new stream every 256 of them; answers the bytes of the entries.
size_t write_all(Field& field, const std::vector<Bytes>& payloads, feed::Dictionary& dictionary) {
  FeedKey key = field.reporter.feed_for(field.audience);
  feed::StreamPlace place{field.team, key, 1, field.epoch.public_key};
  std::optional<feed::StreamWriter> writer;
  size_t bytes = 0;
  auto append = [&](const SealedEntry& entry) {
    bytes += entry.ciphertext.size();
    field.reporter.store.write(key, field.reporter.key, entry.ciphertext, entry.kind);
  };
  for (const auto& payload : payloads) {
    auto head = must(field.reporter.store.head(key));
    if (!writer || writer->full()) {
      auto begun = must(feed::StreamWriter::begin(place, head.seq + 1, {}, field.random));
      append(begun.entry);
      writer.emplace(std::move(begun.writer));
      head = must(field.reporter.store.head(key));
    }
    append(must(writer->seal(head.hash, payload, &dictionary)).entry);
  }
  return bytes;
}

void measure(const char* column, ByteView dictionary_bytes, const std::vector<Bytes>& payloads) {
  feed::Dictionaries dictionaries;
  auto* dictionary = must(dictionaries.add(dictionary_bytes));
  std::vector<size_t> bodies, padded;
  (void)must(feed::encode_body(payloads.front(), dictionary));  // its tables are made by the first
  double packing = cost_of([&] {
                     for (const auto& payload : payloads)
                       bodies.push_back(must(feed::encode_body(payload, dictionary)).size());
                   }).processor;
  std::vector<Bytes> packed;
  for (const auto& payload : payloads) packed.push_back(must(feed::encode_body(payload, dictionary)));
  double unpacking = cost_of([&] {
                       for (size_t i = 0; i < packed.size(); ++i)
                         if (must(feed::decode_body(packed[i], &dictionaries)) != payloads[i]) std::abort();
                     }).processor;
  for (const auto& body : packed) padded.push_back(crypto::pad(body).size());
  const auto count = static_cast<double>(payloads.size());
  Field field(42);
  const size_t entries = write_all(field, payloads, *dictionary);
  auto up = field.sync(field.reporter), down = field.sync(field.reader);
  if (field.reader.store.feeds != field.reporter.store.feeds)
    std::fputs("error: not all arrived\n", stderr), std::exit(1);
  auto per_report = [&](size_t bytes) { return static_cast<double>(bytes) / count; };
  tell("dictionary size", column, static_cast<double>(dictionary_bytes.size()));
  tell("+ dictionary", column, mean(bodies));
  tell("+ padding", column, mean(padded));
  tell("+ entry", column, per_report(entries));
  tell("+ exchange, up", column, per_report(up.requests));
  tell("+ exchange, down", column, per_report(down.answers));
  tell("on the wire, up", column, per_report(up.requests + up.exchanges * kHttpHead));
  tell("on the wire, down", column, per_report(down.answers + down.exchanges * kHttpHead));
  tell("answers while pushing", column, per_report(up.answers + up.exchanges * kHttpHead));
  tell("requests while pulling", column, per_report(down.requests + down.exchanges * kHttpHead));
  tell("time to pack", column, packing / count);
  tell("time to unpack", column, unpacking / count);
}

}  // namespace

int main(int count, char** words) {
  if (count != 4) return 2;
  auto training = lines_of(words[1], SIZE_MAX), reports = lines_of(words[2], std::strtoul(words[3], nullptr, 10));
  auto form = make_form(training);
  test::SeededRandom random(7);
  std::vector<size_t> json, raw, plain;
  std::vector<Bytes> payloads, training_edits;
  for (const auto& line : reports) {
    feed::EditPayload payload;
    random.fill(payload.salt);
    payload.edit = edit_of(line, *form);
    payloads.push_back(feed::encode_payload(payload));
    json.push_back(line.size());
    raw.push_back(payloads.back().size());
    plain.push_back(must(feed::encode_body(payloads.back())).size());
  }
  for (const auto& line : training) training_edits.push_back(edit_of(line, *form));
  for (const char* column : {"shipped", "own"}) {
    tell("reports", column, static_cast<double>(reports.size()));
    tell("raw JSON", column, mean(json));
    tell("protobuf", column, mean(raw));
    tell("zstd", column, mean(plain));
  }
  measure("shipped", must(dictionary::make_dictionary(*form)), payloads);
  measure("own", must(dictionary::train_dictionary(training_edits)), payloads);
  return 0;
}
