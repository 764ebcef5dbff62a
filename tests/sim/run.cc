#include "run.h"

#include "story.h"

namespace lysoen::sim {

const char* name_of(Property property) {
  switch (property) {
    case Property::nothing_lost:
      return "nothing acknowledged is lost";
    case Property::same_bytes:
      return "coordinators show the same bytes";
    case Property::no_plaintext:
      return "no plaintext leaves a device";
    case Property::levels_true:
      return "levels are true";
    case Property::nobody_accused:
      return "nobody honest is accused";
    case Property::lies_noticed:
      return "a relay that takes back what it signed is noticed";
    case Property::forks_noticed:
      return "two versions of one feed are noticed";
    case Property::keys_used_once:
      return "no key is used twice";
    case Property::bounded_rounds:
      return "everything arrives in bounded rounds";
    case Property::calls_succeed:
      return "what must work works";
  }
  return "";
}

Figures& Figures::operator+=(const Figures& other) {
  actions += other.actions, reports += other.reports, writes += other.writes, conflicts += other.conflicts;
  deaths += other.deaths, deaths_within += other.deaths_within, relay_deaths += other.relay_deaths;
  exchanges += other.exchanges, messages += other.messages, spoiled += other.spoiled, bundles += other.bundles;
  rounds += other.rounds, files += other.files, file_bytes += other.file_bytes;
  stores_lost += other.stores_lost, clones += other.clones, forks += other.forks, hostile += other.hostile;
  return *this;
}

Outcome run(const Founded& founded, const Options& options) {
  Outcome outcome;
  auto end = [&](const Story& story) {
    outcome.trace = story.world().trace.hash(), outcome.figures = story.world().figures;
  };
  try {
    Story story(founded, options);
    try {
      story.tell();
    } catch (const Broken&) {
      end(story);
      throw;
    }
    end(story);
  } catch (const Broken& broken) {
    outcome.broken = broken.property;
    outcome.why = broken.what();
  }
  return outcome;
}

}  // namespace lysoen::sim
