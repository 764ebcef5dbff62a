// Load on a relay over the loopback, for tests/load/load.py and tools/bench relay: honest members, long polls, and
// clients that are slow, silent, flooding or too large. One process for each part, so that none waits for another.
//
//   load_driver key SEED                                 the team's key, for `lysoen-relay team add`
//   load_driver setup SEED PORT RELAY-KEY MEMBERS READERS admits so many members; the first may read reports
//   load_driver honest SEED PORT RELAY-KEY FIRST COUNT ROUNDS ENTRIES PAUSE-MS
//   load_driver polls SEED PORT RELAY-KEY FIRST COUNT     until standard input ends or all are answered
//   load_driver slow SEED PORT RELAY-KEY FIRST COUNT      again and again until standard input ends
//   load_driver flood SEED PORT RELAY-KEY FIRST COUNT     the same, of the other kinds
//   load_driver wake SEED PORT RELAY-KEY                  the admin writes something for all
//
// Prints one JSON object. Exit 1: the relay did something that it must not.
#include <sys/epoll.h>
#include <sys/resource.h>

#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "tests/load/world.h"

namespace lysoen::load {

namespace {

using json = nlohmann::ordered_json;
using namespace std::chrono_literals;

struct Target {
  World& world;
  uint16_t port;
  RelayInfo relay;
  uint64_t first = 0, count = 0;
  std::chrono::nanoseconds now() const { return world.world.clock.monotonic(); }
};

std::string request_of(Member& member, const session::RequestOptions& how) {
  auto request = member.exchange->request(how);
  return request ? std::string(request->begin(), request->end()) : std::string();
}

bool input_ended(int wait_ms) {
  pollfd in{0, POLLIN, 0};
  char byte;
  return ::poll(&in, 1, wait_ms) > 0 && ::read(0, &byte, 1) <= 0;
}

std::vector<std::unique_ptr<Member>> members(const Target& target, bool read_reports) {
  std::vector<std::unique_ptr<Member>> all;
  for (uint64_t i = 0; i < target.count; ++i) {
    all.push_back(target.world.member(target.first + i, read_reports));
    // With the present exchange key, as if each had spoken with the relay before.
    if (i > 0) all.back()->device.exchange_keys = all[0]->device.exchange_keys;
    all.back()->meet(target.relay, target.world.world);
    if (i == 0) (void)exchange_now(*all[0], target.port);
  }
  return all;
}

// -- Honest ---------------------------------------------------------------------------------------------------------

// Each keeps one connection and pushes what it wrote since, again and again, with a pause between.
int honest(const Target& target, uint64_t rounds, uint64_t entries, uint64_t pause_ms) {
  struct Client {
    std::unique_ptr<Member> member;
    Wire wire;
    uint64_t rounds_left = 0, tries = 0;
    bool asking = false;
    std::string request;
    std::chrono::nanoseconds next{0}, began{0};
  };
  constexpr uint64_t kTriesMax = 5;
  std::vector<Client> clients(target.count);
  auto all = members(target, false);
  auto random = test::generator(target.world.seed + target.first);
  std::chrono::milliseconds pause(pause_ms);
  auto draw_pause = [&] { return std::chrono::nanoseconds(pause * (random() % 1000)) / 1000 + pause / 2; };
  int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  auto start = target.now();
  for (size_t i = 0; i < clients.size(); ++i) {
    clients[i].member = std::move(all[i]);
    clients[i].rounds_left = rounds;
    clients[i].next = start + draw_pause();
  }
  std::vector<int64_t> took;
  uint64_t failed = 0, again = 0, confirmed = 0, done = 0;
  std::map<int, uint64_t> statuses;
  std::set<std::string> reasons;
  auto fail = [&](Client& client, const std::string& why) {
    reasons.insert(why);
    ++failed, ++done;
    client.rounds_left = 0, client.asking = false;
    client.wire.close();
  };
  auto ask = [&](size_t i) {
    auto& client = clients[i];
    if (!client.wire.is_open()) {
      if (!client.wire.open(target.port)) return fail(client, "no connection");
      epoll_event event{EPOLLIN | EPOLLOUT | EPOLLET, {.u64 = i}};
      ::epoll_ctl(epoll, EPOLL_CTL_ADD, client.wire.fd(), &event);
    }
    client.asking = true;
    client.wire.send(post_head(client.request.size()) + client.request);
  };
  while (done < clients.size()) {
    auto now = target.now();
    for (size_t i = 0; i < clients.size(); ++i) {
      auto& client = clients[i];
      if (client.rounds_left == 0 || client.asking || client.next > now) continue;
      auto& device = client.member->device;
      for (uint64_t n = 0; n < entries; ++n) device.write(target.world.team_audience);
      client.request = request_of(*client.member, {.window = 1 << 20});
      client.tries = 0;
      client.began = target.now();
      ask(i);
    }
    epoll_event events[256];
    int count = ::epoll_wait(epoll, events, 256, 2);
    for (int e = 0; e < count; ++e) {
      size_t i = events[e].data.u64;
      auto& client = clients[i];
      if (!client.wire.is_open()) continue;
      client.wire.push();
      bool there = client.wire.pull();
      if (auto message = client.asking ? client.wire.message() : std::nullopt) {
        took.push_back((target.now() - client.began).count());
        ++statuses[message->status];
        client.asking = false;
        if (message->status != 200) {
          fail(client, "status " + std::to_string(message->status));
          continue;
        }
        auto outcome = client.member->exchange->response(to_bytes(as_bytes(message->body)));
        if (!outcome) {
          fail(client, outcome.error().message);
          continue;
        }
        confirmed += outcome->entries_sent;
        for (const auto& note : outcome->notes) reasons.insert(note);
        client.next = target.now() + draw_pause();
        if (--client.rounds_left == 0) ++done;
      }
      if (!there && client.wire.is_open()) {
        client.wire.close();
        // A connection that was closed between two requests: what any client does is ask anew.
        if (client.asking && ++client.tries > kTriesMax) fail(client, "cut again and again");
        if (client.asking) ++again, ask(i);
      }
    }
  }
  double seconds = std::chrono::duration<double>(target.now() - start).count();
  std::sort(took.begin(), took.end());
  auto at = [&](double part) { return took.empty() ? 0 : took[static_cast<size_t>(part * double(took.size() - 1))]; };
  uint64_t written = 0;
  for (auto& client : clients) written += client.member->device.written(target.world.team_audience);
  json told = {{"exchanges", took.size()}, {"written", written}, {"confirmed", confirmed}, {"failed", failed},
               {"again", again},           {"seconds", seconds}, {"reasons", reasons}};
  told["p50_ms"] = double(at(0.5)) / 1e6, told["p99_ms"] = double(at(0.99)) / 1e6, told["max_ms"] = double(at(1)) / 1e6;
  std::printf("%s\n", told.dump().c_str());
  ::close(epoll);
  return failed || confirmed != written ? 1 : 0;
}

// -- Long polls -----------------------------------------------------------------------------------------------------

int polls(const Target& target) {
  auto all = members(target, false);
  std::vector<Wire> wires(all.size());
  int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  uint64_t waiting = 0, answered = 0, lost = 0, entries = 0;
  // None has missed anything: what the first one knows by now, all know.
  auto known = all.empty() ? MailboxCursor{} : all[0]->device.cursor[target.world.all_audience];
  for (size_t i = 0; i < all.size(); ++i) {
    auto& device = all[i]->device;
    for (const auto& mailbox : device.mailboxes) device.cursor[mailbox] = {mailbox, known.store_epoch, 0, {}};
    device.cursor[target.world.all_audience] = known;
    auto request = request_of(*all[i], {.wait_ms = 600000});
    if (!wires[i].open(target.port)) continue;
    epoll_event event{EPOLLIN | EPOLLOUT | EPOLLET, {.u64 = i}};
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, wires[i].fd(), &event);
    wires[i].send(post_head(request.size()) + request);
    ++waiting;
  }
  std::printf("%s\n", json{{"sent", waiting}}.dump().c_str());
  std::fflush(stdout);
  while (answered + lost < waiting && !input_ended(0)) {
    epoll_event events[256];
    int count = ::epoll_wait(epoll, events, 256, 50);
    for (int e = 0; e < count; ++e) {
      size_t i = events[e].data.u64;
      if (!wires[i].is_open()) continue;
      wires[i].push();
      bool there = wires[i].pull();
      auto message = wires[i].message();
      if (message) {
        auto outcome = all[i]->exchange->response(to_bytes(as_bytes(message->body)));
        if (outcome) ++answered, entries += outcome->entries_received;
        if (!outcome) ++lost;
      }
      if (message || !there) wires[i].close();
      if (!message && !there) ++lost;
    }
  }
  ::close(epoll);
  std::printf("%s\n", json{{"answered", answered}, {"entries", entries}, {"lost", lost}}.dump().c_str());
  return lost ? 1 : 0;
}

// -- Slow, silent, flooding, too large ------------------------------------------------------------------------------

enum Kind { silent, head, stranger, body, reader, flood, oversized, kKinds };
constexpr size_t kSlowKinds = 5;
constexpr const char* kKindNames[] = {"silent", "head", "stranger", "body", "reader", "flood", "oversized"};

struct Slow {
  Kind kind = silent;
  std::unique_ptr<Member> member;
  Wire wire;
  std::string drip;  // one byte at each step
};

class SlowOnes {
 public:
  SlowOnes(const Target& target, bool floods)
      : target_(target), random_(test::generator(target.world.seed ^ target.first)) {
    auto all = members(target, true);
    for (size_t i = 0; i < all.size(); ++i) {
      auto slow = std::make_unique<Slow>();
      slow->kind = static_cast<Kind>(floods ? kSlowKinds + i % (kKinds - kSlowKinds) : i % kSlowKinds);
      slow->member = std::move(all[i]);
      slow_.push_back(std::move(slow));
    }
  }

