#include "tests/unit/feed/vectors.h"

#include "tests/support/small_dictionary.h"
#include "tests/unit/feed/author.h"

namespace lysoen::test {
namespace {

class SealedVectors : public VectorMaker {
 public:
  void make() {
    entries();
    bodies_in_entries();
    streams();
    bodies();
    payloads();
  }

 private:
  // -- Sealed entries -----------------------------------------------------------------------------------------------
  struct Sealing {
    TeamId team;
    uint32_t epoch = 2;
    crypto::Key32 key;
  };
  /// Seals with `make(key, header)`, the header being that of the entry's place, and says what a reader is told.
  template <class Make>
  void entry(const std::string& name, const std::string& expect, const std::string& about, Make make,
             const Bytes& payload = {}) {
    SeededRandom random(20260104);
    Sealing sealing{random_id<TeamId>(random), 2, crypto::Key32::random(random)};
    Author author(random);
    author.save(1);
    feed::EntryHeader header{sealing.team, author.feed().audience, sealing.epoch, author.id(), 2, author.hash(1)};
    author.write(make(sealing, header));
    author.save(1);
    Lines lines{{"team", hex(sealing.team)},
                {"batch", hex(feed::encode_batch(author.batch(1, 3)))},
                {"epoch", std::to_string(sealing.epoch)},
                {"seq", "2"},
                {"entry_key", hex(sealing.key.view())}};
    if (expect == "ok") lines.emplace_back("payload", hex(payload));
    add("entry_" + name, expect, about, lines);
  }
  static Bytes text() {
    Bytes payload{1};
    for (uint8_t i = 0; i < 60; ++i) payload.push_back(static_cast<uint8_t>(i * 37 + 11));
    return payload;
  }

  void entries() {
    auto seal = [](const Sealing& sealing, const feed::EntryHeader& header) {
      return *feed::seal_entry(sealing.key, header, text());
    };
    auto under = [&](auto change) {
      return [seal, change](const Sealing& sealing, feed::EntryHeader header) {
        change(header);
        return seal(sealing, header);
      };
    };
    using Header = feed::EntryHeader;
    entry("good", "ok", "opens under the disclosed key", seal, text());
    entry("wrong_team", "open", "sealed under a header with another team",
          under([](Header& header) { header.team.bytes[0] ^= 1; }));
    entry("wrong_audience", "open", "sealed under a header with another audience",
          under([](Header& header) { header.audience.bytes[0] ^= 1; }));
    entry("wrong_epoch", "open", "sealed under a header with another epoch",
          under([](Header& header) { ++header.epoch; }));
    entry("wrong_feed", "open", "sealed under a header with another feed",
          under([](Header& header) { header.feed.bytes[0] ^= 1; }));
    entry("wrong_seq", "open", "sealed for another place", under([](Header& header) { ++header.seq; }));
    entry("wrong_prev", "open", "sealed behind another entry",
          under([](Header& header) { header.prev.bytes[0] ^= 1; }));
    entry("other_key", "open", "sealed under another key", [&](Sealing& sealing, const Header& header) {
      auto entry = seal(sealing, header);
      sealing.key.data()[0] ^= 1;
      return entry;
    });
    auto damaged = [&](size_t at) {
      return [seal, at](const Sealing& sealing, const Header& header) {
        auto entry = seal(sealing, header);
        entry.ciphertext[at] ^= 0x10;
        return feed::whole_entry(entry.kind, entry.ciphertext);
      };
    };
    entry("tag_wrong", "open", "the author signed an entry whose tag has one bit flipped behind the nonce",
          damaged(30));
    entry("ciphertext_wrong", "open", "the author signed an entry with one bit flipped behind the tag", damaged(100));
    entry("shorter_than_a_tag", "form", "an entry of 32 bytes holds nothing",
          [](const Sealing&, const Header&) { return feed::whole_entry(EntryKind::sealed, Bytes(32, 1)); });
    entry("stub", "stub", "the key is disclosed, the ciphertext is not there",
          [&](const Sealing& sealing, const Header& header) {
            return feed::stub_of(seal(sealing, header), StubReason::gap, {});
          });
  }

