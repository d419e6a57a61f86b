/* Faults for the tests: threads that are moved between CPUs and interrupted by signals, at a high rate. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdint.h>
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