  /// Those that were closed begin anew; every other one drips or floods on.
  void step(bool again) {
    for (auto& one : slow_) {
      auto& slow = *one;
      if (slow.wire.is_open() && was_cut(slow, !again)) slow.wire.close(), ++cut_[slow.kind];
      if (!slow.wire.is_open() && again) begin(slow);
      if (slow.wire.is_open() && !slow.drip.empty()) {
        slow.wire.send(slow.drip.substr(0, 1));
        slow.drip.erase(0, 1);
      }
    }
  }
  size_t open() const {
    size_t count = 0;
    for (const auto& slow : slow_) count += slow->wire.is_open();
    return count;
  }
  json told() const {
    json all = json::object();
    for (int kind = 0; kind < kKinds; ++kind)
      if (opened_[kind])
        all[kKindNames[kind]] = {{"opened", opened_[kind]}, {"cut", cut_[kind]}, {"answers", answers_[kind]}};
    return all;
  }

 private:
  void begin(Slow& slow) {
    bool tight = slow.kind == reader;
    if (!slow.wire.open(target_.port, tight ? 4096 : 0)) return;
    ++opened_[slow.kind];
    slow.drip.clear();
    auto& device = slow.member->device;
    switch (slow.kind) {
      case silent:
        break;
      case head:
        slow.drip = post_head(1000);
        break;
      case stranger:
        slow.wire.send(post_head(3000));
        slow.drip = noise(3000);
        break;
      case body: {
        while (device.written(target_.world.team_audience) < 40) device.write(target_.world.team_audience);
        auto request = request_of(*slow.member, {.window = 1 << 20});
        slow.wire.send(post_head(request.size()) + request.substr(0, 2000));
        slow.drip = request.substr(std::min<size_t>(request.size(), 2000));
        break;
      }
      case reader: {
        // It asks for everything, and for more, and takes none of it.
        for (int i = 0; i < 4; ++i) {
          auto request = request_of(*slow.member, {});
          slow.wire.send(post_head(request.size()) + request);
        }
        break;
      }
      case flood:
        for (int i = 0; i < 8; ++i) slow.wire.send(post_head(600) + noise(600));
        break;
      case oversized:
        slow.wire.send(post_head(17u << 20) + noise(20000));
        break;
      default:
        break;
    }
  }