  void bodies_in_entries() {
    auto padded = [](Bytes bytes) {
      return [bytes](const Sealing& sealing, const feed::EntryHeader& header) {
        return feed::whole_entry(EntryKind::sealed,
                                 crypto::siv_seal(sealing.key, feed::encode_header(header, bytes.size()), bytes));
      };
    };
    auto body = [&](Bytes bytes) { return padded(crypto::pad(bytes)); };
    Bytes raw{0};
    for (uint8_t byte : text()) raw.push_back(byte);
    Bytes mark_missing = crypto::pad(raw);
    mark_missing[raw.size()] = 0;
    Bytes too_wide = crypto::pad(raw);
    too_wide.resize(320);
    entry("padding_without_mark", "body", "zeros only behind the body", padded(mark_missing));
    entry("padding_wrong", "body", "padded to 320 bytes where 256 hold it", padded(too_wide));
    entry("unknown_codec", "version", "a body with codec 9", body({9, 1, 2}));
    entry("body_empty", "body", "a codec and no data", body({0}));
    entry("zstd", "ok", "a zstd frame with one raw block", body(zstd_raw(text())), text());
    entry("zstd_without_size", "body", "a zstd frame that does not state its content size",
          body({1, 0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x00, 0x19, 0x00, 0x00, 'a', 'b', 'c'}));
    entry("zstd_bomb", "body", "a zstd frame of 20 bytes that states a size of 1 GiB", body(zstd_bomb()));
  }
  /// One frame, single segment, content size in one byte, one raw block: the same with every zstd.
  static Bytes zstd_raw(const Bytes& payload) {
    Bytes body{1, 0x28, 0xB5, 0x2F, 0xFD, 0x20, static_cast<uint8_t>(payload.size())};
    uint32_t header = 1u | static_cast<uint32_t>(payload.size()) << 3;
    for (int shift = 0; shift < 24; shift += 8) body.push_back(static_cast<uint8_t>(header >> shift));
    body.insert(body.end(), payload.begin(), payload.end());
    return body;
  }
  static Bytes zstd_bomb() {
    return {1, 0x28, 0xB5, 0x2F, 0xFD, 0xA0, 0, 0, 0, 0x40, 0x02, 0x00, 0x10, 0, 0x03, 0x00, 0x10, 0};
  }

  // -- Streams ------------------------------------------------------------------------------------------------------
  struct StreamScene {
    explicit StreamScene(uint64_t seed_value)
        : random(seed_value), epoch(crypto::KemKeyPair::generate(random)), author(random) {
      place = {random_id<TeamId>(random), author.feed(), 4, epoch.public_key};
      witness.relay = random_id<RelayId>(random);
      witness.log_size = 12;
      witness.log_root = random_id<Hash>(random);
      witness.point = {author.feed().audience, 1, 34, random_id<Hash>(random)};
    }
    SeededRandom random;
    crypto::KemKeyPair epoch;
    Author author;
    feed::StreamPlace place;
    feed::Witness witness;
  };
  template <class Change>
  void stream(const std::string& name, const std::string& expect, const std::string& about, uint64_t seq,
              Change change) {
    StreamScene scene(20260105);
    auto place = scene.place;
    change(place);
    auto begun = feed::StreamWriter::begin(place, 1, scene.witness, scene.random);
    write_stream(name, expect, about, scene, begun->entry, seq, feed::StreamReader::resume(begun->writer.state()));
  }
  void write_stream(const std::string& name, const std::string& expect, const std::string& about, StreamScene& scene,
                    SealedEntry entry, uint64_t seq, Result<feed::StreamReader> keys) {
    scene.author.write(std::move(entry));
    scene.author.sign();
    Lines lines{{"team", hex(scene.place.team)},
                {"batch", hex(feed::encode_batch(scene.author.batch(1, 1)))},
                {"epoch", std::to_string(scene.place.epoch)},
                {"epoch_secret", hex(scene.epoch.secret.view())},
                {"epoch_key", hex(scene.place.epoch_key)},
                {"seq", std::to_string(seq)}};
    if (expect == "ok") lines.emplace_back("entry_key", hex(keys->entry_key(seq)->view()));
    add("stream_" + name, expect, about, lines);
  }

