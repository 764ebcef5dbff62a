// bench_pages plain|lysoen|chacha20 FOLDER COUNT: one round of the page comparison on a new database in FOLDER.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/bench/peer.h"
#ifndef LYSOEN_BENCH_CIPHERS
#include "core/storage/vfs.h"
#endif

using namespace lysoen;
using namespace lysoen::bench;

int main(int count, char** words) {
  if (count != 4) return 2;
  const std::string who = words[1], folder = words[2], path = folder + "/pages.db";
  constexpr size_t kSingle = 500;
  Workload workload(42);
  auto all = samples(workload, std::strtoul(words[3], nullptr, 10) + kSingle);
  Peer::Setup setup{.path = path.c_str()};
#ifdef LYSOEN_BENCH_CIPHERS
  const std::string key = "PRAGMA cipher='chacha20'; PRAGMA hexkey='" + std::string(64, '7') + "'";
  setup.cipher = key.c_str();
#else
  std::unique_ptr<storage::Vfs> vfs;
  auto key = crypto::Key32::random(system_environment().random);
  if (who == "lysoen") {
    vfs =
        storage::Vfs::make(storage::system_files(), path, storage::Vfs::Sealing{key, {}}, system_environment().random);
    setup.path = vfs->database_name();
    setup.vfs = vfs->name();
    setup.reserved = static_cast<int>(storage::kReservedSize);
  }
#endif
  Peer peer(setup);
  compare_pages(peer, all, kSingle, who.c_str());
}
