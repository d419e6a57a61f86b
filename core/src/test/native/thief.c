/* SPDX-License-Identifier: Apache-2.0 */
/*
 * To be preloaded: takes a thread's rseq registration away under way, at every third of its first calls of sched_yield,
 * whether the C library registered it or rseq4j did. The kernel then writes CPU -1 and concurrency ID 0 to the area,
 * which stays where it was found before.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rseq_numbers.h"
#define UNREGISTER 1
#define EVERY 3
#define FIRST 60

extern const ptrdiff_t __rseq_offset __attribute__((weak));

typedef long (*call_t)(long, ...);

static call_t libc_syscall(void)
{
    static call_t call;
    if (!call) {
        call = (call_t) dlsym(RTLD_NEXT, "syscall");
    }
    return call;
}

/* The area that was registered by a call, NULL when that was the C library, which calls nobody. */
static __thread char *registered __attribute__((tls_model("initial-exec")));

long syscall(long number, ...)
{
    long a[6];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < 6; i++) {
        a[i] = va_arg(list, long);
    }
    va_end(list);
    long result = libc_syscall()(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (number == RSEQ && result == 0) {
        registered = (int) a[2] == 0 ? (char *) a[0] : NULL;
    }
    return result;
}

static void take_away(void)
{
    char *area = registered ? registered : (char *) __builtin_thread_pointer() + __rseq_offset;
    int error = errno;
    /* The C library does not tell the length that it registered. */
    for (uint32_t length = 20; length <= 256; length++) {
        if (libc_syscall()(RSEQ, area, (long) length, (long) UNREGISTER, (long) SIGNATURE) == 0) {
            break;
        }
    }
    errno = error;
}

int sched_yield(void)
{
    static __thread int yields __attribute__((tls_model("initial-exec")));
    if (yields < FIRST && ++yields % EVERY == 0 && (registered || &__rseq_offset != NULL)) {
        take_away();
    }
    return (int) libc_syscall()(SYS_sched_yield);
}
