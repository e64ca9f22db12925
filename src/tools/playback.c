/*  tools/playback.c - a journal, played onto the bus as a new run

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "tools/playback.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/utf8.h"
#include "exec/rundir.h"
#include "store/store.h"
#include "tools/history.h"
#include "tools/target.h"

enum { FINISH_MS = 10000, TURN_MS = 500, UNWAITED_EVENTS = 64 };

static const double AFTER_MAX_US = 1e17;        /* three thousand years: a very slow speed does not overflow */

/*  A run that is being played. */
typedef struct {
    ag_writer_t *writer;      /* of the new run */
    double speed;             /* 0: no waiting */
    int64_t started_us;       /* monotonic: when the first event was played */
    int64_t first_ts_us;      /* its time in the journal */
    int64_t last_ts_us;       /* time of the last one played */
    uint64_t played, skipped; /* skipped: of a kind that this version does not know */
    bool ended;               /* the last one played ends the run */
    char *error;              /* why playing stopped, or NULL */
} s_player_t;

int ag_playback_is_journal (const char *path)
{
    char magic[16] = "";
    FILE *file = fopen (path, "re");
    if (!file)
        return -1;
    size_t got = fread (magic, 1, sizeof magic, file);
    fclose (file);
    return got == sizeof magic && memcmp (magic, "SQLite format 3", sizeof magic) == 0;
}

/* ---------------------------------------------------------------------- */
/*  An event as a draft again */

static ag_draft_t *s_draft_of (ag_event_t *event)
{
    ag_str_t json = ag_event_json (event);
    char *text = ag_str_dup (json);
    struct json_object *object = json_tokener_parse (text);
    ag_draft_t *draft = ag_history_draft (ag_event_kind (event), object);
    json_object_put (object);
    free (text);
    return draft;
}

/* ---------------------------------------------------------------------- */
/*  Playing */

/*  Answers the gateways until an event's time has come. */
static void s_wait_for (s_player_t *self, int64_t ts_us)
{
    if (self->speed > 0) {
        double after_us = (double) (ts_us - self->first_ts_us) / self->speed;
        int64_t when_us = self->started_us + (int64_t) (after_us < AFTER_MAX_US ? after_us : AFTER_MAX_US);
        int64_t left_us;
        while ((left_us = when_us - ag_clock_mono_us ()) > 0)
            ag_writer_turn (self->writer, left_us / 1000 < TURN_MS ? (int) (left_us / 1000) + 1 : TURN_MS);
    }
    if (self->played % UNWAITED_EVENTS == 0)
        ag_writer_turn (self->writer, 0);
}

static bool s_put (s_player_t *self, const ag_draft_t *draft)
{
    if (!ag_writer_put (self->writer, draft, &self->error))
        return false;
    self->played++;
    return true;
}

static bool s_play_event (void *context, ag_event_t *event)
{
    s_player_t *self = context;
    if (ag_event_kind (event) == AG_KIND_UNKNOWN) {
        self->skipped++;
        return true;
    }
    if (self->played == 0) {
        self->started_us = ag_clock_mono_us ();
        self->first_ts_us = ag_event_ts_us (event);
    }
    s_wait_for (self, ag_event_ts_us (event));
    ag_draft_t *draft = s_draft_of (event);
    bool put = s_put (self, draft);
    ag_draft_destroy (&draft);
    self->last_ts_us = ag_event_ts_us (event);
    self->ended = ag_kind_ends (ag_event_kind (event));
    return put;
}

/*  A run whose journal breaks off is shown as what it is. */
static void s_end (s_player_t *self)
{
    ag_draft_t *draft = ag_draft_new (AG_RUN_FAILED);
    ag_draft_set_text (draft, AG_F_ERROR, "the journal that was played has no end");
    ag_draft_set_text (draft, AG_F_REASON, "lost");
    ag_draft_set_integer (draft, AG_F_DURATION_MS, (self->last_ts_us - self->first_ts_us) / 1000);
    s_put (self, draft);
    ag_draft_destroy (&draft);
}

