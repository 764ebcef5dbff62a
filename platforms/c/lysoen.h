/* Lysoen for programs in C, and for every language that can call C. The only header that bindings see.
 *
 * CONVENTIONS, the same for every function here
 *
 * Results. A function that can fail answers a lysoen_code: LYSOEN_OK (0), or why not. After a failure the thread's last
 *   error (lysoen_last_*) says more; a call that succeeds leaves it as it was. A call that failed changed nothing and
 *   wrote nothing to its out-parameters, unless its comment says otherwise. Nothing is ever thrown across this header,
 *   and no call ends the process because of what it was given. A null pointer where none is allowed answers
 *   LYSOEN_USAGE.
 * Strings are UTF-8 and end in a zero byte. Bytes are a pointer and a size; a size of 0 allows a null pointer.
 * Ownership. What is passed in is copied: it may go when the call returns. What comes out as `T **out` belongs to the
 *   caller, who ends it with T's own _free function (null is allowed there). A `const` pointer that a function answers
 *   belongs to the handle it came from and lives until that handle's next non-const call or its _free.
 * Structs. One that the caller makes begins with `size`: fill it with its _INIT macro. One that the library shows by
 *   pointer only ever grows at its end. lysoen_id, lysoen_change and lysoen_point never change.
 * Threads. A vault and the syncs made from it belong to one thread at a time; different vaults are independent.
 * Reports, lists, forms and teams are copies: they outlive the vault and may be read by any one thread. The last error
 * is each thread's own. The library starts no thread, opens no socket and installs no handler. Time is in milliseconds;
 * points in time count from 1970-01-01T00:00:00Z. Clocks are testimony, never a judge. Secrets. Reports are in clear
 * text in what is read here: show it, do not store it. Never log values.
 *
 * Numbers and names below are for ever. Functions are only ever added; platforms/c/exports.txt lists them. */
#ifndef LYSOEN_H
#define LYSOEN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define LYSOEN_API __attribute__((visibility("default")))
#else
#define LYSOEN_API
#endif

/* -- Version ------------------------------------------------------------------------------------------------------ */

/* Grows when something is added here. */
#define LYSOEN_API_VERSION 3 /* 2: files; 3: lysoen_decide_sync, lysoen_sync_part */
/* That of the library that runs: at least the one compiled against. */
LYSOEN_API uint32_t lysoen_api_version(void);
/* "0.1.0" */
LYSOEN_API const char* lysoen_version(void);

/* -- Errors ------------------------------------------------------------------------------------------------------- */

typedef int32_t lysoen_code;
enum {
  LYSOEN_OK = 0,
  LYSOEN_INTERNAL = 1,           /* a defect in Lysoen, or no memory left */
  LYSOEN_USAGE = 2,              /* the call itself makes no sense */
  LYSOEN_INPUT_REFUSED = 3,      /* what was given does not fit; the message says why */
  LYSOEN_WRONG_PASSPHRASE = 4,   /* */
  LYSOEN_NO_NETWORK = 5,         /* unreachable, timed out, or something in between answered */
  LYSOEN_DAMAGED = 6,            /* bytes that were written are not the bytes that were read */
  LYSOEN_PARTLY_DONE = 7,        /* some of it worked; the message says how much */
  LYSOEN_VAULT_IN_USE = 8,       /* another process has the vault open */
  LYSOEN_TRUST_REFUSED = 9,      /* a signature, roster, key or role does not allow it */
  LYSOEN_STORAGE_FULL = 10,      /* */
  LYSOEN_STORAGE_READ_ONLY = 11, /* */
  LYSOEN_NEWER_VERSION = 12,     /* made by a newer Lysoen; kept aside, never dropped */
  LYSOEN_NOT_FOUND = 13,         /* */
  LYSOEN_LOCKED = 14,            /* the vault is locked */
  LYSOEN_LIMIT_EXCEEDED = 15,    /* larger than a documented limit */
  LYSOEN_CANCELLED = 16,         /* */
  LYSOEN_ALREADY_EXISTS = 17,    /* */
  LYSOEN_IO_FAILED = 18,         /* the system refused a file operation */
  LYSOEN_TOO_SOON = 19           /* not tried: the wait after wrong passphrases is not over; the hint says how long */
};

