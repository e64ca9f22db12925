/*  gateway/net/tokens.c - who may see what

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "net/tokens.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

enum { DIGEST_SIZE = 32 };

typedef struct {
    unsigned char digest[DIGEST_SIZE];  /* SHA-256 of the token */
    bool cancel;
    char **work_orders;                 /* owned; NULL: all */
    size_t work_order_count;
} entry_t;

struct ag_tokens {
    entry_t *entries;
    size_t count;
};

/* ---------------------------------------------------------------------- */
/*  Reading */

static int s_hex (char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int s_digest (const char *hex, unsigned char digest[DIGEST_SIZE])
{
    if (strlen (hex) != 2 * DIGEST_SIZE)
        return -1;
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        int high = s_hex (hex[2 * i]), low = s_hex (hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return -1;
        digest[i] = (unsigned char) (high << 4 | low);
    }
    return 0;
}

static int s_word (entry_t *entry, const char *word)
{
    static const char prefix[] = "work-order=";
    if (strcmp (word, "cancel") == 0) {
        entry->cancel = true;
        return 0;
    }
    if (strcmp (word, "-") == 0)        /* sha256sum's word for what it was piped */
        return 0;
    if (strncmp (word, prefix, sizeof prefix - 1) != 0 || !word[sizeof prefix - 1])
        return -1;
    entry->work_orders = ag_realloc (entry->work_orders, (entry->work_order_count + 1) * sizeof (char *));
    entry->work_orders[entry->work_order_count++] = ag_strdup (word + sizeof prefix - 1);
    return 0;
}

/*  A '#' within a word is a part of it: of a work order's id. */
static void s_cut_comment (char *line)
{
    for (char *at = strchr (line, '#'); at; at = strchr (at + 1, '#'))
        if (at == line || strchr (" \t", at[-1])) {
            *at = '\0';
            return;
        }
}

/*  One line; empty ones and comments give nothing. */
static int s_line (ag_tokens_t *self, char *line, const char **why)
{
    char *rest = NULL;
    line[strcspn (line, "\r\n")] = '\0';
    s_cut_comment (line);
    char *word = strtok_r (line, " \t", &rest);
    if (!word)
        return 0;
    self->entries = ag_realloc (self->entries, (self->count + 1) * sizeof *self->entries);
    entry_t *entry = &self->entries[self->count++];
    memset (entry, 0, sizeof *entry);
    *why = "begins with the SHA-256 of a token, 64 hex digits: printf %s TOKEN | sha256sum";
    if (s_digest (word, entry->digest) != 0)
        return -1;
    *why = "has only \"cancel\" and \"work-order=ID\" behind the digest";
    while ((word = strtok_r (NULL, " \t", &rest)))
        if (s_word (entry, word) != 0)
            return -1;
    return 0;
}

static int s_read (ag_tokens_t *self, FILE *file, const char *path, char **error_r)
{
    char *line = NULL;
    const char *why = NULL;
    size_t room = 0;
    int rc = 0;
    for (int number = 1; rc == 0 && getline (&line, &room, file) >= 0; number++) {
        rc = s_line (self, line, &why);
        if (rc != 0)
            *error_r = ag_asprintf ("%s:%d: each line %s", path, number, why);
    }
    free (line);
    if (rc == 0 && !self->count) {
        *error_r = ag_asprintf ("%s: holds no token, so nobody could come in", path);
        rc = -1;
    }
    return rc;
}

ag_tokens_t *ag_tokens_load (const char *path, char **error_r)
{
    FILE *file = fopen (path, "re");
    if (!file) {
        *error_r = ag_asprintf ("--token-file %s: %s", path, strerror (errno));
        return NULL;
    }
    ag_tokens_t *self = ag_calloc (1, sizeof *self);
    if (s_read (self, file, path, error_r) != 0)
        ag_tokens_destroy (&self);
    fclose (file);
    return self;
}

void ag_tokens_destroy (ag_tokens_t **self_p)
{
    ag_tokens_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    for (size_t i = 0; i < self->count; i++) {
        for (size_t j = 0; j < self->entries[i].work_order_count; j++)
            free (self->entries[i].work_orders[j]);
        free (self->entries[i].work_orders);
    }
    free (self->entries);
    free (self);
}

/* ---------------------------------------------------------------------- */
/*  Checking */

/*  The time does not depend on where they differ. */
static bool s_same (const unsigned char *a, const unsigned char *b)
{
    unsigned difference = 0;
    for (size_t i = 0; i < DIGEST_SIZE; i++)
        difference |= a[i] ^ b[i];
    return difference == 0;
}

ag_access_t ag_tokens_check (const ag_tokens_t *self, ag_str_t token)
{
    ag_access_t access = { .known = !self, .cancel = !self };
    unsigned char digest[DIGEST_SIZE];
    if (!self || !token.len || !EVP_Digest (token.ptr, token.len, digest, NULL, EVP_sha256 (), NULL))
        return access;
    for (size_t i = 0; i < self->count; i++) {
        const entry_t *entry = &self->entries[i];
        if (s_same (digest, entry->digest))
            access = (ag_access_t) { true, entry->cancel, (const char *const *) entry->work_orders,
                entry->work_order_count };
    }
    return access;
}

bool ag_access_may_see (const ag_access_t *self, ag_str_t work_order)
{
    if (!self->known)
        return false;
    if (!self->work_orders)
        return true;
    for (size_t i = 0; i < self->work_order_count; i++)
        if (ag_str_is (work_order, self->work_orders[i]))
            return true;
    return false;
}
