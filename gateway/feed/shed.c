/*  feed/shed.c - who is behind, and what it will not get

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Order is never changed; what is left out is chosen by class within a range
    and announced once. A decision is final: what it keeps is sent, and the
    next one starts behind it, so that the ranges of two gaps never meet.

    A client is behind when its pending events are older than 2 s or more than
    10 x its rate. From then on, until a decision finds that all fits, it saves
    tokens for half a second, then sends the best of what has come and lets go
    of the rest: its view stays fresh, and the few events that it can have are
    the important ones. (Deciding at each tick would send as much, but ten gaps
    a second; keeping more than the bucket holds would make the client older.)
*/
#include "feed/inside.h"
#include "feed/rollup.h"

enum {
    BEHIND_US = 2 * 1000 * 1000,
    BEHIND_SECONDS = 10
};

typedef struct {
    ag_priority_t priority;     /* as in ag_shed_t */
    uint32_t drop;              /* so many of the oldest groups of that priority */
} s_cut_t;

/*  What a roll-up will make one event of. */
typedef struct {
    uint32_t key;               /* of the run; 0: nothing joins */
    uint32_t text_bytes;        /* so far */
} s_run_t;

/*  Whether this one begins a new group of what the client is to get. The rule is the one of
    frame.c: only what is adjacent in its view merges, text up to AG_TEXT_MAX_BYTES. */
static bool s_begins (const ag_place_t *place, s_run_t *run, const ag_item_t *item)
{
    if (ag_rollup_ends (item->class))
        run->key = 0;
    if (ag_place_verdict (place, item->seq, item->class) != AG_VERDICT_KEEP)
        return false;
    bool joins = run->key != 0 && run->key == item->key
        && run->text_bytes + item->text_bytes <= AG_TEXT_MAX_BYTES;
    run->text_bytes = item->text_bytes + (joins ? run->text_bytes : 0);
    run->key = item->key;
    return !joins;
}

/*  Groups by priority in (at, upto], or up to the first hole: a gap of its own stands there. */
static void s_groups (ag_place_t *place, uint64_t upto)
{
    s_run_t run = { 0 };
    ag_item_t item;
    uint32_t *groups = place->groups;
    groups[0] = groups[1] = groups[2] = groups[3] = 0;
    for (place->reach = place->at; place->reach < upto; place->reach++) {
        uint64_t seq = place->reach + 1;
        ag_stream_look (place->stream, seq, false, &item);
        if (item.type != AG_ITEM_EVENT)
            return;
        if (s_begins (place, &run, &item))
            groups[ag_class_priority (item.class)]++;
    }
}

/*  Which classes go, worst first, so that at most `target` of what is not critical stays. */
static s_cut_t s_cut (const uint32_t groups[4], int64_t target)
{
    int64_t left = (int64_t) groups[AG_HIGH] + groups[AG_NORMAL] + groups[AG_LOW];
    if (target < 0)
        target = 0;
    for (int priority = AG_LOW; priority > AG_CRITICAL; priority--) {
        if (left <= target)
            return (s_cut_t) { (ag_priority_t) priority, 0 };
        if (left - groups[priority] < target)
            return (s_cut_t) { (ag_priority_t) priority, (uint32_t) (left - target) };
        left -= groups[priority];
    }
    return (s_cut_t) { AG_CRITICAL, 0 };
}

/*  The seq where the first kept group of the cut's priority begins. */
static uint64_t s_cut_from (ag_place_t *place, s_cut_t cut)
{
    s_run_t run = { 0 };
    ag_item_t item;
    uint32_t seen = 0;
    for (uint64_t seq = place->at + 1; seq <= place->reach; seq++) {
        ag_stream_look (place->stream, seq, false, &item);
        if (item.type != AG_ITEM_EVENT)
            break;
        if (s_begins (place, &run, &item) && ag_class_priority (item.class) == cut.priority && ++seen > cut.drop)
            return seq;
    }
    return place->reach + 1;
}

