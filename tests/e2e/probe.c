/*  probe.c - an agent that tells how the world looks from where it stands

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    probe view FILE       writes what a process inherits to FILE, as text, a line
                          each; the same bare and under the executor
    probe read FILE       copies stdin to FILE until its end
    probe tree FILE KIND  leaves descendants: plain, setsid, daemon (double fork),
                          stubborn (ignore SIGTERM), stopped; their pids go to FILE; then sleeps
    probe hold SECONDS    ends at once, a child keeps stdout and stderr open
    probe late SECONDS    as hold, and the child writes a line each 50 ms
    probe write SIZE COUNT [PAUSE_US]   COUNT writes of SIZE bytes to stdout, lines of 'x'
    probe floods BYTES    garbage without structure to stdout
    probe terms           says what SIGTERM finds: waits, then exits with 7
*/
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int s_is_subreaper (void)
{
    int is = -1;
    prctl (PR_GET_CHILD_SUBREAPER, &is);
    return is;
}

static FILE *s_open (const char *path)
{
    FILE *file = fopen (path, "we");
    if (!file) {
        perror (path);
        exit (99);
    }
    return file;
}

static void s_view_signals (FILE *out)
{
    sigset_t mask;
    sigprocmask (SIG_BLOCK, NULL, &mask);
    for (int signum = 1; signum < _NSIG; signum++) {
        struct sigaction action;
        if (sigaction (signum, NULL, &action) == 0)
            fprintf (out, "signal %d blocked=%d ignored=%d\n", signum, sigismember (&mask, signum),
                action.sa_handler == SIG_IGN);
    }
    FILE *status = fopen ("/proc/self/status", "re");
    char line[256];
    while (status && fgets (line, sizeof line, status))
        if (strncmp (line, "Sig", 3) == 0 ? strncmp (line, "SigQ", 4) != 0 : strncmp (line, "Shd", 3) == 0
            || strncmp (line, "Umask", 5) == 0 || strncmp (line, "NoNewPrivs", 10) == 0
            || strncmp (line, "Groups", 6) == 0 || strncmp (line, "Cap", 3) == 0)
            fputs (line, out);
    if (status)
        fclose (status);
}

/*  One file of /proc/self, its lines with its name before them. */
static void s_view_proc (FILE *out, const char *name)
{
    char path[64], line[512];
    snprintf (path, sizeof path, "/proc/self/%s", name);
    FILE *file = fopen (path, "re");
    while (file && fgets (line, sizeof line, file))
        fprintf (out, "%s %.*s\n", name, (int) strcspn (line, "\n"), line);
    if (file)
        fclose (file);
}

/*  How the kernel treats the process. */
static void s_view_standing (FILE *out)
{
    static const char *const files[] = { "oom_score_adj", "cgroup", "personality", "coredump_filter", "timerslack_ns",
        "loginuid", "comm" };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        s_view_proc (out, files[i]);
    cpu_set_t cpus;
    int death_signal = -1;
    struct itimerval timer = { 0 };
    if (sched_getaffinity (0, sizeof cpus, &cpus) == 0)
        fprintf (out, "cpus %d\n", CPU_COUNT (&cpus));
    prctl (PR_GET_PDEATHSIG, &death_signal);
    getitimer (ITIMER_REAL, &timer);
    fprintf (out, "policy %d death signal %d dumpable %d reaper %d securebits %d timer %ld\n", sched_getscheduler (0),
        death_signal, prctl (PR_GET_DUMPABLE), s_is_subreaper (), prctl (PR_GET_SECUREBITS), (long) timer.it_value.tv_sec);
    fprintf (out, "io priority %ld\n", syscall (SYS_ioprio_get, 1, 0));
    fprintf (out, "children %d\n", wait (NULL) == -1 && errno == ECHILD ? 0 : 1);
}

static void s_view_limits (FILE *out)
{
    for (int what = 0; what < RLIM_NLIMITS; what++) {
        struct rlimit limit;
        if (getrlimit (what, &limit) == 0)
            fprintf (out, "limit %d %llu %llu\n", what, (unsigned long long) limit.rlim_cur,
                (unsigned long long) limit.rlim_max);
    }
    mode_t mask = umask (0);
    umask (mask);
    fprintf (out, "umask %03o\nnice %d\n", (unsigned) mask, getpriority (PRIO_PROCESS, 0));
}

/*  Standard output and error are pipes in both cases, with numbers of their own. */
static void s_view_descriptor (FILE *out, int fd)
{
    char link[64], target[4096];
    snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink (link, target, sizeof target - 1);
    if (len < 0)
        return;
    target[len] = 0;
    if (fd == 1 || fd == 2)
        target[strcspn (target, ":")] = 0;
    fprintf (out, "fd %d %s flags=%d\n", fd, target, fcntl (fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK));
}

static void s_view_descriptors (FILE *out)
{
    int own = fileno (out);
    struct rlimit limit;
    getrlimit (RLIMIT_NOFILE, &limit);
    int max = limit.rlim_cur < 4096 ? (int) limit.rlim_cur : 4096;
    for (int fd = 0; fd < max; fd++)
        if (fd != own && fcntl (fd, F_GETFD) >= 0)
            s_view_descriptor (out, fd);
}