/* What may be done about it. */
typedef int32_t lysoen_advice;
enum {
  LYSOEN_ADVICE_FIX_INPUT = 0,
  LYSOEN_ADVICE_RETRY_LATER = 1,
  LYSOEN_ADVICE_WAIT_FOR_NETWORK = 2,
  LYSOEN_ADVICE_UNLOCK = 3,
  LYSOEN_ADVICE_FREE_SPACE = 4,
  LYSOEN_ADVICE_RESTORE = 5,
  LYSOEN_ADVICE_ASK_ADMIN = 6,
  LYSOEN_ADVICE_UPDATE = 7,
  LYSOEN_ADVICE_REPORT_BUG = 8
};

/* This thread's last failure; LYSOEN_OK and empty strings before the first. The strings live until the thread's next
 * failure. They never hold report text, names, places or keys: they may be logged. */
LYSOEN_API lysoen_code lysoen_last_code(void);
/* "cannot open vault: made by a newer version (7, this one reads up to 5)" */
LYSOEN_API const char* lysoen_last_message(void);
/* What to do, as a sentence; never empty after a failure. */
LYSOEN_API const char* lysoen_last_hint(void);
LYSOEN_API lysoen_advice lysoen_last_advice(void);
/* "wrong_passphrase"; "ok" for LYSOEN_OK. */
LYSOEN_API const char* lysoen_code_name(lysoen_code code);

/* -- Ids and bytes ------------------------------------------------------------------------------------------------ */

/* Of a report, a device, a team, an edit. All zero is none. */
typedef struct lysoen_id {
  uint8_t bytes[32];
} lysoen_id;

/* 64 lower-case hexadecimal digits and a zero byte. */
LYSOEN_API void lysoen_id_hex(const lysoen_id* id, char out[65]);
/* Exactly 64 hexadecimal digits, or LYSOEN_INPUT_REFUSED. */
LYSOEN_API lysoen_code lysoen_id_from_hex(const char* hex, lysoen_id* out);

/* Bytes made by the library. They are wiped when freed. */
typedef struct lysoen_bytes lysoen_bytes;
LYSOEN_API const uint8_t* lysoen_bytes_data(const lysoen_bytes* bytes);
LYSOEN_API size_t lysoen_bytes_size(const lysoen_bytes* bytes);
LYSOEN_API void lysoen_bytes_free(lysoen_bytes* bytes);

/* -- Vault: the encrypted store of one device, one folder, one process -------------------------------------------- */

typedef struct lysoen_vault lysoen_vault;

/* In a folder that does not exist or is empty. Takes about a second: the passphrase's key is made slow on purpose. */
LYSOEN_API lysoen_code lysoen_vault_create(const char* folder, const char* passphrase, lysoen_vault** out);
/* LYSOEN_WRONG_PASSPHRASE, LYSOEN_VAULT_IN_USE, LYSOEN_NEWER_VERSION, LYSOEN_DAMAGED, LYSOEN_NOT_FOUND ... */
LYSOEN_API lysoen_code lysoen_vault_open(const char* folder, const char* passphrase, lysoen_vault** out);
/* For an app that keeps it open: when nothing is to be done, and never before the first screen. Ends a wipe that a
 * duress passphrase began, takes up words for the search, cleans what was discarded. Nothing to do costs nothing; what
 * fails is tried again at the next call or lock. */
LYSOEN_API lysoen_code lysoen_vault_idle(lysoen_vault* vault);
/* Wipes the keys; every later call with this vault, and with syncs made from it, answers LYSOEN_LOCKED. */
LYSOEN_API lysoen_code lysoen_vault_lock(lysoen_vault* vault);
/* Locks it and lets it go. Syncs made from it may be freed later. */
LYSOEN_API void lysoen_vault_free(lysoen_vault* vault);

typedef struct lysoen_vault_status {
  size_t size;
  uint64_t reports, drafts, submitted, conflicts;
  uint64_t unsent_entries; /* own entries that no relay has confirmed */
  uint64_t set_aside;      /* records kept aside with reasons */
} lysoen_vault_status;
#define LYSOEN_VAULT_STATUS_INIT \
  { sizeof(lysoen_vault_status), 0, 0, 0, 0, 0, 0 }
LYSOEN_API lysoen_code lysoen_status(lysoen_vault* vault, lysoen_vault_status* out);

