/* SPDX-License-Identifier: Apache-2.0 */
/*
 * To be preloaded: a library that takes every new thread's rseq area for itself, as an allocator may. Where the C
 * library registers none (GLIBC_TUNABLES=glibc.pthread.rseq=0), nobody else can register one then.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rseq_numbers.h"

struct start {
    void *(*routine)(void *);
    void *argument;
};

static void *run(void *argument)
{
    struct start start = *(struct start *) argument;
    static __thread struct { uint32_t words[8]; } area __attribute__((aligned(32)));
    free(argument);
    syscall(RSEQ, &area, sizeof area, 0, SIGNATURE);
    return start.routine(start.argument);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *), void *argument)
{
    int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *)
        = (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *)) dlsym(RTLD_NEXT, "pthread_create");
    struct start *start = malloc(sizeof *start);
    start->routine = routine;
    start->argument = argument;
    return create(thread, attributes, run, start);
}
