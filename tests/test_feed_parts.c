/*  tests/test_feed_parts.c - bucket, ring, filter, roll-up, cursor, map: each alone

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "feed/bucket.h"
#include "feed/cursor.h"
#include "feed/filter.h"
#include "feed/map.h"
#include "feed/ring.h"
#include "feed/rollup.h"
#include "tests/feed_rig.h"

/* ---------------------------------------------------------------------- */
/*  Bucket */

static void test_bucket_does_not_drift (void **state)
{
    (void) state;
    ag_bucket_t bucket;
    ag_bucket_init (&bucket, 7, 7, 0);
    ag_bucket_take (&bucket, 7);
    int64_t taken = 0;
    /*  An hour in odd steps: exactly 7 a second, however often one looks. */
    for (int64_t now_us = 0; now_us <= 3600ll * 1000000; now_us += 1237) {
        ag_bucket_refill (&bucket, now_us);
        taken += ag_bucket_whole (&bucket);
        ag_bucket_take (&bucket, ag_bucket_whole (&bucket));
    }
    ag_bucket_refill (&bucket, 3600ll * 1000000);
    taken += ag_bucket_whole (&bucket);
    assert_int_equal (taken, 7 * 3600);
}

static void test_bucket_holds_no_more_than_its_burst (void **state)
{
    (void) state;
    ag_bucket_t bucket;
    ag_bucket_init (&bucket, 50, 50, 0);
    ag_bucket_refill (&bucket, INT64_MAX / 2);
    assert_int_equal (ag_bucket_whole (&bucket), 50);
    ag_bucket_take (&bucket, 100);
    assert_int_equal (ag_bucket_whole (&bucket), 0);
    assert_int_equal (ag_bucket_whole_with_debt (&bucket), 0);
    ag_bucket_refill (&bucket, INT64_MAX / 2 + 19999);
    assert_int_equal (ag_bucket_whole_with_debt (&bucket), 0);
    ag_bucket_refill (&bucket, INT64_MAX / 2 + 20000);
    assert_int_equal (ag_bucket_whole_with_debt (&bucket), 1);
}

static void test_bucket_gives_whole_ones (void **state)
{
    (void) state;
    ag_bucket_t bucket;
    ag_bucket_init (&bucket, 3, 3, 1000);
    ag_bucket_take (&bucket, 3);
    ag_bucket_refill (&bucket, 1000 + 333333);
    assert_int_equal (ag_bucket_whole (&bucket), 0);
    ag_bucket_refill (&bucket, 1000 + 333334);
    assert_int_equal (ag_bucket_whole (&bucket), 1);
}

/*  Whatever is in it and however long one has not looked: full is full, to the millionth. */
static void test_bucket_is_never_more_than_full (void **state)
{
    (void) state;
    static const uint32_t rates[] = { 1, 3, 50, 1000000, UINT32_MAX };
    static const int64_t pauses_us[] = { 1, 19, 20000, 333333, 1000000, 1000001, 1999999, 86400ll * 1000000 * 400, INT64_MAX / 2 };
    for (size_t r = 0; r < 5; r++)
        for (size_t p = 0; p < 9; p++)
            for (int64_t taken = 0; taken <= 2; taken++) {
                ag_bucket_t bucket;
                int64_t full = (int64_t) rates[r] * 1000000;
                ag_bucket_init (&bucket, rates[r], rates[r], INT64_MAX / 2 - 1);
                ag_bucket_take (&bucket, taken * rates[r]);
                ag_bucket_refill (&bucket, INT64_MAX / 2 - 1 + pauses_us[p]);
                /*  128 bits where the bucket divides. */
                __int128 level = full - (__int128) taken * full + (__int128) pauses_us[p] * rates[r];
                assert_true (bucket.level == (level < full ? (int64_t) level : full));
            }
}

static void test_bucket_keeps_what_is_in_it_at_another_rate (void **state)
{
    (void) state;
    ag_bucket_t bucket;
    ag_bucket_init (&bucket, 50, 50, 0);
    ag_bucket_take (&bucket, 90);
    ag_bucket_set_rate (&bucket, 10, 10, 0);        /* the debt of a larger one is not kept up */
    assert_int_equal (bucket.level, -10 * 1000000);
    ag_bucket_set_rate (&bucket, 50, 50, 500000);   /* half a second at 10/s */
    assert_int_equal (bucket.level, -5 * 1000000);
    ag_bucket_refill (&bucket, 1000000000);
    ag_bucket_set_rate (&bucket, 10, 10, 1000000000);
    assert_int_equal (ag_bucket_whole (&bucket), 10);
}