/* -- Forms: what may be answered ---------------------------------------------------------------------------------- */

typedef struct lysoen_form lysoen_form;

/* Types of answers. */
enum {
  LYSOEN_TEXT = 1,
  LYSOEN_INTEGER = 2,
  LYSOEN_DECIMAL = 3,
  LYSOEN_BOOLEAN = 4,   /* "true", "false" */
  LYSOEN_DATE = 5,      /* "2020-01-05" */
  LYSOEN_TIME = 6,      /* "14:05:00" */
  LYSOEN_DATE_TIME = 7, /* "2020-01-05T14:05:00+02:00" */
  LYSOEN_POINT = 8,     /* "latitude longitude [altitude [accuracy]]", degrees and metres */
  LYSOEN_CHOICE = 9,    /* a choice's code */
  LYSOEN_CHOICES = 10,  /* codes separated by blanks */
  LYSOEN_ATTACHMENT = 11
};

typedef struct lysoen_question {
  const char* path; /* "victims/name" */
  int32_t type;
  int32_t required;   /* 0 or 1 */
  const char* repeat; /* path of the group that repeats, or empty */
  const char *label, *hint;
  size_t choices;
} lysoen_question;

/* Built-in forms of the vault, by number from 0; null beyond the last. */
LYSOEN_API const char* lysoen_form_id(size_t number);
/* Labels in `language` ("fr"), else in English. */
LYSOEN_API lysoen_code lysoen_form_open(const char* form, const char* language, lysoen_form** out);
LYSOEN_API const char* lysoen_form_title(const lysoen_form* form);
/* By number from 0 in the form's order; null beyond the last. */
LYSOEN_API const lysoen_question* lysoen_form_question(const lysoen_form* form, size_t number);
LYSOEN_API const char* lysoen_form_choice_code(const lysoen_form* form, size_t question, size_t choice);
LYSOEN_API const char* lysoen_form_choice_label(const lysoen_form* form, size_t question, size_t choice);
LYSOEN_API void lysoen_form_free(lysoen_form* form);

/* -- Writing reports ---------------------------------------------------------------------------------------------- */

/* A new draft of a form, saved at once. */
LYSOEN_API lysoen_code lysoen_begin(lysoen_vault* vault, const char* form, const char* language, lysoen_id* out);

/* One answer. `path` as in lysoen_question; an item of a repeat has its label or id in brackets ("victims[new1]/name",
 * any label without a hyphen makes a new item). `value` null clears the answer. */
typedef struct lysoen_change {
  const char* path;
  const char* value;
} lysoen_change;

/* All or nothing: an unknown field, wrong type or unknown choice answers LYSOEN_INPUT_REFUSED and names the field. Once
 * this returns LYSOEN_OK the changes survive a kill and a power cut. */
LYSOEN_API lysoen_code lysoen_save(lysoen_vault* vault, const lysoen_id* report, const lysoen_change* changes,
                                   size_t count);
/* Seals what was saved; it leaves with the next sync or bundle. `lasting` (may be null) gets the report's id from now
 * on. LYSOEN_INPUT_REFUSED names required questions without an answer; LYSOEN_TRUST_REFUSED before the vault has a
 * team: the draft stays. */
LYSOEN_API lysoen_code lysoen_submit(lysoen_vault* vault, const lysoen_id* report, lysoen_id* lasting);
/* Removes a draft that was never submitted. */
LYSOEN_API lysoen_code lysoen_discard(lysoen_vault* vault, const lysoen_id* draft);
/* Hides a submitted report with a reason; it stays on record. */
LYSOEN_API lysoen_code lysoen_retract(lysoen_vault* vault, const lysoen_id* report, const char* reason);
/* Settles a conflict: `value` (null clears) supersedes all visible values. Sealed at once. */
LYSOEN_API lysoen_code lysoen_resolve(lysoen_vault* vault, const lysoen_id* report, const char* path,
                                      const char* value);
/* A person at a coordinator's device has read it. */
LYSOEN_API lysoen_code lysoen_mark_read(lysoen_vault* vault, const lysoen_id* report);

/* -- Reading reports ---------------------------------------------------------------------------------------------- */

