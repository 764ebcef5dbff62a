// The reports that benchmarks store: the same for every peer, from a seed. About 1,190 bytes each as JSON, 22 columns:
// an id, a time, and twenty answers of the police form, one of them a narrative of 200 to 800 letters in one of ten
// languages' alphabets, its words drawn by Zipf's law from a vocabulary of 12,000 for each.
#pragma once
#include <lysoen/report.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace lysoen::bench {

struct Sample {
  std::string id;  // 32 bytes
  int64_t created = 0, event_time = 0;
  double latitude = 0, longitude = 0;
  std::vector<Change> answers;

  std::string words() const;  // what a search looks in
  size_t json_size() const;
};

inline constexpr size_t kVocabulary = 12000, kLanguages = 10;

class Workload {
 public:
  explicit Workload(uint64_t seed);
  Sample next();
  /// Words for searches: common (in about every tenth report of its language), and rare ones.
  const std::string& word(size_t language, size_t rank) const { return words_[language][rank]; }

 private:
  std::string narrative(size_t language);
  std::string pick(std::string_view path);

  std::mt19937_64 engine_;
  std::vector<std::vector<std::string>> words_;
  std::discrete_distribution<size_t> language_, rank_;
  struct Place {
    std::string name, town;
    double latitude, longitude;
  };
  std::vector<Place> places_;
  int64_t time_ = 1767225600000;  // 2026-01-01
};

std::vector<Sample> samples(Workload& workload, size_t count);

}  // namespace lysoen::bench