static void test_bucket_of_rate_zero_is_no_limit (void **state)
{
    (void) state;
    ag_bucket_t bucket;
    ag_bucket_init (&bucket, 0, 0, 0);
    ag_bucket_take (&bucket, 1000000);
    assert_int_equal (ag_bucket_whole (&bucket), INT64_MAX);
    bucket.level = -1;                      /* of no meaning without a limit */
    ag_bucket_set_rate (&bucket, 5, 5, 10);
    assert_int_equal (ag_bucket_whole (&bucket), 5);
}

static void test_bucket_ignores_a_clock_that_goes_back (void **state)
{
    (void) state;
    ag_bucket_t bucket;
    ag_bucket_init (&bucket, 10, 10, 1000000);
    ag_bucket_take (&bucket, 10);
    ag_bucket_refill (&bucket, 0);
    assert_int_equal (bucket.level, 0);     /* nor does it take anything */
    ag_bucket_refill (&bucket, 1000000);
    assert_int_equal (ag_bucket_whole (&bucket), 0);
}

/* ---------------------------------------------------------------------- */
/*  Ring */

static void s_ring_put (ag_ring_t *ring, uint64_t seq, rig_shape_t shape)
{
    ag_event_t *event = rig_event (&(rig_event_t) { "W1", "R1", 0, seq, shape, 0, NULL });
    ag_ring_put (ring, event, (int64_t) seq);
    ag_event_unref (&event);
}

static void test_ring_by_count (void **state)
{
    (void) state;
    ag_ring_t *ring = ag_ring_new (100, 1 << 20);
    assert_int_equal (ag_ring_first (ring), 0);
    for (uint64_t seq = 1; seq <= 1000; seq++)
        s_ring_put (ring, seq, seq % 2 ? RIG_CALL : RIG_TEXT);
    assert_int_equal (ag_ring_count (ring), 100);
    assert_int_equal (ag_ring_first (ring), 901);
    assert_int_equal (ag_ring_last (ring), 1000);
    assert_int_equal (ag_ring_slot (ring, ag_ring_find (ring, 950))->seq, 950);
    assert_int_equal (ag_ring_find (ring, 1), 0);
    assert_int_equal (ag_ring_find (ring, 1001), 100);
    /*  What fell off is remembered by class. */
    assert_int_equal (ag_ring_trail_first (ring), 1);
    assert_int_equal (ag_ring_trail_end (ring), 901);
    for (uint64_t seq = 1; seq <= 900; seq++)
        assert_int_equal (ag_ring_trail_class (ring, seq), seq % 2 ? AG_AGENT_TOOL_CALL : AG_AGENT_OUTPUT);
    ag_ring_destroy (&ring);
    ag_ring_destroy (&ring);
}

static void test_ring_by_bytes (void **state)
{
    (void) state;
    ag_ring_t *ring = ag_ring_new (1000, 10000);
    for (uint64_t seq = 1; seq <= 100; seq++) {
        s_ring_put (ring, seq, RIG_CALL);
        assert_true (ag_ring_bytes (ring) <= 10000);
    }
    size_t sum = 0;
    for (size_t i = 0; i < ag_ring_count (ring); i++)
        sum += ag_event_memory (ag_ring_slot (ring, i)->event);
    assert_true (sum <= 10000);
    assert_true (sum > 8000);
    ag_ring_destroy (&ring);
    /*  One that is too large alone still stays. */
    ring = ag_ring_new (1000, 1);
    s_ring_put (ring, 1, RIG_CALL);
    s_ring_put (ring, 2, RIG_CALL);
    assert_int_equal (ag_ring_count (ring), 1);
    assert_int_equal (ag_ring_first (ring), 2);
    ag_ring_destroy (&ring);
}

