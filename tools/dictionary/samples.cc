#include "tools/dictionary/samples.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <random>

#include "core/base/try.h"
#include "core/base/utc.h"
#include "core/report/change.h"
#include "core/report/path.h"
#include "embedded/phrases.h"

namespace lysoen::dictionary {

namespace {

constexpr size_t kHeldBack = 8;                                   // every so many phrases of a language one
constexpr size_t kAnswersMax = 400;                               // of one edit: the dictionary is for short ones
constexpr unsigned kItemsMax = 2;                                 // of one repeat
constexpr int64_t kYear2020 = 1577836800, kTenYears = 315360000;  // seconds

using Sentences = std::vector<std::string>;

std::vector<Sentences> languages(Phrases which) {
  using namespace lysoen::phrases;
  std::vector<Sentences> all;
  for (auto text : {ar_txt, de_txt, en_txt, es_txt, fa_txt, fr_txt, id_txt, it_txt, pt_txt, ru_txt, sw_txt}) {
    auto& language = all.emplace_back();
    size_t number = 0;
    for (size_t begin = 0, end; (end = text.find('\n', begin)) != std::string_view::npos; begin = end + 1)
      if ((number++ % kHeldBack == 0) == (which == Phrases::held_back))
        language.emplace_back(text.substr(begin, end - begin));
  }
  return all;
}

/// Whether people answer with a number of some register rather than with words.
bool is_reference(std::string_view path) {
  constexpr std::string_view kParts[] = {"id", "ref", "number", "code", "serial", "plate", "phone", "contact"};
  auto name = path.substr(path.rfind('/') + 1);  // npos + 1 is 0
  for (size_t begin = 0; begin <= name.size();) {
    size_t end = std::min(name.find('_', begin), name.size());
    if (std::find(std::begin(kParts), std::end(kParts), name.substr(begin, end - begin)) != std::end(kParts))
      return true;
    begin = end + 1;
  }
  return false;
}

/// One person's way of answering: a language, and how much is filled in.
class Writer {
 public:
  Writer(std::mt19937_64& engine, const Sentences& sentences, bool long_texts)
      : engine_(engine), sentences_(sentences), long_texts_(long_texts), filled_(below(3) ? 100 : 25 + below(60)) {}

  uint64_t below(uint64_t bound) { return engine_() % bound; }
  bool answers() { return below(100) < filled_; }

  Result<Value> answer(const Question& question) {
    if (question.type == ValueType::choices) return Value::choices_of(codes(question));
    return Value::parse(question.type, written(question));
  }

 private:
  const std::string& sentence() { return sentences_[below(sentences_.size())]; }

  std::string words(size_t count) {
    const auto& from = sentence();
    size_t end = 0;
    for (size_t word = 0; word < count && end != std::string::npos; ++word) end = from.find(' ', end + (word > 0));
    return from.substr(0, end);
  }

  std::string text(const Question& question) {
    if (question.role == FieldRole::narrative) {
      if (!long_texts_) return words(1);
      std::string told = sentence();
      for (uint64_t size = 60 + below(640); told.size() < size;) told += " " + sentence();
      return told;
    }
    if (question.role == FieldRole::title) return words(4 + below(6));
    if (is_reference(question.path)) {
      std::string prefix(1, static_cast<char>('A' + below(26)));
      return prefix + "-" + number("%06.0f", static_cast<double>(below(1000000)));
    }
    return below(6) ? words(1 + below(3)) : sentence();
  }

  std::vector<std::string> codes(const Question& question) {
    std::vector<std::string> codes;
    for (uint64_t left = 1 + below(3); left > 0 && !question.choices.empty(); --left)
      codes.push_back(question.choices[below(question.choices.size())].code);
    if (codes.empty()) codes.push_back("other");
    return codes;
  }

