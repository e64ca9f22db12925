/*  val_compare.h - our reading of a JSON text beside json-c's

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_TESTS_VAL_COMPARE_H
#define AG_TESTS_VAL_COMPARE_H

#include "agent/val.h"

/*  Reads the value at the start of a text (valid UTF-8 without NUL) with both. NULL: they agree, or
    one of them refuses it; else what differs (static text). */
const char *val_compare (ag_reader_t *reader, ag_str_t text);

#endif