static void test_ring_counts_json_when_it_is_made (void **state)
{
    (void) state;
    ag_ring_t *ring = ag_ring_new (10, 1 << 20);
    s_ring_put (ring, 1, RIG_CALL);
    size_t before = ag_ring_bytes (ring), memory = ag_event_memory (ag_ring_slot (ring, 0)->event);
    ag_ring_json (ring, ag_ring_slot (ring, 0));
    size_t grown = ag_event_memory (ag_ring_slot (ring, 0)->event) - memory;
    assert_true (grown > 0);
    assert_int_equal (ag_ring_bytes (ring), before + grown);
    ag_ring_evict (ring);
    ag_ring_clear (ring);
    assert_int_equal (ag_ring_bytes (ring), 0);
    ag_ring_destroy (&ring);
}

static void test_ring_with_holes_and_late_events (void **state)
{
    (void) state;
    ag_ring_t *ring = ag_ring_new (100, 1 << 20);
    for (uint64_t seq = 1; seq <= 60; seq++)
        if (seq < 10 || seq > 14)
            s_ring_put (ring, seq * 3, RIG_CALL);
    for (uint64_t seq = 1; seq <= 180; seq++) {
        size_t index = ag_ring_find (ring, seq), naive = 0;
        while (naive < ag_ring_count (ring) && ag_ring_slot (ring, naive)->seq < seq)
            naive++;
        assert_int_equal (index, naive);
    }
    ag_event_t *late = rig_event (&(rig_event_t) { "W1", "R1", 0, 33, RIG_CALL, 0, NULL });
    assert_int_equal (ag_ring_insert (ring, late, 0), 1);
    assert_int_equal (ag_ring_insert (ring, late, 0), 0);
    assert_int_equal (ag_ring_slot (ring, ag_ring_find (ring, 31))->seq, 33);
    ag_event_unref (&late);
    /*  A tail that was given up, and comes after all. */
    late = rig_event (&(rig_event_t) { "W1", "R1", 0, 200, RIG_CALL, 0, NULL });
    assert_int_equal (ag_ring_insert (ring, late, 0), 1);
    assert_int_equal (ag_ring_last (ring), 200);
    ag_event_unref (&late);
    /*  In front of the ring there is a trail that can say so, or nothing is known. */
    late = rig_event (&(rig_event_t) { "W1", "R1", 0, 2, RIG_USAGE, 0, NULL });
    assert_int_equal (ag_ring_insert (ring, late, 0), 0);
    assert_int_equal (ag_ring_trail_first (ring), ag_ring_trail_end (ring));
    ag_event_unref (&late);
    for (int i = 0; i < 3; i++)                         /* 3, 6 and 9 */
        ag_ring_evict (ring);
    late = rig_event (&(rig_event_t) { "W1", "R1", 0, 5, RIG_USAGE, 0, NULL });
    assert_int_equal (ag_ring_insert (ring, late, 0), 0);
    assert_int_equal (ag_ring_trail_class (ring, 5), AG_AGENT_USAGE);
    assert_int_equal (ag_ring_trail_class (ring, 4), AG_CLASS_HOLE);
    ag_event_unref (&late);
    late = rig_event (&(rig_event_t) { "W1", "R1", 0, 11, RIG_USAGE, 0, NULL });
    assert_int_equal (ag_ring_insert (ring, late, 0), 0);
    ag_event_unref (&late);
    while (ag_ring_evict (ring))
        ;
    assert_int_equal (ag_ring_trail_class (ring, 4), AG_CLASS_HOLE);
    assert_int_equal (ag_ring_trail_class (ring, 5), AG_AGENT_USAGE);
    assert_int_equal (ag_ring_trail_class (ring, 34), AG_CLASS_HOLE);
    assert_int_equal (ag_ring_trail_class (ring, 33), AG_AGENT_TOOL_CALL);
    assert_int_equal (ag_ring_trail_class (ring, 10), AG_CLASS_HOLE);
    assert_int_equal (ag_ring_trail_class (ring, 11), AG_AGENT_USAGE);
    /*  One that comes when its place has fallen off is in the history, and no hole any more. */
    late = rig_event (&(rig_event_t) { "W1", "R1", 0, 34, RIG_CALL, 0, NULL });
    assert_int_equal (ag_ring_insert (ring, late, 0), 0);
    assert_int_equal (ag_ring_trail_class (ring, 34), AG_AGENT_TOOL_CALL);
    assert_int_equal (ag_ring_trail_class (ring, 35), AG_CLASS_HOLE);
    ag_event_unref (&late);
    ag_ring_destroy (&ring);
}