  void streams() {
    using Place = feed::StreamPlace;
    stream("first_key", "ok", "the key of the entry behind the stream entry", 2, [](Place&) {});
    stream("key_past_stubs", "ok", "the key of an entry far behind it", 200, [](Place&) {});
    stream("last_key", "ok", "the last of 256 keys", 257, [](Place&) {});
    stream("wrong_team", "open", "sealed for another team", 2, [](Place& place) { place.team.bytes[0] ^= 1; });
    stream("wrong_audience", "open", "sealed for another audience", 2,
           [](Place& place) { place.feed.audience.bytes[0] ^= 1; });
    stream("wrong_epoch", "open", "sealed for another epoch", 2, [](Place& place) { ++place.epoch; });
    stream("wrong_author", "open", "sealed by another device", 2,
           [](Place& place) { place.feed.device.bytes[0] ^= 1; });
    stream("of_another_incarnation", "open", "copied from another feed of the device", 2,
           [](Place& place) { ++place.feed.incarnation; });
    auto changed = [&](const std::string& name, const std::string& expect, const std::string& about, auto change) {
      StreamScene scene(20260106);
      auto begun = feed::StreamWriter::begin(scene.place, 1, scene.witness, scene.random);
      Bytes bytes = begun->entry.ciphertext;
      change(bytes);
      write_stream(name, expect, about, scene, feed::whole_entry(EntryKind::stream, bytes), 2,
                   feed::StreamReader::resume(begun->writer.state()));
    };
    changed("commitment_changed", "open", "another commitment than the one it was sealed with",
            [](Bytes& bytes) { bytes[32] ^= 1; });
    changed("encapsulation_changed", "open", "one bit of the encapsulation differs",
            [](Bytes& bytes) { bytes[3] ^= 1; });
    changed("encapsulation_of_low_order", "open", "the encapsulation is the zero point",
            [](Bytes& bytes) { std::fill_n(bytes.begin(), 32, uint8_t{0}); });
    changed("cut", "form", "the last byte is missing", [](Bytes& bytes) { bytes.pop_back(); });
    changed("one_byte_more", "form", "a byte behind it", [](Bytes& bytes) { bytes.push_back(0); });
    stream_with_false_commitment();
  }
  /// Sealed correctly, with the commitment to another chain key: two readers could be given two keys.
  void stream_with_false_commitment() {
    StreamScene scene(20260107);
    auto other = crypto::Key32::random(scene.random), chain = crypto::Key32::random(scene.random);
    Hash commitment = crypto::labelled_hash("lysoen/1 stream commitment", other.view());
    Writer info;
    info.raw(as_bytes("lysoen/1 stream")).u8(0).u8(1).id(scene.place.team).id(scene.place.feed.audience);
    info.u32(scene.place.epoch).raw(scene.place.epoch_key).id(scene.author.id()).id(scene.place.feed.device).u64(1);
    info.id(commitment);
    auto sender = crypto::hpke_send(scene.place.epoch_key, info.bytes(), scene.random);
    Writer secret, bytes;
    secret.raw(chain.view()).raw(Bytes(148));
    bytes.raw(sender->encapsulation).id(commitment).raw(sender->context.seal({}, secret.bytes()));
    write_stream("commitment_wrong", "open",
                 "sealed as it should be, but the chain key inside is not the committed one", scene,
                 feed::whole_entry(EntryKind::stream, bytes.bytes()), 2, make_error(ErrorCode::internal, "not used"));
  }

  // -- Bodies and payloads --------------------------------------------------------------------------------------------
  void bodies() {
    auto body = [&](const std::string& name, const std::string& expect, const std::string& about, const Bytes& bytes,
                    const Bytes& payload = {}) {
      Lines lines{{"body", hex(bytes)}};
      if (expect == "ok") lines.emplace_back("payload", hex(payload));
      add("body_" + name, expect, about, lines);
    };
    Bytes raw{0, 1, 2, 3}, zstd = zstd_raw({1, 2, 3}), twice = zstd, longer = zstd;
    twice.insert(twice.end(), zstd.begin() + 1, zstd.end());
    longer.push_back(0);
    body("raw", "ok", "codec 0", raw, {1, 2, 3});
    body("zstd", "ok", "codec 1, one raw block", zstd, {1, 2, 3});
    body("zstd_run", "ok", "codec 1, one block that repeats a byte",
         {1, 0x28, 0xB5, 0x2F, 0xFD, 0x20, 5, 0x2B, 0x00, 0x00, 'a'}, Bytes(5, 'a'));
    body("unknown_codec", "version", "codec 3", {3, 1, 2, 3});
    body("nothing", "body", "no codec", {});
    body("zstd_two_frames", "body", "a second frame behind the first", twice);
    body("zstd_bytes_left_over", "body", "a byte behind the frame", longer);
    body("zstd_size_too_large", "body", "a frame that states a size of 262,177 bytes",
         {1, 0x28, 0xB5, 0x2F, 0xFD, 0xA0, 0x21, 0x00, 0x04, 0x00, 0x03, 0x00, 0x00});
    body("zstd_with_dictionary", "version", "a frame that asks for dictionary 7",
         {1, 0x28, 0xB5, 0x2F, 0xFD, 0x21, 7, 3, 0x19, 0x00, 0x00, 'a', 'b', 'c'});
    dictionary_bodies();
  }