/* ---------------------------------------------------------------------- */
/*  The old run and the new */

static bool s_copy_info (void *context, const ag_store_stream_t *info)
{
    ag_store_stream_t *copy = context;
    *copy = *info;
    copy->stream = (ag_str_t){ ag_str_dup (info->stream), info->stream.len };
    copy->work_order = (ag_str_t){ ag_str_dup (info->work_order), info->work_order.len };
    return false;
}

static ag_store_t *s_open_journal (const char *path, ag_store_stream_t *info_r)
{
    char *error = NULL;
    ag_store_t *journal = ag_store_open (path, AG_STORE_READ, &error);
    if (!journal)
        ag_fatal (AG_EXIT_FAILED, "cannot play the journal: %s", error);
    if (ag_store_each_stream (journal, s_copy_info, info_r))
        ag_fatal (AG_EXIT_FAILED, "cannot play the journal: %s", ag_store_error (journal));
    if (!info_r->stream.ptr || info_r->stream.ptr[0] == '@')
        ag_fatal (AG_EXIT_FAILED, "cannot play the journal: %s: there is no run in it", path);
    return journal;
}

/*  "<old id>-replay-<16 random bits>", however long the old one is. */
static ag_str_t s_new_id (const ag_settings_t *settings, ag_str_t old)
{
    ag_str_t given = ag_target_text (settings, "run-id");
    if (given.ptr)
        return (ag_str_t){ ag_str_dup (given), given.len };
    char *id = ag_asprintf ("%.*s-replay-%04x", (int) ag_utf8_prefix_bytes (old.ptr, old.len, 100), old.ptr,
        (unsigned) (ag_epoch_new () & 0xffff));
    return (ag_str_t){ id, strlen (id) };
}

static int s_play (
    s_player_t *self, ag_store_t *journal, const ag_store_stream_t *info, const ag_settings_t *settings, const char *folder)
{
    if (ag_store_each_event (journal, info->stream, info->epoch, 1, UINT64_MAX, s_play_event, self) && !self->error)
        self->error = ag_strdup (ag_store_error (journal));
    if (!self->error && !self->ended)
        s_end (self);
    if (self->skipped)
        fprintf (stderr, "agentgate-replay: %llu events of unknown types were left out\n",
            (unsigned long long) self->skipped);
    if (self->error)
        ag_fatal (AG_EXIT_FAILED, "playing has stopped: %s", self->error);
    return ag_target_finish (&self->writer, settings, folder, FINISH_MS);
}

int ag_playback_run (const ag_settings_t *settings, const char *path, double speed)
{
    ag_store_stream_t info = { 0 };
    ag_store_t *journal = s_open_journal (path, &info);
    char *error = NULL, *state_dir = ag_target_state_dir (settings);
    ag_str_t run = s_new_id (settings, info.stream), work_order = ag_target_text (settings, "work-order");
    ag_ids_t ids = { work_order.ptr ? work_order : info.work_order, run, false };
    char *folder = ag_rundir_make (state_dir, run, &error);
    if (!folder)
        ag_fatal (errno == EEXIST ? AG_EXIT_USAGE : AG_EXIT_FAILED, "%s", error);
    s_player_t player = { .speed = speed, .writer = ag_target_writer (settings, folder, &ids, &error) };
    if (!player.writer)
        ag_fatal (AG_EXIT_FAILED, "cannot play the journal: %s", error);
    fprintf (stderr, "agentgate-replay: playing %s as run %s\n", path, run.ptr);
    int status = s_play (&player, journal, &info, settings, folder);
    ag_store_close (&journal);
    free ((char *) info.stream.ptr);
    free ((char *) info.work_order.ptr);
    free ((char *) run.ptr);
    free (folder);
    free (state_dir);
    return status;
}