static void test_trail_is_bounded (void **state)
{
    (void) state;
    ag_ring_t *ring = ag_ring_new (1, 1 << 20);
    for (uint64_t seq = 1; seq <= 40000; seq++)
        s_ring_put (ring, seq, RIG_USAGE);
    assert_int_equal (ag_ring_trail_end (ring), 40000);
    assert_int_equal (ag_ring_trail_first (ring), 40000 - 32768);
    /*  A hole that is larger than the trail starts it anew. */
    s_ring_put (ring, 10000000000u, RIG_USAGE);
    s_ring_put (ring, 10000000001u, RIG_USAGE);
    assert_int_equal (ag_ring_trail_first (ring), 10000000000u);
    ag_ring_destroy (&ring);
}

/* ---------------------------------------------------------------------- */
/*  Filter and roll-up */

static void test_filter_classes (void **state)
{
    (void) state;
    ag_filter_t all = ag_filter_make (UINT32_MAX, true, true, false);
    assert_true (ag_filter_passes (all, AG_KIND_UNKNOWN));
    assert_false (ag_filter_passes (all, AG_CLASS_HOLE));
    ag_filter_t some = ag_filter_make (UINT32_MAX & ~1u, false, true, false);
    assert_false (ag_filter_passes (some, AG_KIND_UNKNOWN));
    assert_false (ag_filter_passes (some, AG_CLASS_PARTIAL));
    assert_true (ag_filter_passes (some, AG_CLASS_THINKING));
    assert_false (ag_filter_passes (some, AG_CLASS_THINKING_PARTIAL));
    ag_filter_t plain = ag_filter_plain (UINT32_MAX, false);
    assert_false (ag_filter_passes (plain, AG_KIND_UNKNOWN));
    assert_false (ag_filter_passes (plain, AG_CLASS_THINKING));
    assert_true (ag_filter_passes (plain, AG_CLASS_WARNING));
    ag_filter_t overview = ag_filter_make (UINT32_MAX, true, true, true);
    for (int kind = 0; kind < AG_KIND_COUNT; kind++)
        assert_int_equal (ag_filter_passes (overview, (uint8_t) kind), ag_kind_overview ((ag_kind_t) kind));
    assert_int_equal (ag_class_priority (AG_CLASS_WARNING), AG_HIGH);
    assert_int_equal (ag_class_priority (AG_AGENT_ERROR), AG_CRITICAL);
    assert_int_equal (ag_class_priority (AG_CLASS_PARTIAL), AG_LOW);
}

static void s_check_rollup (rig_event_t one, rig_event_t other, bool same)
{
    ag_event_t *a = rig_event (&one), *b = rig_event (&other);
    assert_int_equal (ag_rollup_same (a, b), same);
    if (same)
        assert_int_equal (ag_rollup_key (a), ag_rollup_key (b));
    ag_event_unref (&a);
    ag_event_unref (&b);
}

static void test_rollup_pairs (void **state)
{
    (void) state;
    s_check_rollup ((rig_event_t) { "W", "R", 0, 1, RIG_TEXT, 1, "" }, (rig_event_t) { "W", "R", 0, 2, RIG_TEXT, 1, "b" }, true);
    s_check_rollup ((rig_event_t) { "W", "R", 0, 1, RIG_TEXT, 1, "a" }, (rig_event_t) { "W", "R", 0, 2, RIG_TEXT, 2, "b" }, false);
    s_check_rollup ((rig_event_t) { "W", "R", 0, 1, RIG_TEXT, 1, "a" }, (rig_event_t) { "W", "R", 0, 2, RIG_PARTIAL, 1, "b" }, false);
    s_check_rollup ((rig_event_t) { "W", "R", 0, 1, RIG_TEXT, 1, "a" }, (rig_event_t) { "W", "R", 0, 2, RIG_THINKING, 1, "b" }, false);
    s_check_rollup ((rig_event_t) { "W", "R", 0, 1, RIG_LOOSE, 1, "a" }, (rig_event_t) { "W", "R", 0, 2, RIG_LOOSE, 1, "b" }, false);
    s_check_rollup ((rig_event_t) { "W", "R", 0, 1, RIG_FILE, 1, 0 }, (rig_event_t) { "W", "R", 0, 2, RIG_FILE, 1, 0 }, true);
    s_check_rollup ((rig_event_t) { "W", "R", 0, 1, RIG_FILE, 1, 0 }, (rig_event_t) { "W", "R", 0, 2, RIG_FILE, 2, 0 }, false);
    s_check_rollup ((rig_event_t) { "W", "R", 0, 1, RIG_PROGRESS, 1, 0 }, (rig_event_t) { "W", "R", 0, 2, RIG_PROGRESS, 2, 0 }, true);
    s_check_rollup ((rig_event_t) { "W", "R", 0, 1, RIG_CALL, 1, 0 }, (rig_event_t) { "W", "R", 0, 2, RIG_CALL, 1, 0 }, false);
}

