// The slot file: whatever its bytes, opening it answers, and never with a cost of key derivation outside the bounds.
// No passphrase is tried: that would be slow and is the same for all files that open.
#include "core/vault/slots.h"

#include "tests/fuzz/fuzz.h"
#include "tests/support/memory_disk.h"
#include "tests/support/seed.h"

using namespace lysoen;
using namespace lysoen::vault;
using fuzz::require;

std::vector<Bytes> fuzz::seeds() {
  test::MemoryDisk disk;
  test::SeededRandom random(1);
  SlotContent first{ContainerName::a, Purpose::open, false, crypto::Key32::random(random)};
  SlotFile::Setup setup{"slots", {64, 1}, {}};
  setup.vault.bytes.fill(2);
  require(SlotFile::create(disk, setup, "correct horse", first, random).ok(), "a slot file can be made");
  return {disk.content("slots")};
}

void fuzz::run(ByteView input) {
  test::MemoryDisk disk;
  disk.set_content("slots", to_bytes(input));
  auto opened = SlotFile::open(disk, "slots");
  if (!opened) {
    auto code = opened.error().code;
    require(code == ErrorCode::damaged || code == ErrorCode::newer_version, "a refusal says which kind");
    return;
  }
  require(input.size() == kSlotFileSize, "a slot file has its size");
  require((*opened)->cost().allowed(), "a file cannot ask for a cost outside the bounds");
  require(disk.content("slots") == to_bytes(input), "opening writes nothing");
  auto counts = (*opened)->counts();
  require(counts.wiping == 0 || counts.turn > 0, "a block without its checksum orders no wipe");
}
