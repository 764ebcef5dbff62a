// Taking a bundle into the store: read and checked on any thread, stored on the writer strand, a mebibyte at a time.
#include "core/base/try.h"
#include "core/blob/ranges.h"
#include "sync/bundle/reader.h"
#include "sync/relay/relay_impl.h"
#include "sync/session/hello.h"

namespace lysoen::relay {

namespace {

constexpr uint64_t kTogether = 1024 * 1024;  // bytes of records in one commit

Error without_writer(const std::filesystem::path& file) {
  return make_error(
      ErrorCode::damaged,
      "cannot take the bundle '" + file.filename().string() + "': its beginning is damaged, where it says who wrote it",
      "ask for it to be written again; nothing was changed here");
}

}  // namespace

class StoreImport final : public Import, private bundle::Sink {
 public:
  StoreImport(RelayImpl& relay, std::filesystem::path file, std::shared_ptr<const session::RelayKeys> keys)
      : relay_(relay), file_(std::move(file)), keys_(std::move(keys)) {}

  Result<void> open() {
    auto opens = [&](ByteView head) -> std::optional<crypto::Key32> {
      encapsulation_ = bundle::encapsulation_of(head);
      auto keys = bundle::open_for(keys_->id(), keys_->fallback, encapsulation_);
      if (!keys || !crypto::equal(keys->commitment, head.subspan(bundle::kSaltSize))) return std::nullopt;
      return std::move(keys->parts);
    };
    LYSOEN_ASSIGN(reader_, bundle::BundleReader::open(file_, opens, "relay", *this));
    return {};
  }

  Result<bool> read() override {
    while (more_ && bytes_ < kTogether) {
      LYSOEN_ASSIGN(more_, reader_->next());
      if (!more_) LYSOEN_TRY(reader_->flush());
    }
    report_.whole = more_ || reader_->read().whole;
    report_.records_unknown = reader_->read().records_unknown;
    if (!more_ && !writer_) return without_writer(file_);
    return bytes_ > 0;
  }

  Result<void> store() override {
    // Each time: an operator or an admin may have removed what was admitted when the bundle's beginning was stored.
    LYSOEN_ASSIGN(auto standing, relay_.store_->standing(writer_->team, writer_->device));
    if (!standing.team_admitted)
      return make_error(ErrorCode::trust_refused, "cannot take the bundle: its team is not admitted here",
                        "lysoen-relay team add KEY, with the key that the team's admin gives; then import it again");
    if (!standing.device_admitted)
      return make_error(
          ErrorCode::trust_refused, "cannot take the bundle: this relay does not know the device that wrote it",
          "an admin of the team has to sync first, so that the relay learns of it; then import it again. Of a device "
          "that was removed another member can carry what it wrote");
    auto batches = std::exchange(batches_, {});
    auto runs = std::exchange(runs_, {});
    const bool small = std::exchange(bytes_, 0) <= relay_.container_->payload_max();
    ImportReport next = report_;
    uint64_t offered = 0;
    LYSOEN_TRY(relay_.commit(small ? RelayImpl::Kind::save : RelayImpl::Kind::durable, [&]() -> Result<void> {
      for (const auto& batch : batches) LYSOEN_TRY(append(batch, next, offered));
      for (const auto& run : runs) LYSOEN_TRY(put(run, next));
      return {};
    }));
    auto counts = relay_.settle_counts();
    next.entries_stored += counts.entries;
    next.entries_known += offered - std::min(offered, counts.entries);
    report_ = std::move(next);
    return {};
  }

  const ImportReport& report() const override { return report_; }
  uint64_t bytes_done() const override { return reader_->bytes_done(); }
  uint64_t bytes_all() const override { return reader_->bytes_all(); }

 private:
  Result<void> append(const Batch& batch, ImportReport& report, uint64_t& offered) {
    LYSOEN_ASSIGN(auto outcome, relay_.store_->append(writer_->team, writer_->device, batch));
    switch (outcome.verdict.outcome) {
      case AppendOutcome::stored:
      case AppendOutcome::known:
        offered += batch.entries.size();
        break;
      case AppendOutcome::gap_before:
        report.entries_waiting += batch.entries.size();
        break;
      case AppendOutcome::forked:
        ++report.batches_forked;
        break;
      case AppendOutcome::refused:
        ++report.refused[session::describe(outcome.code)];
        break;
    }
    return {};
  }

  Result<void> put(const ProvenChunks& run, ImportReport& report) {
    LYSOEN_ASSIGN(auto before, relay_.store_->blob_held(writer_->team, run.name));
    LYSOEN_ASSIGN(auto refusal, relay_.store_->put_chunks(writer_->team, writer_->device, run));
    if (refusal) return ++report.refused[session::describe(*refusal)], Result<void>();
    LYSOEN_ASSIGN(auto after, relay_.store_->blob_held(writer_->team, run.name));
    const uint64_t fresh = blob::count(after) - blob::count(before);
    report.chunks_stored += fresh;
    report.chunks_known += run.chunks.size() - fresh;
    return {};
  }

  // -- bundle::Sink -------------------------------------------------------------------------------------------------
  Result<void> take_writer(const bundle::WriterRecord& writer) override {
    if (writer_) return refuse("it names a second writer"), Result<void>();
    auto message =
        bundle::writer_message({keys_->id(), keys_->fallback.public_key}, encapsulation_, writer.team, writer.device);
    if (!crypto::verify(writer.device.bytes, bundle::kWriterLabel, message, writer.signature))
      return make_error(ErrorCode::trust_refused, "cannot take the bundle: the device that it names did not sign it",
                        "ask for it to be written again");
    writer_ = writer;
    report_.team = writer.team;
    return {};
  }
  Result<void> take_roster(const SealedRoster&) override { return {}; }  // comes from admins, by an exchange
  Result<void> take_batch(Batch batch, size_t bytes) override {
    if (!writer_) return without_writer(file_);
    batches_.push_back(std::move(batch));
    bytes_ += bytes;
    return {};
  }
  Result<void> take_chunks(const ProvenChunks& chunks) override {
    if (!writer_) return without_writer(file_);
    runs_.push_back(chunks);
    bytes_ += chunks.bytes();
    return {};
  }
  void refuse(std::string why) override { ++report_.refused[std::move(why)]; }

  RelayImpl& relay_;
  const std::filesystem::path file_;
  const std::shared_ptr<const session::RelayKeys> keys_;
  PublicKey encapsulation_{};
  std::unique_ptr<bundle::BundleReader> reader_;
  bool more_ = true;
  std::optional<bundle::WriterRecord> writer_;  // whose signature holds
  // Read and not stored yet.
  std::vector<Batch> batches_;
  std::vector<ProvenChunks> runs_;
  uint64_t bytes_ = 0;
  ImportReport report_;
};

Result<std::unique_ptr<Import>> RelayImpl::begin_import(const std::filesystem::path& bundle) {
  std::shared_ptr<const session::RelayKeys> keys;
  {
    std::lock_guard guard(mutex_);
    keys = keys_;
  }
  auto import = std::make_unique<StoreImport>(*this, bundle, std::move(keys));
  LYSOEN_TRY(import->open());
  return std::unique_ptr<Import>(std::move(import));
}

}  // namespace lysoen::relay
