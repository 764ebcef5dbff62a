// A file goes into a blob and comes out again; whatever is changed on the way is noticed, wherever it is.
#include "core/media/attachment.h"

#include <fstream>
#include <map>

#include "core/base/bytes.h"
#include "tests/support/catch.h"
#include "tests/support/files.h"
#include "tests/support/paths.h"
#include "tests/support/seed.h"

using namespace lysoen;
using namespace lysoen::media;
using namespace lysoen::test;

namespace {

/// Bytes as a source that gives at most `step` at a time, as a slow disk does not: sources fill what they are given.
Source reading(const Bytes& bytes, size_t& at) {
  at = 0;
  return [&](std::span<uint8_t> into) -> Result<size_t> {
    size_t size = std::min(into.size(), bytes.size() - at);
    std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(at), size, into.begin());
    at += size;
    return size;
  };
}

Sink into(Bytes& bytes) {
  return [&](ByteView more) -> Result<void> {
    return bytes.insert(bytes.end(), more.begin(), more.end()), Result<void>();
  };
}

struct Sealed {
  BlobInfo info;
  Bytes blob;
};

Sealed seal(const Bytes& file, uint64_t seed_value = 1) {
  SeededRandom random(seed_value);
  Sealed sealed;
  size_t at;
  auto info = seal_blob(reading(file, at), into(sealed.blob), random);
  REQUIRE(info.ok());
  sealed.info = *info;
  return sealed;
}

Result<Bytes> open(const BlobInfo& info, const Bytes& blob) {
  Bytes file;
  size_t at;
  auto opened = open_blob(info, reading(blob, at), into(file));
  if (!opened) return std::move(opened).error();
  return file;
}

Bytes noise(size_t size) {
  auto random = generator(size);
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

}  // namespace

TEST_CASE("Attachment: what goes in comes out, at every size around the borders", "[media]") {
  std::map<size_t, size_t> sizes;  // of blobs: how many files have it
  for (size_t size : {size_t{0}, size_t{1}, size_t{239}, size_t{240}, size_t{241}, kChunkContent - 1, kChunkContent,
                      kChunkContent + 1, 2 * kChunkContent, 5 * kChunkContent + 17, size_t{1000000}}) {
    INFO("size " << size);
    auto file = noise(size);
    auto sealed = seal(file);
    CHECK(sealed.info.size == size);
    CHECK(sealed.blob.size() == blob_size(size));
    CHECK(sealed.blob.size() >= size);
    CHECK(sealed.blob.size() <= std::max<size_t>(2 * size + 256, size + size / 8 + 64));
    size_t at;
    auto id = blob_id(reading(sealed.blob, at));
    REQUIRE(id.ok());
    CHECK(*id == sealed.info.blob);
    auto opened = open(sealed.info, sealed.blob);
    REQUIRE(opened.ok());
    CHECK(*opened == file);
    CHECK(seal(file, 2).info.blob != sealed.info.blob);  // another key: nobody sees that it is the same file
  }
}

TEST_CASE("Attachment: few sizes are seen from outside", "[media]") {
  std::map<uint64_t, int> seen;
  for (uint64_t size = 3000000; size < 3200000; size += 100) ++seen[blob_size(size)];
  CHECK(seen.size() <= 6);
}

TEST_CASE("Attachment: a flipped bit, a cut, chunks swapped, doubled or of another file are noticed", "[media]") {
  auto file = noise(3 * kChunkContent + 100);
  auto good = seal(file);
  auto refused = [&](const Bytes& blob, const BlobInfo& info) {
    auto opened = open(info, blob);
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.error().code == ErrorCode::damaged);
    CHECK(opened.error().message.starts_with("cannot open the attachment: "));
  };
  for (size_t at = 0; at < good.blob.size(); at += 97) {
    auto blob = good.blob;
    blob[at] ^= 1;
    refused(blob, good.info);
  }
  for (size_t cut : {size_t{0}, size_t{1}, kChunkSize - 1, kChunkSize, kChunkSize + 1, good.blob.size() - 1}) {
    refused(Bytes(good.blob.begin(), good.blob.begin() + static_cast<ptrdiff_t>(cut)), good.info);
  }
  auto longer = good.blob;
  longer.push_back(0);
  refused(longer, good.info);
  auto swapped = good.blob;
  std::swap_ranges(swapped.begin(), swapped.begin() + kChunkSize, swapped.begin() + kChunkSize);
  refused(swapped, good.info);
  auto doubled = good.blob;
  std::copy_n(doubled.begin(), kChunkSize, doubled.begin() + kChunkSize);
  refused(doubled, good.info);
  auto other = seal(noise(3 * kChunkContent + 100), 5);
  auto mixed = good.blob;
  std::copy_n(other.blob.begin(), kChunkSize, mixed.begin());
  refused(mixed, good.info);
  refused(other.blob, good.info);
}

