/*  bus/curve.c - keys of tcp sockets, and who may connect to ours

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "bus/curve.h"

#include <czmq.h>
#include <errno.h>
#include <sys/stat.h>

#include "bus/curve_private.h"
#include "core/mem.h"
#include "core/paths.h"

/* ---------------------------------------------------------------------- */
/*  Load */

/*  A secret that others may read is none. */
static int s_check_secret (const char *path, char **error_r)
{
    struct stat status;
    if (stat (path, &status)) {
        *error_r = errno == ENOENT ? ag_asprintf ("%s is missing: agentgate-keygen makes it", path)
                                   : ag_asprintf ("%s: %s", path, strerror (errno));
        return -1;
    }
    if ((status.st_mode & 077) == 0)
        return 0;
    *error_r = ag_asprintf ("%s may be read by others: chmod 600", path);
    return -1;
}

static zcert_t *s_load (const char *path, char **error_r)
{
    zcert_t *cert = zcert_load (path);
    if (!cert)
        *error_r = ag_asprintf ("%s is no certificate", path);
    return cert;
}

static int s_load_own (ag_curve_t *self, char **error_r)
{
    char *path = ag_asprintf ("%s/own", self->dir);
    char *secret = ag_asprintf ("%s_secret", path);
    if (s_check_secret (secret, error_r) == 0)
        self->own = s_load (path, error_r);
    free (secret);
    free (path);
    return self->own ? 0 : -1;
}

/*  Only who connects needs it, so it may be missing. */
static int s_load_gateway (ag_curve_t *self, char **error_r)
{
    char *path = ag_asprintf ("%s/gateway", self->dir);
    int rc = 0;
    if (access (path, F_OK) == 0) {
        self->gateway = s_load (path, error_r);
        rc = self->gateway ? 0 : -1;
    }
    free (path);
    return rc;
}

ag_curve_t *ag_curve_load (const char *dir, char **error_r)
{
    ag_curve_t *self = ag_calloc (1, sizeof *self);
    self->dir = ag_strdup (dir);
    if (s_load_own (self, error_r) || s_load_gateway (self, error_r))
        ag_curve_destroy (&self);
    return self;
}

void ag_curve_destroy (ag_curve_t **self_p)
{
    ag_curve_t *self = *self_p;
    if (!self)
        return;
    zcert_destroy (&self->own);
    zcert_destroy (&self->gateway);
    free (self->dir);
    free (self);
    *self_p = NULL;
}

/* ---------------------------------------------------------------------- */
/*  Apply */

static int s_set_keys (ag_curve_t *self, void *socket)
{
    return zmq_setsockopt (socket, ZMQ_CURVE_PUBLICKEY, zcert_public_key (self->own), 32) ||
           zmq_setsockopt (socket, ZMQ_CURVE_SECRETKEY, zcert_secret_key (self->own), 32);
}

/*  libzmq takes any key where nobody answers its questions (the option that
    would refuse instead is a draft), so without a gate there is no binding. */
static int s_serve (ag_curve_t *self, void *socket, char **error_r)
{
    const int yes = 1;
    if (self->gates == 0) {
        *error_r = ag_strdup ("a socket is to be bound with keys, and there is no gate that knows them");
        return -1;
    }
    return zmq_setsockopt (socket, ZMQ_CURVE_SERVER, &yes, sizeof yes) ||
           zmq_setsockopt (socket, ZMQ_ZAP_DOMAIN, "agentgate", 9);
}

int ag_curve_apply (ag_curve_t *self, void *socket, ag_socket_role_t role, char **error_r)
{
    if (role == AG_SOCKET_CONNECT && !self->gateway) {
        *error_r =
            ag_asprintf ("%s/gateway is missing: copy the gateway's public certificate (its \"own\") there", self->dir);
        return -1;
    }
    *error_r = NULL;
    int rc = s_set_keys (self, socket);
    if (rc == 0)
        rc = role == AG_SOCKET_BIND
                 ? s_serve (self, socket, error_r)
                 : zmq_setsockopt (socket, ZMQ_CURVE_SERVERKEY, zcert_public_key (self->gateway), 32);
    if (rc && !*error_r)
        *error_r = ag_asprintf ("a socket does not take its keys: %s", zmq_strerror (errno));
    return rc ? -1 : 0;
}

/* ---------------------------------------------------------------------- */
/*  Generate */

static int s_save (const char *path, char key_r[41], char **error_r)
{
    zcert_t *cert = zcert_new ();
    mode_t mask = umask (077);
    int rc = cert ? zcert_save (cert, path) : -1;
    umask (mask);
    if (rc)
        *error_r = ag_asprintf ("%s: the certificate cannot be written: %s", path, strerror (errno));
    else
        snprintf (key_r, 41, "%s", zcert_public_txt (cert));
    zcert_destroy (&cert);
    return rc ? -1 : 0;
}

int ag_curve_generate (const char *dir, char key_r[41], char **error_r)
{
    char *path = ag_asprintf ("%s/own", dir);
    char *secret = ag_asprintf ("%s_secret", path);
    char *allowed = ag_asprintf ("%s/allowed", dir);
    int rc = -1;
    if (access (path, F_OK) == 0 || access (secret, F_OK) == 0)
        *error_r = ag_asprintf ("%s: there is a certificate already, and it is left alone", path);
    else if (ag_path_make (allowed, 0700))
        *error_r = ag_asprintf ("%s: %s", allowed, strerror (errno));
    else
        rc = s_save (path, key_r, error_r);
    free (allowed);
    free (secret);
    free (path);
    return rc;
}
