/*  exec/syncer.c - makes a file durable without waiting for its disk

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "exec/syncer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/mem.h"
#include "exec/fds.h"

struct ag_syncer {
    int fd;                     /* of the file */
    pthread_t thread;
    pthread_mutex_t lock;       /* over what follows */
    pthread_cond_t changed;     /* wanted, or over */
    bool wanted;                /* a call is to be made, or running */
    bool over;                  /* the thread is to end */
    int64_t took_us;            /* the last call; -1: there was none */
    int error;                  /* of the first call that failed */
};

static void *s_live (void *context)
{
    ag_syncer_t *self = context;
    pthread_mutex_lock (&self->lock);
    for (;;) {
        while (!self->wanted && !self->over)
            pthread_cond_wait (&self->changed, &self->lock);
        if (self->over)
            break;
        pthread_mutex_unlock (&self->lock);
        int64_t begun_us = ag_clock_mono_us ();
        int error = fdatasync (self->fd) == 0 ? 0 : errno;
        pthread_mutex_lock (&self->lock);
        self->took_us = ag_clock_mono_us () - begun_us;
        self->wanted = false;
        if (!self->error)
            self->error = error;
    }
    pthread_mutex_unlock (&self->lock);
    return NULL;
}

/*  With all signals blocked: they are for the loop. */
static int s_make_thread (ag_syncer_t *self)
{
    sigset_t all, before;
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    int rc = pthread_create (&self->thread, NULL, s_live, self);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    return rc;
}

ag_syncer_t *ag_syncer_new (const char *path)
{
    int fd = ag_fds_lift (open (path, O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (fd < 0)
        return NULL;
    ag_syncer_t *self = ag_calloc (1, sizeof *self);
    self->fd = fd;
    self->took_us = -1;
    pthread_mutex_init (&self->lock, NULL);
    pthread_cond_init (&self->changed, NULL);
    if (s_make_thread (self) == 0)
        return self;
    ag_fds_close (&self->fd);
    free (self);
    return NULL;
}

void ag_syncer_destroy (ag_syncer_t **self_p)
{
    ag_syncer_t *self = *self_p;
    if (!self)
        return;
    pthread_mutex_lock (&self->lock);
    self->over = true;
    pthread_cond_signal (&self->changed);
    pthread_mutex_unlock (&self->lock);
    pthread_join (self->thread, NULL);
    pthread_mutex_destroy (&self->lock);
    pthread_cond_destroy (&self->changed);
    ag_fds_close (&self->fd);
    free (self);
    *self_p = NULL;
}

bool ag_syncer_start (ag_syncer_t *self)
{
    pthread_mutex_lock (&self->lock);
    bool idle = !self->wanted;
    self->wanted = true;
    pthread_cond_signal (&self->changed);
    pthread_mutex_unlock (&self->lock);
    return idle;
}

int64_t ag_syncer_took_us (ag_syncer_t *self)
{
    pthread_mutex_lock (&self->lock);
    int64_t took_us = self->wanted ? -1 : self->took_us;
    pthread_mutex_unlock (&self->lock);
    return took_us;
}

int ag_syncer_error (ag_syncer_t *self)
{
    pthread_mutex_lock (&self->lock);
    int error = self->error;
    pthread_mutex_unlock (&self->lock);
    return error;
}