/* Status of a report. */
enum {
  LYSOEN_DRAFT = 0,
  LYSOEN_SUBMITTED = 1,
  LYSOEN_UNDER_REVIEW = 2,
  LYSOEN_NEEDS_INFORMATION = 3,
  LYSOEN_VERIFIED = 4,
  LYSOEN_REJECTED = 5,
  LYSOEN_CLOSED = 6
};

/* How far a report has come. */
enum {
  LYSOEN_LEVEL_DRAFT = 0,
  LYSOEN_LEVEL_SAVED = 1,   /* on this device */
  LYSOEN_LEVEL_CARRIED = 2, /* in a bundle file */
  LYSOEN_LEVEL_HELD = 3,    /* a durable relay signed for it */
  LYSOEN_LEVEL_OPENED = 4,  /* a coordinator's device stored it */
  LYSOEN_LEVEL_READ = 5     /* a person read it */
};

/* What to list; everything that is set must hold. */
typedef struct lysoen_query {
  size_t size;
  const char* form;       /* or null */
  const char* text;       /* words that all must occur, or null */
  const char* category;   /* or null */
  int32_t status;         /* -1: any */
  int32_t only_conflicts; /* 0 or 1 */
  int32_t with_retracted; /* 0 or 1 */
  int32_t with_box;       /* 0 or 1: then the event's place lies in */
  double south, west, north, east;
  int64_t from_ms, until_ms; /* time of the event, until exclusive; INT64_MIN and INT64_MAX: any */
  uint64_t limit;            /* 0: no limit */
  const char* after;         /* place_in_list of the last line of the page before, or null */
} lysoen_query;
#define LYSOEN_QUERY_INIT \
  { sizeof(lysoen_query), NULL, NULL, NULL, -1, 0, 0, 0, 0, 0, 0, 0, INT64_MIN, INT64_MAX, 0, NULL }

typedef struct lysoen_point {
  double latitude, longitude;
} lysoen_point;

/* One line of a list. */
typedef struct lysoen_summary {
  lysoen_id report, author;
  const char *form, *title, *category;
  const char* event_day;     /* "2020-01-05" as written, or empty */
  const lysoen_point* place; /* or null */
  const char* place_in_list; /* for lysoen_query.after */
  int64_t created_ms;
  int32_t status, level;
  int32_t retracted; /* 0 or 1 */
  uint32_t conflicts;
} lysoen_summary;

typedef struct lysoen_list lysoen_list;
/* Newest event first. `query` null lists everything that is not retracted. */
LYSOEN_API lysoen_code lysoen_list_open(lysoen_vault* vault, const lysoen_query* query, lysoen_list** out);
LYSOEN_API size_t lysoen_list_count(const lysoen_list* list);
/* The next line, or null at the end. Lines live as long as the list. */
LYSOEN_API const lysoen_summary* lysoen_list_next(lysoen_list* list);
LYSOEN_API void lysoen_list_free(lysoen_list* list);

typedef struct lysoen_report_facts {
  lysoen_id report, author;
  const char *form, *form_version;
  int64_t created_ms;
  int32_t status, level;
  int32_t retracted, unsent_changes; /* 0 or 1 */
  const char* retraction_reason;
  uint64_t conflicts, edits;
  uint64_t pending;   /* edits known of but not arrived */
  uint64_t set_aside; /* edits kept aside because they do not fit */
} lysoen_report_facts;

/* One visible value of a field. Several mean that people changed the field without knowing of each other: show all. */
typedef struct lysoen_visible {
  const char* value; /* null: the field was cleared */
  int32_t type;      /* LYSOEN_TEXT ...; 0 for a cleared field */
  lysoen_id author, edit;
  int64_t claimed_ms; /* when the author says it was written */
} lysoen_visible;

typedef struct lysoen_report lysoen_report;
LYSOEN_API lysoen_code lysoen_read(lysoen_vault* vault, const lysoen_id* report, lysoen_report** out);
LYSOEN_API const lysoen_report_facts* lysoen_report_get_facts(const lysoen_report* report);
/* Fields that have a value, by number from 0. */
LYSOEN_API size_t lysoen_report_field_count(const lysoen_report* report);
LYSOEN_API const char* lysoen_report_field_path(const lysoen_report* report, size_t field);
LYSOEN_API size_t lysoen_report_value_count(const lysoen_report* report, size_t field);
/* Null beyond the last. */
LYSOEN_API const lysoen_visible* lysoen_report_value(const lysoen_report* report, size_t field, size_t value);
LYSOEN_API void lysoen_report_free(lysoen_report* report);

