/* SPDX-License-Identifier: Apache-2.0 */
/* Faults for the tests: threads that are moved between CPUs and interrupted by signals, at a high rate. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile uint64_t handled;

static void handler(int signal)
{
    (void) signal;
    handled++;
}

int storm_thread(void)
{
    return (int) syscall(SYS_gettid);
}

/* { moves, signals } in out; for the given time, each thread in turn. */
int storm_run(const int *threads, int count, int cpus, int64_t millis, int64_t *out)
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
    struct timespec begun, now, pause = { 0, 20000 };
    uint32_t random = 12345;
    int number = SIGRTMIN + 9;
    if (sigaction(number, &action, NULL) != 0) {
        return -1;
    }
    out[0] = out[1] = 0;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    do {
        for (int i = 0; i < count; i++) {
            cpu_set_t set;
            random = random * 1664525 + 1013904223;
            CPU_ZERO(&set);
            CPU_SET((random >> 16) % (uint32_t) cpus, &set);
            if (sched_setaffinity(threads[i], sizeof set, &set) == 0) {
                out[0]++;
            }
            if (syscall(SYS_tgkill, getpid(), threads[i], number) == 0) {
                out[1]++;
            }
        }
        nanosleep(&pause, NULL);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((now.tv_sec - begun.tv_sec) * 1000 + (now.tv_nsec - begun.tv_nsec) / 1000000 < millis);
    /* Free again. */
    for (int i = 0; i < count; i++) {
        cpu_set_t set;
        CPU_ZERO(&set);
        for (int cpu = 0; cpu < cpus; cpu++) {
            CPU_SET(cpu, &set);
        }
        sched_setaffinity(threads[i], sizeof set, &set);
    }
    return 0;
}

struct start {
    void (*function)(void);
    int without_rseq;
    int result;
};

#if defined(__x86_64__)
#define SIGNATURE 0x53053053
#elif defined(__aarch64__)
#define SIGNATURE 0xd428bc00
#endif

extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

/*
 * The C library registers each thread before it runs anything, and where it cannot it ends the process ("Fatal glibc
 * error: rseq registration failed"). So a thread without an area is one that gave it up.
 */
static int give_up_libc_area(void)
{
    if (&__rseq_size == NULL || __rseq_size == 0) {
        return 0;
    }
    char *area = (char *) __builtin_thread_pointer() + __rseq_offset;
    if (*(volatile int32_t *) (area + 4) < 0) {
        return 0; /* its cpu_id: not registered, as the thread that started this one has another area */
    }
    /* It does not tell the size that it registered. */
    for (uint32_t length = 32; length <= 256; length++) {
        if (syscall(SYS_rseq, area, length, 1 /* RSEQ_FLAG_UNREGISTER */, SIGNATURE) == 0) {
            return 0;
        }
    }
    return errno;
}

static void *run(void *argument)
{
    struct start *start = argument;
    if (start->without_rseq) {
        struct sock_filter filter[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rseq, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = { .len = 4, .filter = filter };
        start->result = give_up_libc_area();
        if (start->result != 0) {
            return NULL;
        }
        /* Of this thread only. */
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
            start->result = errno;
            return NULL;
        }
    }
    start->function();
    return NULL;
}

/*
 * Calls a function on a thread that Java did not start, which ends then; if asked for, one that the kernel refuses
 * rseq.
 */
int storm_in_thread(void (*function)(void), int without_rseq)
{
    struct start start = { function, without_rseq, 0 };
    pthread_t thread;
    int error = pthread_create(&thread, NULL, run, &start);
    if (error == 0) {
        error = pthread_join(thread, NULL);
    }
    return error ? error : start.result;
}
