/*  feed/frame.c - events to texts, shared

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A frame is built for a *key*: all that its content depends on (form, what
    the budgets allow, and of each place: stream, version, position, filter,
    standing decision). The last frames are kept; a client whose key is that of
    one of them gets it for the price of a comparison, and of moving its places
    as the frame says.
*/
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/rolled.h"
#include "feed/inside.h"
#include "feed/rollup.h"

enum {
    FRAMES = 64,                /* a power of two */
    FRAME_BYTES = 64 * 1024,
    FRAME_EVENTS = 20,
    FRAME_EVENTS_UNLIMITED = 500,
    KEEP_BYTES = 4 * 1024       /* of an idle frame's text when memory is given back */
};

/*  One message, or in a batch one event. */
typedef struct {
    ag_event_t *event;          /* the last that it stands for; a reference */
    size_t offset, len;         /* in the frame's text; len 0: the event's own JSON */
} s_part_t;

/*  Where a place stands behind the frame, and what that cost. */
typedef struct {
    uint64_t at;
    uint32_t events;            /* parts */
} s_step_t;

typedef struct {
    uint64_t hash;              /* of the key; 0: holds nothing */
    ag_buf_t key;               /* what it was built for */
    ag_buf_t text;              /* the batch, or the events that were rolled up */
    ag_buf_t parts;             /* s_part_t */
    ag_buf_t steps;             /* s_step_t, in the order of the turn */
    ag_buf_t messages;          /* ag_str_t, as lent out */
    ag_buf_t events;            /* ag_event_t *, as lent out */
    size_t bytes;               /* of the messages */
    size_t cursor_at, cursor_len;       /* in the text of a batch */
    uint64_t absorbed;          /* events that were rolled into others */
    uint64_t id;
} s_frame_t;

/*  A place that takes part, and up to where. */
typedef struct {
    ag_place_t *place;
    uint64_t at;                /* taken so far */
    uint64_t limit;             /* last seq it may take */
    uint32_t events;            /* parts taken */
    bool done;                  /* nothing more in this frame */
} s_turn_t;

/*  What a frame may cost; part of the key, so small where little is pending. */
typedef struct {
    int64_t live, live_debt;    /* events; the second with critical ones */
    int64_t replay;
    size_t events, bytes;       /* caps of the frame */
} s_budget_t;

struct ag_frames {
    ag_hub_t *hub;              /* the owner */
    s_frame_t frames[FRAMES];   /* by hash */
    ag_buf_t key;               /* of the client in hand */
    ag_buf_t turns;             /* s_turn_t, of the client in hand */
    ag_buf_t content;           /* text in the making */
};

static inline size_t s_count (const ag_buf_t *array, size_t size)
{
    return array->len / size;
}

/* ---------------------------------------------------------------------- */
/*  Life */

ag_frames_t *ag_frames_new (ag_hub_t *hub)
{
    ag_frames_t *self = ag_calloc (1, sizeof *self);
    self->hub = hub;
    return self;
}

static void s_frame_empty (s_frame_t *frame)
{
    s_part_t *parts = (s_part_t *) frame->parts.data;
    for (size_t i = 0; i < s_count (&frame->parts, sizeof *parts); i++)
        ag_event_unref (&parts[i].event);
    ag_buf_clear (&frame->parts);
    ag_buf_clear (&frame->text);
    ag_buf_clear (&frame->steps);
    frame->hash = 0;
    frame->bytes = frame->cursor_at = frame->cursor_len = 0;
    frame->absorbed = 0;
}

void ag_frames_forget (ag_frames_t *self)
{
    for (size_t i = 0; i < FRAMES; i++) {
        s_frame_empty (&self->frames[i]);
        ag_buf_shrink (&self->frames[i].text, KEEP_BYTES);
    }
    ag_buf_shrink (&self->content, KEEP_BYTES);
}