/* "Why is it not held yet?" */
typedef struct lysoen_level_facts {
  size_t size;
  int32_t level;
  int32_t read;                            /* 0 or 1 */
  uint64_t entries, carried, held, opened; /* of the report's author */
} lysoen_level_facts;
#define LYSOEN_LEVEL_FACTS_INIT \
  { sizeof(lysoen_level_facts), 0, 0, 0, 0, 0, 0 }
LYSOEN_API lysoen_code lysoen_levels(lysoen_vault* vault, const lysoen_id* report, lysoen_level_facts* out);

/* -- Files ----------------------------------------------------------------------------------------------------------
 */

/* Fills `into` with the file's next bytes and says how many came; fewer than `size` only at its end, where it may be
 * called once more. Another code than LYSOEN_OK ends the call that reads, which answers it. */
typedef lysoen_code (*lysoen_read_fn)(void* context, uint8_t* into, size_t size, size_t* came);
/* Takes a file's bytes in order. They count once the call that gives them has answered LYSOEN_OK: until then nothing of
 * them may be taken for the file. */
typedef lysoen_code (*lysoen_write_fn)(void* context, const uint8_t* bytes, size_t size);

/* Takes a file of at most 4 GiB into a report, sealed as it is read and in constant memory; it is there, whole, once
 * this answers. `path`: of a question that takes files, "files[new1]/file" for a new item. `name`: what readers see.
 * `media_type` may be null: told by the file's first bytes. `blob` may be null. It goes with the report's next submit,
 * behind the text. */
LYSOEN_API lysoen_code lysoen_attach(lysoen_vault* vault, const lysoen_id* report, const char* path, const char* name,
                                     const char* media_type, lysoen_read_fn read, void* context, lysoen_id* blob);

/* A file that a report names, and how far it has come. Its name and type are in the answer that names it. */
typedef struct lysoen_file {
  lysoen_id blob;
  lysoen_id thumbnail; /* a small JPEG of it that is here, for lysoen_extract; zeros: there is none */
  uint64_t size, here; /* bytes, and of them on this device */
  int32_t sent;        /* 0 or 1: something that names it was submitted */
  int32_t held;        /* 0 or 1: a durable relay has signed that it holds all of it */
} lysoen_file;
typedef struct lysoen_files lysoen_files;
LYSOEN_API lysoen_code lysoen_files_open(lysoen_vault* vault, const lysoen_id* report, lysoen_files** out);
/* By number from 0; null beyond the last. */
LYSOEN_API const lysoen_file* lysoen_files_get(const lysoen_files* files, size_t number);
LYSOEN_API void lysoen_files_free(lysoen_files* files);

/* The file as it was attached. LYSOEN_NOT_FOUND: it is not here, or still on the way (the message says how far). */
LYSOEN_API lysoen_code lysoen_extract(lysoen_vault* vault, const lysoen_id* report, const lysoen_id* blob,
                                      lysoen_write_fn write, void* context);
/* A copy of a JPEG or PNG without place, time, device, captions and comments; other types are LYSOEN_INPUT_REFUSED. */
LYSOEN_API lysoen_code lysoen_extract_shareable(lysoen_vault* vault, const lysoen_id* report, const lysoen_id* blob,
                                                lysoen_write_fn write, void* context);

/* -- Team --------------------------------------------------------------------------------------------------------- */

/* Roles; a set of bits. */
enum { LYSOEN_REPORTER = 1, LYSOEN_COORDINATOR = 2, LYSOEN_AUDITOR = 4, LYSOEN_ADMIN = 8 };

/* Makes this device admin and first coordinator of a new team. `relay_key` and `relay_url` may both be null.
 * `root_file` gets the team's root key, sealed with `root_passphrase`: move it to a stick. */
LYSOEN_API lysoen_code lysoen_team_create(lysoen_vault* vault, const char* team_name, const char* member_name,
                                          const char* root_passphrase, const char* relay_key, const char* relay_url,
                                          lysoen_bytes** root_file);