/*  Lays the decision on (at, reach] down and says what it leaves out. */
static void s_apply (ag_place_t *place, s_cut_t cut)
{
    uint64_t count[AG_KIND_COUNT] = { 0 }, first = 0, last = 0;
    ag_shed_t shed = { place->reach, cut.drop ? s_cut_from (place, cut) : 0, cut.priority };
    ag_item_t item;
    for (uint64_t seq = place->at + 1; seq <= place->reach; seq++) {
        ag_stream_look (place->stream, seq, false, &item);
        /*  It could be read a moment ago; what cannot be counted is not decided. */
        if (item.type != AG_ITEM_EVENT) {
            shed.to = seq - 1;
            break;
        }
        if (ag_place_verdict (place, seq, item.class) != AG_VERDICT_KEEP
                || !ag_shed_drops (&shed, seq, ag_class_priority (item.class)))
            continue;
        count[ag_class_kind (item.class)]++;
        first = first ? first : seq;
        last = seq;
    }
    /*  Also one that leaves nothing out is a decision: its events have their tokens and go. */
    place->shed = first ? shed : (ag_shed_t) { shed.to, 0, AG_LOW };
    if (first == 0)
        return;
    bool recoverable = place->client->hub->options.history != NULL || first >= ag_ring_first (place->stream->ring);
    ag_client_gap (place->client, place, first, last, AG_GAP_RATE, count, recoverable);
}

/* ---------------------------------------------------------------------- */
/*  Critical */

/*  A decision whose kept events have not all gone yet. */
static bool s_decided (const ag_place_t *place)
{
    return place->shed.to > place->at;
}

/*  Tokens that no decision has given away yet. */
static int64_t s_free_tokens (const ag_client_t *client)
{
    int64_t tokens = ag_bucket_whole (&client->live);
    ag_place_t *place;
    TAILQ_FOREACH (place, &client->active, by_state)
        if (!ag_place_catches_up (place) && s_decided (place)) {
            s_groups (place, place->shed.to);
            for (int i = 0; i < 4; i++)
                tokens -= place->groups[i];
        }
    return tokens;
}

static bool s_has_critical (const ag_place_t *place)
{
    return place->critical > place->at && !ag_place_catches_up (place) && !s_decided (place);
}

/*  What came first a moment ago, out of a window that had been read, has been deleted from the
    history since: the place must go on behind it, now and not at the next tick. */
static bool s_front_is_gone (const ag_place_t *place)
{
    ag_item_t item;
    if (place->reach > place->at)
        return false;
    ag_stream_look (place->stream, place->at + 1, false, &item);
    return item.type == AG_ITEM_HOLE;
}

/*  What the bucket allows goes before it; the rest is left out. The critical events
    themselves come first in the sum: all but the last of them take tokens that others
    cannot have. True: a decision was made, or there is a hole to be passed first. */
static bool s_before_critical (ag_client_t *client)
{
    bool decided = false;
    int64_t places = 0, critical = 0;
    ag_place_t *place;
    TAILQ_FOREACH (place, &client->active, by_state)
        if (s_has_critical (place)) {
            s_groups (place, place->critical);
            critical += place->groups[AG_CRITICAL];
            places++;
        }
    int64_t tokens = places ? s_free_tokens (client) - critical + 1 : 0;
    TAILQ_FOREACH (place, &client->active, by_state)
        if (s_has_critical (place)) {
            s_groups (place, place->critical);
            /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): as many as were counted above */
            s_cut_t cut = s_cut (place->groups, tokens / places--);
            s_apply (place, cut);
            decided |= s_decided (place) || s_front_is_gone (place);
            s_groups (place, place->reach);
            tokens -= place->groups[AG_HIGH] + place->groups[AG_NORMAL] + place->groups[AG_LOW];
        }
    return decided;
}