  void dictionary_bodies() {
    SeededRandom random(20260109);
    const Bytes dictionary = small_dictionary(), frame = *from_hex(kPackedEdit);
    auto packed = [&](const std::string& name, const std::string& expect, const std::string& about, ByteView body,
                      const Bytes& payload = {}) {
      Lines lines{{"body", hex(body)}, {"dictionary", hex(dictionary)}};
      if (expect == "ok") lines.emplace_back("payload", hex(payload));
      add("body_" + name, expect, about, lines);
    };
    feed::EditPayload edit{{}, to_bytes(as_bytes(kUnpackedEdit))};
    random.fill(edit.salt);
    Writer out;
    out.u8(2).raw(feed::dictionary_name(dictionary)).raw(edit.salt).raw(frame);
    Bytes body = out.bytes(), other = body, cut = body, longer = body, magic = body, larger = body;
    packed("dictionary", "ok", "codec 2, an edit packed with its form's dictionary", body, feed::encode_payload(edit));
    other[3] ^= 1;
    packed("dictionary_not_here", "version", "codec 2, a dictionary of another name", other);
    cut.pop_back();
    packed("dictionary_cut", "body", "codec 2, the frame lacks its last byte", cut);
    packed("dictionary_no_frame", "body", "codec 2, nothing behind the salt", ByteView(body).first(25));
    packed("dictionary_no_salt", "body", "codec 2, ends inside the salt", ByteView(body).first(20));
    longer.push_back(0);
    packed("dictionary_bytes_left_over", "body", "codec 2, a byte behind the frame", longer);
    const Bytes number{0x28, 0xB5, 0x2F, 0xFD};
    magic.insert(magic.begin() + 25, number.begin(), number.end());
    packed("dictionary_with_magic", "body", "codec 2, the frame has its magic number", magic);
    larger.resize(25);
    const Bytes large{0xA0, 0x10, 0x00, 0x04, 0x00, 0x03, 0x00, 0x00};
    larger.insert(larger.end(), large.begin(), large.end());
    packed("dictionary_size_too_large", "body", "codec 2, an edit of 262,160 bytes, with type and salt 262,177",
           larger);
  }

  void payloads() {
    SeededRandom random(20260108);
    auto device = random_id<DeviceId>(random);
    auto payload = [&](const std::string& name, const std::string& expect, const std::string& about, const Bytes& bytes,
                       const Lines& more = {}) {
      Lines lines{{"device", hex(device)}, {"payload", hex(bytes)}};
      lines.insert(lines.end(), more.begin(), more.end());
      add("payload_" + name, expect, about, lines);
    };
    feed::EditPayload edit{{}, random_bytes(random, 30)};
    random.fill(edit.salt);
    payload("edit", "ok", "an edit with its id", feed::encode_payload(edit),
            {{"edit_id", hex(feed::edit_id(device, edit.salt, edit.edit))}});
    payload("edit_empty", "form", "a salt and no edit", Bytes(17, 1));
    feed::Acknowledgement acknowledgement{{{random_id<FeedId>(random), 40, random_id<Hash>(random), {{3, 4}, {9, 9}}},
                                           {random_id<FeedId>(random), 1, random_id<Hash>(random), {}}}};
    Bytes acknowledged = *feed::encode_payload(acknowledgement);
    payload("acknowledgement", "ok", "two feeds, two exceptions", acknowledged);
    size_t ranges_at = acknowledged.size();
    for (size_t at = 3 + 72; at + 34 <= acknowledged.size(); ++at)
      if (acknowledged[at] == 0 && acknowledged[at + 1] == 2) ranges_at = std::min(ranges_at, at);
    Bytes touching = acknowledged, beyond = acknowledged, none = acknowledged;
    touching[ranges_at + 2 + 16 + 7] = 5;
    beyond[ranges_at + 2 + 16 + 15] = 41;
    none[2] = 0;
    payload("acknowledgement_ranges_touch", "form", "two ranges that should be one", touching);
    payload("acknowledgement_range_beyond", "form", "a range that reaches above the seq", beyond);
    payload("acknowledgement_of_nothing", "form", "no feeds", none);
    feed::ReadMarks marks{{random_id<ReportId>(random), random_id<ReportId>(random)}};
    Bytes read = *feed::encode_payload(marks), unordered = read;
    std::swap_ranges(unordered.begin() + 3, unordered.begin() + 35, unordered.begin() + 35);
    payload("read_marks", "ok", "two reports", read);
    payload("read_marks_unordered", "form", "two reports in descending order", unordered);
    payload("unknown_type", "version", "type 77", Bytes{77, 1, 2});
  }
};

}  // namespace

std::vector<FeedVector> make_sealed_vectors() {
  SealedVectors maker;
  maker.make();
  return maker.take();
}

}  // namespace lysoen::test
