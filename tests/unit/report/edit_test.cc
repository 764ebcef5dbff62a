#include "core/report/edit.h"

#include "core/report/change.h"
#include "core/report/strict.h"
#include "tests/support/catch.h"
#include "tests/support/seed.h"
#include "tests/unit/report/histories.h"

using namespace lysoen;
using namespace lysoen::report;
using namespace lysoen::report::test;

namespace {

Edit sample(Engine& engine) {
  Edit edit;
  edit.report = random_id<ReportId>(engine);
  edit.claimed = WallTime(std::chrono::milliseconds(1'769'000'000'123));
  edit.monotonic_ms = 77;
  edit.roster_version = 3;
  auto one = random_id<EditId>(engine), two = random_id<EditId>(engine);
  edit.writes = {{"title", Value::text_of("a title"), {one}},
                 {"place", random_value(engine, ValueType::point), {one, two}},
                 {"killed", *Value::parse(ValueType::integer, "3"), {}},
                 {"victims[i-20000000a]/age", *Value::parse(ValueType::decimal, "1.50"), {}},
                 {"reported_at", random_value(engine, ValueType::date_time), {two}},
                 {"what_happened", std::nullopt, {two}}};
  edit.items = {{"victims[i-20000000a]", true, "ab", {}}, {"victims[i-1]", false, "", {one, two}}};
  edit.status = StatusWrite{Status::verified, "seen", {two}};
  edit.retraction = RetractionWrite{true, "twice", {}};
  edit.co_authors = {random_id<DeviceId>(engine)};
  return edit;
}

std::string message_of(const Edit& edit) {
  auto bytes = encode_edit(edit);
  REQUIRE_FALSE(bytes.ok());
  return bytes.error().message;
}

}  // namespace

TEST_CASE("Edit: every value comes back from its bytes with the digits it had", "[report]") {
  auto engine = lysoen::test::generator(30);
  for (int round = 0; round < 300; ++round) {
    Edit edit;
    edit.creation = Edit::Creation{
        "form", "1", round % 2 ? random_id<Hash>(engine).hex() + ":" + std::to_string(1 + engine() % 9000) : "by hand"};
    edit.claimed =
        WallTime(std::chrono::milliseconds(static_cast<int64_t>(engine() % 4'000'000'000'000) - 1'000'000'000'000));
    for (int type = 1; type <= 11; ++type)
      edit.writes.push_back(
          {(type % 3 ? "q" : "r[i-" + std::to_string(1 + engine() % 3) + "]/q") + std::to_string(type),
           random_value(engine, static_cast<ValueType>(type)),
           {}});
    auto bytes = encode_edit(edit);
    REQUIRE(bytes.ok());
    auto decoded = decode_edit(*bytes);
    REQUIRE(decoded.ok());
    CHECK(decoded->creation == edit.creation);
    CHECK(decoded->claimed == edit.claimed);
    for (const auto& write : edit.writes)
      REQUIRE(std::count(decoded->writes.begin(), decoded->writes.end(), write) == 1);
    CHECK(*encode_edit(*decoded) == *bytes);
  }
  for (auto text : {"0", "-0", "007", "-12", "9223372036854775807", "-9223372036854775808"})
    for (auto type : {ValueType::integer, ValueType::decimal}) {
      Edit edit;
      edit.creation = Edit::Creation{"f", "", ""};
      edit.writes = {{"q", *Value::parse(type, text), {}}};
      CHECK(decode_edit(*encode_edit(edit))->writes[0].value->text() == text);
    }
  for (auto text :
       {"1.50", "-0.5", ".5", "5.", "00.10", "1e-4", "+1.0", "0.000", "-0.00", "123456789012345678901234567890.5"}) {
    Edit edit;
    edit.creation = Edit::Creation{"f", "", ""};
    edit.writes = {{"q", *Value::parse(ValueType::decimal, text), {}},
                   {"p", *Value::parse(ValueType::point, "-0.0 1.0E-4 12 3.10"), {}}};
    auto decoded = decode_edit(*encode_edit(edit));
    REQUIRE(decoded.ok());
    CHECK(decoded->writes[1].value->text() == text);
    CHECK(decoded->writes[0].value->text() == "-0.0 1.0E-4 12 3.10");
  }
}

