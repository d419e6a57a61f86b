/* SPDX-License-Identifier: Apache-2.0 */
/* What the C side and the Java side share. Java reads the offsets below from org.rseq4j.internal.linux.Abi. */
#ifndef RSEQ4J_H
#define RSEQ4J_H

#include <stdint.h>

/* struct rseq of include/uapi/linux/rseq.h, Linux 7.3; only the fields that are used here. */
struct rseq_area {
    uint32_t cpu_id_start;
    uint32_t cpu_id;
    uint64_t rseq_cs;
    uint32_t flags;
    uint32_t node_id;
    uint32_t mm_cid;
    uint8_t slice_request;
    uint8_t slice_granted;
    uint16_t slice_reserved;
    uint8_t reserved;
} __attribute__((aligned(32)));

/* Which registration a thread has. */
enum { REGISTRATION_NONE = 0, REGISTRATION_LIBC = 1, REGISTRATION_OWN = 2 };

/*
 * One for each OS thread that uses the library. Its memory is reused after the thread has gone but never unmapped, so
 * that a stale address can be read, always. The thread's own area, when there is one, stands RECORD_SIZE bytes behind.
 */
struct thread_record {
    uint64_t section;           /* 0: Java's (Section): the last section; its low 43 bits are the area's address / 32 */
    struct rseq_area *area;     /* 8: 0 when this thread has no registration */
    uint64_t reserved;          /* 16 */
    uint64_t java_thread;       /* 24: Thread.threadId() of the last one that attached; 0 when the thread has gone */
    uint64_t aborts;            /* 32: restartable sequences that were aborted on this thread */
    uint32_t registration;      /* 40: REGISTRATION_* */
    int32_t registration_error; /* 44: errno of the registration, 0 when it succeeded */
    int32_t slice_error;        /* 48: errno of the prctl, 0 when the extension is on, -1 when it was not tried */
    uint32_t exit_rounds;       /* 52 */
    struct thread_record *next; /* 56: of the free ones */
    uint64_t unused[8];
};
#define RECORD_SIZE 128
_Static_assert(sizeof(struct thread_record) == RECORD_SIZE, "Java knows these offsets");

/* What rseq4j_probe finds out about the process; it changes nothing. */
struct probe {
    uint64_t feature_size;  /* 0: getauxval(AT_RSEQ_FEATURE_SIZE), 0 before Linux 6.3 */
    uint64_t align;         /* 8: getauxval(AT_RSEQ_ALIGN), 0 before Linux 6.3 */
    int64_t libc_offset;    /* 16: __rseq_offset */
    uint64_t libc_size;     /* 24: __rseq_size, 0 when the C library did not register */
    int64_t libc_known;     /* 32: 1 when the C library has these symbols */
    int64_t libc_cpu_id;    /* 40: cpu_id in the C library's area of this thread; negative: not registered */
    int64_t possible_cpus;  /* 48: sysconf(_SC_NPROCESSORS_CONF) */
    int64_t syscall_error;  /* 56: errno of an rseq system call that cannot succeed; EINVAL when the kernel has rseq */
    char libc_version[32];  /* 64: "glibc 2.36", "" when unknown */
};

#endif
