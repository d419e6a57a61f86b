/* SPDX-License-Identifier: Apache-2.0 */
/*
 * To be preloaded: an allocator that registers a thread's rseq area at the thread's first allocation, as TCMalloc does.
 * Where the C library registers none (GLIBC_TUNABLES=glibc.pthread.rseq=0), a thread that has allocated cannot register
 * another.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rseq_numbers.h"

extern void *__libc_malloc(size_t size);

void *malloc(size_t size)
{
    static __thread struct { uint32_t words[8]; } area __attribute__((aligned(32)));
    static __thread int asked;
    if (!asked) {
        asked = 1;
        syscall(RSEQ, &area, sizeof area, 0, SIGNATURE);
    }
    return __libc_malloc(size);
}
