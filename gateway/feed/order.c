/*  gateway/feed/order.c - what came in, into the order it was written in

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Invariants. Every waiting event has next < seq < next + AG_ORDER_WINDOW and
    stands in slot seq % AG_ORDER_WINDOW, so no slot is ever contested. There is
    a hole exactly when top >= next, top being the highest number that we know
    to exist. Ranges in `lost` are below next, ascending, and do not overlap.
*/
#include "feed/order.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

typedef struct {
    uint64_t from, to;
    bool told;                      /* reported lost: `late` announces it; else only wanted again */
} range_t;

struct ag_order {
    ag_order_out_t out;             /* where it goes */
    ag_order_pool_t *pool;          /* what waits here and elsewhere; or NULL */
    uint64_t next;                  /* delivered next */
    uint64_t top;                   /* highest number known to exist; 0: none */
    uint64_t seen;                  /* highest number of an event that arrived, though it may have been refused */

    ag_event_t **slots;             /* AG_ORDER_WINDOW places for waiting events, or NULL when none waits */
    size_t waiting;                 /* events in slots */
    size_t waiting_bytes;           /* their memory */

    range_t *lost;                  /* below next, still wanted; ascending */
    size_t lost_count, lost_cap;
    ag_event_t **late;              /* consecutive events of one such range, not yet put out */
    size_t late_count;
    bool late_told;                 /* what its range says */

    bool asking;                    /* a window is outstanding */
    uint64_t asked_from;            /* its first number */
    bool brought;                   /* something of it has come since */
    unsigned tries;                 /* windows from there in a row that brought nothing, though the writer says it has sent it */
    int64_t asked_us;               /* when it was asked for, or last moved */
    int64_t ask_again_us;           /* not before this, after an answer that brought nothing */

    bool greeted;                   /* a HELLO, HEARTBEAT or GOODBYE has come */
    uint64_t gone_below;            /* the writer will not send what is missing below this */
    bool ended;                     /* the writer says that nothing follows `top` */
    bool finished;                  /* an event that ends a run was delivered */
    ag_producer_t state;            /* as last told */
    int64_t born_us;                /* when this epoch became known */
    int64_t heard_us;               /* last sign of life, either channel */
    int64_t control_us;             /* last sign of life over control */
    int64_t hole_us;                /* since when `next` is missing; INT64_MAX: it is not */
    ag_order_stats_t stats;         /* counted where it happens */
};

enum {
    LATE_MAX = 256,                 /* events announced by one `late` */
    SLOTS_BYTES = AG_ORDER_WINDOW * sizeof (ag_event_t *)
};

ag_order_t *ag_order_new (const ag_order_out_t *out, uint64_t held, ag_order_pool_t *pool, int64_t now_us)
{
    ag_order_t *self = ag_calloc (1, sizeof *self);
    self->out = *out;
    self->pool = pool;
    self->next = held + 1;
    self->top = held;
    self->seen = held;
    self->state = AG_PRODUCER_ALIVE;
    self->born_us = self->heard_us = now_us;
    self->control_us = INT64_MIN;
    self->hole_us = INT64_MAX;
    return self;
}

void ag_order_destroy (ag_order_t **self_p)
{
    ag_order_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    for (size_t i = 0; self->slots && i < AG_ORDER_WINDOW; i++)
        if (self->slots[i])
            ag_event_unref (&self->slots[i]);
    if (self->pool)
        self->pool->bytes -= self->waiting_bytes;
    for (size_t i = 0; i < self->late_count; i++)
        ag_event_unref (&self->late[i]);
    free (self->slots);
    free (self->lost);
    free (self->late);
    free (self);
}

/* ---------------------------------------------------------------------- */
/*  Waiting behind a hole */

static ag_event_t **s_slot (ag_order_t *self, uint64_t seq)
{
    return &self->slots[seq % AG_ORDER_WINDOW];
}

/*  The lowest waiting number, or 0. */
static uint64_t s_first_waiting (ag_order_t *self)
{
    if (!self->waiting)
        return 0;
    uint64_t seq = self->next;
    while (!*s_slot (self, seq))
        seq++;
    return seq;
}

