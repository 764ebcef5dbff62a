// The main where libFuzzer is not: seeds, the committed corpus, then mutations of both for LYSOEN_FUZZ_SECONDS of the
// processor's time (LYSOEN_LONG: two minutes). The same LYSOEN_SEED gives the same inputs in the same order. An input
// that breaks something is left as fuzz_NAME.failed in the current folder; `fuzz_NAME FILE...` runs files alone.
#include <malloc.h>
#include <signal.h>
#include <sys/time.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <new>
#include <random>
#include <sstream>

#include "tests/fuzz/fuzz.h"
#include "tests/support/paths.h"
#include "tests/support/seed.h"

using namespace lysoen;

// -- Memory: what an input makes the program hold -------------------------------------------------------------------

namespace {
size_t in_use = 0, in_use_max = SIZE_MAX;  // targets have one thread
}

void* operator new(size_t size) {
  void* memory = size <= fuzz::kMemoryMax ? std::malloc(size) : nullptr;
  if (memory) in_use += malloc_usable_size(memory);
  if (!memory || in_use > in_use_max) {
    in_use_max = SIZE_MAX;
    fuzz::require(false, "an input does not make memory grow beyond its limit");
  }
  return memory;
}
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  return operator new(size);
}
void operator delete(void* memory) noexcept {
  if (memory) in_use -= malloc_usable_size(memory);
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  operator delete(memory);
}

// -- Findings -------------------------------------------------------------------------------------------------------

extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

ByteView current;

void keep_input() {
  std::ofstream file("fuzz_" LYSOEN_FUZZ_TARGET ".failed", std::ios::binary);
  file << as_text(current) << std::flush;
  std::fprintf(stderr, "the input is in fuzz_" LYSOEN_FUZZ_TARGET ".failed (%zu bytes)\n", current.size());
}

void on_signal(int number) {
  signal(number, SIG_DFL);
  if (number == SIGPROF) std::fprintf(stderr, "promise broken: every input comes to an end\n");
  in_use_max = SIZE_MAX;
  keep_input();
  raise(number);
}

void watch_for_findings() {
  for (int number : {SIGABRT, SIGSEGV, SIGFPE, SIGILL, SIGBUS, SIGPROF}) signal(number, on_signal);
  if (__sanitizer_set_death_callback) __sanitizer_set_death_callback(keep_input);
}

/// Of the processor, so that a loaded machine fails nothing.
void limit_time(unsigned seconds) {
  itimerval timer{{0, 0}, {seconds, 0}};
  setitimer(ITIMER_PROF, &timer, nullptr);
}

void try_input(ByteView input) {
  current = input;
  in_use_max = in_use + fuzz::kMemoryMax;
  limit_time(fuzz::kSecondsMax);
  fuzz::run(input);
  limit_time(0);
  in_use_max = SIZE_MAX;
}

// -- Mutations ------------------------------------------------------------------------------------------------------

constexpr uint64_t kInteresting[] = {0,          1,
                                     0x7f,       0x80,
                                     0xff,       0x7fff,
                                     0x8000,     0xffff,
                                     0x7fffffff, 0x80000000,
                                     0xffffffff, uint64_t{1} << 40,
                                     INT64_MAX,  uint64_t{1} << 63,
                                     UINT64_MAX};

class Mutator {
 public:
  Mutator(const std::vector<Bytes>& pool, std::mt19937_64 engine) : pool_(pool), engine_(engine) {}

  Bytes next() {
    Bytes bytes = pool_[below(pool_.size())];
    for (size_t changes = 1 + below(4) * below(4); changes > 0; --changes) change(bytes);
    if (bytes.size() > fuzz::kInputMax) bytes.resize(fuzz::kInputMax);
    return bytes;
  }

 private:
  size_t below(size_t count) { return static_cast<size_t>(engine_() % count); }
  uint8_t byte() { return static_cast<uint8_t>(engine_()); }
  ptrdiff_t place(const Bytes& bytes) { return static_cast<ptrdiff_t>(below(bytes.size() + 1)); }