TEST_CASE("Edit: the bytes are few: an imported incident of twelve answers costs less than 190 beside its text",
          "[report]") {
  auto form = built_in_form("human-rights-violation");
  std::vector<Change> changes;
  size_t text = 0;
  auto set = [&](std::string path, std::string value) {
    auto type = form->question(path)->type;
    changes.push_back({path, *Value::parse(type, value)});
    if (type == ValueType::text)
      text += path.size() + value.size();
    else
      text += path.size();
  };
  set("title", "Mediterranean"), set("event_date", "2020-01-05"), set("killed", "4"), set("missing", "1");
  set("dead_and_missing", "5"), set("survivors", "51"), set("harmed_men", "5"), set("harmed_children", "1");
  set("cause", "Drowning"), set("place_name", "Off the coast"), set("place", "38.610762461670 26.651187816406"),
      set("source_quality", "4");
  auto edit = make_creating_edit(*form, changes, std::string(64, 'a') + ":17",
                                 {WallTime(std::chrono::milliseconds(1'769'000'000'123)), 5, 1});
  auto bytes = encode_edit(edit);
  REQUIRE(bytes.ok());
  CHECK(bytes->size() - text < 190);
}

TEST_CASE("Edit: bytes that are cut or changed anywhere are refused, or are another edit's one encoding", "[report]") {
  auto engine = lysoen::test::generator(31);
  auto bytes = *encode_edit(sample(engine));
  REQUIRE(decode_edit(bytes).ok());
  for (size_t size = 0; size < bytes.size(); ++size) {
    auto cut = decode_edit(ByteView(bytes).first(size));
    // Whole fields at the end may be missing, which is another edit; its bytes are then its own one encoding.
    if (cut.ok()) REQUIRE(encode_edit(*cut)->size() == size);
  }
  for (size_t at = 0; at < bytes.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      auto changed = bytes;
      changed[at] ^= static_cast<uint8_t>(1 << bit);
      auto decoded = decode_edit(changed);
      if (decoded.ok()) REQUIRE(*encode_edit(*decoded) == changed);
    }
  for (int round = 0; round < 20000; ++round) {
    auto changed = bytes;
    for (int i = 0; i < 3; ++i) {
      size_t at = engine() % changed.size();
      if (engine() % 3 == 0)
        changed.insert(changed.begin() + static_cast<ptrdiff_t>(at), static_cast<uint8_t>(engine()));
      else if (engine() % 2)
        changed.erase(changed.begin() + static_cast<ptrdiff_t>(at));
      else
        changed[at] = static_cast<uint8_t>(engine());
    }
    auto decoded = decode_edit(changed);
    if (decoded.ok()) REQUIRE(*encode_edit(*decoded) == changed);
  }
}

TEST_CASE("Edit: other encodings of the same message are refused, newer fields are told apart", "[report]") {
  auto engine = lysoen::test::generator(32);
  Edit edit;
  edit.report = random_id<ReportId>(engine);
  edit.monotonic_ms = 5;
  edit.status = StatusWrite{Status::closed, "", {}};
  auto bytes = *encode_edit(edit);  // 12 20 <32> 20 05 4a 02 08 06
  REQUIRE(bytes.size() == 40);
  auto error = [](const Bytes& b) {
    auto decoded = decode_edit(b);
    REQUIRE_FALSE(decoded.ok());
    return decoded.error();
  };
  auto with = [&](std::initializer_list<uint8_t> end) {
    Bytes out(bytes.begin(), bytes.begin() + 34);
    out.insert(out.end(), end);
    return out;
  };
  CHECK(error(with({0x20, 0x85, 0x00, 0x4a, 0x02, 0x08, 0x06})).message ==
        "cannot read edit: a number in it is malformed");
  CHECK(error(with({0x20, 0x05, 0x20, 0x05, 0x4a, 0x02, 0x08, 0x06})).message ==
        "cannot read edit: a field that stands once stands twice");
  CHECK(error(with({0x4a, 0x02, 0x08, 0x06, 0x20, 0x05})).message == "cannot read edit: its fields are out of order");
  CHECK(error(with({0x28, 0x00, 0x4a, 0x02, 0x08, 0x06})).message ==
        "cannot read edit: it is not in the one encoding that it may have");
  CHECK(error(with({0x22, 0x01, 0x05})).message == "cannot read edit: a field has the wrong wire type");
  CHECK(error(with({0x4a, 0x02, 0x08})).message == "cannot read edit: it is cut short");
  CHECK(error(with({0x20, 0x05, 0x4a, 0x02, 0x08, 0x06, 0x60, 0x01})).code == ErrorCode::newer_version);
  CHECK(error(with({0x20, 0x05, 0x4a, 0x02, 0x08, 0x07})).code == ErrorCode::newer_version);
  CHECK(error(Bytes(kEditSizeMax + 1)).code == ErrorCode::limit_exceeded);
  CHECK(error({}).message == "not an edit: it names a report and creates one, or neither");
}

