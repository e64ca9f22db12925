/*  tests/fake_gateway.h - the gateway's end of the bus, led by hand

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A SUB and a ROUTER bound to ipc endpoints in a folder. It does nothing of
    its own accord: a test says what it answers.
*/
#ifndef AG_TESTS_FAKE_GATEWAY_H
#define AG_TESTS_FAKE_GATEWAY_H

#include "store_fixture.h"

#include "core/wire.h"

typedef struct fake_gateway fake_gateway_t;

/*  One control message, or one event (from either channel). */
typedef struct {
    ag_control_kind_t kind;     /* UNKNOWN: none came in time */
    ag_control_t control;       /* strings are lent until the next call */
    ag_event_t *event;          /* of EVENT; lent until the next call */
} fake_message_t;

fake_gateway_t *fake_gateway_new (const char *folder);
/*  Closes at once, as a killed process does. */
void fake_gateway_destroy (fake_gateway_t **self_p);

/*  Subscribes to all events; until then the SUB hears nothing. */
void fake_gateway_subscribe (fake_gateway_t *self);
/*  Waits for the next control message. */
fake_message_t fake_gateway_control (fake_gateway_t *self, int timeout_ms);
/*  The next that is not of kind `boring`. */
fake_message_t fake_gateway_control_but (fake_gateway_t *self, ag_control_kind_t boring, int timeout_ms);
/*  Waits for the next event on the data channel; NULL: none in time. */
ag_event_t *fake_gateway_event (fake_gateway_t *self, int timeout_ms);
/*  Says something to the executor heard last. */
void fake_gateway_say (fake_gateway_t *self, const ag_control_t *message);
/*  The same as frames of any content. */
void fake_gateway_say_frames (fake_gateway_t *self, const ag_str_t *frames, size_t count);

const char *fake_gateway_bus (const fake_gateway_t *self);
const char *fake_gateway_control_endpoint (const fake_gateway_t *self);

#endif