  void change(Bytes& bytes) {
    if (bytes.empty()) return bytes.push_back(byte());
    auto at = static_cast<ptrdiff_t>(below(bytes.size()));
    auto begin = bytes.begin();
    size_t run = 1 + below(std::min<size_t>(bytes.size() - static_cast<size_t>(at), 64));
    switch (below(9)) {
      case 0:
        bytes[static_cast<size_t>(at)] ^= static_cast<uint8_t>(1u << below(8));
        return;
      case 1:
        bytes[static_cast<size_t>(at)] = byte();
        return;
      case 2:  // a cut at the end
        return bytes.resize(static_cast<size_t>(at));
      case 3:  // a hole
        bytes.erase(begin + at, begin + at + static_cast<ptrdiff_t>(run));
        return;
      case 4: {  // a part twice, or many times
        Bytes part(begin + at, begin + at + static_cast<ptrdiff_t>(run));
        for (size_t times = 1 + below(4) * below(64); times > 0 && bytes.size() < fuzz::kInputMax; --times)
          bytes.insert(bytes.begin() + at, part.begin(), part.end());
        return;
      }
      case 5: {  // the end of another
        const Bytes& other = pool_[below(pool_.size())];
        bytes.resize(static_cast<size_t>(at));
        bytes.insert(bytes.end(), other.begin() + place(other), other.end());
        return;
      }
      case 6: {  // a part of another
        const Bytes& other = pool_[below(pool_.size())];
        auto from = place(other), to = place(other);
        bytes.insert(begin + at, other.begin() + std::min(from, to), other.begin() + std::max(from, to));
        return;
      }
      default:
        return write_integer(bytes, static_cast<size_t>(at));
    }
  }

  /// Over what is there or between: 1, 2, 4 or 8 bytes, or a varint.
  void write_integer(Bytes& bytes, size_t at) {
    uint64_t value = kInteresting[below(std::size(kInteresting))] + below(3) - 1;
    Writer writer;
    switch (below(5)) {
      case 0:
        writer.u8(static_cast<uint8_t>(value));
        break;
      case 1:
        writer.u16(static_cast<uint16_t>(value));
        break;
      case 2:
        writer.u32(static_cast<uint32_t>(value));
        break;
      case 3:
        writer.u64(value);
        break;
      default:
        writer.varint(value);
    }
    const Bytes& written = writer.bytes();
    auto begin = bytes.begin() + static_cast<ptrdiff_t>(at);
    if (below(2) == 0)
      begin = bytes.erase(begin, begin + static_cast<ptrdiff_t>(std::min(written.size(), bytes.size() - at)));
    bytes.insert(begin, written.begin(), written.end());
  }

  const std::vector<Bytes>& pool_;
  std::mt19937_64 engine_;
};

Bytes read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  fuzz::require(file.good(), "the input's file can be read");
  return to_bytes(as_bytes(content.view()));
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Bytes> pool;
  for (int i = 1; i < argc; ++i) pool.push_back(read(argv[i]));
  bool alone = !pool.empty();
  if (!alone) {
    std::printf("LYSOEN_SEED=%llu\n", static_cast<unsigned long long>(test::seed()));
    std::fflush(stdout);
    pool = fuzz::seeds();
    std::vector<std::filesystem::path> corpus;
    for (const auto& entry :
         std::filesystem::directory_iterator(test::source_dir() / "tests/fuzz/corpus" / LYSOEN_FUZZ_TARGET))
      corpus.push_back(entry.path());
    std::sort(corpus.begin(), corpus.end());
    for (const auto& path : corpus) pool.push_back(read(path));
  }
  watch_for_findings();
  for (const auto& input : pool) try_input(input);
  if (alone) return 0;

  const std::clock_t end = std::clock() + (std::getenv("LYSOEN_LONG") ? 120 : LYSOEN_FUZZ_SECONDS) * CLOCKS_PER_SEC;
  Mutator mutator(pool, test::generator());
  size_t mutations = 0;
  for (; std::clock() < end; ++mutations) try_input(mutator.next());
  std::printf("%zu inputs, %zu mutations of them\n", pool.size(), mutations);
}
