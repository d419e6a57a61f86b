/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that Java makes, with their errors; and a call of nothing. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* include/uapi/asm-generic/mman-common.h */
#endif

#include "rseq4j.h"
#include "rseq4j_thread.h"

/* 1 when the grant was given back in time, else 0; -errno without the call. */
EXPORT int rseq4j_slice_yield(void)
{
    long result = syscall(NR_RSEQ_SLICE_YIELD);
    return result < 0 ? -errno : (int) result;
}

/*
 * The result, or -errno. A process that was restored from a checkpoint may have to register anew for the commands that
 * it had registered for (CRIU before 3.19 does not do it): EPERM.
 */
EXPORT int rseq4j_membarrier(int command, unsigned flags, int cpu)
{
    long result = syscall(SYS_membarrier, command, flags, cpu);
    if (result < 0 && errno == EPERM && (command == MEMBARRIER_PRIVATE_EXPEDITED || command == MEMBARRIER_RSEQ)
        && syscall(SYS_membarrier, MEMBARRIER_REGISTER(command), 0, 0) == 0) {
        result = syscall(SYS_membarrier, command, flags, cpu);
    }
    return result < 0 ? -errno : (int) result;
}

/* The address, or -errno. */
EXPORT int64_t rseq4j_map(uint64_t length)
{
    void *made = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return made == MAP_FAILED ? -(int64_t) errno : (int64_t) made;
}

EXPORT int rseq4j_unmap(void *address, uint64_t length)
{
    return munmap(address, length) ? -errno : 0;
}

/* Gives the pages back; the addresses stay valid and read as zero. */
EXPORT int rseq4j_discard(void *address, uint64_t length)
{
    return madvise(address, length, MADV_DONTNEED) ? -errno : 0;
}

/* Makes each page writable now. -EFAULT: a file has no block there, and its disk no room. Linux 5.14. */
EXPORT int rseq4j_populate(void *address, uint64_t length)
{
    return madvise(address, length, MADV_POPULATE_WRITE) ? -errno : 0;
}

/* Asks for huge pages, where the system leaves it to the program. A hint: the error is for who wants to tell it. */
EXPORT int rseq4j_huge_pages(void *address, uint64_t length)
{
    return madvise(address, length, MADV_HUGEPAGE) ? -errno : 0;
}

/* What the empty downcall costs, for benchmarks. */
EXPORT int rseq4j_empty(void)
{
    return 0;
}
