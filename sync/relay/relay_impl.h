// The relay: a container, a store over it, keys, and what other threads may look at. Private to this module.
//
// Fields are of the writer strand unless they stand below "any thread".
#pragma once
#include <atomic>
#include <cstring>
#include <mutex>
#include <unordered_map>

#include "core/storage/container.h"
#include "sync/relay/keys.h"
#include "sync/relay/relay.h"
#include "sync/relay/state_file.h"
#include "sync/relay/store.h"
#include "sync/session/relay.h"

namespace lysoen::relay {

class RelayImpl;
class StoreImport;

class Request final : public RelayRequest {
 public:
  Request(RelayImpl& relay, session::RelayExchange exchange) : relay_(relay), exchange_(std::move(exchange)) {}
  ~Request() override;
  Sift take(ByteView piece) override;
  bool portion() override { return portion_ = intake_ == session::Intake::opened && exchange_.portion(); }
  Sift end() override;
  Hash sender() const override;
  bool brings() const override;

 private:
  friend class RelayImpl;
  Sift sift();
  RelayImpl& relay_;
  session::RelayExchange exchange_;
  session::Intake intake_ = session::Intake::more;
  Sift sift_ = Sift::unknown;
  bool ended_ = false, held_ = false, portion_ = false;
  std::vector<AudienceId> watched_;  // held: what may bring it news, beside its team's
  uint64_t looked_at_ = 0;           // held: the news it was last compared with
  std::optional<Error> failure_;     // why its commit failed
};

class RelayImpl final : public Relay {
 public:
  RelayImpl(const RelayOptions& options, Environment environment) : options_(options), environment_(environment) {}
  Result<void> open();

  std::unique_ptr<RelayRequest> begin() override;
  uint64_t news() const override { return news_; }
  Metrics metrics() const override;
  std::string unhealthy() const override;
  Result<std::unique_ptr<Import>> begin_import(const std::filesystem::path& bundle) override;

  std::vector<Handled> handle(std::span<RelayRequest* const> requests, size_t answer_max) override;
  bool has_news(RelayRequest& held) override;
  uint64_t interests(const RelayRequest& held) const override;
  uint64_t news_marks() override { return std::exchange(news_marks_, 0); }
  Bytes answer_held(RelayRequest& held) override;

  Result<TeamId> admit_team(std::string_view root_key) override;
  Result<void> remove_team(const TeamId& team) override;
  Result<void> purge_team(const TeamId& team) override;
  Result<std::vector<TeamSummary>> teams() override;
  Result<std::string> make_operator_token() override;
  Result<TeamId> redeem_operator_token(std::string_view token, std::string_view root_key) override;
  Result<CheckReport> check() override;
  Result<Inspection> inspect() override;
  Result<std::unique_ptr<Backup>> begin_backup(const std::filesystem::path& folder) override;
  RelayInfo info() const override;
  Result<void> tend() override;

 private:
  friend class Request;
  friend class StoreImport;
  enum class Kind { durable, save, plain };
  Result<void> open_store();
  Result<void> notice_restore(bool lost);
  Result<void> sweep_blobs();
  Result<void> commit(Kind kind, const std::function<Result<void>()>& work);
  void commit_group(Kind kind, const std::vector<Request*>& group);
  /// Into the metrics; answers what was counted since the last call.
  Store::Counts settle_counts();
  void note_news();
  Result<void> watch(Request& request);
  Result<void> retain();
  void refresh_admitted();
  Bytes answer(Request& request, size_t answer_max = 0);
  storage::Files& files() const;

  Result<void> check_feeds(const TeamId& team, CheckReport& report);
  Result<void> check_mailboxes(CheckReport& report);
  Result<void> check_logs(CheckReport& report);
  Result<void> check_blobs(CheckReport& report);
  bool is_sound(const TeamId& team, const BlobName& name);

  RelayOptions options_;
  Environment environment_;
  std::unique_ptr<storage::FolderLock> lock_;
  std::unique_ptr<KeyFile> key_file_;
  std::unique_ptr<StateFile> state_file_;
  std::unique_ptr<storage::Container> container_;
  std::unique_ptr<BlobFolder> blobs_;
  std::unique_ptr<Store> store_;

  // The number of the newest news in a mailbox, or of a team: most of those who wait are passed over by it, without a
  // look at the tables. Bounded by the mailboxes that there are.
  struct AudienceHash {
    size_t operator()(const AudienceId& id) const {
      size_t hash = 0;
      std::memcpy(&hash, id.bytes.data(), sizeof hash);
      return hash;
    }
  };
  std::unordered_map<AudienceId, uint64_t, AudienceHash> mailbox_news_;
  std::map<TeamId, uint64_t> team_news_;
  uint64_t news_marks_ = 0;
  std::chrono::nanoseconds opened_{0};

  // Any thread.
  std::atomic<uint64_t> news_{0};
  std::atomic<int64_t> held_now_{0};
  mutable std::mutex mutex_;  // guards what follows
  std::shared_ptr<const session::RelayKeys> keys_;
  std::shared_ptr<const Store::Admitted> admitted_;
  Metrics metrics_;
  std::string unhealthy_;
};

}  // namespace lysoen::relay