/* ---------------------------------------------------------------------- */
/*  Behind */

static bool s_takes_part (const ag_place_t *place)
{
    return !ag_place_catches_up (place) && !s_decided (place);
}

/*  How many events pass; stops counting above `enough`. */
static uint64_t s_pending (ag_place_t *place, uint64_t enough)
{
    uint64_t pending = 0;
    ag_item_t item;
    for (uint64_t seq = place->at + 1; seq <= place->stream->last && pending <= enough; seq = item.to + 1) {
        ag_stream_look (place->stream, seq, false, &item);
        if (item.type == AG_ITEM_END || item.type == AG_ITEM_BUSY)
            break;
        if (item.type == AG_ITEM_EVENT)
            pending += ag_place_verdict (place, seq, item.class) == AG_VERDICT_KEEP;
    }
    return pending;
}

static bool s_behind (ag_client_t *client, int64_t now_us)
{
    uint64_t limit = (uint64_t) client->live.rate * BEHIND_SECONDS, length = 0;
    ag_place_t *place;
    TAILQ_FOREACH (place, &client->active, by_state) {
        /*  What cannot be read now is not the client's to be late with. */
        if (!s_takes_part (place) || place->busy)
            continue;
        if (now_us - place->oldest_us > BEHIND_US)
            return true;
        length += place->stream->last - place->at;
    }
    /*  The length of the range bounds the number of events in it; only then it pays to count. */
    if (length <= limit)
        return false;
    length = 0;
    TAILQ_FOREACH (place, &client->active, by_state)
        if (s_takes_part (place))
            length += s_pending (place, limit);
    return length > limit;
}

/*  Splits what may stay of one priority evenly: whoever has less leaves the rest to others. */
static uint32_t s_fair_share (ag_client_t *client, ag_priority_t priority, int64_t keep)
{
    uint32_t share = 0;
    for (uint32_t step = 1u << 30; step > 0; step >>= 1) {
        int64_t sum = 0;
        ag_place_t *place;
        TAILQ_FOREACH (place, &client->active, by_state)
            if (s_takes_part (place))
                sum += place->groups[priority] < share + step ? place->groups[priority] : share + step;
        if (sum <= keep)
            share += step;
    }
    return share;
}

static void s_decide (ag_client_t *client, int64_t now_us)
{
    uint32_t total[4] = { 0 };
    int64_t tokens = s_free_tokens (client);
    ag_place_t *place;
    TAILQ_FOREACH (place, &client->active, by_state)
        if (s_takes_part (place)) {
            s_groups (place, place->stream->last);
            for (int i = 0; i < 4; i++)
                total[i] += place->groups[i];
        }
    s_cut_t cut = s_cut (total, tokens - total[AG_CRITICAL]);
    if (cut.priority == AG_LOW && cut.drop == 0) {
        client->shedding = false;
        return;
    }
    uint32_t share = cut.drop ? s_fair_share (client, cut.priority, total[cut.priority] - cut.drop) : 0;
    TAILQ_FOREACH (place, &client->active, by_state)
        if (s_takes_part (place)) {
            uint32_t mine = place->groups[cut.priority];
            s_cut_t own = { cut.priority, cut.drop && mine > share ? mine - share : 0 };
            s_apply (place, own);
        }
    int64_t saving = client->live.rate / 2 ? client->live.rate / 2 : 1;
    client->decide_us = now_us + saving * 1000000 / client->live.rate;
}

bool ag_shed_turn (ag_client_t *client, int64_t now_us)
{
    if (client->live.rate == 0)
        return false;
    bool decided = s_before_critical (client);
    if (now_us < client->due_us)
        return decided;
    if (!client->shedding && s_behind (client, now_us)) {
        client->shedding = true;
        client->decide_us = now_us;
    }
    if (client->shedding && now_us >= client->decide_us && ag_bucket_whole (&client->live) >= 1)
        s_decide (client, now_us);
    return decided;
}