static bool s_has_room (const ag_order_t *self, uint64_t seq, size_t bytes)
{
    return seq - self->next < AG_ORDER_WINDOW && self->waiting_bytes + bytes <= AG_ORDER_WAITING_BYTES
        && (!self->pool || self->pool->bytes + bytes <= self->pool->max_bytes);
}

/*  Counts, here and in the pool, what came to wait or waits no longer. */
static void s_count_bytes (ag_order_t *self, size_t more, size_t less)
{
    self->waiting_bytes += more - less;
    if (self->pool)
        self->pool->bytes += more - less;
}

static bool s_wait (ag_order_t *self, ag_event_t *event, uint64_t seq)
{
    size_t bytes = ag_event_memory (event);
    if (!s_has_room (self, seq, bytes + (self->slots ? 0 : SLOTS_BYTES))) {
        self->stats.refused++;
        return false;
    }
    if (!self->slots) {
        self->slots = ag_calloc (1, SLOTS_BYTES);
        s_count_bytes (self, SLOTS_BYTES, 0);
    }
    ag_event_t **slot = s_slot (self, seq);
    if (*slot) {
        self->stats.duplicates++;
        return false;
    }
    *slot = ag_event_ref (event);
    self->waiting++;
    s_count_bytes (self, bytes, 0);
    return true;
}

static void s_deliver (ag_order_t *self, ag_event_t *event)
{
    if (ag_kind_ends (ag_event_kind (event)) && ag_event_stream (event).ptr[0] != '@')
        self->finished = true;
    self->next++;
    self->out.deliver (self->out.context, event);
}

/*  Lets out what no longer waits for anything. */
static void s_drain (ag_order_t *self)
{
    while (self->waiting && *s_slot (self, self->next)) {
        ag_event_t **slot = s_slot (self, self->next);
        ag_event_t *event = *slot;
        *slot = NULL;
        self->waiting--;
        s_count_bytes (self, 0, ag_event_memory (event));
        s_deliver (self, event);
        ag_event_unref (&event);
    }
    if (!self->waiting && self->slots) {
        free (self->slots);
        self->slots = NULL;
        s_count_bytes (self, 0, self->waiting_bytes);
    }
}

/* ---------------------------------------------------------------------- */
/*  Given up, still wanted */

static void s_forget_range (ag_order_t *self, size_t index)
{
    self->lost_count--;
    memmove (self->lost + index, self->lost + index + 1, (self->lost_count - index) * sizeof *self->lost);
}

/*  Too many: the two oldest become one. What was delivered between them is
    then wanted too, and comes twice, which does no harm; a range that was
    forgotten would be acknowledged, and lost for good. */
static void s_join_oldest (ag_order_t *self)
{
    self->lost[1].from = self->lost[0].from;
    self->lost[1].told |= self->lost[0].told;
    s_forget_range (self, 0);
}

static void s_reserve_range (ag_order_t *self)
{
    if (self->lost_count < self->lost_cap)
        return;
    self->lost_cap = self->lost_cap ? self->lost_cap * 2 : 8;
    self->lost = ag_realloc (self->lost, self->lost_cap * sizeof *self->lost);
}

/*  Inserts in ascending order, unless it lies in what was joined to make room. */
static void s_remember_range (ag_order_t *self, range_t range)
{
    if (self->lost_count == AG_ORDER_LOST_RANGES) {
        s_join_oldest (self);
        if (range.from >= self->lost[0].from && range.from <= self->lost[0].to) {
            self->lost[0].told |= range.told;
            return;
        }
    }
    s_reserve_range (self);
    size_t at = self->lost_count;
    while (at > 0 && self->lost[at - 1].from > range.from)
        at--;
    memmove (self->lost + at + 1, self->lost + at, (self->lost_count - at) * sizeof *self->lost);
    self->lost[at] = range;
    self->lost_count++;
}

