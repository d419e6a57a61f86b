/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the library share about the machine and the running thread; nothing that Java sees.
 *
 * rseq4j_records.c has the records of threads, rseq4j_registration.c the registration of their rseq areas,
 * rseq4j_sequences.c the restartable sequences, rseq4j_abort_trial.c whether the kernel aborts them, rseq4j_calls.c
 * system calls, rseq4j_jni.c how Java before 22 calls all this. Everything works on the calling OS thread. The library
 * is loaded once and never unloaded: the kernel may hold the address of one of its descriptors for as long as a thread
 * lives.
 *
 * Compiled without vector registers (-mgeneral-regs-only): a TLS descriptor's slow path in glibc before 2.39 does not
 * save them.
 *
 * One library for glibc of every age and for musl: what only some of them have is weak, and looked for at run time.
 */
#ifndef RSEQ4J_THREAD_H
#define RSEQ4J_THREAD_H

#include <stddef.h>

#include "rseq4j.h"

#if defined(__x86_64__)
#include "rseq4j_x86_64.h"
#elif defined(__aarch64__) && !defined(__AARCH64EB__)
#include "rseq4j_aarch64.h"
#else
#error "rseq4j: no restartable sequences for this machine; add a header like rseq4j_x86_64.h"
#endif

#define EXPORT __attribute__((visibility("default")))

#pragma GCC visibility push(hidden)
/* Of the C library's areas from the thread pointer, where threads use them; else 0. */
extern ptrdiff_t libc_offset;
/* The record of this thread; NULL before it attached. */
extern __thread struct thread_record *self;
#pragma GCC visibility pop
#define SELF_GONE ((struct thread_record *) -1)

/* Where the C library's area of this thread is, when libc_offset is not 0. */
static inline struct rseq_area *libc_place(void)
{
    return (struct rseq_area *) ((char *) thread_pointer() + libc_offset);
}

/* The C library's area of this thread, found without a thread-local variable; NULL when it is not the one to use. */
static inline struct rseq_area *quick_area(void)
{
    struct rseq_area *area = libc_place();
    return __builtin_expect(libc_offset != 0, 1) && __builtin_expect((int32_t) area->cpu_id >= 0, 1) ? area : NULL;
}

static inline struct rseq_area *recorded_area(void)
{
    struct thread_record *record = self;
    return record == NULL || record == SELF_GONE ? NULL : record->area;
}

struct thread_record *rseq4j_attach(uint64_t java_thread);

/* include/uapi/linux/membarrier.h: MEMBARRIER_CMD_PRIVATE_EXPEDITED and _RSEQ, and what registers for one. */
#define MEMBARRIER_PRIVATE_EXPEDITED 8
#define MEMBARRIER_RSEQ 128
#define MEMBARRIER_REGISTER(command) ((command) << 1)

int rseq4j_membarrier(int command, unsigned flags, int cpu);

/* For the trial: a long sequence, and how long. */
extern int64_t rseq4j_window;
int32_t rseq4j_add_wide(char *base, uint64_t stride, uint32_t count, uint64_t id_offset, int64_t value);

#endif