typedef struct {
    const char *run, *parent;   /* NULL: none */
    int64_t block;
    bool incomplete;
} s_piece_t;

/*  A piece of text in the stream of a work order, which may speak of any run. */
static ag_event_t *s_piece (uint64_t seq, s_piece_t piece)
{
    ag_draft_t *draft = ag_draft_new (AG_AGENT_OUTPUT);
    ag_draft_set_text (draft, AG_F_CONTENT, "x");
    ag_draft_set_text (draft, AG_F_KIND, "text");
    ag_draft_set_text (draft, AG_F_MESSAGE_ID, "m");
    ag_draft_set_integer (draft, AG_F_BLOCK_INDEX, piece.block);
    if (piece.parent)
        ag_draft_set_text (draft, AG_F_PARENT_TOOL_USE_ID, piece.parent);
    if (piece.incomplete)
        ag_draft_set_boolean (draft, AG_F_INCOMPLETE, true);
    ag_ids_t ids = { .work_order = AG_STR ("W"), .in_work_order_stream = true };
    if (piece.run)
        ids.run = (ag_str_t) { piece.run, strlen (piece.run) };
    char *error = NULL;
    ag_event_t *event = ag_event_new (draft, &ids, &(ag_position_t) { RIG_EPOCH, seq, 0 }, &error);
    assert_non_null (event);
    ag_draft_destroy (&draft);
    return event;
}

static bool s_pieces_merge (s_piece_t one, s_piece_t other)
{
    ag_event_t *a = s_piece (1, one), *b = s_piece (2, other);
    bool same = ag_rollup_same (a, b);
    ag_event_unref (&a);
    ag_event_unref (&b);
    return same;
}

static void test_rollup_pieces (void **state)
{
    (void) state;
    s_piece_t piece = { "R1", "t1", 3, false };
    assert_true (s_pieces_merge (piece, piece));
    assert_false (s_pieces_merge (piece, (s_piece_t) { "R2", "t1", 3, false }));
    assert_false (s_pieces_merge (piece, (s_piece_t) { "R1", "t2", 3, false }));
    assert_false (s_pieces_merge (piece, (s_piece_t) { "R1", NULL, 3, false }));
    assert_false (s_pieces_merge (piece, (s_piece_t) { "R1", "t1", 4, false }));
    assert_false (s_pieces_merge (piece, (s_piece_t) { "R1", "t1", 3, true }));
}

/* ---------------------------------------------------------------------- */
/*  Cursor */

/*  Lent until the next. */
static ag_str_t s_id (size_t i)
{
    static char id[AG_STREAM_MAX_BYTES];
    memset (id, 'a' + (int) (i % 26), sizeof id);
    id[0] = (char) i;                   /* ids are any bytes */
    return (ag_str_t) { id, 1 + i % AG_STREAM_MAX_BYTES };
}

static void s_write (ag_buf_t *text, size_t count)
{
    ag_buf_t bytes = { 0 };
    ag_cursor_begin (&bytes);
    for (size_t i = 0; i < count; i++)
        ag_cursor_add (&bytes, s_id (i), UINT64_MAX - i, UINT64_MAX >> (i % 64));
    ag_cursor_end (&bytes, text);
    ag_buf_free (&bytes);
}