/*  Takes from .. to out of all ranges. */
static void s_cut (ag_order_t *self, uint64_t from, uint64_t to)
{
    for (size_t i = 0; i < self->lost_count; ) {
        range_t whole = self->lost[i];
        if (whole.to < from || whole.from > to) {
            i++;
            continue;
        }
        s_forget_range (self, i);
        if (to < whole.to)
            s_remember_range (self, (range_t) { to + 1, whole.to, whole.told });
        if (whole.from < from) {
            s_remember_range (self, (range_t) { whole.from, from - 1, whole.told });
            i++;
        }
    }
}

static void s_forget_lost_below (ag_order_t *self, uint64_t first)
{
    if (first > 1)
        s_cut (self, 1, first - 1);
}

static void s_flush_late (ag_order_t *self)
{
    if (!self->late_count)
        return;
    self->stats.late += self->late_count;
    self->out.late (self->out.context, self->late, self->late_count, self->late_told);
    for (size_t i = 0; i < self->late_count; i++)
        ag_event_unref (&self->late[i]);
    self->late_count = 0;
}

/*  An event below next: 1 wanted after all, 0 a duplicate. */
static bool s_take_late (ag_order_t *self, ag_event_t *event, uint64_t seq)
{
    size_t i = 0;
    while (i < self->lost_count && self->lost[i].to < seq)
        i++;
    if (i == self->lost_count || self->lost[i].from > seq)
        return false;

    bool told = self->lost[i].told;
    s_cut (self, seq, seq);

    bool follows = self->late_count && self->late_count < LATE_MAX && told == self->late_told
        && ag_event_seq (self->late[self->late_count - 1]) + 1 == seq;
    if (!follows)
        s_flush_late (self);
    self->late_told = told;
    if (!self->late)
        self->late = ag_calloc (LATE_MAX, sizeof *self->late);
    self->late[self->late_count++] = ag_event_ref (event);
    return true;
}

/*  What is wanted there already stays so: viewers may have been told. */
void ag_order_want (ag_order_t *self, uint64_t from, uint64_t to, bool told)
{
    if (to >= self->next)
        to = self->next - 1;
    for (size_t i = 0; from <= to && i < self->lost_count; i++) {
        range_t other = self->lost[i];
        if (other.to < from || other.from > to)
            continue;
        if (other.from > from)
            s_remember_range (self, (range_t) { from, other.from - 1, told });
        from = other.to + 1;
    }
    if (from <= to)
        s_remember_range (self, (range_t) { from, to, told });
}

/* ---------------------------------------------------------------------- */
/*  Giving up */

static bool s_hole (const ag_order_t *self)
{
    return self->top >= self->next;
}

/*  Gives up next .. to. `wanted`: the writer may still have it somewhere. */
static void s_give_up (ag_order_t *self, uint64_t to, bool wanted)
{
    uint64_t from = self->next;
    if (wanted)
        s_remember_range (self, (range_t) { from, to, true });
    self->stats.lost += to - from + 1;
    self->next = to + 1;
    self->hole_us = INT64_MAX;
    if (self->top < to)
        self->top = to;
    self->out.lost (self->out.context, from, to);
    s_drain (self);
}

/*  The writer will not send what is missing below `first`. What it sent before
    may still be on its way over the bus, so that is acted upon when the hole is
    old enough to be told. */
static void s_writer_lacks (ag_order_t *self, uint64_t first)
{
    if (first > self->gone_below)
        self->gone_below = first;
}

static void s_give_up_gone (ag_order_t *self)
{
    while (s_hole (self) && self->next < self->gone_below) {
        uint64_t waiting = s_first_waiting (self), end = self->gone_below;
        if (waiting && waiting < end)
            end = waiting;
        s_give_up (self, end - 1, false);
    }
}

/*  Time has decided that the hole stays one: its end is the first event behind it. */
static void s_time_is_up (ag_order_t *self, bool up_to_seen)
{
    uint64_t waiting = s_first_waiting (self);
    if (waiting)
        s_give_up (self, waiting - 1, true);
    else if (up_to_seen && self->seen >= self->next)
        s_give_up (self, self->seen, true);
}

/* ---------------------------------------------------------------------- */
/*  Input */

static void s_heard (ag_order_t *self, bool over_control, int64_t now_us)
{
    self->heard_us = now_us;
    if (over_control)
        self->control_us = now_us;
}

