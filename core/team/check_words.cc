#include <array>

#include "core/base/try.h"
#include "core/crypto/passphrase.h"
#include "core/team/invite_keys.h"
#include "core/team/join.h"

// words = four of the list below, each by the low 9 bits of a big-endian u16 at bytes 0, 2, 4, 6 of
//   Argon2id(password = HKDF(secret, "lysoen/1 invite words") 32 ‖ request id 32, salt = "lysoen/1 words" ‖ 00 00,
//            64 MiB, 3 passes, 32 bytes)
// 36 bits, each guess at the price of an Argon2id: somebody who intercepted the invite would search for centuries of
// processor time within the week that it is valid.
namespace lysoen::team {
namespace {

// Short, distinct, easy to say over a bad line. Part of the format: never reorder or replace.
constexpr std::array<std::string_view, 512> kWordList = {
    "abbey",   "acorn",   "actor",   "adapt",   "album",    "alert",   "alley",    "almanac", "almond",  "amber",
    "anchor",  "angle",   "ankle",   "antler",  "apple",    "apron",   "arch",     "arena",   "argue",   "arrow",
    "artist",  "aspen",   "atlas",   "attic",   "autumn",   "awake",   "badge",    "bagel",   "baker",   "bakery",
    "balcony", "ballad",  "bamboo",  "banana",  "banjo",    "barley",  "barn",     "barrel",  "basil",   "basket",
    "beach",   "beacon",  "beaver",  "beetle",  "bell",     "bench",   "berry",    "bicycle", "birch",   "bishop",
    "blanket", "blossom", "bobcat",  "bonfire", "bonnet",   "border",  "bottle",   "boulder", "bracket", "brass",
    "bread",   "bridge",  "broom",   "brush",   "bubble",   "bucket",  "buckle",   "budget",  "buffalo", "bundle",
    "butter",  "button",  "cabin",   "cable",   "cactus",   "camel",   "camera",   "candle",  "canoe",   "canvas",
    "captain", "caravan", "carbon",  "carpet",  "carrot",   "castle",  "catalog",  "cello",   "cement",  "chapel",
    "cherry",  "chimney", "circle",  "citrus",  "clay",     "cliff",   "clock",    "cloud",   "clover",  "coast",
    "cobalt",  "cobweb",  "coconut", "coffee",  "comet",    "compass", "copper",   "coral",   "corner",  "cotton",
    "cousin",  "crane",   "crater",  "crayon",  "credit",   "cricket", "crystal",  "curtain", "cymbal",  "dahlia",
    "daisy",   "dancer",  "decade",  "delta",   "dentist",  "desert",  "diagram",  "diamond", "dinner",  "doctor",
    "dolphin", "domino",  "donkey",  "dragon",  "drawer",   "drizzle", "drum",     "duchess", "dune",    "dust",
    "eagle",   "early",   "earth",   "echo",    "eclipse",  "elbow",   "elder",    "ember",   "empire",  "engine",
    "equal",   "evening", "exhibit", "express", "fabric",   "falcon",  "family",   "farmer",  "feather", "fence",
    "ferry",   "fiddle",  "figure",  "filter",  "finger",   "fjord",   "flame",    "flute",   "forest",  "fossil",
    "fox",     "freight", "friend",  "frost",   "galaxy",   "gallery", "garden",   "garlic",  "gazelle", "gecko",
    "ginger",  "giraffe", "glacier", "glove",   "goat",     "golden",  "gondola",  "gorilla", "granite", "grape",
    "gravel",  "guitar",  "gulf",    "habit",   "hamlet",   "hammer",  "harbor",   "harvest", "hazel",   "helmet",
    "herald",  "hermit",  "heron",   "hockey",  "hollow",   "honey",   "horizon",  "hotel",   "husky",   "hydrant",
    "hyena",   "iceberg", "igloo",   "index",   "indigo",   "infant",  "insect",   "iris",    "island",  "ivory",
    "jacket",  "jaguar",  "jasmine", "jelly",   "jersey",   "jigsaw",  "journal",  "jungle",  "juniper", "jury",
    "kayak",   "kernel",  "kestrel", "kettle",  "kidney",   "kingdom", "kitchen",  "kiwi",    "koala",   "ladder",
    "lagoon",  "lantern", "laptop",  "laurel",  "lava",     "lawyer",  "leather",  "lemon",   "leopard", "letter",
    "library", "lilac",   "lily",    "linen",   "lizard",   "llama",   "lobster",  "locket",  "lotus",   "lumber",
    "lunar",   "lynx",    "magnet",  "magpie",  "mango",    "maple",   "marble",   "margin",  "market",  "marsh",
    "meadow",  "medal",   "melon",   "mercury", "meteor",   "mirror",  "mitten",   "modem",   "monkey",  "monsoon",
    "mosaic",  "motor",   "muffin",  "museum",  "mustard",  "napkin",  "narrow",   "nature",  "nectar",  "needle",
    "nephew",  "nettle",  "nickel",  "noble",   "nomad",    "noodle",  "north",    "novel",   "nugget",  "nutmeg",
    "oasis",   "oboe",    "ocean",   "octopus", "office",   "olive",   "omelet",   "onion",   "onyx",    "opera",
    "orange",  "orbit",   "orchard", "orchid",  "organ",    "osprey",  "ostrich",  "otter",   "oval",    "oxygen",
    "oyster",  "paddle",  "palace",  "panda",   "papaya",   "paper",   "parade",   "parrot",  "parsley", "pasta",
    "peacock", "peanut",  "pebble",  "pelican", "pencil",   "peony",   "pepper",   "piano",   "pickle",  "pigeon",
    "pillow",  "pilot",   "pirate",  "planet",  "plastic",  "plaza",   "plum",     "pocket",  "poem",    "polar",
    "pony",    "poplar",  "potato",  "prairie", "present",  "prism",   "puppet",   "purple",  "puzzle",  "pyramid",
    "quarter", "quartz",  "queen",   "quilt",   "quiver",   "rabbit",  "raccoon",  "radar",   "radish",  "raven",
    "recipe",  "record",  "reef",    "region",  "rhubarb",  "ribbon",  "river",    "robin",   "robot",   "rocket",
    "roof",    "rose",    "rubber",  "ruby",    "runner",   "saddle",  "safari",   "sailor",  "salmon",  "sandal",
    "satin",   "saturn",  "scarf",   "school",  "scooter",  "season",  "sequoia",  "shadow",  "shelter", "sherbet",
    "shield",  "shovel",  "silver",  "singer",  "sister",   "skate",   "sketch",   "sled",    "smoke",   "snail",
    "soccer",  "socket",  "sofa",    "sonnet",  "sparrow",  "spider",  "spinach",  "spiral",  "spoon",   "spring",
    "stadium", "staple",  "statue",  "stem",    "stone",    "stork",   "studio",   "sugar",   "summer",  "sunset",
    "swan",    "symbol",  "syrup",   "table",   "tailor",   "tango",   "tanker",   "tapir",   "teapot",  "temple",
    "tennis",  "thimble", "thistle", "thunder", "ticket",   "tiger",   "timber",   "toast",   "tobacco", "token",
    "tomato",  "topaz",   "tornado", "tower",   "tractor",  "traffic", "trombone", "trumpet", "tuba",    "tulip",
    "tunnel",  "turnip",  "turtle",  "twig",    "umbrella", "uncle",   "unicorn",  "union",   "uranium", "urban",
    "valley",  "valve",   "vanilla", "vapor",   "velvet",   "vendor",  "vessel",   "village", "vinegar", "vineyard",
    "violin",  "visitor", "volcano", "voyage",  "vulture",  "waffle",  "wagon",    "walkway", "walnut",  "walrus",
    "water",   "weaver",  "wedding", "whale",   "wheat",    "whisper", "willow",   "window",  "winter",  "wizard",
    "wolf",    "wooden",  "wren",    "yacht",   "yard",     "yellow",  "yogurt",   "zebra",   "zenith",  "zigzag",
    "zipper",  "zodiac",
};

}  // namespace

Result<std::string> check_words(const InviteContents& invite, const Hash& request_id) {
  crypto::Secret<64> password;
  auto key = invite_keys::derive(invite, invite_keys::kWords);
  std::memcpy(password.data(), key.data(), 32);
  std::memcpy(password.data() + 32, request_id.bytes.data(), 32);
  std::array<uint8_t, crypto::kSaltSize> salt{};
  constexpr std::string_view kSalt = "lysoen/1 words";
  std::memcpy(salt.data(), kSalt.data(), kSalt.size());
  crypto::Argon2Cost cost{crypto::kMemoryKibFloor, crypto::kPassesFloor};
  LYSOEN_ASSIGN(auto derived, crypto::derive_key(as_text(password.view()), salt, cost));
  std::string words;
  for (size_t i = 0; i < 4; ++i) {
    size_t pick = (size_t{derived.data()[2 * i]} << 8 | derived.data()[2 * i + 1]) & (kWordList.size() - 1);
    words += (i > 0 ? " " : "") + std::string(kWordList[pick]);
  }
  return words;
}

}  // namespace lysoen::team