void ag_frames_destroy (ag_frames_t **self_p)
{
    ag_frames_t *self = *self_p;
    if (self == NULL)
        return;
    for (size_t i = 0; i < FRAMES; i++) {
        s_frame_t *frame = &self->frames[i];
        s_frame_empty (frame);
        ag_buf_free (&frame->key);
        ag_buf_free (&frame->text);
        ag_buf_free (&frame->parts);
        ag_buf_free (&frame->steps);
        ag_buf_free (&frame->messages);
        ag_buf_free (&frame->events);
    }
    ag_buf_free (&self->key);
    ag_buf_free (&self->turns);
    ag_buf_free (&self->content);
    free (self);
    *self_p = NULL;
}

/* ---------------------------------------------------------------------- */
/*  Who takes part */

/*  Up to where a place may take now; 0: not at all. */
static uint64_t s_limit (const ag_place_t *place, bool live)
{
    if (ag_place_catches_up (place))
        return place->stream->last;
    if (live && !place->client->shedding)
        return place->stream->last;
    uint64_t decided = live && place->shed.to > place->at ? place->shed.to : 0;
    uint64_t critical = place->critical > place->at ? place->critical : 0;
    return decided > critical ? decided : critical;
}

static void s_line_up (ag_frames_t *self, ag_client_t *client, bool live)
{
    ag_buf_clear (&self->turns);
    ag_place_t *place;
    TAILQ_FOREACH (place, &client->active, by_state) {
        s_turn_t turn = { .place = place, .at = place->at, .limit = s_limit (place, live) };
        /*  A frame that somebody else could still read might be there; but where a place stands
            has not been told yet. */
        if (turn.limit > place->at && !place->busy)
            ag_buf_append (&self->turns, &turn, sizeof turn);
    }
}

