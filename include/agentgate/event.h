/*  agentgate/event.h - one step of an agent's run: made once, shared by all

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Two types. A *draft* is what somebody wants to say: a kind and its fields,
    still changeable. An *event* is a draft that got its place (stream, epoch,
    seq) and its time: encoded once as a msgpack map, immutable, reference
    counted. The same bytes are the journal record, the bus frame, the resend
    and the gateway's store (SPEC sections 2 and 4; proto/README.md).

    Neither type is safe to share between threads without a lock. Out of
    memory ends the process; every other failure is returned.
*/
#ifndef AGENTGATE_EVENT_H
#define AGENTGATE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <agentgate/kinds.h>

#ifdef __cplusplus
extern "C" {
#endif

/*  A run of bytes that somebody else owns. UTF-8 where it is text; may hold
    NUL; not terminated. {NULL, 0} means "absent", {"", 0} means "empty". */
typedef struct {
    const char *ptr;
    size_t len;                 /* bytes */
} ag_str_t;

#ifdef __cplusplus
#define AG_STR(literal) (ag_str_t { (literal), sizeof (literal) - 1 })
#else
#define AG_STR(literal) ((ag_str_t) { (literal), sizeof (literal) - 1 })
#endif

/*  Limits of the wire (proto/README.md, "Limits"). */
enum {
    AG_ID_MAX_BYTES = 128,              /* a run id or a work order id */
    AG_STREAM_MAX_BYTES = 129,          /* '@' and an id */
    AG_EVENT_MAX_BYTES = 1024 * 1024,   /* one encoded event */
    AG_EVENT_MAX_DEPTH = 32,            /* nesting of its msgpack */
    AG_TEXT_MAX_BYTES = 64 * 1024       /* agent_output content, one string of an input */
};

/* ---------------------------------------------------------------------- */
/*  Draft */

struct json_object;             /* json-c */
typedef struct ag_draft ag_draft_t;

/*  A draft without fields. */
ag_draft_t *ag_draft_new (ag_kind_t kind);
/*  Frees and nulls; harmless when called again. */
void ag_draft_destroy (ag_draft_t **self_p);

ag_kind_t ag_draft_kind (const ag_draft_t *self);

/*  Setting a field again replaces it. Text is copied; bytes that are not UTF-8
    become U+FFFD. A setter whose type is not the field's is our own mistake
    and ends the process. */
void ag_draft_set_string (ag_draft_t *self, ag_field_t field, const char *text, size_t len);
void ag_draft_set_text (ag_draft_t *self, ag_field_t field, const char *text);  /* NUL-terminated */
void ag_draft_set_integer (ag_draft_t *self, ag_field_t field, int64_t value);
void ag_draft_set_number (ag_draft_t *self, ag_field_t field, double value);    /* not finite: dropped */
void ag_draft_set_boolean (ag_draft_t *self, ag_field_t field, bool value);
/*  For fields of type object. Takes its own reference, and never changes the tree. */
void ag_draft_set_object (ag_draft_t *self, ag_field_t field, struct json_object *value);
void ag_draft_unset (ag_draft_t *self, ag_field_t field);

/*  Reading back; "absent" is {NULL, 0}, NULL, or the fallback. What is lent is
    lent until the next change of the draft. */
bool ag_draft_has (const ag_draft_t *self, ag_field_t field);
ag_str_t ag_draft_string (const ag_draft_t *self, ag_field_t field);
int64_t ag_draft_integer (const ag_draft_t *self, ag_field_t field, int64_t fallback);
double ag_draft_number (const ag_draft_t *self, ag_field_t field, double fallback);
bool ag_draft_boolean (const ag_draft_t *self, ag_field_t field, bool fallback);
struct json_object *ag_draft_object (const ag_draft_t *self, ag_field_t field);    /* lent */

/* ---------------------------------------------------------------------- */
/*  Event */

typedef struct ag_event ag_event_t;

/*  Whose event it is. An id is 1 to AG_ID_MAX_BYTES bytes of UTF-8; a run id
    does not begin with '@', which marks the stream of a work order. run.ptr is NULL for an event about a work order alone.
    in_work_order_stream is what agentgate-emit sets: the event goes into the
    stream "@<workOrderId>", also when it carries a run id. */
typedef struct {
    ag_str_t work_order;
    ag_str_t run;
    bool in_work_order_stream;
} ag_ids_t;

/*  Where it stands: (epoch, seq) in its stream, and when it happened. */
typedef struct {
    uint64_t epoch;             /* 48 bits of ms since 1970, 16 random bits */
    uint64_t seq;               /* from 1 */
    int64_t ts_us;              /* microseconds since the Unix epoch, UTC */
} ag_position_t;

/*  Encodes a draft. Returns an event with one reference, or NULL with a
    malloc'ed *error_r: a required field is missing, an enum has a value that
    is not in its list, an id is empty or too long, the event is larger than
    AG_EVENT_MAX_BYTES or deeper than AG_EVENT_MAX_DEPTH. */
ag_event_t *ag_event_new (const ag_draft_t *draft, const ag_ids_t *ids, const ag_position_t *at, char **error_r);

/*  Reads an encoded event, for instance from the bus; copies `data`. Returns
    NULL with a malloc'ed *error_r when it is no event: not one msgpack map,
    truncated, too deep or too large, a common or required field missing, of a
    wrong type or there twice. Fields, values of enums and types that this
    version does not know are kept as they are (an unknown type has kind
    AG_KIND_UNKNOWN). `epoch` comes from the frame header or the store. */
ag_event_t *ag_event_decode (const void *data, size_t len, uint64_t epoch, char **error_r);

ag_event_t *ag_event_ref (ag_event_t *self);
/*  Drops one reference and nulls the caller's pointer. */
void ag_event_unref (ag_event_t **self_p);

ag_kind_t ag_event_kind (const ag_event_t *self);
ag_str_t ag_event_type (const ag_event_t *self);        /* its name, also of an unknown kind */
ag_priority_t ag_event_priority (const ag_event_t *self);
uint64_t ag_event_epoch (const ag_event_t *self);
uint64_t ag_event_seq (const ag_event_t *self);
int64_t ag_event_ts_us (const ag_event_t *self);
ag_str_t ag_event_stream (const ag_event_t *self);      /* runId, or '@' and the workOrderId */
ag_str_t ag_event_work_order (const ag_event_t *self);
ag_str_t ag_event_run (const ag_event_t *self);         /* absent on pure work-order events */
ag_str_t ag_event_encoded (const ag_event_t *self);     /* the msgpack bytes */

/*  Any field of type string, integer, number or boolean; absent: {NULL, 0}
    or the fallback. O(number of fields), allocates nothing. */
ag_str_t ag_event_string (const ag_event_t *self, ag_field_t field);
int64_t ag_event_integer (const ag_event_t *self, ag_field_t field, int64_t fallback);
double ag_event_number (const ag_event_t *self, ag_field_t field, double fallback);
bool ag_event_boolean (const ag_event_t *self, ag_field_t field, bool fallback);

/*  The JSON text of SPEC section 4, without a newline: made at the first call,
    then kept; valid as long as the event; not terminated. */
ag_str_t ag_event_json (ag_event_t *self);

/*  Bytes of memory that it holds now: structure, encoded form, JSON text. */
size_t ag_event_memory (const ag_event_t *self);

#ifdef __cplusplus
}
#endif
#endif
