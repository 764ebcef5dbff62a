// Messages of an exchange: what decodes is encoded to something that decodes to the same.
#include "sync/wire/codec.h"
#include "tests/fuzz/fuzz.h"

using namespace lysoen;
using namespace lysoen::wire;

namespace {

template <class Message>
void there_and_back(ByteView bytes) {
  auto read = decode<Message>(bytes);
  if (!read) {
    auto code = read.error().code;
    fuzz::require(code == ErrorCode::input_refused || code == ErrorCode::limit_exceeded, "a refusal says which kind");
    return;
  }
  auto again = decode<Message>(encode(*read));
  fuzz::require(again.ok() && *again == *read, "a message that was read is written as what it says");
}

constexpr void (*kReaders[])(ByteView) = {
    there_and_back<Hello>,        there_and_back<Want>,          there_and_back<Batch>,
    there_and_back<Chunk>,        there_and_back<Receipt>,       there_and_back<Frontier>,
    there_and_back<RosterUpdate>, there_and_back<AdmissionList>, there_and_back<JoinPost>,
    there_and_back<Welcome>,      there_and_back<JoinRequests>,  there_and_back<ExchangeKey>,
    there_and_back<Verdict>,      there_and_back<MailboxPoints>, there_and_back<MailboxItems>,
    there_and_back<End>,          there_and_back<BlobOffer>,     there_and_back<BlobStates>,
    there_and_back<BlobAsk>,      there_and_back<ChunkRun>,
};

template <class IdType>
IdType id_of(uint8_t byte) {
  IdType id;
  id.bytes.fill(byte);
  return id;
}
FeedKey feed_of(uint8_t byte) {
  return {id_of<DeviceId>(byte), id_of<AudienceId>(0xa0), 1};
}

Batch batch() {
  Batch batch{feed_of(1), 257, id_of<Hash>(2), {}, 260, id_of<Hash>(3), Signature{4}, {id_of<Hash>(5)}, {}};
  SealedEntry whole;
  whole.ciphertext = Bytes(60, 6), whole.length = 60;
  SealedEntry stub;
  stub.kind = EntryKind::stream, stub.length = 260, stub.ciphertext_hash = id_of<Hash>(7);
  stub.reason = StubReason::refused, stub.warrant = Bytes(20, 8);
  batch.entries = {whole, stub};
  return batch;
}

}  // namespace

std::vector<Bytes> fuzz::seeds() {
  Hello hello{id_of<TeamId>(1), id_of<DeviceId>(2), 3, 0, 0, 4, 5, 6, 2, {{7, 8, 9}, {10, 11, 12}}, 13, 14,
              Signature{15}};
  Want want{{{1, 2, 3, 4}}, {{feed_of(5), 6}}, 1000, 65536, true};
  JoinPost post{id_of<TeamId>(1), PublicKey{2}, 0, 0, Bytes(90, 3), Signature{4}};
  Verdict verdict{VerdictObject::batch, VerdictCode::gap_before, feed_of(1), 2, 3, 4, 5};
  MailboxItems items{
      id_of<AudienceId>(1), 2, 3, {feed_of(4)}, {{0, 1, 2, {}, {}}, {0, 3, 4, id_of<Hash>(5), Bytes(18)}}};
  BlobName blob{id_of<BlobId>(1), 20 * kChunkSize + 5};
  const Bytes encoded[] = {
      encode(hello),
      encode(want),
      encode(batch()),
      encode(Chunk{Bytes(30, 3)}),
      encode(Receipt{Bytes(300, 1)}),
      encode(Frontier{1, {{feed_of(2), 3, id_of<Hash>(4)}}}),
      encode(RosterUpdate{1, id_of<Hash>(2), 100, 50, Bytes(50, 3)}),
      encode(AdmissionList{100, 0, Bytes(100, 1)}),
      encode(post),
      encode(Welcome{100, 0, Bytes(100, 1)}),
      encode(JoinRequests{{Bytes(90, 1), Bytes(90, 2)}}),
      encode(ExchangeKey{Bytes(121, 1)}),
      encode(verdict),
      encode(MailboxPoints{{{1, 2, 3, id_of<Hash>(4)}}, Signature{5}}),
      encode(items),
      encode(End{true}),
      encode(BlobOffer{{blob, {id_of<BlobId>(2), 1}}}),
      encode(BlobStates{{{blob, {{0, 3}, {5, 21}}, Bytes(149, 1)}}}),
      encode(BlobAsk{{{blob, {{0, 1}, {2, 20}}}}}),
      encode(ChunkRun{blob, 3, {id_of<Hash>(1), id_of<Hash>(2)}, {id_of<Hash>(3)}, {id_of<Hash>(4)}}),
  };
  std::vector<Bytes> seeds;
  for (size_t i = 0; i < std::size(encoded); ++i) seeds.push_back(chosen(i, encoded[i]));
  return seeds;
}

void fuzz::run(ByteView input) {
  Choices choices(input);
  kReaders[choices.below(std::size(kReaders))](choices.rest());
}