TEST_CASE("Attachment: who has the key can put nothing else under the same id", "[media]") {
  auto good = seal(noise(1000)), other = seal(noise(1001), 3);
  auto claim = good.info;
  claim.key = other.info.key, claim.size = other.info.size;
  CHECK(open(claim, other.blob).error().message == "cannot open the attachment: it is not the file that was attached");
  claim = good.info;
  claim.size -= 1;  // the last byte would be padding
  CHECK_FALSE(open(claim, good.blob).ok());
  claim.size += 2;
  CHECK_FALSE(open(claim, good.blob).ok());
  claim = good.info;
  claim.content.bytes[0] ^= 1;
  CHECK_FALSE(open(claim, good.blob).ok());
}

TEST_CASE("Attachment: an error of the file or of the disk comes back as it is", "[media]") {
  SeededRandom random(1);
  auto broken = [](std::span<uint8_t>) -> Result<size_t> {
    return make_error(ErrorCode::io_failed, "the card was pulled");
  };
  Bytes out;
  CHECK(seal_blob(broken, into(out), random).error().message == "the card was pulled");
  auto full = [](ByteView) -> Result<void> { return make_error(ErrorCode::storage_full, "no room"); };
  size_t at;
  auto file = noise(40000);
  CHECK(seal_blob(reading(file, at), full, random).error().code == ErrorCode::storage_full);
  auto sealed = seal(file);
  CHECK(open_blob(sealed.info, broken, into(out)).error().message == "the card was pulled");
  CHECK(open_blob(sealed.info, reading(sealed.blob, at), full).error().code == ErrorCode::storage_full);
}

TEST_CASE("Attachment: pictures and recordings go through unchanged, and are known by their bytes", "[media]") {
  auto shared = shared_dir();
  if (!shared) {
    WARN("no shared material here: not run");
    return;
  }
  const std::map<std::string, std::string> types = {
      {".jpg", "image/jpeg"}, {".tiff", "image/tiff"},     {".heif", "image/heic"}, {".mp3", "audio/mpeg"},
      {".mp4", "video/mp4"},  {".mov", "video/quicktime"}, {".3g2", "video/3gpp2"}};
  size_t files = 0;
  for (const char* folder : {"photos", "av"})
    for (const auto& entry : std::filesystem::directory_iterator(*shared / "data" / folder)) {
      INFO(entry.path().filename());
      ++files;
      auto file = content_of(entry.path());
      auto sealed = seal(file);
      CHECK(open(sealed.info, sealed.blob).value() == file);
      auto known = types.find(entry.path().extension().string());
      REQUIRE(known != types.end());
      auto type = media_type(ByteView(file).first(std::min(file.size(), kMediaTypeBytes)));
      CHECK(type.value_or("?") == known->second);
    }
  CHECK(files >= 20);
}

TEST_CASE("Attachment: a media type is told by the first bytes, or not at all", "[media]") {
  auto type = [](std::string_view text) { return std::string(media_type(as_bytes(text)).value_or("-")); };
  CHECK(type("") == "-");
  CHECK(type("a line\nand one more, é") == "text/plain");
  CHECK(type(std::string_view("a\0b", 3)) == "-");
  CHECK(type("\xc3") == "text/plain");  // cut within a character
  CHECK(type("\xff\xfe\x01") == "-");
  CHECK(type("%PDF-1.7") == "application/pdf");
  CHECK(type("RIFF????WEBPVP8 ") == "image/webp");
  CHECK(type("????????WEBP") == "text/plain");
  CHECK(type(std::string_view("\0\0\0\x18"
                              "ftypheic",
                              12)) == "image/heic");
}
