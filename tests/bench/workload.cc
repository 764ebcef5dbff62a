#include "tests/bench/workload.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "core/base/utc.h"

namespace lysoen::bench {

namespace {

// Letters by alphabet; how many languages of ten use it, and how often reports are written in them.
const std::vector<std::string> kLatin{"a", "e", "i", "o", "u", "é", "n", "r", "s", "t", "l", "d", "m", "c", "p", "v"};
const std::vector<std::string> kCyrillic{"а", "е", "и", "о", "у", "н", "р", "с", "т", "л", "д", "м", "к", "п", "в"};
const std::vector<std::string> kArabic{"ا", "ي", "و", "ن", "ر", "س", "ت", "ل", "د", "م", "ك", "ب", "ف", "ه"};
const std::vector<std::string>& alphabet(size_t language) {
  return language == 4 || language == 6 ? kArabic : language == 5 ? kCyrillic : kLatin;
}
constexpr double kShares[kLanguages] = {.30, .20, .15, .08, .05, .06, .04, .04, .04, .04};

WallTime at(int64_t milliseconds) {
  return WallTime(std::chrono::milliseconds(milliseconds));
}

Value value(ValueType type, const std::string& text) {
  auto parsed = Value::parse(type, text);
  if (!parsed) std::fprintf(stderr, "error: workload: %s\n", parsed.error().message.c_str()), std::abort();
  return *parsed;
}

}  // namespace

std::string Sample::words() const {
  std::string words;
  for (const auto& answer : answers)
    if (answer.value->type() == ValueType::text) words += answer.value->text() + "\n";
  return words;
}

size_t Sample::json_size() const {
  size_t size = 2 + sizeof R"("id":"","created":0000000000000)" + 2 * id.size();
  for (const auto& answer : answers) size += answer.path.size() + answer.value->text().size() + sizeof R"("":"",)";
  return size;
}

Workload::Workload(uint64_t seed) : engine_(seed), language_(std::begin(kShares), std::end(kShares)) {
  for (size_t language = 0; language < kLanguages; ++language) {
    auto& words = words_.emplace_back();
    const auto& letters = alphabet(language);
    for (size_t rank = 0; rank < kVocabulary; ++rank) {
      std::string word;
      size_t length = 2 + static_cast<size_t>(std::log2(rank + 2) / 2) + engine_() % 4;
      for (size_t i = 0; i < length; ++i) word += letters[engine_() % letters.size()];
      words.push_back(word);
    }
  }
  std::vector<double> weights;
  for (size_t rank = 0; rank < kVocabulary; ++rank) weights.push_back(1.0 / static_cast<double>(rank + 3));
  rank_ = std::discrete_distribution<size_t>(weights.begin(), weights.end());
  std::uniform_real_distribution<double> south_north(-34, 37), west_east(-17, 51);
  for (int i = 0; i < 400; ++i)
    places_.push_back({words_[0][2000 + i] + " " + words_[0][3000 + i % 40], words_[0][4000 + i % 90],
                       south_north(engine_), west_east(engine_)});
}

std::string Workload::narrative(size_t language) {
  const size_t letters = 200 + engine_() % 601;
  std::string text;
  for (size_t count = 0; count < letters;) {
    const auto& word = words_[language][rank_(engine_)];
    for (char c : word) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    text += (text.empty() ? "" : ++count % 12 ? " " : ". ") + word;
  }
  return text;
}

std::string Workload::pick(std::string_view path) {
  const auto& choices = built_in_form("police-incident")->question(path)->choices;
  return choices[engine_() % choices.size()].code;
}

Sample Workload::next() {
  std::exponential_distribution<double> gap(1 / 280000.0), late(1 / 3.6e6), far(1 / 60.0);
  std::normal_distribution<double> around(0, .02);
  Sample sample;
  for (int i = 0; i < 4; ++i) {
    uint64_t part = engine_();
    sample.id.append(reinterpret_cast<const char*>(&part), sizeof part);
  }
  time_ += static_cast<int64_t>(gap(engine_));
  sample.created = time_;
  sample.event_time = time_ - static_cast<int64_t>(late(engine_));
  const auto& place = places_[std::min<size_t>(static_cast<size_t>(far(engine_)), places_.size() - 1)];
  sample.latitude = place.latitude + around(engine_);
  sample.longitude = place.longitude + around(engine_);
  char point[64];
  std::snprintf(point, sizeof point, "%.6f %.6f", sample.latitude, sample.longitude);
  const size_t language = language_(engine_);
  auto number = [&](unsigned rare, unsigned most) {
    return std::to_string(engine_() % 10 < rare ? 0 : 1 + engine_() % most);
  };
  auto put = [&](const char* path, ValueType type, const std::string& text) {
    sample.answers.push_back({path, value(type, text)});
  };
  put("title", ValueType::text, words_[language][engine_() % 500] + " " + place.name);
  put("external_id", ValueType::text, "C-" + std::to_string(engine_() % 1000000));
  put("category", ValueType::choice, pick("category"));
  put("what_happened", ValueType::text, narrative(language));
  put("event_date", ValueType::date, utc_day(at(sample.event_time)));
  put("reported_at", ValueType::date_time, utc_text(at(sample.created)));
  put("place", ValueType::point, point);
  put("place_name", ValueType::text, place.name);
  put("settlement", ValueType::text, place.town);
  put("country", ValueType::text, words_[0][100 + engine_() % 8]);
  put("police_area", ValueType::text, words_[0][200 + engine_() % 30]);
  put("reported_how", ValueType::choice, pick("reported_how"));
  put("place_type", ValueType::choice, pick("place_type"));
  put("conditions", ValueType::choices, pick("conditions"));
  put("cause", ValueType::text, words_[0][300 + engine_() % 20]);
  put("event_day", ValueType::integer, std::to_string(1 + engine_() % 28));
  put("killed", ValueType::integer, number(9, 9));
  put("injured", ValueType::integer, number(6, 30));
  put("arrested", ValueType::integer, number(7, 40));
  put("missing", ValueType::integer, number(9, 9));
  return sample;
}

std::vector<Sample> samples(Workload& workload, size_t count) {
  std::vector<Sample> all;
  for (size_t i = 0; i < count; ++i) all.push_back(workload.next());
  return all;
}

}  // namespace lysoen::bench