static int64_t s_min (int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/*  The most that the frame around a batch's events takes: 64 bytes, and the cursor. */
static size_t s_batch_bytes (const ag_client_t *client)
{
    size_t cursor = (AG_CURSOR_EMPTY_BYTES + client->cursor_bytes + ag_client_unmet_bytes (client) + 2) / 3 * 4;
    return 64 + (cursor < AG_CURSOR_MAX_BYTES ? cursor : AG_CURSOR_MAX_BYTES);
}

/*  Cut down to what is pending at most, so that clients with more in their
    buckets than they need have the same key. */
static s_budget_t s_budget (ag_frames_t *self, const ag_client_t *client, size_t room_bytes)
{
    s_budget_t budget = { .events = client->live.rate ? FRAME_EVENTS : FRAME_EVENTS_UNLIMITED };
    budget.bytes = room_bytes < FRAME_BYTES ? room_bytes : FRAME_BYTES;
    size_t around = client->options.batch ? s_batch_bytes (client) : 0;
    budget.bytes -= around < budget.bytes ? around : budget.bytes;
    int64_t live = 0, replay = 0, critical = 0;
    const s_turn_t *turns = (const s_turn_t *) self->turns.data;
    for (size_t i = 0; i < s_count (&self->turns, sizeof *turns); i++) {
        int64_t range = (int64_t) (turns[i].limit - turns[i].at);
        if (ag_place_catches_up (turns[i].place))
            replay += range;
        else
            live += range;
        if (turns[i].place->critical > turns[i].at)
            critical += range;
    }
    live = s_min (live, (int64_t) budget.events);
    budget.live = s_min (ag_bucket_whole (&client->live), live);
    if (critical > 0)
        budget.live_debt = s_min (ag_bucket_whole_with_debt (&client->live), live);
    if (ag_bucket_whole (&client->replay_bytes) > 0)
        budget.replay = s_min (ag_bucket_whole (&client->replay), s_min (replay, (int64_t) budget.events));
    return budget;
}

/* ---------------------------------------------------------------------- */
/*  Keys */

static void s_key_place (ag_buf_t *key, const ag_place_t *place, uint64_t limit)
{
    const ag_stream_t *stream = place->stream;
    uint64_t had_count = place->had_to > place->at ? place->had_count : 0;
    uint64_t words[] = {
        stream->serial, stream->version, place->at, limit,
        (uint64_t) place->lane->filter << 8 | had_count << 2 | (uint64_t) ag_place_catches_up (place) << 1 | place->resumable,
        place->critical, place->shed.to, place->shed.from, place->shed.priority
    };
    ag_buf_append (key, words, sizeof words);
    for (size_t i = 0; i < had_count; i++) {
        uint64_t had[] = { place->had[i].from, place->had[i].to, place->had[i].filter };
        ag_buf_append (key, had, sizeof had);
    }
}

/*  What a client came back with, and has not met yet, too. */
static void s_key_unmet (ag_buf_t *key, const ag_cursor_t *after)
{
    for (size_t i = 0; i < ag_cursor_count (after); i++) {
        const ag_cursor_position_t *position = ag_cursor_nth (after, i);
        uint64_t words[] = { position->epoch, position->seq, position->stream.len }, none = 0;
        ag_buf_append (key, words, sizeof words);
        ag_buf_append_str (key, position->stream);
        ag_buf_append (key, &none, (sizeof none - key->len % sizeof none) % sizeof none);
    }
}

/*  Places that do not take part stand in the batch's cursor. */
static void s_key_others (ag_buf_t *key, const ag_client_t *client)
{
    const ag_place_t *place;
    TAILQ_FOREACH (place, &client->resumable, in_cursor) {
        uint64_t words[3] = { place->stream->serial };
        if (ag_place_position (place, &words[1], &words[2]))
            ag_buf_append (key, words, sizeof words);
    }
    const ag_sub_t *sub;
    TAILQ_FOREACH (sub, &client->subs, in_client)
        if (sub->unmet)
            s_key_unmet (key, sub->after);
}

static void s_key (ag_frames_t *self, const ag_client_t *client, const s_budget_t *budget)
{
    ag_buf_clear (&self->key);
    uint64_t form[] = {
        (uint64_t) client->options.batch, (uint64_t) budget->live, (uint64_t) budget->live_debt,
        (uint64_t) budget->replay, budget->events, budget->bytes
    };
    ag_buf_append (&self->key, form, sizeof form);
    const s_turn_t *turns = (const s_turn_t *) self->turns.data;
    for (size_t i = 0; i < s_count (&self->turns, sizeof *turns); i++)
        s_key_place (&self->key, turns[i].place, turns[i].limit);
    if (client->options.batch)
        s_key_others (&self->key, client);
}

/*  The key is whole words. */
static uint64_t s_hash (const ag_buf_t *key)
{
    uint64_t hash = 0x9e3779b97f4a7c15u, word;
    for (size_t i = 0; i + sizeof word <= key->len; i += sizeof word) {
        memcpy (&word, key->data + i, sizeof word);
        hash = (hash ^ word) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 29;
    }
    return hash | 1;
}

/* ---------------------------------------------------------------------- */
/*  Building */

/*  Several events as one: the last, the first's seq, and their text. */
typedef struct {
    ag_event_t *last;           /* a reference */
    const ag_slot_t *slot;      /* of the last, in the ring, or NULL */
    uint64_t first;
    uint64_t absorbed;          /* beside the last */
    size_t text_bytes;          /* gathered */
    uint32_t key;
} s_group_t;

/*  Takes one more in if it belongs to the group. */
static bool s_absorb (ag_frames_t *self, s_group_t *group, const ag_item_t *item)
{
    if (group->text_bytes + item->text_bytes > AG_TEXT_MAX_BYTES || !ag_rollup_same (group->last, item->event))
        return false;
    if (item->text_bytes > 0 || ag_event_kind (item->event) == AG_AGENT_OUTPUT) {
        if (group->absorbed == 0)
            ag_buf_append_str (&self->content, ag_event_string (group->last, AG_F_CONTENT));
        ag_buf_append_str (&self->content, ag_event_string (item->event, AG_F_CONTENT));
    }
    group->text_bytes += item->text_bytes;
    group->absorbed++;
    ag_event_unref (&group->last);
    group->last = ag_event_ref (item->event);
    group->slot = item->slot;
    return true;
}

/*  Whatever the client sees next must be of the group, else it ends. */
static void s_gather (ag_frames_t *self, const s_turn_t *turn, s_group_t *group)
{
    ag_item_t item;
    uint64_t seq = ag_event_seq (group->last);
    while (group->key != 0 && seq < turn->limit) {
        ag_stream_look (turn->place->stream, ++seq, false, &item);
        if (item.type != AG_ITEM_EVENT)
            return;
        ag_verdict_t verdict = ag_place_verdict (turn->place, seq, item.class);
        if (verdict == AG_VERDICT_FILTERED && !ag_rollup_ends (item.class) && ag_place_may_pass (turn->place, &item))
            continue;
        if (verdict != AG_VERDICT_KEEP || (item.event != NULL && item.key != group->key))
            return;
        if (item.event == NULL)
            ag_stream_look (turn->place->stream, seq, true, &item);
        if (item.type != AG_ITEM_EVENT || item.key != group->key || !s_absorb (self, group, &item))
            return;
    }
}

/*  Whether the budget has room for an event of this place. */
static bool s_affordable (const s_turn_t *turn, const s_budget_t *budget, const ag_item_t *item)
{
    const ag_place_t *place = turn->place;
    if (ag_place_catches_up (place))
        return budget->replay > 0;
    if (budget->live > 0)
        return true;
    /*  What a decision let stay in front of a critical event goes along with it. */
    bool critical = ag_class_priority (item->class) == AG_CRITICAL
        || (place->critical > turn->at && item->seq <= place->shed.to);
    return critical && budget->live_debt > 0;
}

static void s_spend (const s_turn_t *turn, s_budget_t *budget)
{
    if (ag_place_catches_up (turn->place))
        budget->replay--;
    else {
        budget->live--;
        budget->live_debt--;
    }
    budget->events--;
}

/*  Appends the group's text; false, and nothing appended, when the frame would get too large. */
static bool s_append (ag_frames_t *self, s_frame_t *frame, bool batch, const s_turn_t *turn, const s_group_t *group,
    size_t cap)
{
    s_part_t part = { .event = group->last };
    size_t before = frame->text.len;
    bool first = frame->parts.len == 0;
    ag_str_t json = { NULL, 0 };
    if (batch && !first)
        ag_buf_append_char (&frame->text, ',');
    part.offset = frame->text.len;
    if (group->absorbed == 0) {
        json = group->slot ? ag_ring_json (turn->place->stream->ring, group->slot) : ag_event_json (group->last);
        if (batch && (first || frame->bytes + json.len + 1 <= cap))
            ag_buf_append_str (&frame->text, json);
    } else {
        bool text = ag_event_kind (group->last) == AG_AGENT_OUTPUT;
        ag_str_t content = { self->content.data ? self->content.data : "", self->content.len };
        ag_rolled_json (group->last, group->first, text ? &content : NULL, &frame->text);
    }
    part.len = frame->text.len - part.offset;
    size_t bytes = part.len ? part.len : json.len;
    if (!first && frame->bytes + bytes + 1 > cap) {
        frame->text.len = before;
        return false;
    }
    frame->bytes += bytes + 1;
    ag_event_ref (part.event);
    ag_buf_append (&frame->parts, &part, sizeof part);
    return true;
}

/*  One event, rolled up, of one place. */
static void s_take (ag_frames_t *self, s_frame_t *frame, s_turn_t *turn, s_budget_t *budget, bool batch)
{
    ag_item_t item;
    turn->done = true;
    if (turn->at >= turn->limit)
        return;
    ag_place_look (turn->place, turn->at + 1, &item);
    if (item.type != AG_ITEM_EVENT || item.seq > turn->limit || !s_affordable (turn, budget, &item))
        return;
    s_group_t group = {
        .last = ag_event_ref (item.event), .slot = item.slot, .first = item.seq,
        .text_bytes = item.text_bytes, .key = item.key
    };
    ag_buf_clear (&self->content);
    s_gather (self, turn, &group);
    if (s_append (self, frame, batch, turn, &group, budget->bytes)) {
        turn->done = false;
        turn->at = ag_event_seq (group.last);
        turn->events++;
        frame->absorbed += group.absorbed;
        s_spend (turn, budget);
    }
    else
        budget->events = 0;
    ag_event_unref (&group.last);
}

/*  One of each place in turn: they share the rate. */
static void s_fill (ag_frames_t *self, s_frame_t *frame, s_budget_t budget, bool batch)
{
    s_turn_t *turns = (s_turn_t *) self->turns.data;
    size_t count = s_count (&self->turns, sizeof *turns), left = count;
    while (left > 0 && budget.events > 0) {
        left = 0;
        for (size_t i = 0; i < count && budget.events > 0; i++)
            if (!turns[i].done) {
                s_take (self, frame, &turns[i], &budget, batch);
                left += !turns[i].done;
            }
    }
}

/*  Moves the places; the cursor of a batch is written when that is done. */
static void s_move (ag_frames_t *self, const s_step_t *steps)
{
    const s_turn_t *turns = (const s_turn_t *) self->turns.data;
    for (size_t i = 0; i < s_count (&self->turns, sizeof *turns); i++)
        if (steps[i].events > 0)
            turns[i].place->at = steps[i].at;
}

static void s_close_batch (s_frame_t *frame, const ag_client_t *client)
{
    ag_hub_t *hub = client->hub;
    ag_buf_clear (&hub->cursor_text);
    ag_client_cursor (client, &hub->cursor_text);
    ag_buf_append_cstr (&frame->text, "],\"cursor\":\"");
    frame->cursor_at = frame->text.len;
    frame->cursor_len = hub->cursor_text.len;
    ag_buf_append (&frame->text, hub->cursor_text.data, hub->cursor_text.len);
    ag_buf_append_cstr (&frame->text, "\"}");
    frame->bytes = frame->text.len;
}

/*  The arrays that are lent out; texts stand still from here on. */
static void s_list_messages (s_frame_t *frame, bool batch)
{
    ag_buf_clear (&frame->messages);
    ag_buf_clear (&frame->events);
    const s_part_t *parts = (const s_part_t *) frame->parts.data;
    size_t count = s_count (&frame->parts, sizeof *parts);
    for (size_t i = batch ? count - 1 : 0; i < count; i++) {
        ag_str_t text;
        if (batch)
            text = (ag_str_t) { frame->text.data, frame->text.len };
        else if (parts[i].len == 0)
            text = ag_event_json (parts[i].event);
        else
            text = (ag_str_t) { frame->text.data + parts[i].offset, parts[i].len };
        ag_buf_append (&frame->messages, &text, sizeof text);
        ag_buf_append (&frame->events, &parts[i].event, sizeof parts[i].event);
    }
}

static void s_build (ag_frames_t *self, s_frame_t *frame, ag_client_t *client, const s_budget_t *budget)
{
    bool batch = client->options.batch;
    s_frame_empty (frame);
    if (batch)
        ag_buf_append_cstr (&frame->text, "{\"type\":\"batch\",\"events\":[");
    s_fill (self, frame, *budget, batch);
    if (frame->parts.len == 0)
        return;
    const s_turn_t *turns = (const s_turn_t *) self->turns.data;
    for (size_t i = 0; i < s_count (&self->turns, sizeof *turns); i++) {
        s_step_t step = { turns[i].at, turns[i].events };
        ag_buf_append (&frame->steps, &step, sizeof step);
        ag_stream_count (turns[i].place->stream);     /* texts were made */
    }
    s_move (self, (const s_step_t *) frame->steps.data);
    if (batch)
        s_close_batch (frame, client);
    s_list_messages (frame, batch);
    ag_buf_clear (&frame->key);
    ag_buf_append (&frame->key, self->key.data, self->key.len);
    frame->hash = s_hash (&self->key);
    frame->id = ++self->hub->frame_id;
}

/* ---------------------------------------------------------------------- */
/*  Handing out */

static s_frame_t *s_find (ag_frames_t *self, ag_client_t *client, const s_budget_t *budget)
{
    uint64_t hash = s_hash (&self->key);
    s_frame_t *frame = &self->frames[hash >> 32 & (FRAMES - 1)];
    if (frame->hash == hash && frame->key.len == self->key.len
            && memcmp (frame->key.data, self->key.data, self->key.len) == 0) {
        s_move (self, (const s_step_t *) frame->steps.data);
        return frame;
    }
    s_build (self, frame, client, budget);
    return frame->hash ? frame : NULL;
}

/*  The list goes on behind the place that was served last. */
static void s_rotate (ag_client_t *client, const s_turn_t *turns, const s_step_t *steps, size_t count)
{
    /*  Who got least of all was not reached in the last round. */
    size_t next = 0;
    for (size_t i = 1; i < count; i++)
        if (steps[i].events < steps[next].events)
            next = i;
    for (size_t i = 0; i < next; i++) {
        TAILQ_REMOVE (&client->active, turns[i].place, by_state);
        TAILQ_INSERT_TAIL (&client->active, turns[i].place, by_state);
    }
}

static void s_account (ag_frames_t *self, ag_client_t *client, const s_frame_t *frame)
{
    const s_turn_t *turns = (const s_turn_t *) self->turns.data;
    const s_step_t *steps = (const s_step_t *) frame->steps.data;
    size_t count = s_count (&self->turns, sizeof *turns);
    bool replay = false;
    for (size_t i = 0; i < count; i++) {
        if (steps[i].events == 0)
            continue;
        bool catches_up = ag_place_catches_up (turns[i].place);
        ag_bucket_take (catches_up ? &client->replay : &client->live, steps[i].events);
        client->sent |= !catches_up;
        replay |= catches_up;
    }
    if (replay)
        ag_bucket_take (&client->replay_bytes, (int64_t) frame->bytes);
    if (count > 1)
        s_rotate (client, turns, steps, count);
    self->hub->stats.delivered += s_count (&frame->parts, sizeof (s_part_t));
    self->hub->stats.rolled_up += frame->absorbed;
}

int ag_frames_next (ag_frames_t *self, ag_client_t *client, bool live, size_t room_bytes, ag_frame_t *frame_r)
{
    s_line_up (self, client, live);
    if (self->turns.len == 0)
        return 0;
    s_budget_t budget = s_budget (self, client, room_bytes);
    if (budget.live <= 0 && budget.live_debt <= 0 && budget.replay <= 0)
        return 0;
    s_key (self, client, &budget);
    s_frame_t *frame = s_find (self, client, &budget);
    if (frame == NULL)
        return 0;
    s_account (self, client, frame);
    *frame_r = (ag_frame_t) {
        .id = frame->id, .bytes = frame->bytes,
        .messages = (const ag_str_t *) frame->messages.data,
        .events = (const ag_event_t *const *) frame->events.data,
        .count = s_count (&frame->messages, sizeof (ag_str_t))
    };
    if (frame->cursor_len > 0)
        frame_r->cursor = (ag_str_t) { frame->text.data + frame->cursor_at, frame->cursor_len };
    return 1;
}