  std::string written(const Question& question) {
    switch (question.type) {
      case ValueType::integer:
        return std::to_string(below(2) ? 0 : below(3) ? below(10) : below(100));
      case ValueType::decimal:
        return number("%.1f", static_cast<double>(below(10000)) / 10);
      case ValueType::boolean:
        return below(2) ? "true" : "false";
      case ValueType::date:
        return utc_day(moment());
      case ValueType::time:
        return utc_text(moment()).substr(11, 5) + ":00";
      case ValueType::date_time:
        return utc_text(moment()).substr(0, 19) +
               (below(2) ? "." + number("%03.0f", static_cast<double>(below(1000))) : "") +
               (below(3)   ? "Z"
                : below(2) ? "+01:00"
                           : "+03:00");
      case ValueType::point:
        return number("%.6f", static_cast<double>(below(160000000)) / 1e6 - 80) + " " +
               number("%.6f", static_cast<double>(below(340000000)) / 1e6 - 170);
      case ValueType::choice:
        return codes(question).front();
      default:
        return text(question);
    }
  }

  static std::string number(const char* shape, double value) {
    char digits[32];
    std::snprintf(digits, sizeof digits, shape, value);
    return digits;
  }

  WallTime moment() { return WallTime(std::chrono::seconds(kYear2020 + static_cast<int64_t>(below(kTenYears)))); }

  std::mt19937_64& engine_;
  const Sentences& sentences_;
  bool long_texts_;
  uint64_t filled_;
};

/// "victims/name" -> "victims[i-2]/name": the same item of every repeat on the way.
std::string in_item(const Form& form, const std::string& path, uint64_t item) {
  std::string out;
  for (size_t begin = 0; begin < path.size();) {
    size_t end = std::min(path.find('/', begin), path.size());
    out += path.substr(begin, end - begin);
    if (end < path.size() && form.is_repeat(path.substr(0, end))) out += "[i-" + std::to_string(item) + "]";
    if (end < path.size()) out += '/';
    begin = end + 1;
  }
  return out;
}

Result<std::vector<Change>> invent(const Form& form, Writer& writer) {
  std::vector<Change> changes;
  std::map<std::string, uint64_t> items;
  for (const auto& question : form.questions()) {
    if (question.type == ValueType::attachment) continue;  // hashes and keys: nothing in them comes twice
    uint64_t count = 1;
    if (question.in_repeat) count = items.try_emplace(question.repeat, writer.below(kItemsMax + 1)).first->second;
    for (uint64_t item = 1; item <= count && changes.size() < kAnswersMax; ++item) {
      if (!writer.answers() && question.role != FieldRole::narrative) continue;
      LYSOEN_ASSIGN(auto value, writer.answer(question));
      changes.push_back({in_item(form, question.path, item), std::move(value)});
    }
  }
  return changes;
}

}  // namespace

std::vector<std::string> phrases(Phrases which) {
  std::vector<std::string> all;
  for (auto& language : languages(which)) all.insert(all.end(), language.begin(), language.end());
  return all;
}

Result<std::vector<Bytes>> sample_edits(const Form& form, const SampleOptions& options) {
  std::mt19937_64 engine(options.seed);
  const auto sentences = languages(options.phrases);
  std::vector<Bytes> edits;
  while (edits.size() < options.count) {
    Writer writer(engine, sentences[engine() % sentences.size()], options.long_texts);
    LYSOEN_ASSIGN(auto changes, invent(form, writer));
    auto apart = std::stable_partition(changes.begin(), changes.end(), [&](const Change& change) {
      const auto* question = form.question(report::form_path(change.path));
      return !question || !report::travels_apart(question->role);
    });
    WallTime claimed{std::chrono::milliseconds(kYear2020 * 1000 + static_cast<int64_t>(engine() % (kTenYears * 1000)))};
    report::EditContext context{claimed, engine() % 100000000, 1 + engine() % 40};
    auto creating = report::make_creating_edit(form, {changes.begin(), apart}, {}, context);
    auto others = report::make_creating_edit(form, {apart, changes.end()}, {}, context);
    LYSOEN_ASSIGN(Bytes encoded, report::encode_edit(std::move(creating)));
    edits.push_back(std::move(encoded));
    if (others.writes.empty()) continue;
    others.creation.reset();
    others.first_submission = true;
    others.items.clear();
    for (auto& byte : others.report.bytes) byte = static_cast<uint8_t>(engine());
    LYSOEN_ASSIGN(encoded, report::encode_edit(std::move(others)));
    edits.push_back(std::move(encoded));
  }
  return edits;
}

}  // namespace lysoen::dictionary
