/* The C header from a program in C: what an app does, and what goes wrong. Prints each failed check; exit 1 if any. */
#define _POSIX_C_SOURCE 200809L
#include <lysoen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int failures = 0;

#define CHECK(condition)                                                                                 \
  do {                                                                                                   \
    if (!(condition)) {                                                                                  \
      printf("c_test.c:%d: %s\n", __LINE__, #condition);                                                 \
      printf("  last error: %s: %s (%s)\n", lysoen_code_name(lysoen_last_code()), lysoen_last_message(), \
             lysoen_last_hint());                                                                        \
      ++failures;                                                                                        \
    }                                                                                                    \
  } while (0)

#define CHECK_TEXT(got, wanted)                                                       \
  do {                                                                                \
    const char* got_text = (got);                                                     \
    if (strcmp(got_text, wanted) != 0) {                                              \
      printf("c_test.c:%d: got \"%s\", wanted \"%s\"\n", __LINE__, got_text, wanted); \
      ++failures;                                                                     \
    }                                                                                 \
  } while (0)

static const char kPassphrase[] = "four words in a row";
/* A key as an operator hands it out; no relay listens for it here. */
static const char kRelayKey[] =
    "lysoen-relay:1:dDLoH6CVYkzHXurueYxdE0vf3NPhA_AZWwXxSzzncqt4HSt_D25Oo0axX9R8Ics-t2dP8Phf-5go2BYP9B3uirXISEi75Oe_"
    "c-jljcPepjOpv9ZYsKxR2Kr6x9nsxI3W_XH5FA";
static const char kRelayUrl[] = "http://127.0.0.1:9";

static char folder[256];

static const char* path(const char* name) {
  static char out[4][400];
  static int next = 0;
  next = (next + 1) % 4;
  snprintf(out[next], sizeof out[next], "%s/%s", folder, name);
  return out[next];
}

static lysoen_vault* made(const char* name) {
  lysoen_vault* vault = NULL;
  if (lysoen_vault_create(path(name), kPassphrase, &vault) != LYSOEN_OK) {
    printf("cannot go on: %s\n", lysoen_last_message());
    exit(1);
  }
  return vault;
}

/* The number of the field of this path, or SIZE_MAX. */
static size_t field_of(const lysoen_report* report, const char* name) {
  for (size_t i = 0; i < lysoen_report_field_count(report); ++i)
    if (strcmp(lysoen_report_field_path(report, i), name) == 0) return i;
  return SIZE_MAX;
}

/* The first visible value of a field of a report, compared. */
static int has_value(lysoen_vault* vault, const lysoen_id* id, const char* name, const char* wanted) {
  lysoen_report* report = NULL;
  if (lysoen_read(vault, id, &report) != LYSOEN_OK) return 0;
  const lysoen_visible* value = lysoen_report_value(report, field_of(report, name), 0);
  int same = value && value->value && strcmp(value->value, wanted) == 0;
  lysoen_report_free(report);
  return same;
}

static void versions_and_forms(void) {
  CHECK(lysoen_api_version() >= LYSOEN_API_VERSION);
  CHECK(strlen(lysoen_version()) >= 5);
  CHECK(lysoen_last_code() == LYSOEN_OK);
  CHECK_TEXT(lysoen_last_message(), "");
  CHECK_TEXT(lysoen_code_name(LYSOEN_OK), "ok");
  CHECK_TEXT(lysoen_code_name(LYSOEN_IO_FAILED), "io_failed");
  CHECK_TEXT(lysoen_code_name(4711), "internal");

  lysoen_id id, again;
  memset(&id, 0xA5, sizeof id);
  char hex[65];
  lysoen_id_hex(&id, hex);
  CHECK(strlen(hex) == 64 && strncmp(hex, "a5a5", 4) == 0);
  CHECK(lysoen_id_from_hex(hex, &again) == LYSOEN_OK && memcmp(&id, &again, sizeof id) == 0);
  CHECK(lysoen_id_from_hex("a5", &again) == LYSOEN_INPUT_REFUSED);
  CHECK_TEXT(lysoen_last_message(), "an id is 64 hexadecimal digits");

  size_t forms = 0;
  while (lysoen_form_id(forms)) ++forms;
  CHECK(forms >= 3);
  lysoen_form *english = NULL, *french = NULL;
  CHECK(lysoen_form_open("police-incident", "en", &english) == LYSOEN_OK);
  CHECK(lysoen_form_open("police-incident", "fr", &french) == LYSOEN_OK);
  CHECK(strcmp(lysoen_form_title(english), lysoen_form_title(french)) != 0);
  int required = 0, choices = 0;
  for (size_t i = 0; lysoen_form_question(english, i); ++i) {
    const lysoen_question* question = lysoen_form_question(english, i);
    CHECK(question->path[0] != '\0' && question->label[0] != '\0' && question->type >= LYSOEN_TEXT);
    required += question->required;
    for (size_t k = 0; k < question->choices; ++k, ++choices)
      CHECK(lysoen_form_choice_code(english, i, k) && lysoen_form_choice_label(english, i, k)[0] != '\0');
    CHECK(lysoen_form_choice_code(english, i, question->choices) == NULL);
  }
  CHECK(required > 0 && choices > 50);
  lysoen_form_free(english);
  lysoen_form_free(french);
  CHECK(lysoen_form_open("nothing", NULL, &english) == LYSOEN_NOT_FOUND);
}

/* A file in memory; `fail_at` is where reading or writing it fails. */
struct memory_file {
  const uint8_t* content;
  size_t size, at, fail_at;
};

static lysoen_code give(void* context, uint8_t* into, size_t size, size_t* came) {
  struct memory_file* file = context;
  if (file->at >= file->fail_at) return LYSOEN_IO_FAILED;
  *came = size < file->size - file->at ? size : file->size - file->at;
  memcpy(into, file->content + file->at, *came);
  file->at += *came;
  return LYSOEN_OK;
}

static lysoen_code compare(void* context, const uint8_t* bytes, size_t size) {
  struct memory_file* file = context;
  if (file->at >= file->fail_at) return LYSOEN_STORAGE_FULL;
  if (size > file->size - file->at || memcmp(bytes, file->content + file->at, size) != 0) return 4711;
  file->at += size;
  return LYSOEN_OK;
}

static void files(void) {
  static uint8_t content[300000];
  for (size_t i = 0; i < sizeof content; ++i) content[i] = (uint8_t)(i * 2654435761u >> 13);
  lysoen_vault* vault = made("files");
  lysoen_id draft, blob;
  CHECK(lysoen_begin(vault, "police-incident", "en", &draft) == LYSOEN_OK);
  struct memory_file file = {content, sizeof content, 0, 100000};
  const char* question = "files[new1]/file";
  CHECK(lysoen_attach(vault, &draft, question, "film.bin", NULL, give, &file, &blob) == LYSOEN_IO_FAILED);
  file.at = 0, file.fail_at = SIZE_MAX;
  CHECK(lysoen_attach(vault, &draft, "title", "film.bin", NULL, give, &file, &blob) == LYSOEN_INPUT_REFUSED);
  CHECK(lysoen_attach(vault, &draft, question, "film.bin", NULL, NULL, &file, &blob) == LYSOEN_USAGE);
  file.at = 0;
  CHECK(lysoen_attach(vault, &draft, question, "film.bin", NULL, give, &file, &blob) == LYSOEN_OK);

  lysoen_files* seen = NULL;
  CHECK(lysoen_files_open(vault, &draft, &seen) == LYSOEN_OK);
  const lysoen_file* one = lysoen_files_get(seen, 0);
  const lysoen_id none = {{0}};
  CHECK(one && memcmp(&one->blob, &blob, sizeof blob) == 0 && memcmp(&one->thumbnail, &none, sizeof none) == 0);
  CHECK(one && one->size == sizeof content && one->here == one->size && !one->sent && !one->held);
  CHECK(lysoen_files_get(seen, 1) == NULL && lysoen_files_get(NULL, 0) == NULL);
  lysoen_files_free(seen);

  file.at = 0;
  CHECK(lysoen_extract(vault, &draft, &blob, compare, &file) == LYSOEN_OK && file.at == sizeof content);
  file.at = 0, file.fail_at = 200000;
  CHECK(lysoen_extract(vault, &draft, &blob, compare, &file) == LYSOEN_STORAGE_FULL);
  file.at = 0, file.fail_at = SIZE_MAX, file.size = 100;
  CHECK(lysoen_extract(vault, &draft, &blob, compare, &file) == LYSOEN_INTERNAL); /* a code that is none */
  CHECK(lysoen_extract_shareable(vault, &draft, &blob, compare, &file) == LYSOEN_INPUT_REFUSED && file.at == 0);
  CHECK(lysoen_extract(vault, &draft, &none, compare, &file) == LYSOEN_NOT_FOUND);
  lysoen_vault_free(vault);
}

static void one_device(void) {
  lysoen_vault* vault = made("one");
  lysoen_id draft;
  CHECK(lysoen_begin(vault, "human-rights-violation", "en", &draft) == LYSOEN_OK);
  const lysoen_change changes[] = {{"title", "A house was searched \xC3\xA0 l'aube"},
                                   {"killed", "2"},
                                   {"place", "43.4670 11.8850"},
                                   {"event_date", "2020-01-05"},
                                   {"victims[new1]/name", "Someone"},
                                   {"acts", "shooting beating"}};
  CHECK(lysoen_save(vault, &draft, changes, sizeof changes / sizeof *changes) == LYSOEN_OK);

  /* All or nothing, and the message names the field but not the answer. */
  const lysoen_change wrong[] = {{"title", "changed"}, {"killed", "a secret number"}};
  CHECK(lysoen_save(vault, &draft, wrong, 2) == LYSOEN_INPUT_REFUSED);
  CHECK(lysoen_last_advice() == LYSOEN_ADVICE_FIX_INPUT);
  CHECK(strstr(lysoen_last_message(), "killed: not an integer") != NULL);
  CHECK(strstr(lysoen_last_message(), "secret") == NULL);
  CHECK(lysoen_last_hint()[0] != '\0');
  const lysoen_change unknown[] = {{"no_such_field", "x"}};
  CHECK(lysoen_save(vault, &draft, unknown, 1) == LYSOEN_INPUT_REFUSED);
  CHECK(strstr(lysoen_last_message(), "no_such_field") != NULL);
  CHECK(has_value(vault, &draft, "title", "A house was searched \xC3\xA0 l'aube"));

  const lysoen_change cleared[] = {{"event_date", NULL}};
  CHECK(lysoen_save(vault, &draft, cleared, 1) == LYSOEN_OK);

  lysoen_report* report = NULL;
  CHECK(lysoen_read(vault, &draft, &report) == LYSOEN_OK);
  const lysoen_report_facts* facts = lysoen_report_get_facts(report);
  CHECK(facts->status == LYSOEN_DRAFT && facts->level == LYSOEN_LEVEL_DRAFT && facts->conflicts == 0);
  CHECK_TEXT(facts->form, "human-rights-violation");
  size_t place = field_of(report, "place");
  CHECK(lysoen_report_value_count(report, place) == 1);
  CHECK(lysoen_report_value(report, place, 0)->type == LYSOEN_POINT);
  CHECK_TEXT(lysoen_report_value(report, place, 0)->value, "43.4670 11.8850");
  CHECK(lysoen_report_value(report, place, 1) == NULL);
  CHECK(lysoen_report_field_path(report, lysoen_report_field_count(report)) == NULL);

  lysoen_id second;
  CHECK(lysoen_begin(vault, "police-incident", "fr", &second) == LYSOEN_OK);
  lysoen_query query = LYSOEN_QUERY_INIT;
  query.form = "human-rights-violation";
  lysoen_list* list = NULL;
  CHECK(lysoen_list_open(vault, &query, &list) == LYSOEN_OK);
  CHECK(lysoen_list_count(list) == 1);
  const lysoen_summary* line = lysoen_list_next(list);
  CHECK(line && memcmp(&line->report, &draft, sizeof draft) == 0);
  CHECK(line && line->place && line->place->latitude > 43.46 && line->place->latitude < 43.47);
  if (line) CHECK_TEXT(line->title, "A house was searched \xC3\xA0 l'aube");
  CHECK(lysoen_list_next(list) == NULL);
  lysoen_list_free(list);
  CHECK(lysoen_list_open(vault, NULL, &list) == LYSOEN_OK && lysoen_list_count(list) == 2);

  CHECK(lysoen_submit(vault, &draft, NULL) == LYSOEN_TRUST_REFUSED);
  CHECK(lysoen_discard(vault, &second) == LYSOEN_OK);
  CHECK(lysoen_vault_idle(vault) == LYSOEN_OK);
  CHECK(lysoen_read(vault, &second, &report) == LYSOEN_NOT_FOUND);

  lysoen_vault_status status = LYSOEN_VAULT_STATUS_INIT;
  CHECK(lysoen_status(vault, &status) == LYSOEN_OK && status.drafts == 1);
  lysoen_team* team = NULL;
  CHECK(lysoen_team_open(vault, &team) == LYSOEN_NOT_FOUND && team == NULL);

  /* In use while it is open; a second handle of another process meets the same lock. */
  lysoen_vault* other = NULL;
  CHECK(lysoen_vault_open(path("one"), kPassphrase, &other) == LYSOEN_VAULT_IN_USE);
  CHECK(lysoen_last_advice() == LYSOEN_ADVICE_RETRY_LATER);
  CHECK(lysoen_vault_lock(vault) == LYSOEN_OK);
  CHECK(lysoen_vault_idle(vault) == LYSOEN_LOCKED);
  CHECK(lysoen_begin(vault, "police-incident", "en", &second) == LYSOEN_LOCKED);
  lysoen_vault_free(vault);

  /* What was read outlives the vault. */
  CHECK_TEXT(lysoen_report_field_path(report, place), "place");
  CHECK(lysoen_list_next(list) != NULL);
  lysoen_report_free(report);
  lysoen_list_free(list);

  CHECK(lysoen_vault_open(path("one"), "wrong", &other) == LYSOEN_WRONG_PASSPHRASE);
  CHECK(lysoen_last_code() == LYSOEN_WRONG_PASSPHRASE && lysoen_last_advice() == LYSOEN_ADVICE_UNLOCK);
  CHECK_TEXT(lysoen_code_name(lysoen_last_code()), "wrong_passphrase");
  CHECK(strstr(lysoen_last_message(), "passphrase") != NULL);
  CHECK(lysoen_vault_open(path("absent"), kPassphrase, &other) == LYSOEN_NOT_FOUND);
  CHECK(lysoen_vault_create(path("one"), kPassphrase, &other) == LYSOEN_ALREADY_EXISTS);
  CHECK(lysoen_vault_open(path("one"), kPassphrase, &other) == LYSOEN_OK);
  CHECK(has_value(other, &draft, "killed", "2"));
  lysoen_vault_free(other);
}

static void calls_that_make_no_sense(void) {
  lysoen_vault* vault = made("sense");
  lysoen_id id = {{0}};
  lysoen_report* report = NULL;
  CHECK(lysoen_vault_create(NULL, kPassphrase, &vault) == LYSOEN_USAGE);
  CHECK_TEXT(lysoen_last_message(), "argument 'folder' is a null pointer");
  CHECK(lysoen_read(NULL, &id, &report) == LYSOEN_USAGE);
  CHECK(lysoen_read(vault, NULL, &report) == LYSOEN_USAGE);
  CHECK(lysoen_save(vault, &id, NULL, 3) == LYSOEN_USAGE);
  CHECK(lysoen_read(vault, &id, &report) == LYSOEN_NOT_FOUND);
  CHECK(lysoen_begin(vault, "nothing", "en", &id) != LYSOEN_OK);
  lysoen_query query;
  memset(&query, 0, sizeof query);
  lysoen_list* list = NULL;
  CHECK(lysoen_list_open(vault, &query, &list) == LYSOEN_USAGE);
  CHECK_TEXT(lysoen_last_message(), "a struct does not say its size");
  /* Written against an older header, whose struct ended after `form`. */
  query.size = offsetof(lysoen_query, text);
  CHECK(lysoen_list_open(vault, &query, &list) == LYSOEN_OK && lysoen_list_count(list) == 0);
  lysoen_list_free(list);
  /* A struct of the library's is not written beyond the caller's size. */
  lysoen_vault_status status = {offsetof(lysoen_vault_status, drafts), 7, 7, 7, 7, 7, 7};
  CHECK(lysoen_status(vault, &status) == LYSOEN_OK && status.reports == 0 && status.drafts == 7);
  lysoen_sync* sync = NULL;
  CHECK(lysoen_sync_begin_join(vault, 0, &sync) == LYSOEN_NOT_FOUND && sync == NULL);
  CHECK(lysoen_join(vault, (const uint8_t*)"lysoen://join#AAAA", 18, &(lysoen_joining*){NULL}) != LYSOEN_OK);
  lysoen_bytes_free(NULL);
  lysoen_report_free(NULL);
  lysoen_sync_free(NULL);
  lysoen_vault_free(NULL);
  CHECK(lysoen_sync_next(NULL)->what == LYSOEN_SYNC_DONE);
  CHECK(lysoen_report_field_count(NULL) == 0 && lysoen_list_next(NULL) == NULL && lysoen_team_member(NULL, 0) == NULL);
  lysoen_vault_free(vault);
}

/* A second device in the first one's team, by byte strings alone. */
static void join(lysoen_vault* admin, lysoen_vault* joiner, uint32_t roles, const char* name) {
  lysoen_bytes *invite = NULL, *welcome = NULL;
  CHECK(lysoen_invite(admin, roles, name, &invite) == LYSOEN_OK);
  lysoen_joining* joining = NULL;
  CHECK(lysoen_join(joiner, lysoen_bytes_data(invite), lysoen_bytes_size(invite), &joining) == LYSOEN_OK);
  size_t size = 0;
  const uint8_t* request = lysoen_joining_request(joining, &size);
  lysoen_id id;
  char words[128];
  CHECK(lysoen_join_request_take(admin, request, size, &id, words) == LYSOEN_OK);
  CHECK_TEXT(words, lysoen_joining_check_words(joining));
  CHECK(lysoen_admit(admin, &id, &welcome) == LYSOEN_OK);
  CHECK(lysoen_join_finish(joiner, lysoen_bytes_data(welcome), lysoen_bytes_size(welcome)) == LYSOEN_OK);
  lysoen_joining_free(joining);
  lysoen_bytes_free(invite);
  lysoen_bytes_free(welcome);
}

static void carry(lysoen_vault* from, lysoen_vault* to, const char* name) {
  lysoen_bundle_facts written = LYSOEN_BUNDLE_FACTS_INIT, taken = LYSOEN_BUNDLE_FACTS_INIT;
  CHECK(lysoen_bundle_export(from, path(name), 0, &written) == LYSOEN_OK && written.entries > 0);
  CHECK(lysoen_bundle_export(from, path(name), 0, NULL) == LYSOEN_ALREADY_EXISTS);
  CHECK(lysoen_bundle_import(to, path(name), &taken) == LYSOEN_OK && taken.stored > 0 && taken.refused == 0);
  CHECK(lysoen_bundle_import(to, path(name), &taken) == LYSOEN_OK && taken.stored == 0 && taken.known > 0);
}

/* A stick that lost half of the file. */
static void damaged_bundle(lysoen_vault* vault, const char* name) {
  FILE* in = fopen(path(name), "rb");
  FILE* out = fopen(path("cut"), "wb");
  if (!in || !out) exit(1);
  char block[900];
  size_t size = fread(block, 1, sizeof block, in);
  fwrite(block, 1, size, out);
  fclose(in);
  fclose(out);
  lysoen_code code = lysoen_bundle_import(vault, path("cut"), NULL);
  CHECK(code == LYSOEN_DAMAGED || code == LYSOEN_PARTLY_DONE);
  CHECK(lysoen_last_message()[0] != '\0' && lysoen_last_hint()[0] != '\0');
  CHECK(lysoen_bundle_import(vault, path("absent"), NULL) == LYSOEN_NOT_FOUND);
}

/* Two devices change one field offline: both values stay, with their authors, until a person decides. */
static void two_devices(lysoen_vault* admin, lysoen_vault* reporter) {
  lysoen_id draft, report;
  CHECK(lysoen_begin(reporter, "police-incident", "en", &draft) == LYSOEN_OK);
  CHECK(lysoen_submit(reporter, &draft, NULL) == LYSOEN_INPUT_REFUSED);
  CHECK(strstr(lysoen_last_message(), "title") != NULL);
  const lysoen_change first = {"title", "first"}, theirs = {"title", "the reporter's"}, ours = {"title", "ours"};
  CHECK(lysoen_save(reporter, &draft, &first, 1) == LYSOEN_OK);
  CHECK(lysoen_submit(reporter, &draft, &report) == LYSOEN_OK);
  carry(reporter, admin, "first");
  damaged_bundle(admin, "first");
  CHECK(has_value(admin, &report, "title", "first"));
  lysoen_level_facts levels = LYSOEN_LEVEL_FACTS_INIT;
  CHECK(lysoen_levels(reporter, &report, &levels) == LYSOEN_OK && levels.level == LYSOEN_LEVEL_CARRIED);

  CHECK(lysoen_save(reporter, &report, &theirs, 1) == LYSOEN_OK && lysoen_submit(reporter, &report, NULL) == LYSOEN_OK);
  CHECK(lysoen_save(admin, &report, &ours, 1) == LYSOEN_OK && lysoen_submit(admin, &report, NULL) == LYSOEN_OK);
  carry(reporter, admin, "second");
  lysoen_report* read = NULL;
  CHECK(lysoen_read(admin, &report, &read) == LYSOEN_OK);
  size_t title = field_of(read, "title");
  CHECK(lysoen_report_get_facts(read)->conflicts == 1);
  CHECK(lysoen_report_value_count(read, title) == 2);
  if (lysoen_report_value_count(read, title) == 2) {
    const lysoen_visible *a = lysoen_report_value(read, title, 0), *b = lysoen_report_value(read, title, 1);
    CHECK(memcmp(&a->author, &b->author, sizeof a->author) != 0);
    CHECK((strcmp(a->value, "ours") == 0) != (strcmp(b->value, "ours") == 0));
  }
  lysoen_report_free(read);
  CHECK(lysoen_resolve(admin, &report, "title", "both were right") == LYSOEN_OK);
  CHECK(has_value(admin, &report, "title", "both were right"));
  CHECK(lysoen_mark_read(admin, &report) == LYSOEN_OK);
  CHECK(lysoen_retract(reporter, &report, "entered twice") == LYSOEN_OK);
}

static void sleep_ms(int64_t ms) {
  struct timespec time = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
  nanosleep(&time, NULL);
}

/* Runs a sync in which every request meets the same fate; how many were made. */
static int run_sync(lysoen_sync* sync, const char* answer) {
  int requests = 0;
  for (int steps = 0; steps < 200; ++steps) {
    const lysoen_sync_step* step = lysoen_sync_next(sync);
    if (step->what == LYSOEN_SYNC_DONE) return requests;
    if (step->what == LYSOEN_SYNC_WAIT) {
      CHECK(step->wait_ms >= 0 && step->wait_ms <= 60000);
      sleep_ms(step->wait_ms < 2000 ? step->wait_ms : 2000);
      continue;
    }
    ++requests;
    CHECK_TEXT(step->url, kRelayUrl);
    CHECK(step->body && step->body_size > 100 && step->deadline_ms > 0 && step->answer_max > 0);
    uint64_t ticket = step->ticket;
    CHECK(lysoen_sync_result(sync) == LYSOEN_USAGE);
    if (answer) {
      CHECK(lysoen_sync_part(sync, ticket, (const uint8_t*)answer, strlen(answer) / 2) == LYSOEN_OK);
      CHECK(lysoen_sync_answer(sync, ticket, (const uint8_t*)answer, strlen(answer)) == LYSOEN_OK);
      CHECK(lysoen_sync_part(sync, ticket, (const uint8_t*)answer, strlen(answer)) == LYSOEN_OK); /* ignored */
    } else {
      CHECK(lysoen_sync_no_answer(sync, ticket, NULL, 0) == LYSOEN_OK);
    }
    CHECK(lysoen_sync_no_answer(sync, ticket, NULL, 0) == LYSOEN_OK); /* of the past: ignored */
  }
  CHECK(!"the sync ends");
  return requests;
}

static void when_to_sync(void) {
  lysoen_decision* decision = NULL;
  CHECK(lysoen_decide_sync(NULL, NULL, &decision) == LYSOEN_OK);
  CHECK(lysoen_decision_get(decision)->what == LYSOEN_SEND_EVERYTHING);
  CHECK(lysoen_decision_get(decision)->bytes_max == 0 && lysoen_decision_get(decision)->ask_again_ms == -1);
  CHECK(lysoen_decision_reason(decision, 0) == NULL);
  lysoen_decision_free(decision);

  lysoen_sync_policy policy = LYSOEN_SYNC_POLICY_INIT;
  lysoen_sync_conditions now = LYSOEN_SYNC_CONDITIONS_INIT;
  policy.budget = 1000000;
  now.metered = 1, now.spent = 400000, now.battery = 15;
  CHECK(lysoen_decide_sync(&policy, &now, &decision) == LYSOEN_OK);
  CHECK(lysoen_decision_get(decision)->what == LYSOEN_SEND_TEXT);
  CHECK(lysoen_decision_get(decision)->bytes_max == 600000);
  CHECK_TEXT(lysoen_decision_reason(decision, 0), "this connection costs money: text goes, attachments wait");
  CHECK_TEXT(lysoen_decision_reason(decision, 1), "the battery is at 15 %: text goes, attachments wait");
  CHECK(lysoen_decision_reason(decision, 2) == NULL);
  lysoen_decision_free(decision);

  policy.quiet_from = 22 * 60, policy.quiet_to = 6 * 60;
  now.time_of_day = 5 * 60 + 30;
  CHECK(lysoen_decide_sync(&policy, &now, &decision) == LYSOEN_OK);
  CHECK(lysoen_decision_get(decision)->what == LYSOEN_SEND_NOTHING);
  CHECK(lysoen_decision_get(decision)->ask_again_ms == 30 * 60 * 1000);
  CHECK_TEXT(lysoen_decision_reason(decision, 0), "these are quiet hours, until 06:00");
  lysoen_decision_free(decision);
  now.asked = 1; /* a person does */
  CHECK(lysoen_decide_sync(&policy, &now, &decision) == LYSOEN_OK);
  CHECK(lysoen_decision_get(decision)->what == LYSOEN_SEND_TEXT);
  lysoen_decision_free(decision);

  decision = NULL;
  now.time_of_day = 24 * 60;
  CHECK(lysoen_decide_sync(&policy, &now, &decision) == LYSOEN_USAGE && decision == NULL);
  now.time_of_day = -1, now.battery = 101;
  CHECK(lysoen_decide_sync(&policy, &now, &decision) == LYSOEN_USAGE && decision == NULL);
  policy.on_metered = 3;
  CHECK(lysoen_decide_sync(&policy, NULL, &decision) == LYSOEN_USAGE && decision == NULL);
  policy.size = 0;
  CHECK(lysoen_decide_sync(&policy, NULL, &decision) == LYSOEN_USAGE && decision == NULL);
  CHECK(lysoen_decide_sync(NULL, NULL, NULL) == LYSOEN_USAGE);
  CHECK(lysoen_decision_get(NULL) == NULL && lysoen_decision_reason(NULL, 0) == NULL);
  lysoen_decision_free(NULL);
}

static void sync_without_answers(lysoen_vault* vault) {
  lysoen_sync_options options = LYSOEN_SYNC_OPTIONS_INIT;
  options.tries = 2;
  lysoen_sync* sync = NULL;
  CHECK(lysoen_sync_begin(vault, &options, &sync) == LYSOEN_OK);
  CHECK(run_sync(sync, NULL) == 2);
  CHECK(lysoen_sync_result(sync) == LYSOEN_NO_NETWORK);
  CHECK(lysoen_last_advice() == LYSOEN_ADVICE_WAIT_FOR_NETWORK);
  CHECK_TEXT(lysoen_last_message(), "the relay did not answer");
  CHECK_TEXT(lysoen_last_hint(), "try again when there is a connection; nothing is lost");
  const lysoen_sync_progress* progress = lysoen_sync_get_progress(sync);
  CHECK(progress->entries_sent == 0 && progress->exchanges == 0 && progress->bytes_up > 0 && !progress->joined);
  CHECK(progress->bytes_left == 0 && progress->bytes_per_second == 0); /* nothing went */
  CHECK_TEXT(progress->forecast, "");
  CHECK(lysoen_sync_next(sync)->what == LYSOEN_SYNC_DONE);
  lysoen_sync_free(sync);

  /* A budget that carries no exchange; a caller built before there were budgets. */
  options.bytes_max = 1000;
  options.text_only = 1;
  CHECK(lysoen_sync_begin(vault, &options, &sync) == LYSOEN_OK);
  CHECK(run_sync(sync, NULL) == 0);
  CHECK(lysoen_sync_result(sync) == LYSOEN_PARTLY_DONE);
  CHECK_TEXT(lysoen_last_message(), "the data budget of this sync is used up; what was exchanged stays");
  lysoen_sync_free(sync);
  options.size = offsetof(lysoen_sync_options, bytes_max);
  CHECK(lysoen_sync_begin(vault, &options, &sync) == LYSOEN_OK);
  CHECK(run_sync(sync, NULL) == 2);
  CHECK(lysoen_sync_result(sync) == LYSOEN_NO_NETWORK);
  lysoen_sync_free(sync);
  options.size = sizeof options;
  options.bytes_max = 0;

  /* A captive portal answers 200 with a page. */
  options.tries = 1;
  CHECK(lysoen_sync_begin(vault, &options, &sync) == LYSOEN_OK);
  CHECK(run_sync(sync, "<!doctype html><title>Log in</title>") >= 1);
  CHECK(lysoen_sync_result(sync) == LYSOEN_NO_NETWORK);
  lysoen_sync_free(sync);

  /* Freed while a request is out, and the vault before the sync. */
  CHECK(lysoen_sync_begin(vault, NULL, &sync) == LYSOEN_OK);
  CHECK(lysoen_sync_next(sync)->what == LYSOEN_SYNC_POST);
  CHECK(lysoen_sync_next(sync)->what == LYSOEN_SYNC_WAIT);
  lysoen_sync_free(sync);
  CHECK(lysoen_sync_begin(vault, &options, &sync) == LYSOEN_OK);
  lysoen_vault_free(vault);
  CHECK(run_sync(sync, NULL) <= 1);
  CHECK(lysoen_sync_result(sync) != LYSOEN_OK);
  lysoen_sync_free(sync);
}

static void join_without_answers(lysoen_vault* admin) {
  lysoen_vault* joiner = made("late");
  lysoen_bytes* invite = NULL;
  lysoen_joining* joining = NULL;
  CHECK(lysoen_invite(admin, LYSOEN_REPORTER, "Late", &invite) == LYSOEN_OK);
  CHECK(lysoen_join(joiner, lysoen_bytes_data(invite), lysoen_bytes_size(invite), &joining) == LYSOEN_OK);
  lysoen_sync* sync = NULL;
  CHECK(lysoen_sync_begin_join(joiner, 0, &sync) == LYSOEN_OK);
  const lysoen_sync_step* step = lysoen_sync_next(sync);
  CHECK(step->what == LYSOEN_SYNC_POST && step->body_size > 100);
  CHECK(lysoen_sync_no_answer(sync, step->ticket, NULL, 0) == LYSOEN_OK);
  CHECK(lysoen_sync_next(sync)->what == LYSOEN_SYNC_WAIT);
  CHECK(!lysoen_sync_get_progress(sync)->joined);
  lysoen_sync_free(sync);
  lysoen_joining_free(joining);
  lysoen_bytes_free(invite);
  lysoen_vault_free(joiner);
}

static void team(void) {
  lysoen_vault *admin = made("admin"), *reporter = made("reporter");
  lysoen_bytes* root = NULL;
  CHECK(lysoen_team_create(admin, "Monitors", "Ada", "root words", "lysoen-relay:1:AAAA", kRelayUrl, &root) ==
        LYSOEN_INPUT_REFUSED);
  CHECK(lysoen_team_create(admin, "Monitors", "Ada", "root words", kRelayKey, NULL, &root) == LYSOEN_USAGE);
  CHECK(lysoen_team_create(admin, "Monitors", "Ada", "root words", kRelayKey, kRelayUrl, &root) == LYSOEN_OK);
  CHECK(lysoen_bytes_size(root) > 32);
  lysoen_bytes_free(root);
  join(admin, reporter, LYSOEN_REPORTER, "Bo");

  lysoen_team* seen = NULL;
  CHECK(lysoen_team_open(admin, &seen) == LYSOEN_OK);
  CHECK_TEXT(lysoen_team_get_facts(seen)->name, "Monitors");
  CHECK(lysoen_team_get_facts(seen)->single_reader == 1 && lysoen_team_get_facts(seen)->expired == 0);
  CHECK_TEXT(lysoen_team_relay_url(seen, 0), kRelayUrl);
  CHECK(lysoen_team_relay_url(seen, 1) == NULL);
  int members = 0, reporters = 0;
  for (const lysoen_member* member; (member = lysoen_team_member(seen, (size_t)members)) != NULL; ++members)
    reporters += (member->roles & LYSOEN_REPORTER) != 0 && strcmp(member->name, "Bo") == 0;
  CHECK(members == 2 && reporters == 1);
  lysoen_team_free(seen);

  two_devices(admin, reporter);
  join_without_answers(admin);
  lysoen_vault_free(admin);
  sync_without_answers(reporter);
}

int main(void) {
  const char* base = getenv("TMPDIR");
  snprintf(folder, sizeof folder, "%s/lysoen-c-XXXXXX", base && strlen(base) < 200 ? base : "/tmp");
  if (!mkdtemp(folder)) return 1;
  versions_and_forms();
  when_to_sync();
  one_device();
  files();
  calls_that_make_no_sense();
  team();
  printf(failures ? "%d checks failed\n" : "all checks passed\n", failures);
  return failures != 0;
}