bool ag_order_event (ag_order_t *self, ag_event_t *event, bool over_control, int64_t now_us)
{
    uint64_t seq = ag_event_seq (event);
    s_heard (self, over_control, now_us);
    if (self->asking && over_control) {
        self->asked_us = now_us;
        self->brought |= seq >= self->asked_from;
    }
    if (seq > self->top)
        self->top = seq;
    if (seq > self->seen)
        self->seen = seq;

    if (seq < self->next) {
        bool wanted = s_take_late (self, event, seq);
        self->stats.duplicates += !wanted;
        return wanted;
    }
    if (seq > self->next)
        return s_wait (self, event, seq);
    self->hole_us = INT64_MAX;
    s_deliver (self, event);
    s_drain (self);
    return true;
}

void ag_order_head (ag_order_t *self, uint64_t first, uint64_t last, bool ended, bool anew, int64_t now_us)
{
    s_heard (self, true, now_us);
    self->greeted = true;
    if (anew)
        self->asking = false;
    if (last > self->top)
        self->top = last;
    self->ended = ended && last >= self->seen;
    s_forget_lost_below (self, first ? first : last + 1);
    s_writer_lacks (self, first ? first : last + 1);
}

/*  What the writer has sent is there, or on its way over the bus; or it was
    lost with a connection: then it is asked for again. But what never gets
    through (an event that we refuse) is not asked for for ever. */
static void s_judge_window (ag_order_t *self, uint64_t to, int64_t now_us)
{
    self->tries = self->brought ? 0 : self->tries + 1;
    if (self->tries)
        self->ask_again_us = now_us + AG_ORDER_RETRY_US / 10;
    if (self->tries < AG_ORDER_TRIES)
        return;
    self->tries = 0;
    s_cut (self, self->asked_from, to);
    s_writer_lacks (self, to + 1);
}

void ag_order_resent (ag_order_t *self, uint64_t from, uint64_t gone, uint64_t to, uint64_t first, int64_t now_us)
{
    s_heard (self, true, now_us);
    if (!self->asking || from != self->asked_from)
        return;                         /* of a window that we no longer wait for */
    self->asking = false;
    s_flush_late (self);
    if (first) {
        s_forget_lost_below (self, first);
        s_writer_lacks (self, first);
    }
    if (gone >= from) {
        s_cut (self, from, gone);
        s_writer_lacks (self, gone + 1);
        self->tries = 0;
    } else if (to >= from) {
        s_judge_window (self, to, now_us);
    } else {
        self->ask_again_us = now_us + AG_ORDER_RETRY_US / 10;
    }
}

/* ---------------------------------------------------------------------- */
/*  Time */

static void s_set_state (ag_order_t *self, ag_producer_t state)
{
    if (self->state == state)
        return;
    self->state = state;
    self->out.state (self->out.context, state);
}

static ag_producer_t s_judge (const ag_order_t *self, int64_t now_us)
{
    if (!s_hole (self) && (self->ended || self->finished))
        return AG_PRODUCER_ENDED;
    if (now_us - self->heard_us >= AG_ORDER_DEAD_US)
        return AG_PRODUCER_LOST;
    if (s_hole (self) && now_us - self->hole_us >= AG_ORDER_REPAIRING_US)
        return AG_PRODUCER_REPAIRING;
    return AG_PRODUCER_ALIVE;
}

static bool s_control_alive (const ag_order_t *self, int64_t now_us)
{
    return self->greeted && now_us - self->control_us < AG_ORDER_DEAD_US;
}

/*  What to ask for: the first hole that the writer can fill, else what was given up. */
static bool s_missing (ag_order_t *self, uint64_t *from, uint64_t *to)
{
    if (s_hole (self)) {
        uint64_t waiting = s_first_waiting (self);
        *from = self->next > self->gone_below ? self->next : self->gone_below;
        *to = waiting ? waiting - 1 : self->top;
        if (*from <= *to && *from - self->next < AG_ORDER_WINDOW)
            return true;
    }
    if (!self->lost_count)
        return false;
    *from = self->lost[0].from;
    *to = self->lost[0].to;
    return true;
}