typedef struct lysoen_team_facts {
  lysoen_id team;
  const char* name;
  uint64_t roster_version;
  int64_t expires_ms;
  int32_t expired;       /* 0 or 1: warn, keep writing */
  int32_t single_reader; /* 0 or 1: one member reads the reports; at risk */
} lysoen_team_facts;

typedef struct lysoen_member {
  lysoen_id device;
  uint32_t roles;
  int32_t self;     /* 0 or 1 */
  const char* name; /* empty if this device may not read it */
} lysoen_member;

typedef struct lysoen_team lysoen_team;
/* LYSOEN_NOT_FOUND before the vault has a team. */
LYSOEN_API lysoen_code lysoen_team_open(lysoen_vault* vault, lysoen_team** out);
LYSOEN_API const lysoen_team_facts* lysoen_team_get_facts(const lysoen_team* team);
/* By number from 0; null beyond the last. */
LYSOEN_API const lysoen_member* lysoen_team_member(const lysoen_team* team, size_t number);
LYSOEN_API const char* lysoen_team_relay_url(const lysoen_team* team, size_t number);
LYSOEN_API void lysoen_team_free(lysoen_team* team);

/* -- Joining a team ----------------------------------------------------------------------------------------------- */

typedef struct lysoen_joining lysoen_joining;
/* `invite`: the bytes of an invite file, or a link's text. */
LYSOEN_API lysoen_code lysoen_join(lysoen_vault* vault, const uint8_t* invite, size_t size, lysoen_joining** out);
/* The request to hand to the admin; lysoen_sync_begin_join sends it through the invite's relay instead. */
LYSOEN_API const uint8_t* lysoen_joining_request(const lysoen_joining* joining, size_t* size);
/* Four words to speak to the admin, who sees the same. */
LYSOEN_API const char* lysoen_joining_check_words(const lysoen_joining* joining);
LYSOEN_API void lysoen_joining_free(lysoen_joining* joining);
/* The admin's welcome makes this device a member. */
LYSOEN_API lysoen_code lysoen_join_finish(lysoen_vault* vault, const uint8_t* welcome, size_t size);

/* Admin: an invite for one device, as file bytes. `name` is how coordinators will see the member. */
LYSOEN_API lysoen_code lysoen_invite(lysoen_vault* vault, uint32_t roles, const char* name, lysoen_bytes** out);
/* Admin: a join request's id and check words (at most 127 bytes and a zero). */
LYSOEN_API lysoen_code lysoen_join_request_take(lysoen_vault* vault, const uint8_t* request, size_t size,
                                                lysoen_id* out, char check_words[128]);
/* Admin: admits it; the welcome is to be handed back and also goes through the relay. */
LYSOEN_API lysoen_code lysoen_admit(lysoen_vault* vault, const lysoen_id* request, lysoen_bytes** welcome);

/* -- Sync with the app's own HTTP --------------------------------------------------------------------------------- */
/*
 *   lysoen_sync_begin(vault, NULL, &sync);
 *   for (;;) {
 *     const lysoen_sync_step *step = lysoen_sync_next(sync);
 *     if (step->what == LYSOEN_SYNC_DONE) break;
 *     if (step->what == LYSOEN_SYNC_WAIT) { sleep_ms(step->wait_ms); continue; }
 *     if (post(step->url, step->body, step->body_size, step->deadline_ms, &answer, &size))
 *       lysoen_sync_answer(sync, step->ticket, answer, size);
 *     else
 *       lysoen_sync_no_answer(sync, step->ticket, NULL, 0);
 *   }
 *   lysoen_code code = lysoen_sync_result(sync);
 *   lysoen_sync_free(sync);
 *
 * An app with its own event loop starts the request, calls lysoen_sync_next again when the answer was given or when
 * wait_ms have passed, and drops a request whose sync says LYSOEN_SYNC_DONE. Everything exchanged stays, whenever a
 * sync is freed. */

typedef struct lysoen_sync lysoen_sync;

typedef struct lysoen_sync_options {
  size_t size;
  int64_t deadline_ms;          /* of the whole sync */
  int64_t exchange_deadline_ms; /* of one exchange */
  int32_t tries;                /* rounds of failures in a row at one relay, after which it is left */
  uint64_t bytes_max;           /* up and down, failed attempts included; then LYSOEN_PARTLY_DONE. 0: no limit */
  int64_t wait_ms;              /* once nothing is left, hold one exchange open so long for news */
  int32_t text_only;            /* 1: attachments wait for another time, where a connection costs money */
} lysoen_sync_options;
#define LYSOEN_SYNC_OPTIONS_INIT \
  { sizeof(lysoen_sync_options), 600000, 60000, 4, 0, 0, 0 }