static void test_cursor_reads_back (void **state)
{
    (void) state;
    for (size_t count = 0; count <= 130; count += 13) {
        ag_buf_t text = { 0 };
        s_write (&text, count);
        ag_cursor_t *cursor = ag_cursor_parse ((ag_str_t) { text.data, text.len });
        assert_non_null (cursor);
        assert_int_equal (ag_cursor_count (cursor), count);
        for (size_t i = 0; i < count; i++) {
            const ag_cursor_position_t *position = ag_cursor_find (cursor, s_id (i));
            assert_non_null (position);
            assert_int_equal (position->epoch, UINT64_MAX - i);
            assert_int_equal (position->seq, UINT64_MAX >> (i % 64));
            assert_true (i == 0 || ag_cursor_nth (cursor, i)->stream.len >= ag_cursor_nth (cursor, i - 1)->stream.len);
        }
        assert_null (ag_cursor_find (cursor, AG_STR ("no")));
        ag_cursor_destroy (&cursor);
        ag_buf_free (&text);
    }
}

static void test_cursor_refuses_what_is_cut_or_changed (void **state)
{
    (void) state;
    ag_buf_t text = { 0 };
    s_write (&text, 3);
    for (size_t len = 0; len < text.len; len++)
        assert_null (ag_cursor_parse ((ag_str_t) { text.data, len }));
    uint32_t accepted = 0;
    for (size_t i = 0; i < text.len; i++)
        for (int c = 0; c < 256; c++) {
            char before = text.data[i];
            text.data[i] = (char) c;
            ag_cursor_t *cursor = c == (unsigned char) before ? NULL : ag_cursor_parse ((ag_str_t) { text.data, text.len });
            accepted += cursor != NULL;
            ag_cursor_destroy (&cursor);
            text.data[i] = before;
        }
    /*  16 bits of checksum find nearly all; what passes is still well formed. */
    assert_true (accepted <= 2);
    ag_buf_free (&text);
}

/*  A seq of more than 64 bits, behind a right checksum. */
static void test_cursor_refuses_a_seq_that_is_none (void **state)
{
    (void) state;
    for (int last = 1; last <= 2; last++) {
        ag_buf_t bytes = { 0 }, text = { 0 };
        ag_cursor_begin (&bytes);
        ag_buf_append (&bytes, "\001R\0\0\0\0\0\0\0\1\377\377\377\377\377\377\377\377\377", 19);
        ag_buf_append_char (&bytes, (char) last);
        ag_cursor_end (&bytes, &text);
        ag_cursor_t *cursor = ag_cursor_parse ((ag_str_t) { text.data, text.len });
        assert_int_equal (cursor != NULL, last == 1);
        if (cursor != NULL)
            assert_true (ag_cursor_nth (cursor, 0)->seq == UINT64_MAX);
        ag_cursor_destroy (&cursor);
        ag_buf_free (&bytes);
        ag_buf_free (&text);
    }
}

/*  Any bytes behind a right checksum: reads within its bounds or refuses. */
static void test_cursor_survives_hostile_bytes (void **state)
{
    (void) state;
    uint64_t chance = 88172645463325252u;
    for (int round = 0; round < 20000; round++) {
        ag_buf_t bytes = { 0 }, text = { 0 };
        ag_cursor_begin (&bytes);
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        for (uint64_t i = 0, byte = chance; i < chance % 60; i++, byte = byte * 6364136223846793005u + 1442695040888963407u)
            ag_buf_append_char (&bytes, i % 12 == 0 ? (char) (byte >> 60) : (char) (byte >> 56));
        ag_cursor_end (&bytes, &text);
        ag_cursor_t *cursor = ag_cursor_parse ((ag_str_t) { text.data, text.len });
        for (size_t i = 0; cursor != NULL && i < ag_cursor_count (cursor); i++)
            assert_in_range (ag_cursor_nth (cursor, i)->stream.len, 1, AG_STREAM_MAX_BYTES);
        ag_cursor_destroy (&cursor);
        ag_buf_free (&bytes);
        ag_buf_free (&text);
    }
}

