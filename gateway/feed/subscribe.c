/*  feed/subscribe.c - what a client asks for

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/mem.h"
#include "feed/inside.h"
#include "feed/message.h"

enum {
    SUBSCRIPTIONS_MAX = 64,
    UNMET_MAX = 1024            /* positions of one client in streams that are not known yet */
};

/* ---------------------------------------------------------------------- */
/*  Subscriptions */

static ag_str_t s_str_dup (ag_str_t text)
{
    if (text.ptr == NULL)
        return text;
    char *copy = ag_malloc (text.len + 1);
    memcpy (copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return (ag_str_t) { copy, text.len };
}

static bool s_same_target (const ag_sub_t *sub, const ag_subscribe_t *target)
{
    if (sub->all || target->all)
        return sub->all && target->all;
    if (target->run.ptr != NULL)
        return sub->run.ptr != NULL && ag_str_eq (sub->run, target->run);
    return sub->run.ptr == NULL && ag_str_eq (sub->work_order, target->work_order);
}

static ag_sub_t *s_find (const ag_client_t *client, const ag_subscribe_t *target)
{
    ag_sub_t *sub;
    TAILQ_FOREACH (sub, &client->subs, in_client)
        if (s_same_target (sub, target))
            return sub;
    return NULL;
}

static bool s_covers (const ag_sub_t *sub, const ag_stream_t *stream)
{
    if (sub->all)
        return stream->work != NULL;
    if (sub->run.ptr != NULL)
        return ag_str_eq (sub->run, ag_stream_id (stream));
    return stream->work != NULL
        && ag_str_eq (sub->work_order, (ag_str_t) { stream->work->id, stream->work->id_len });
}

bool ag_client_covers (const ag_client_t *client, const ag_stream_t *stream, ag_filter_t *filter_r, bool *resumable_r)
{
    bool covered = false;
    *filter_r = 0;
    *resumable_r = false;
    const ag_sub_t *sub;
    TAILQ_FOREACH (sub, &client->subs, in_client)
        if (s_covers (sub, stream)) {
            covered = true;
            *filter_r |= sub->filter;
            *resumable_r |= !sub->all;
        }
    return covered;
}

static ag_cursor_t *s_positions (const ag_subscribe_t *request)
{
    if (request->cursor.ptr != NULL)
        return ag_cursor_parse (request->cursor);
    ag_cursor_position_t *positions = ag_calloc (request->after_count + 1, sizeof *positions);
    for (size_t i = 0; i < request->after_count; i++)
        positions[i] = (ag_cursor_position_t) {
            request->after[i].stream, request->after[i].epoch, request->after[i].seq
        };
    ag_cursor_t *cursor = ag_cursor_from (positions, request->after_count);
    free (positions);
    return cursor;
}

/*  Positions in streams that nobody knows yet stay in each cursor of the client, as long as
    they are few. Of a run there is a place that waits, and so nothing to keep. */
static bool s_may_keep_unmet (const ag_client_t *client, const ag_subscribe_t *request, const ag_sub_t *sub)
{
    size_t positions = sub->after ? ag_cursor_count (sub->after) : 0;
    if (positions == 0 || sub->all || sub->run.ptr != NULL)
        return false;
    const ag_sub_t *other;
    TAILQ_FOREACH (other, &client->subs, in_client)
        if (other->unmet && !s_same_target (other, request))
            positions += ag_cursor_count (other->after);
    return positions <= UNMET_MAX;
}

static ag_sub_t *s_sub_new (ag_client_t *client, const ag_subscribe_t *request, ag_cursor_t **after_p)
{
    ag_sub_t *sub = ag_calloc (1, sizeof *sub);
    sub->client = client;
    sub->all = request->all;
    sub->run = request->all ? (ag_str_t) { NULL, 0 } : s_str_dup (request->run);
    sub->work_order = request->all || sub->run.ptr ? (ag_str_t) { NULL, 0 } : s_str_dup (request->work_order);
    sub->filter = client->options.plain ? ag_filter_plain (request->types, request->all)
        : ag_filter_make (request->types, request->partial, request->thinking, request->all);
    sub->positioned = *after_p != NULL;
    sub->after = *after_p;
    sub->unmet = s_may_keep_unmet (client, request, sub);
    *after_p = NULL;
    sub->replay_count = request->all ? 0 : request->replay_count;
    return sub;
}

static void s_link (ag_client_t *client, ag_sub_t *sub)
{
    TAILQ_INSERT_TAIL (&client->subs, sub, in_client);
    client->sub_count++;
    if (sub->all)
        TAILQ_INSERT_TAIL (&client->hub->all_subs, sub, in_target);
    else if (sub->run.ptr == NULL)
        TAILQ_INSERT_TAIL (&ag_work_need (client->hub, sub->work_order)->subs, sub, in_target);
}

static void s_unlink (ag_client_t *client, ag_sub_t *sub)
{
    ag_hub_t *hub = client->hub;
    TAILQ_REMOVE (&client->subs, sub, in_client);
    client->sub_count--;
    if (sub->all)
        TAILQ_REMOVE (&hub->all_subs, sub, in_target);
    else if (sub->run.ptr == NULL) {
        ag_work_t *work = ag_work_need (hub, sub->work_order);
        TAILQ_REMOVE (&work->subs, sub, in_target);
        ag_work_release (hub, work);
    }
}

static void s_sub_free (ag_sub_t *sub)
{
    free ((char *) sub->work_order.ptr);
    free ((char *) sub->run.ptr);
    ag_cursor_destroy (&sub->after);
    free (sub);
}

/*  Places follow from subscriptions: those that none asks for go. */
static void s_review_places (ag_client_t *client)
{
    ag_place_t *place, *next;
    TAILQ_FOREACH_SAFE (place, &client->places, in_client, next) {
        ag_filter_t filter;
        bool resumable;
        if (!ag_client_covers (client, place->stream, &filter, &resumable))
            ag_place_destroy (&place);
        else {
            ag_place_set_filter (place, filter);
            ag_place_set_resumable (place, resumable);
        }
    }
}

void ag_client_drop (ag_client_t *client, ag_sub_t *sub)
{
    s_unlink (client, sub);
    s_review_places (client);
    s_sub_free (sub);
}

/* ---------------------------------------------------------------------- */
/*  Where a place begins */

/*  Another subscription of this client watches the stream already. What it wants
    beyond that is read again, without what was sent. */
static void s_rewind (ag_place_t *place, uint64_t epoch, uint64_t seq)
{
    uint64_t here_epoch, here;
    if (!ag_place_position (place, &here_epoch, &here) || place->state == AG_PLACE_WAITING) {
        ag_place_resume (place, epoch, seq);
        return;
    }
    if (epoch != 0 && epoch < here_epoch)
        seq = 0;
    if (epoch > here_epoch || seq >= here || (!place->gapped && seq >= place->began))
        return;
    ag_place_rewind (place, epoch, seq);
}

/*  The position that a subscription wants in a stream; false: live from now. */
static bool s_wanted (const ag_sub_t *sub, const ag_stream_t *stream, uint64_t *epoch_r, uint64_t *seq_r)
{
    const ag_cursor_position_t *position = ag_cursor_find (sub->after, ag_stream_id (stream));
    *epoch_r = position ? position->epoch : 0;
    *seq_r = position ? position->seq : 0;
    if (sub->positioned)
        return true;
    if (sub->replay_count == 0)
        return false;
    *epoch_r = stream->epoch;
    *seq_r = stream->last > sub->replay_count ? stream->last - sub->replay_count : 0;
    return stream->epoch != 0;
}

static void s_meet (ag_client_t *client, ag_stream_t *stream, ag_sub_t *sub, bool again)
{
    ag_filter_t filter;
    bool resumable;
    uint64_t epoch, seq;
    if (!ag_client_may_see (client, stream) || !ag_client_covers (client, stream, &filter, &resumable))
        return;
    ag_place_t *place = ag_place_find (client, stream);
    bool fresh = place == NULL;
    if (fresh)
        place = ag_place_new (client, stream, filter);
    else
        ag_place_set_filter (place, filter);
    ag_place_set_resumable (place, resumable);
    if (!s_wanted (sub, stream, &epoch, &seq))
        return;
    /*  Who asks for the same again with a position means it. */
    if (fresh || again) {
        ag_place_forget (place, epoch != 0 && epoch < stream->epoch ? 0 : seq);
        ag_place_resume (place, epoch, seq);
    }
    else
        s_rewind (place, epoch, seq);
}

void ag_client_meet (ag_client_t *client, ag_stream_t *stream, ag_sub_t *sub)
{
    if (sub->all && stream->ended_us != 0)
        return;
    /*  A place that another subscription has brought to catch up is from now on this one's too. */
    const ag_place_t *place = sub->replaying ? ag_place_find (client, stream) : NULL;
    if (place != NULL && place->replay)
        sub->replay_places++;
    s_meet (client, stream, sub, false);
}

/* ---------------------------------------------------------------------- */
/*  The answer */

static const char *s_outcome (ag_place_t *place, const ag_sub_t *sub)
{
    const ag_cursor_position_t *wanted = ag_cursor_find (sub->after, ag_stream_id (place->stream));
    if (place->state == AG_PLACE_WAITING)
        return "waiting";
    if (wanted != NULL && wanted->epoch != 0 && wanted->epoch < place->stream->epoch)
        return "reset";
    if (!place->replay)
        return sub->positioned || sub->replay_count ? "complete" : "live";
    return place->at + 1 < ag_stream_oldest (place->stream) ? "partial" : "complete";
}

static void s_confirm_streams (ag_client_t *client, ag_sub_t *sub, ag_buf_t *message)
{
    ag_message_streams_begin (message);
    ag_place_t *place;
    TAILQ_FOREACH (place, &client->places, in_client) {
        if (place->stream->epoch == 0 || !s_covers (sub, place->stream))
            continue;
        ag_stream_info_t info;
        ag_stream_info (place->stream, &info);
        /*  Nobody can resume "*"; so the history is not asked about each of maybe thousands. */
        uint64_t oldest = sub->all ? info.first : ag_stream_oldest (place->stream);
        info.first = oldest <= info.last ? oldest : 0;
        ag_message_stream (message, &info, s_outcome (place, sub));
        place->announced = place->stream->epoch;
    }
    ag_message_streams_end (message);
}

/*  What the messages about a subscription name it by. */
static ag_str_t s_target (const ag_sub_t *sub)
{
    return sub->all ? AG_STR ("*") : sub->work_order;
}

static void s_confirm (ag_client_t *client, ag_sub_t *sub, int64_t now_us)
{
    char timestamp[AG_TIMESTAMP_SIZE];
    ag_hub_timestamp (client->hub, now_us, timestamp);
    ag_buf_t *message = &client->hub->scratch;
    ag_buf_clear (message);
    ag_message_target_begin (message, "subscription_confirmed", s_target (sub), sub->run, timestamp);
    if (!client->options.plain) {
        ag_message_cursor (message, ag_client_cursor_text (client));
        s_confirm_streams (client, sub, message);
    }
    ag_message_end (message);
    ag_client_say (client, (ag_str_t) { message->data, message->len });
}

static void s_replay_complete (ag_client_t *client, ag_sub_t *sub)
{
    sub->replaying = false;
    if (client->options.plain)
        return;
    ag_buf_t *message = &client->hub->scratch;
    ag_buf_clear (message);
    ag_message_replay_complete (message, s_target (sub), sub->run, ag_client_cursor_text (client));
    ag_client_say (client, (ag_str_t) { message->data, message->len });
}

/*  Whichever subscription made it catch up: each that is owed a replay_complete and
    covers it waits for it. */
void ag_client_replay (ag_client_t *client, const ag_place_t *place)
{
    ag_sub_t *sub;
    TAILQ_FOREACH (sub, &client->subs, in_client) {
        if (!sub->replaying || !s_covers (sub, place->stream))
            continue;
        sub->replay_places += place->replay ? 1 : -1;
        if (sub->replay_places == 0)
            s_replay_complete (client, sub);
    }
}

/*  From here on replay_complete is owed; at once if nothing of it has to catch up. */
static void s_owe_replay (ag_client_t *client, ag_sub_t *sub)
{
    if (!sub->positioned && sub->replay_count == 0)
        return;
    const ag_place_t *place;
    TAILQ_FOREACH (place, &client->active, by_state)
        sub->replay_places += place->replay && s_covers (sub, place->stream);
    sub->replaying = true;
    if (sub->replay_places == 0)
        s_replay_complete (client, sub);
}

/*  "*" begins with the latest state of each live run. */
static void s_say_event (ag_client_t *client, const ag_sub_t *sub, ag_event_t *event)
{
    if (event != NULL && ag_filter_passes (sub->filter, ag_class_of (event)))
        ag_client_say (client, ag_event_json (event));
}

static void s_latest (ag_client_t *client, const ag_sub_t *sub)
{
    ag_place_t *place;
    TAILQ_FOREACH (place, &client->places, in_client) {
        const ag_stream_t *stream = place->stream;
        if (!stream->is_run || stream->over || place->state != AG_PLACE_IDLE)
            continue;
        s_say_event (client, sub, stream->started);
        s_say_event (client, sub, stream->progress);
    }
}

/* ---------------------------------------------------------------------- */
/*  Subscribe, unsubscribe */

/*  The streams of a work order that only the history knows. */
static bool s_recall_stream (void *context, ag_str_t id, ag_str_t work_order, ag_str_t run)
{
    ag_hub_t *hub = context;
    ag_stream_adopt (ag_stream_need (hub, id, 0), work_order, run.ptr != NULL && ag_str_eq (run, id));
    return true;
}

static void s_recall (ag_hub_t *hub, const ag_sub_t *sub)
{
    const ag_history_t *history = hub->options.history;
    if (history != NULL && history->streams != NULL && sub->run.ptr == NULL && !sub->all
            && (sub->positioned || sub->replay_count))
        history->streams (history->context, sub->work_order, s_recall_stream, hub);
}

static void s_meet_list (ag_client_t *client, ag_sub_t *sub, struct ag_stream_list *streams, bool again)
{
    ag_stream_t *stream;
    TAILQ_FOREACH (stream, streams, in_work)
        s_meet (client, stream, sub, again);
}

static void s_meet_all (ag_client_t *client, ag_sub_t *sub, bool again)
{
    ag_hub_t *hub = client->hub;
    ag_stream_t *stream;
    if (sub->all) {
        TAILQ_FOREACH (stream, &hub->live, in_hub)
            s_meet (client, stream, sub, again);
    }
    else if (sub->run.ptr != NULL)
        s_meet (client, ag_stream_need (hub, sub->run, 0), sub, again);
    else
        s_meet_list (client, sub, &ag_work_need (hub, sub->work_order)->streams, again);
}

static int s_check (const ag_client_t *self, const ag_subscribe_t *request, bool again, ag_cursor_t **after_r,
    char **error_r)
{
    size_t max = self->hub->options.subscriptions_max ? self->hub->options.subscriptions_max : SUBSCRIPTIONS_MAX;
    *after_r = NULL;
    if (!again && self->sub_count >= max) {
        *error_r = ag_asprintf ("at most %zu subscriptions", max);
        return -1;
    }
    if (request->has_after && !request->all) {
        *after_r = s_positions (request);
        if (*after_r == NULL) {
            *error_r = ag_strdup ("'after' is none of our cursors");
            return -1;
        }
    }
    return 0;
}

int ag_client_subscribe (ag_client_t *self, const ag_subscribe_t *request, int64_t now_us, char **error_r)
{
    ag_cursor_t *after;
    ag_sub_t *old = s_find (self, request);
    if (s_check (self, request, old != NULL, &after, error_r) == -1)
        return -1;
    ag_sub_t *sub = s_sub_new (self, request, &after);
    s_recall (self->hub, sub);
    s_link (self, sub);
    if (old != NULL)
        ag_client_drop (self, old);
    s_meet_all (self, sub, old != NULL);
    s_confirm (self, sub, now_us);
    if (sub->all)
        s_latest (self, sub);
    s_owe_replay (self, sub);
    return 0;
}

int ag_client_unsubscribe (ag_client_t *self, const ag_subscribe_t *target, int64_t now_us)
{
    ag_sub_t *sub = s_find (self, target);
    if (sub == NULL)
        return 0;
    char timestamp[AG_TIMESTAMP_SIZE];
    ag_hub_timestamp (self->hub, now_us, timestamp);
    ag_buf_t *message = &self->hub->scratch;
    ag_buf_clear (message);
    ag_message_target_begin (message, "unsubscription_confirmed", s_target (sub), sub->run, timestamp);
    ag_message_end (message);
    ag_client_say (self, (ag_str_t) { message->data, message->len });
    ag_client_drop (self, sub);
    return 1;
}
