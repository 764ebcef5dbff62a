// A member that is no vault: it joins by the same files, and then seals and signs whatever a test wants to see refused,
// set aside or shown.
#pragma once
#include "core/feed/batch.h"
#include "core/feed/stream.h"
#include "core/report/edit.h"
#include "core/team/join.h"
#include "tests/unit/vault/people.h"

namespace lysoen::test {

class HandMade {
 public:
  HandMade(Vault& admin, Role role, WallTime now);

  DeviceId device() const;
  AudienceId team_audience() const { return roster().head.audience(team::AudienceKind::team); }
  AudienceId inbox_of(const DeviceId& reader) const;
  PublicKey key_of(const AudienceId& audience) const;
  const team::RosterState& roster() const { return welcome->roster; }

  /// One feed as its author keeps it; copies of it are the two branches of a fork.
  struct Feed {
    FeedKey key;
    feed::BlockState block;
    std::optional<feed::StreamState> stream;
    std::vector<SealedEntry> entries;
    Feed copy() const;
  };
  Feed begin_feed(const AudienceId& audience, uint32_t incarnation = 1) const;
  /// Seals and signs; answers the batch with the entries from first_seq on.
  void add(Feed& feed, ByteView payload);
  Batch batch(const Feed& feed, uint64_t first_seq = 1) const;

  Bytes edit_payload(report::Edit edit);
  EditId last_edit;  // of the newest edit_payload

  crypto::SigningKey key;
  crypto::KemKeyPair inbox;
  std::optional<team::WelcomeContents> welcome;
  SeededRandom random;
};

}  // namespace lysoen::test
