/*  gateway/net/command.h - what a WebSocket client asks for

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    JSON text in, a checked command out, or an error that names the field, its
    value and what is allowed (proto/README.md, "WebSocket"). Pure.
*/
#ifndef AG_NET_COMMAND_H
#define AG_NET_COMMAND_H

#include "core/buf.h"
#include "feed/client.h"

enum {
    AG_COMMAND_MAX_BYTES = 64 * 1024,   /* of one message */
    AG_COMMAND_AFTER_MAX = 1000         /* streams in one 'after' */
};

typedef enum { AG_COMMAND_SUBSCRIBE, AG_COMMAND_UNSUBSCRIBE, AG_COMMAND_PING, AG_COMMAND_CANCEL_RUN } ag_command_kind_t;

typedef struct {
    ag_command_kind_t kind;
    bool extended;                      /* uses something that AgentGate's own client does not know */
    ag_subscribe_t subscribe;           /* subscribe; the target of unsubscribe */
    bool batch;                         /* subscribe */
    uint32_t rate_limit;                /* subscribe; 0: not given */
    int64_t batch_us;                   /* subscribe; 0: not given */
    ag_str_t run;                       /* cancel_run */
    struct json_object *json;           /* owns the strings above */
    ag_after_t *after;                  /* owns subscribe.after */
} ag_command_t;

/*  0, or -1 with an error code ("PARSE_ERROR" ...) and a malloc'ed text. */
int ag_command_parse (ag_str_t text, ag_command_t *command_r, const char **code_r, char **message_r);
void ag_command_clear (ag_command_t *self);

/*  Appends {"type":"error",...}; details, if given, is JSON. */
void ag_command_append_error (ag_buf_t *out, const char *code, const char *message, ag_str_t details, int64_t wall_us);
/*  Appends {"type":TYPE,"timestamp":...}, with workOrderId or runId if given. */
void ag_command_append_answer (ag_buf_t *out, const char *type, const ag_subscribe_t *target, int64_t wall_us);

#endif