  bool was_cut(Slow& slow, bool at_last) {
    // A reader that reads would not be one; what was cut shows only once it does.
    if (slow.kind == reader && !at_last) {
      pollfd state{slow.wire.fd(), 0, 0};
      return ::poll(&state, 1, 0) > 0 && (state.revents & (POLLHUP | POLLERR));
    }
    bool there = slow.wire.pull();
    while (auto message = slow.wire.message()) ++answers_[slow.kind][std::to_string(message->status)];
    return !there;
  }

  std::string noise(size_t size) {
    std::string out(size, 0);
    for (auto& byte : out) byte = static_cast<char>(random_());
    return out;
  }

  const Target& target_;
  std::mt19937_64 random_;
  std::vector<std::unique_ptr<Slow>> slow_;
  uint64_t opened_[kKinds] = {}, cut_[kKinds] = {};
  std::map<std::string, uint64_t> answers_[kKinds];
};

int slow(const Target& target, bool floods) {
  constexpr auto kStep = 250;
  constexpr auto kAllCutWithin = 90s;
  SlowOnes ones(target, floods);
  ones.step(true);
  std::printf("%s\n", json{{"open", ones.open()}}.dump().c_str());
  std::fflush(stdout);
  while (!input_ended(kStep)) ones.step(true);
  for (auto end = target.now() + kAllCutWithin; ones.open() > 0 && target.now() < end;) {
    ones.step(false);
    std::this_thread::sleep_for(std::chrono::milliseconds(kStep));
  }
  auto told = ones.told();
  told["left"] = ones.open();
  std::printf("%s\n", told.dump().c_str());
  return ones.open() ? 1 : 0;
}

// -- The admin ------------------------------------------------------------------------------------------------------

int admin(const Target& target, uint64_t admits, uint64_t readers) {
  auto admin = target.world.member(0, true);
  admin->meet(target.relay, target.world.world);
  if (admits) {
    auto list = target.world.admission_list(*admin, admits, readers);
    if (!list) return 1;
    admin->device.todo.admission_lists.push_back(std::move(*list));
  } else {
    admin->device.write(target.world.all_audience);
  }
  for (int i = 0; i < 10; ++i) {
    auto outcome = exchange_now(*admin, target.port, {.window = 1 << 20});
    if (!outcome) {
      std::fprintf(stderr, "error: %s\n", outcome.error().message.c_str());
      return 1;
    }
    bool done = admits ? admin->device.todo.admission_lists.empty() : !admin->device.receipts.empty();
    if (done) return 0;
  }
  return 1;
}

uint64_t number(const char* text) {
  return std::strtoull(text, nullptr, 10);
}

int run(int argc, char** argv) {
  std::string verb = argc > 2 ? argv[1] : "";
  if (verb.empty()) return 2;
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  World world(number(argv[2]), system_environment());
  if (verb == "key") return std::printf("%s\n", team::team_key_text(world.root.public_key()).c_str()), 0;
  if (argc < 5) return 2;
  auto relay = parse_relay_key(argv[4]);
  if (!relay) return 2;
  Target target{world, static_cast<uint16_t>(number(argv[3])), *relay};
  if (verb == "wake") return admin(target, 0, 0);
  if (verb == "setup" && argc == 7) return admin(target, number(argv[5]), number(argv[6]));
  if (argc < 7) return 2;
  target.first = number(argv[5]), target.count = number(argv[6]);
  if (verb == "honest" && argc == 10) return honest(target, number(argv[7]), number(argv[8]), number(argv[9]));
  if (verb == "polls") return polls(target);
  if (verb == "slow" || verb == "flood") return slow(target, verb == "flood");
  return 2;
}

}  // namespace

}  // namespace lysoen::load

int main(int argc, char** argv) {
  return lysoen::load::run(argc, argv);
}