enum {
  LYSOEN_SYNC_POST = 1, /* post `body` to `url`; each request is shown as POST once */
  LYSOEN_SYNC_WAIT = 2, /* nothing to do for wait_ms, unless an answer comes */
  LYSOEN_SYNC_DONE = 3  /* see lysoen_sync_result */
};

typedef struct lysoen_sync_step {
  int32_t what;
  uint64_t ticket;     /* names the request when it is answered */
  const char* url;     /* POST, Content-Type: application/octet-stream, no redirects, no cache, no transformation */
  const uint8_t* body; /* until the request is answered */
  size_t body_size;
  int64_t deadline_ms; /* for everything: connecting, sending, waiting, receiving; then it counts as no answer */
  size_t answer_max;   /* stop reading there and call it no answer */
  int64_t wait_ms;
} lysoen_sync_step;

typedef struct lysoen_sync_progress {
  uint64_t entries_sent, entries_received; /* confirmed by receipt; stored here */
  uint64_t entries_left;                   /* own entries that the relay has not confirmed */
  uint64_t bytes_up, bytes_down;           /* of bodies */
  int32_t more_to_come;                    /* 0 or 1 */
  int32_t joined;                          /* 0 or 1: a welcome came and this device is a member */
  const char* waiting;                     /* why nothing moves just now, or empty */
  uint64_t exchanges, refused, join_requests;
  uint64_t bytes_left;       /* of entries_left, by the size of those sent; 0 before the first went */
  uint64_t bytes_per_second; /* upward, of about the last minute, waits and failures included */
  const char* forecast;      /* "41 MB left, about 3 h at the present rate", or empty */
} lysoen_sync_progress;

/* `options` null: the defaults. No request is made yet. */
LYSOEN_API lysoen_code lysoen_sync_begin(lysoen_vault* vault, const lysoen_sync_options* options, lysoen_sync** out);
/* Sends the join request that waits in the vault and asks for the welcome for up to `wait_ms`. */
LYSOEN_API lysoen_code lysoen_sync_begin_join(lysoen_vault* vault, int64_t wait_ms, lysoen_sync** out);
/* What to do now; never null. */
LYSOEN_API const lysoen_sync_step* lysoen_sync_next(lysoen_sync* sync);
/* A "200 OK" with a binary body, received to its end. Answers to requests of the past are ignored. */
LYSOEN_API lysoen_code lysoen_sync_answer(lysoen_sync* sync, uint64_t ticket, const uint8_t* body, size_t size);
/* Whatever else happened; `body` is the part of an answer that came before it, or null. */
LYSOEN_API lysoen_code lysoen_sync_no_answer(lysoen_sync* sync, uint64_t ticket, const uint8_t* body, size_t size);
/* If the app can: while the body of a "200 OK" comes, all of it that is here so far; before lysoen_sync_answer, which
 * gets all of it again. What came whole is stored then, so that an app that is killed meanwhile need not ask for it
 * again. Requests of the past are ignored. (3) */
LYSOEN_API lysoen_code lysoen_sync_part(lysoen_sync* sync, uint64_t ticket, const uint8_t* so_far, size_t size);
LYSOEN_API const lysoen_sync_progress* lysoen_sync_get_progress(lysoen_sync* sync);
/* LYSOEN_OK if a relay finished, else why not. Before the sync is done: LYSOEN_USAGE. */
LYSOEN_API lysoen_code lysoen_sync_result(lysoen_sync* sync);
/* Cancels it if it is not done. */
LYSOEN_API void lysoen_sync_free(lysoen_sync* sync);

/* -- When to sync, and what (3) ----------------------------------------------------------------------------------- */
/*
 *   lysoen_decide_sync(&policy, &conditions, &decision);
 *   const lysoen_decided *decided = lysoen_decision_get(decision);
 *   if (decided->what == LYSOEN_SEND_NOTHING) show(lysoen_decision_reason(decision, 0));
 *   options.text_only = decided->what == LYSOEN_SEND_TEXT, options.bytes_max = decided->bytes_max;
 *
 * It asks nobody and remembers nothing. */