/*  Whatever is written can be read back: what has no room is left out. */
static void s_check_bound (size_t id_len)
{
    ag_buf_t bytes = { 0 }, text = { 0 };
    char id[AG_STREAM_MAX_BYTES];
    memset (id, 'x', sizeof id);
    ag_cursor_begin (&bytes);
    for (int i = 0; i < 10000; i++)
        ag_cursor_add (&bytes, (ag_str_t) { id, id_len }, UINT64_MAX, UINT64_MAX >> (i % 64));
    ag_cursor_end (&bytes, &text);
    assert_in_range (text.len, AG_CURSOR_MAX_BYTES - 2 * (AG_CURSOR_POSITION_BYTES + id_len), AG_CURSOR_MAX_BYTES);
    ag_cursor_t *cursor = ag_cursor_parse ((ag_str_t) { text.data, text.len });
    assert_non_null (cursor);
    size_t count = ag_cursor_count (cursor);
    assert_true (count >= AG_CURSOR_MAX_BYTES / 4 * 3 / (AG_CURSOR_POSITION_BYTES + id_len) - 1);
    assert_false (ag_cursor_fits ((count * 2 + 1) * (AG_CURSOR_POSITION_BYTES + id_len)));
    ag_cursor_destroy (&cursor);
    ag_buf_free (&bytes);
    ag_buf_free (&text);
}

static void test_cursor_is_bounded (void **state)
{
    (void) state;
    s_check_bound (1);
    s_check_bound (36);
    s_check_bound (AG_STREAM_MAX_BYTES);
    assert_true (ag_cursor_fits (AG_CURSOR_MAX_BYTES / 4 * 3 - AG_CURSOR_EMPTY_BYTES));
    assert_false (ag_cursor_fits (AG_CURSOR_MAX_BYTES / 4 * 3 - AG_CURSOR_EMPTY_BYTES + 1));
    char *huge = calloc (1, AG_CURSOR_MAX_BYTES + 1);
    memset (huge, 'A', AG_CURSOR_MAX_BYTES + 1);
    assert_null (ag_cursor_parse ((ag_str_t) { huge, AG_CURSOR_MAX_BYTES + 1 }));
    free (huge);
}

/* ---------------------------------------------------------------------- */
/*  Map */

static void test_map_against_an_array (void **state)
{
    (void) state;
    enum { KEYS = 500 };
    static char keys[KEYS][16];
    static bool there[KEYS];
    ag_map_t *map = ag_map_new ();
    for (int i = 0; i < KEYS; i++)
        snprintf (keys[i], sizeof keys[i], "key-%d", i * i);
    uint64_t chance = 1;
    for (int round = 0; round < 100000; round++) {
        chance = chance * 6364136223846793005u + 1442695040888963407u;
        size_t i = (size_t) (chance >> 33) % KEYS;
        ag_str_t key = { keys[i], strlen (keys[i]) };
        assert_ptr_equal (ag_map_get (map, key), there[i] ? keys[i] : NULL);
        if (there[i])
            ag_map_remove (map, key);
        else
            ag_map_put (map, key, keys[i]);
        there[i] = !there[i];
    }
    size_t size = 0;
    for (int i = 0; i < KEYS; i++)
        size += there[i];
    assert_int_equal (ag_map_size (map), size);
    ag_map_destroy (&map);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_bucket_does_not_drift),
        cmocka_unit_test (test_bucket_holds_no_more_than_its_burst),
        cmocka_unit_test (test_bucket_gives_whole_ones),
        cmocka_unit_test (test_bucket_is_never_more_than_full),
        cmocka_unit_test (test_bucket_keeps_what_is_in_it_at_another_rate),
        cmocka_unit_test (test_bucket_of_rate_zero_is_no_limit),
        cmocka_unit_test (test_bucket_ignores_a_clock_that_goes_back),
        cmocka_unit_test (test_ring_by_count),
        cmocka_unit_test (test_ring_by_bytes),
        cmocka_unit_test (test_ring_counts_json_when_it_is_made),
        cmocka_unit_test (test_ring_with_holes_and_late_events),
        cmocka_unit_test (test_trail_is_bounded),
        cmocka_unit_test (test_filter_classes),
        cmocka_unit_test (test_rollup_pairs),
        cmocka_unit_test (test_rollup_pieces),
        cmocka_unit_test (test_cursor_reads_back),
        cmocka_unit_test (test_cursor_refuses_what_is_cut_or_changed),
        cmocka_unit_test (test_cursor_refuses_a_seq_that_is_none),
        cmocka_unit_test (test_cursor_survives_hostile_bytes),
        cmocka_unit_test (test_cursor_is_bounded),
        cmocka_unit_test (test_map_against_an_array),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