TEST_CASE("Edit: one that breaks a rule is not encoded, and the message names the rule", "[report]") {
  auto engine = lysoen::test::generator(33);
  auto good = sample(engine);
  REQUIRE(encode_edit(good).ok());
  auto edit = good;
  edit.report = {};
  CHECK(message_of(edit) == "not an edit: it names a report and creates one, or neither");
  edit = good, edit.writes.push_back(edit.writes[0]);
  CHECK(message_of(edit) == "not an edit: a field is written twice");
  edit = good, edit.writes[0].path = "persons[new1]/name";
  CHECK(message_of(edit) == "not an edit: a path in it has a label where an item's id is meant");
  edit = good, edit.items[0].path = "victims[i-5]";
  CHECK(message_of(edit) == "not an edit: an item that is added later needs a random id");
  edit = good, edit.writes[0].value = Value::text_of("a\x1b[2J");
  CHECK(message_of(edit) == "answer to 'title': text holds control characters");
  edit = good, edit.writes[0].value = Value::text_of(std::string(70'000, 'x'));
  CHECK(encode_edit(edit).error().code == ErrorCode::limit_exceeded);
  edit = good, edit.first_submission = true;
  CHECK(message_of(edit) == "not an edit: a report's first edits supersede nothing");
  edit = good, edit.status->status = Status::draft;
  CHECK(message_of(edit) == "not an edit: no such status");
  edit = good, edit.writes.clear();
  for (int i = 0; i < 6; ++i)
    edit.writes.push_back({"t" + std::to_string(i), Value::text_of(std::string(60'000, 'x')), {}});
  CHECK(message_of(edit) == "report is larger than 256 KiB");
}

TEST_CASE("Edit: what opens an attachment comes back, whole or not at all, and belongs to nothing else", "[report]") {
  auto engine = lysoen::test::generator(37);
  Edit edit;
  edit.report = random_id<ReportId>(engine);
  auto file = Value::parse(ValueType::attachment, random_id<BlobId>(engine).hex() + " 5 image/png x.png");
  edit.writes = {{"file", *file, {}, BlobSecret{random_id<BlobId>(engine).bytes, random_id<Hash>(engine)}}};
  auto bytes = encode_edit(edit);
  REQUIRE(bytes.ok());
  auto decoded = decode_edit(*bytes);
  REQUIRE(decoded.ok());
  CHECK(decoded->writes[0].secret == edit.writes[0].secret);
  CHECK(decoded->writes[0].value == edit.writes[0].value);
  const auto opening = *decoded->writes[0].secret;
  auto with_thumbnail = edit;
  with_thumbnail.writes[0].secret->thumbnail =
      ThumbnailSecret{random_id<BlobId>(engine), 8192, random_id<BlobId>(engine).bytes, random_id<Hash>(engine)};
  decoded = decode_edit(*encode_edit(with_thumbnail));
  REQUIRE(decoded.ok());
  CHECK(decoded->writes[0].secret == with_thumbnail.writes[0].secret);
  for (uint64_t size : {uint64_t{0}, uint64_t{8193}}) {
    with_thumbnail.writes[0].secret->thumbnail->size = size;
    CHECK(message_of(with_thumbnail) == "not an edit: a thumbnail has a size that none has");
  }
  edit.writes[0].secret.reset();
  CHECK_FALSE(decode_edit(*encode_edit(edit))->writes[0].secret);

  // One of the two alone, or shorter: found by the bytes of each.
  auto key = std::search(bytes->begin(), bytes->end(), opening.key.begin(), opening.key.end());
  REQUIRE(key != bytes->end());
  auto shorter = *bytes;
  shorter[static_cast<size_t>(key - bytes->begin()) - 1] = 31;
  CHECK_FALSE(decode_edit(shorter).ok());
  auto renumbered = *bytes;
  renumbered[static_cast<size_t>(key - bytes->begin()) - 2] = 0x32;  // the content's number twice
  CHECK_FALSE(decode_edit(renumbered).ok());

  edit.writes = {{"title", Value::text_of("a title"), {}, opening}};
  CHECK(message_of(edit) == "not an edit: the key of an attachment belongs to something else");
}