enum { LYSOEN_SEND_NOTHING = 0, LYSOEN_SEND_TEXT = 1, LYSOEN_SEND_EVERYTHING = 2 };

/* What the person, or the app for them, wants. The defaults never hold a report back. */
typedef struct lysoen_sync_policy {
  size_t size;
  int32_t on_metered;              /* LYSOEN_SEND_...: what goes over a connection that costs money */
  int32_t quiet_from, quiet_to;    /* minutes since local midnight, may pass over it; equal: no quiet hours */
  int32_t battery_min;             /* per cent; below, nothing goes unless the device is charging */
  int32_t battery_min_attachments; /* below, text alone */
  uint64_t budget;                 /* bytes in a period that the app chooses; 0: no limit */
} lysoen_sync_policy;
#define LYSOEN_SYNC_POLICY_INIT \
  { sizeof(lysoen_sync_policy), LYSOEN_SEND_TEXT, 0, 0, 5, 20, 0 }

/* How things stand just now. What the app does not know it leaves as it is; nothing is held against it. */
typedef struct lysoen_sync_conditions {
  size_t size;
  int32_t connected, metered; /* 0 or 1 */
  int32_t battery;            /* per cent; -1: not known */
  int32_t charging;           /* 0 or 1 */
  int32_t time_of_day;        /* minutes since local midnight; -1: not known */
  uint64_t spent;             /* bytes up and down in the budget's period so far */
  int32_t asked;              /* 1: a person asks for it now; quiet hours and battery do not hold it back, money does */
} lysoen_sync_conditions;
#define LYSOEN_SYNC_CONDITIONS_INIT \
  { sizeof(lysoen_sync_conditions), 1, 0, -1, 0, -1, 0, 0 }

typedef struct lysoen_decided {
  int32_t what;         /* LYSOEN_SEND_... */
  uint64_t bytes_max;   /* for lysoen_sync_options; 0: no limit, or nothing goes */
  int64_t ask_again_ms; /* when the passing of time alone changes the decision; -1: it does not */
} lysoen_decided;

typedef struct lysoen_decision lysoen_decision;
/* Null for either: the defaults. LYSOEN_USAGE: a number is out of its range. */
LYSOEN_API lysoen_code lysoen_decide_sync(const lysoen_sync_policy* policy, const lysoen_sync_conditions* now,
                                          lysoen_decision** out);
LYSOEN_API const lysoen_decided* lysoen_decision_get(const lysoen_decision* decision);
/* Why not everything: a sentence each, by number from 0, the one that weighs most first; null beyond the last. */
LYSOEN_API const char* lysoen_decision_reason(const lysoen_decision* decision, size_t number);
LYSOEN_API void lysoen_decision_free(lysoen_decision* decision);

/* -- Bundles: the same entries in a file -------------------------------------------------------------------------- */

typedef struct lysoen_bundle_facts {
  size_t size;
  uint64_t bytes, entries;  /* written */
  uint64_t feeds_left;      /* did not fit: write another file */
  uint64_t stored, known;   /* taken: new here, held before */
  uint64_t refused, forked; /* batches */
  uint64_t waiting;         /* earlier entries are missing: take the other files, then this one again */
  /* Of attachments: */
  uint64_t chunks, attachments_left; /* pieces written; did not fit */
  uint64_t chunks_stored;            /* pieces that are new here */
  uint64_t bytes_not_placed;         /* of reports that are not here: take the file again when they are */
} lysoen_bundle_facts;
#define LYSOEN_BUNDLE_FACTS_INIT \
  { sizeof(lysoen_bundle_facts), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* Everything this device holds, sealed for the team. `size_max` 0: no limit. The file must not exist. */
LYSOEN_API lysoen_code lysoen_bundle_export(lysoen_vault* vault, const char* file, uint64_t size_max,
                                            lysoen_bundle_facts* out);
/* Twice changes nothing. A damaged file answers LYSOEN_PARTLY_DONE or LYSOEN_DAMAGED, and `out` says what was taken. */
LYSOEN_API lysoen_code lysoen_bundle_import(lysoen_vault* vault, const char* file, lysoen_bundle_facts* out);

#ifdef __cplusplus
}
#endif

#endif
