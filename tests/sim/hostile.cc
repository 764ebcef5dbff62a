#include "hostile.h"

#include "world.h"

namespace lysoen::sim {

namespace {

constexpr size_t kSaidMax = 20, kOlderMax = 3;
constexpr const char* kNames[] = {"keeps back", "delays", "replays", "forges", "two faces", "forgets", "babbles"};

}  // namespace

Hostile::Hostile(const Founded& founded, size_t which, Station& face, std::filesystem::path home, Clock& world,
                 Dice& dice, uint32_t arts)
    : dice_(dice),
      first_(face),
      second_(std::make_unique<Station>(founded, which, std::move(home), world, dice.below(UINT64_MAX))),
      forger_(face.home() / "relay.key", dice),
      arts_(arts != 0 ? arts : static_cast<uint32_t>(dice.between(1, 127))) {
  if (!can(Art::two_faces)) second_.reset();
  older_.push_back(first_.copy_of_store());
}

std::string Hostile::describe() const {
  std::string arts;
  for (size_t i = 0; i < std::size(kNames); ++i)
    if ((arts_ >> i & 1) != 0) arts += std::string(arts.empty() ? "" : ", ") + kNames[i];
  return arts;
}

void Hostile::look_into_stores(const PlaintextWatch& watch) const {
  first_.look_into_store(watch, ".db");
  if (second_) second_->look_into_store(watch, ".db");
}

void Hostile::forget() {
  if (!first_.relay) return;
  if (dice_.percent(50) && older_.size() < kOlderMax) return older_.push_back(first_.copy_of_store());
  first_.put_back(dice_.of(older_), dice_.percent(70) ? Station::Mark::goes_back : Station::Mark::stays);
}

std::optional<std::vector<Reply>> Hostile::handle(const std::vector<Letter>& letters) {
  if (does(Art::forgets, 6)) forget();
  std::vector<Reply> replies(letters.size());
  for (bool second : {false, true}) {
    // Which face somebody sees changes with the days, too.
    std::vector<size_t> whose;
    for (size_t i = 0; i < letters.size(); ++i) {
      bool other = can(Art::two_faces) && (letters[i].from % 2 == 1) != dice_.percent(5);
      if (other == second) whose.push_back(i);
    }
    if (whose.empty()) continue;
    std::vector<Bytes> requests;
    for (size_t i : whose) requests.push_back(letters[i].body);
    auto answers = (second ? *second_ : first_).handle(requests);
    if (!answers) return std::nullopt;
    for (size_t n = 0; n < whose.size(); ++n) replies[whose[n]] = reply_to(letters[whose[n]], std::move((*answers)[n]));
  }
  return replies;
}

Reply Hostile::reply_to(const Letter& letter, Bytes answer) {
  Reply reply;
  reply.kept_back = does(Art::keeps_back, 25);
  if (does(Art::delays, 25)) reply.late = std::chrono::milliseconds(dice_.below(30'000));
  if (does(Art::babbles, 97)) answer = forger_.babble(letter.body);
  if (does(Art::forges, 40)) answer = forger_.forge(letter.body, std::move(answer));
  if (can(Art::replays) && !answer.empty()) {
    said_.push_back(answer);
    if (said_.size() > kSaidMax) said_.erase(said_.begin());
    if (dice_.percent(20)) answer = dice_.of(said_);
  }
  reply.body = std::move(answer);
  return reply;
}

}  // namespace lysoen::sim
