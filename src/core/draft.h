/*  core/draft.h - the inside of a draft, for the encoder

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_CORE_DRAFT_H
#define AG_CORE_DRAFT_H

#include <agentgate/event.h>

#include "core/buf.h"

/*  The longest row of the event table has 11 fields. */
enum { AG_DRAFT_MAX_FIELDS = 16 };

typedef struct {
    ag_field_t field;
    union {
        struct { size_t offset, len; } text;    /* in ag_draft.text: that may move, an offset does not */
        int64_t integer;
        double number;
        bool boolean;
        struct json_object *object;             /* one reference is ours */
    } u;
} ag_draft_slot_t;

struct ag_draft {
    ag_kind_t kind;
    size_t count;                               /* slots in use, in the order of setting */
    ag_draft_slot_t slots[AG_DRAFT_MAX_FIELDS];
    ag_buf_t text;                              /* bytes of all string fields, also of replaced ones */
};

/*  NULL when the field is not set. (Its name keeps it out of the public library.) */
const ag_draft_slot_t *ag_slot_of (const ag_draft_t *self, ag_field_t field);

#endif