static void s_ask (ag_order_t *self, int64_t now_us)
{
    if (self->asking && now_us - self->asked_us < AG_ORDER_RETRY_US)
        return;
    if (now_us < self->ask_again_us || !s_control_alive (self, now_us))
        return;
    uint64_t from, to;
    if (!s_missing (self, &from, &to)) {
        self->asking = false;
        return;
    }
    if (from != self->asked_from)
        self->tries = 0;
    self->asking = true;
    self->brought = false;
    self->asked_from = from;
    self->asked_us = now_us;
    self->stats.asked++;
    self->out.ask (self->out.context, from, to);
}

/*  When time alone would change something. */
static int64_t s_wake (const ag_order_t *self, int64_t now_us)
{
    int64_t wake = INT64_MAX;
    #define SOONER(us) do { int64_t us_ = (us); if (us_ < wake) wake = us_; } while (0)
    if (self->state != AG_PRODUCER_ENDED && self->state != AG_PRODUCER_LOST)
        SOONER (self->heard_us + AG_ORDER_DEAD_US);
    if (s_hole (self)) {
        if (self->state == AG_PRODUCER_ALIVE || self->next < self->gone_below)
            SOONER (self->hole_us + AG_ORDER_REPAIRING_US);
        if (!self->greeted) {
            int64_t patience = self->hole_us + AG_ORDER_REPAIRING_US;
            SOONER (self->born_us + AG_ORDER_HELLO_US > patience ? self->born_us + AG_ORDER_HELLO_US : patience);
        } else if (self->waiting) {
            SOONER (self->control_us + AG_ORDER_DEAD_US);
        }
    }
    if (self->greeted && (s_hole (self) || self->lost_count)) {
        int64_t again = self->asking ? self->asked_us + AG_ORDER_RETRY_US : self->ask_again_us;
        if (again > now_us && again - self->control_us < AG_ORDER_DEAD_US)
            SOONER (again);
    }
    return wake;
    #undef SOONER
}

int64_t ag_order_turn (ag_order_t *self, int64_t now_us)
{
    if (s_hole (self)) {
        if (self->hole_us == INT64_MAX)
            self->hole_us = now_us;
        bool unknown = !self->greeted && now_us - self->born_us >= AG_ORDER_HELLO_US
            && now_us - self->hole_us >= AG_ORDER_REPAIRING_US;
        bool dead = self->greeted && !s_control_alive (self, now_us);
        while (s_hole (self) && (unknown || (dead && self->waiting)))
            s_time_is_up (self, unknown);
        if (now_us - self->hole_us >= AG_ORDER_REPAIRING_US)
            s_give_up_gone (self);
    } else {
        self->hole_us = INT64_MAX;
    }
    if (s_hole (self) && self->hole_us == INT64_MAX)
        self->hole_us = now_us;
    s_ask (self, now_us);
    s_flush_late (self);
    s_set_state (self, s_judge (self, now_us));
    return s_wake (self, now_us);
}

/* ---------------------------------------------------------------------- */
/*  Questions */

uint64_t ag_order_next (const ag_order_t *self)
{
    return self->next;
}

uint64_t ag_order_settled (const ag_order_t *self)
{
    uint64_t settled = self->lost_count ? self->lost[0].from - 1 : self->next - 1;
    uint64_t late = self->late_count ? ag_event_seq (self->late[0]) : 0;     /* not put out before the next turn */
    return late && late <= settled ? late - 1 : settled;
}

ag_producer_t ag_order_state (const ag_order_t *self)
{
    return self->state;
}

bool ag_order_greeted (const ag_order_t *self)
{
    return self->greeted;
}

int64_t ag_order_heard_us (const ag_order_t *self)
{
    return self->heard_us;
}

int64_t ag_order_control_us (const ag_order_t *self)
{
    return self->control_us;
}

size_t ag_order_waiting (const ag_order_t *self)
{
    return self->waiting;
}

const ag_order_stats_t *ag_order_stats (const ag_order_t *self)
{
    return &self->stats;
}
