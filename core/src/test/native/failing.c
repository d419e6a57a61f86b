/* SPDX-License-Identifier: Apache-2.0 */
/*
 * To be preloaded: system calls that fail for the native library of rseq4j.
 *   FAIL_THREADS=N         its first N threads cannot be made: EAGAIN
 *   FAIL_REGISTER=own|all  an area that is not the C library's, or none at all, can be registered: EFAULT
 *   FORGET_MEMBARRIER=1    what the process registered for, by membarrier, is known once and then no more: EPERM
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "rseq_numbers.h"

extern const ptrdiff_t __rseq_offset __attribute__((weak));

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *), void *argument)
{
    static int failed;
    const char *most = getenv("FAIL_THREADS");
    int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *)
        = (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *)) dlsym(RTLD_NEXT, "pthread_create");
    Dl_info from;
    if (most && failed < atoi(most) && dladdr((void *) routine, &from) && strstr(from.dli_fname, "rseq4j.so")) {
        failed++;
        return EAGAIN;
    }
    return create(thread, attributes, routine, argument);
}

long syscall(long number, ...)
{
    static long known; /* commands of membarrier that were registered for and not used since */
    long (*call)(long, ...) = (long (*)(long, ...)) dlsym(RTLD_NEXT, "syscall");
    const char *fails = getenv("FAIL_REGISTER");
    long a[6];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < 6; i++) {
        a[i] = va_arg(list, long);
    }
    va_end(list);
    if (getenv("FORGET_MEMBARRIER") && number == SYS_membarrier) {
        if (a[0] == 16 || a[0] == 256) { /* _REGISTER_PRIVATE_EXPEDITED, and _RSEQ */
            __atomic_or_fetch(&known, a[0] >> 1, __ATOMIC_SEQ_CST);
        } else if ((a[0] == 8 || a[0] == 128) && !(__atomic_fetch_and(&known, ~a[0], __ATOMIC_SEQ_CST) & a[0])) {
            errno = EPERM;
            return -1;
        }
    }
    if (fails && number == RSEQ && a[0] && (int) a[2] == 0) {
        char *theirs = (char *) __builtin_thread_pointer() + __rseq_offset;
        if (strcmp(fails, "all") == 0 || (char *) a[0] != theirs) {
            errno = EFAULT;
            return -1;
        }
    }
    return call(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
