/* SPDX-License-Identifier: Apache-2.0 */
/* Does this kernel abort a sequence whose thread loses its CPU? Tried before any other is run. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "rseq4j.h"
#include "rseq4j_thread.h"

#define ABORTS_ENOUGH 3
#define SWITCHES_ENOUGH 20
#define GENTLE 10000000   /* ns: a neighbour that wakes often, whom the scheduler may favour */
/* ns: then one that wants the CPU all the time, so that the thread loses it when its slice is over */
#define PATIENT 500000000

struct abort_trial {
    int cpu;
    volatile int greedy, stop;
    int64_t switches, aborts;
    int error;
};

/* On one CPU, as an ordinary thread, without signals: what aborts a sequence here is the loss of that CPU. */
static void settle(int cpu)
{
    uint64_t all_signals = ~UINT64_C(0);
    struct sched_param ordinary = { 0 };
    cpu_set_t here;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all_signals, NULL, sizeof all_signals);
    syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &ordinary);
    CPU_ZERO(&here);
    if (cpu >= 0 && cpu < CPU_SETSIZE) {
        CPU_SET(cpu, &here);
        sched_setaffinity(0, sizeof here, &here); /* this thread */
    }
}

static void *neighbour(void *argument)
{
    struct abort_trial *trial = argument;
    struct timespec pause = { 0, 50000 };
    settle(trial->cpu);
    while (!trial->stop) {
        if (!trial->greedy) {
            nanosleep(&pause, NULL);
        }
    }
    return NULL;
}

static int64_t involuntary_switches(void)
{
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nivcsw;
}

static int64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

static void *long_sequences(void *argument)
{
    struct abort_trial *trial = argument;
    struct thread_record *record = rseq4j_attach(0);
    int64_t words[16] = { 0 };
    if (!record || !record->area) {
        trial->error = ENXIO;
        return NULL;
    }
    settle(trial->cpu);
    int64_t begun = nanoseconds(), spent;
    int64_t switches = involuntary_switches();
    uint64_t aborts = record->aborts;
    do {
        /* One long section after the other; all CPUs share one word, which nobody else uses. */
        rseq4j_add_wide((char *) words, 0, UINT32_MAX, offsetof(struct rseq_area, cpu_id), 1);
        spent = nanoseconds() - begun;
        trial->greedy = spent > GENTLE;
        trial->switches = involuntary_switches() - switches;
        trial->aborts = (int64_t) (record->aborts - aborts);
    } while (spent < PATIENT && trial->aborts < ABORTS_ENOUGH
             && (trial->aborts > 0 || trial->switches < SWITCHES_ENOUGH));
    return NULL;
}

/*
 * Takes about a millisecond where sequences work: a thread in long sections, and another that wants the same CPU.
 * Returns in out { preemptions of the first, aborts }. No abort in SWITCHES_ENOUGH preemptions: sequences do not work
 * on this kernel. Fewer, and no abort: it is not known whether they do.
 */
EXPORT int rseq4j_check_aborts(int64_t *out)
{
    struct abort_trial trial = { .cpu = sched_getcpu() };
    pthread_t thread, other;
    int64_t window = rseq4j_window;
    rseq4j_window = 20000;
    int error = pthread_create(&other, NULL, neighbour, &trial);
    if (!error) {
        error = pthread_create(&thread, NULL, long_sequences, &trial);
        if (!error) {
            pthread_join(thread, NULL);
            error = trial.error;
        }
        trial.stop = 1;
        pthread_join(other, NULL);
    }
    rseq4j_window = window;
    out[0] = trial.switches;
    out[1] = trial.aborts;
    return error;
}
