#include "core/feed/stream.h"

#include "core/base/try.h"

namespace lysoen::feed {

namespace {

Error refused(ErrorCode code, std::string why) {
  return make_error(code, "cannot open entry: " + std::move(why));
}

/// The entry key under `chain`, which moves on.
crypto::Key32 ratchet(crypto::Key32& chain) {
  auto message = crypto::hkdf_expand_key(chain, "lysoen/1 msg");
  chain = crypto::hkdf_expand_key(chain, "lysoen/1 chain");
  return message;
}

Hash commitment_of(const crypto::Key32& chain) {
  return crypto::labelled_hash("lysoen/1 stream commitment", chain.view());
}

Bytes stream_info(const StreamPlace& place, uint64_t first_seq, const Hash& commitment) {
  Writer info;
  info.raw(as_bytes("lysoen/1 stream")).u8(0).u8(crypto::kSuite1);
  info.id(place.team).id(place.feed.audience).u32(place.epoch).raw(place.epoch_key);
  info.id(feed_id(place.feed)).id(place.feed.device).u64(first_seq).id(commitment);
  return std::move(info).bytes();
}

Bytes encode_secret(const crypto::Key32& chain, const Witness& witness) {
  Writer out;
  out.raw(chain.view()).id(witness.relay).u64(witness.log_size).id(witness.log_root);
  out.id(witness.point.mailbox).u32(witness.point.store_epoch).u64(witness.point.counter).id(witness.point.running);
  return std::move(out).bytes();
}

bool makes_sense(const StreamState& state) {
  return state.first_seq >= 1 && state.first_seq <= kSeqMax && state.next_seq > state.first_seq &&
         state.next_seq <= state.first_seq + kStreamEntriesMax + 1;
}

EntryHeader header_at(const StreamPlace& place, uint64_t seq, const Hash& prev) {
  return {place.team, place.feed.audience, place.epoch, feed_id(place.feed), seq, prev, EntryKind::sealed};
}

}  // namespace

// -- One entry ------------------------------------------------------------------------------------------------------

Bytes encode_header(const EntryHeader& header, size_t padded_size) {
  Writer out;
  out.u8(crypto::kSuite1).id(header.team).id(header.audience).u32(header.epoch).id(header.feed).u64(header.seq);
  out.id(header.prev).u8(static_cast<uint8_t>(header.kind)).u32(static_cast<uint32_t>(padded_size));
  return std::move(out).bytes();
}

Result<SealedEntry> seal_entry(const crypto::Key32& entry_key, const EntryHeader& header, ByteView payload,
                               Dictionary* dictionary) {
  LYSOEN_ASSIGN(Bytes body, encode_body(payload, dictionary));
  Bytes padded = crypto::pad(body);
  crypto::wipe(body);
  if (padded.size() + crypto::kSivTag > kEntrySizeMax) {
    crypto::wipe(padded);
    return make_error(ErrorCode::limit_exceeded, "cannot seal payload: larger than 64 KiB once compressed and padded",
                      "split the change into smaller ones, or attach long text as a file");
  }
  auto entry =
      whole_entry(EntryKind::sealed, crypto::siv_seal(entry_key, encode_header(header, padded.size()), padded));
  crypto::wipe(padded);
  return entry;
}

Result<Bytes> open_entry(const crypto::Key32& entry_key, const EntryHeader& header, const SealedEntry& entry,
                         const Dictionaries* dictionaries) {
  if (entry.is_stub()) return refused(ErrorCode::not_found, "only its stub is here");
  if (entry.kind != EntryKind::sealed || header.kind != EntryKind::sealed)
    return refused(ErrorCode::input_refused, "it is not of the kind that holds a payload");
  if (entry.ciphertext.size() <= crypto::kSivTag || entry.ciphertext.size() > kEntrySizeMax)
    return refused(ErrorCode::input_refused, "its size is none that an entry can have");
  auto padded =
      crypto::siv_open(entry_key, encode_header(header, entry.ciphertext.size() - crypto::kSivTag), entry.ciphertext);
  if (!padded) return refused(ErrorCode::trust_refused, "key, place and bytes do not fit each other");
  auto size = crypto::unpadded_size(*padded);
  if (!size) return refused(ErrorCode::input_refused, "its padding is not as it must be");
  auto payload = decode_body(ByteView(*padded).first(*size), dictionaries);
  crypto::wipe(*padded);
  return payload;
}

// -- Writing --------------------------------------------------------------------------------------------------------

Result<StreamWriter::Begun> StreamWriter::begin(const StreamPlace& place, uint64_t first_seq, const Witness& witness,
                                                Random& random) {
  StreamState state{place, first_seq, first_seq + 1, crypto::Key32::random(random)};
  Hash commitment = commitment_of(state.chain);
  LYSOEN_ASSIGN(auto sender, crypto::hpke_send(place.epoch_key, stream_info(place, first_seq, commitment), random));
  Bytes secret = encode_secret(state.chain, witness);
  Writer ciphertext;
  ciphertext.raw(sender.encapsulation).id(commitment).raw(sender.context.seal({}, secret));
  crypto::wipe(secret);
  return Begun{whole_entry(EntryKind::stream, std::move(ciphertext).bytes()), StreamWriter(std::move(state))};
}

Result<StreamWriter> StreamWriter::resume(StreamState state) {
  if (!makes_sense(state))
    return make_error(ErrorCode::damaged, "cannot go on with a stream: its stored state makes no sense");
  return StreamWriter(std::move(state));
}

Result<StreamWriter::Sealed> StreamWriter::seal(const Hash& prev, ByteView payload, Dictionary* dictionary) {
  if (full()) return make_error(ErrorCode::usage, "cannot seal: this stream has all the entries it may have");
  auto chain = state_.chain.copy();
  auto key = ratchet(chain);
  LYSOEN_ASSIGN(auto entry, seal_entry(key, header_at(state_.place, state_.next_seq, prev), payload, dictionary));
  state_.chain = std::move(chain);
  ++state_.next_seq;
  return Sealed{std::move(entry), std::move(key)};
}

// -- Reading --------------------------------------------------------------------------------------------------------

Result<StreamReader> StreamReader::open(const StreamPlace& place, uint64_t first_seq, const SealedEntry& stream_entry,
                                        const crypto::KemKeyPair& epoch) {
  if (stream_entry.is_stub()) return refused(ErrorCode::not_found, "only the stub of its stream's first entry is here");
  if (stream_entry.kind != EntryKind::stream || stream_entry.ciphertext.size() != kStreamEntrySize)
    return refused(ErrorCode::input_refused, "it does not begin a stream");
  if (epoch.public_key != place.epoch_key)
    return refused(ErrorCode::trust_refused, "the epoch's key at hand is not the one that the roster names");
  Reader in(stream_entry.ciphertext);
  auto encapsulation = in.array<32>();
  auto commitment = in.id<Hash>();
  LYSOEN_ASSIGN(auto context, crypto::hpke_receive(epoch, encapsulation, stream_info(place, first_seq, commitment)));
  auto secret = context.open({}, in.raw(in.left()));
  if (!secret) return refused(ErrorCode::trust_refused, "its stream was not sealed to this epoch, feed and place");
  Reader fields(*secret);
  StreamReader reader(StreamState{place, first_seq, first_seq + 1, *crypto::Key32::from(fields.raw(32))});
  auto& witness = reader.witness_;
  witness.relay = fields.id<RelayId>();
  witness.log_size = fields.u64();
  witness.log_root = fields.id<Hash>();
  witness.point.mailbox = fields.id<AudienceId>();
  witness.point.store_epoch = fields.u32();
  witness.point.counter = fields.u64();
  witness.point.running = fields.id<Hash>();
  bool whole = fields.done();
  crypto::wipe(*secret);
  if (!whole || first_seq == 0 || first_seq > kSeqMax || commitment_of(reader.state_.chain) != commitment)
    return refused(ErrorCode::trust_refused, "its stream's commitment does not fit its key");
  return reader;
}

Result<StreamReader> StreamReader::resume(StreamState state) {
  if (!makes_sense(state))
    return make_error(ErrorCode::damaged, "cannot read on in a stream: its stored state makes no sense");
  return StreamReader(std::move(state));
}

Result<crypto::Key32> StreamReader::entry_key(uint64_t seq) {
  if (!reaches(seq) || seq < state_.next_seq)
    return refused(ErrorCode::not_found, "its key is not ahead in this stream");
  while (state_.next_seq < seq) {
    ratchet(state_.chain);
    ++state_.next_seq;
  }
  ++state_.next_seq;
  return ratchet(state_.chain);
}

Result<StreamReader::Opened> StreamReader::open_next(uint64_t seq, const Hash& prev, const SealedEntry& entry,
                                                     const Dictionaries* dictionaries) {
  LYSOEN_ASSIGN(auto key, entry_key(seq));
  LYSOEN_ASSIGN(Bytes payload, open_entry(key, header_at(state_.place, seq, prev), entry, dictionaries));
  return Opened{std::move(payload), std::move(key)};
}

}  // namespace lysoen::feed