static void s_view_place (FILE *out)
{
    char *cwd = getcwd (NULL, 0);
    fprintf (out, "cwd %s\nuid %d %d gid %d %d\n", cwd ? cwd : "?", getuid (), geteuid (), getgid (), getegid ());
    free (cwd);
    fprintf (out, "tty %d foreground %d\n", isatty (0), tcgetpgrp (0) == getpgrp ());
    for (char **variable = environ; *variable; variable++)
        fprintf (out, "env %s\n", *variable);
}

static int s_view (const char *path, char **argv)
{
    FILE *out = s_open (path);
    for (; *argv; argv++)
        fprintf (out, "argument %s\n", *argv);
    s_view_place (out);
    s_view_signals (out);
    s_view_limits (out);
    s_view_standing (out);
    s_view_descriptors (out);
    fclose (out);
    printf ("seen\n");
    return 0;
}

static int s_read (const char *path)
{
    FILE *out = s_open (path);
    char buffer[65536];
    ssize_t len;
    while ((len = read (0, buffer, sizeof buffer)) > 0)
        fwrite (buffer, 1, (size_t) len, out);
    if (len < 0)
        fprintf (out, "error %d", errno);
    fclose (out);
    return 0;
}

static void s_note (FILE *out)
{
    fprintf (out, "%d\n", getpid ());
    fflush (out);
}

static void s_sleep_for_good (void)
{
    for (;;)
        pause ();
}

static void s_descend (FILE *out, const char *kind)
{
    if (fork () != 0)
        return;
    if (strcmp (kind, "setsid") == 0 || strcmp (kind, "daemon") == 0)
        setsid ();
    if (strcmp (kind, "daemon") == 0 && fork () != 0)
        _exit (0);
    if (strcmp (kind, "stubborn") == 0)
        signal (SIGTERM, SIG_IGN);
    s_note (out);
    if (strcmp (kind, "stopped") == 0)
        raise (SIGSTOP);
    s_sleep_for_good ();
}

static int s_tree (const char *path, const char *kinds)
{
    FILE *out = s_open (path);
    char *list = strdup (kinds);
    for (char *kind = strtok (list, ","); kind; kind = strtok (NULL, ","))
        s_descend (out, kind);
    free (list);
    s_note (out);
    printf ("ready\n");
    fflush (stdout);
    s_sleep_for_good ();
    return 0;
}

static int s_hold (double seconds, bool talks)
{
    printf ("parent ends\n");
    fflush (stdout);
    if (fork () == 0) {
        for (double passed = 0; passed < seconds; passed += 0.05) {
            usleep (50 * 1000);
            if (talks && write (1, "still here\n", 11) < 0)
                _exit (1);
        }
        _exit (0);
    }
    return 0;
}

static int s_write (size_t size, long count, long pause_us)
{
    char *block = malloc (size);
    memset (block, 'x', size);
    block[size - 1] = '\n';
    for (long i = 0; i < count; i++) {
        for (size_t done = 0; done < size; ) {
            ssize_t written = write (1, block + done, size - done);
            if (written < 0)
                return 98;
            done += (size_t) written;
        }
        if (pause_us)
            usleep ((useconds_t) pause_us);
    }
    free (block);
    return 0;
}

/*  Bytes of a small generator: noise with a newline now and then. */
static int s_flood (unsigned long long bytes)
{
    static unsigned char block[65536];
    uint64_t state = 88172645463325252ull;
    for (size_t i = 0; i < sizeof block; i++) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        block[i] = (unsigned char) state;
    }
    while (bytes) {
        size_t want = bytes < sizeof block ? (size_t) bytes : sizeof block;
        ssize_t written = write (1, block, want);
        if (written < 0)
            return 98;
        bytes -= (unsigned long long) written;
    }
    return 0;
}

static volatile sig_atomic_t s_terminated;

static void s_on_term (int signum)
{
    s_terminated = signum;
}

static int s_terms (void)
{
    sigset_t block, before;
    signal (SIGTERM, s_on_term);
    sigemptyset (&block);
    sigaddset (&block, SIGTERM);
    sigprocmask (SIG_BLOCK, &block, &before);
    printf ("ready\n");
    fflush (stdout);
    while (!s_terminated)
        sigsuspend (&before);
    printf ("terminated by %d\n", (int) s_terminated);
    return 7;
}

int main (int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp (what, "view") == 0 && argc >= 3)
        return s_view (argv[2], argv);
    if (strcmp (what, "read") == 0 && argc == 3)
        return s_read (argv[2]);
    if (strcmp (what, "tree") == 0 && argc == 4)
        return s_tree (argv[2], argv[3]);
    if ((strcmp (what, "hold") == 0 || strcmp (what, "late") == 0) && argc == 3)
        return s_hold (atof (argv[2]), what[0] == 'l');
    if (strcmp (what, "write") == 0 && argc >= 4)
        return s_write (strtoul (argv[2], NULL, 10), atol (argv[3]), argc > 4 ? atol (argv[4]) : 0);
    if (strcmp (what, "floods") == 0 && argc == 3)
        return s_flood (strtoull (argv[2], NULL, 10));
    if (strcmp (what, "terms") == 0)
        return s_terms ();
    fprintf (stderr, "probe: what?\n");
    return 99;
}
