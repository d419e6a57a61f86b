/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registration of a thread's rseq area: the C library's, or one of the library's own in the thread's record; and
 * the trials that say which a process can have.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rseq4j.h"
#include "rseq4j_thread.h"
#include "rseq4j_records.h"

#ifndef AT_RSEQ_FEATURE_SIZE
#define AT_RSEQ_FEATURE_SIZE 27 /* include/uapi/linux/auxvec.h */
#endif
#ifndef AT_RSEQ_ALIGN
#define AT_RSEQ_ALIGN 28
#endif
#define RSEQ_FLAG_UNREGISTER 1      /* include/uapi/linux/rseq.h */
#define RSEQ_LEGACY_SIZE 32         /* the length that makes a registration legacy, and glibc's before 2.41 */
#define PR_RSEQ_SLICE_EXTENSION 79  /* include/uapi/linux/prctl.h */
#define PR_RSEQ_SLICE_EXTENSION_SET 2
#define PR_RSEQ_SLICE_EXT_ENABLE 1

/* musl, and glibc before 2.35, lack these. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));
extern const char *gnu_get_libc_version(void) __attribute__((weak));

/* What rseq4j_configure chose for the process. */
static int use_libc, use_own, use_slice;
ptrdiff_t libc_offset;

static int64_t sys_error(long result)
{
    return result < 0 ? errno : 0;
}

static struct rseq_area *libc_area(void)
{
    if (!&__rseq_offset) {
        return NULL;
    }
    return (struct rseq_area *) ((char *) thread_pointer() + __rseq_offset);
}

static int libc_area_registered(void)
{
    struct rseq_area *area = libc_area();
    /* The size is 0 when glibc.pthread.rseq=0; where it registered, cpu_id is not negative. */
    return area && &__rseq_size && __rseq_size != 0 && (int32_t) *(volatile uint32_t *) &area->cpu_id >= 0;
}

static uint64_t auxiliary(unsigned long type, uint64_t otherwise)
{
    uint64_t value = getauxval(type);
    return value ? value : otherwise;
}

uint64_t area_align(void)
{
    uint64_t align = auxiliary(AT_RSEQ_ALIGN, RSEQ_LEGACY_SIZE);
    return align < RSEQ_LEGACY_SIZE ? RSEQ_LEGACY_SIZE : align;
}

uint64_t area_size(void)
{
    uint64_t align = area_align();
    uint64_t size = auxiliary(AT_RSEQ_FEATURE_SIZE, RSEQ_LEGACY_SIZE);
    return (size + align - 1) / align * align;
}

EXPORT void rseq4j_probe(struct probe *out)
{
    memset(out, 0, sizeof *out);
    out->feature_size = getauxval(AT_RSEQ_FEATURE_SIZE);
    out->align = getauxval(AT_RSEQ_ALIGN);
    out->libc_known = &__rseq_offset && &__rseq_size;
    if (out->libc_known) {
        out->libc_offset = __rseq_offset;
        out->libc_size = __rseq_size;
        out->libc_cpu_id = __rseq_size ? (int32_t) libc_area()->cpu_id : -1;
    } else {
        out->libc_cpu_id = -1;
    }
    out->possible_cpus = sysconf(_SC_NPROCESSORS_CONF);
    /* Flags that no kernel knows: EINVAL from rseq itself, ENOSYS without it, EPERM or ENOSYS from a seccomp filter. */
    out->syscall_error = sys_error(syscall(NR_RSEQ, NULL, 0, 1 << 30, 0));
    if (gnu_get_libc_version) {
        strcpy(out->libc_version, "glibc ");
        strncat(out->libc_version, gnu_get_libc_version(), sizeof out->libc_version - 7);
    }
}

/* What the C library registered: 32 bytes before glibc 2.41, then the kernel's feature size as it is. */
static uint64_t libc_length(void)
{
    return &__rseq_size && __rseq_size > RSEQ_LEGACY_SIZE ? __rseq_size : RSEQ_LEGACY_SIZE;
}

/* The length that the C library's registration of this thread had until now; 0, with errno, when it stays. */
static uint64_t unregister_libc(void)
{
    uint64_t lengths[] = { libc_length(), area_size() };
    for (int i = 0; i < 2; i++) {
        if (syscall(NR_RSEQ, libc_area(), lengths[i], RSEQ_FLAG_UNREGISTER, RSEQ_SIG) == 0) {
            return lengths[i];
        }
    }
    return 0;
}

static int register_area(struct rseq_area *area, uint64_t length)
{
    int error = 0;
    for (int tries = 0; tries < 3; tries++) {
        error = (int) sys_error(syscall(NR_RSEQ, area, length, 0, RSEQ_SIG));
        if (error != EAGAIN && error != ENOMEM && error != EINTR) {
            break;
        }
    }
    return error;
}

/* The thread keeps the C library's area, registered again, when its own cannot be. Returns why it cannot. */
static int register_own(struct thread_record *record)
{
    struct rseq_area *area = own_area(record);
    uint64_t theirs = 0;
    if (libc_area_registered() && (theirs = unregister_libc()) == 0) {
        return errno;
    }
    memset(area, 0, area_size());
    area->cpu_id = (uint32_t) -1;
    int error = register_area(area, area_size());
    if (error == 0) {
        record->registration = REGISTRATION_OWN;
        set_area(record, area);
    } else if (theirs != 0 && register_area(libc_area(), theirs) == 0) {
        record->registration = REGISTRATION_LIBC;
        set_area(record, libc_area());
    }
    return error;
}

int unregister_own(struct thread_record *record)
{
    return record->registration == REGISTRATION_OWN
        ? (int) syscall(NR_RSEQ, own_area(record), area_size(), RSEQ_FLAG_UNREGISTER, RSEQ_SIG)
        : 0;
}

static void give_back_to_libc(struct thread_record *record)
{
    struct rseq_area *theirs = libc_area();
    if (record->registration != REGISTRATION_OWN) {
        return;
    }
    unregister_own(record);
    record->registration = REGISTRATION_NONE;
    set_area(record, NULL);
    if (theirs && &__rseq_size && __rseq_size != 0) {
        syscall(NR_RSEQ, theirs, libc_length(), 0, RSEQ_SIG);
    }
}

static int enable_slice(void)
{
    if (prctl(PR_RSEQ_SLICE_EXTENSION, PR_RSEQ_SLICE_EXTENSION_SET, PR_RSEQ_SLICE_EXT_ENABLE, 0, 0) != 0) {
        return errno;
    }
    return 0;
}

static void register_as(struct thread_record *record, int libc, int own, int slice)
{
    record->registration_error = 0;
    if (libc && libc_area_registered()) {
        record->registration = REGISTRATION_LIBC;
        set_area(record, libc_area());
    } else if (own) {
        record->registration_error = register_own(record);
    } else {
        record->registration_error = libc ? ENXIO : 0;
    }
    record->slice_error = -1;
    if (slice && record->area) {
        record->slice_error = enable_slice();
    }
}

void register_thread(struct thread_record *record)
{
    register_as(record, use_libc, use_own, use_slice);
}

/* One call, before any thread attaches. Which registrations a thread may have, and whether to ask for the extension. */
EXPORT int rseq4j_configure(int libc, int own, int slice)
{
    use_libc = libc;
    use_own = own;
    use_slice = slice;
    libc_offset = libc && libc_area() ? __rseq_offset : 0;
    return make_record_key();
}

/* A trial registration on a thread of its own, which leaves nothing behind. */
struct trial {
    int libc, own, slice;
    int registration, registration_error, slice_error;
    uint32_t flags;
};

static void *try_thread(void *argument)
{
    struct trial *trial = argument;
    /* As a thread of the program does: an allocator may register it at its first allocation. */
    void *volatile allocated = malloc(100);
    free(allocated);
    struct thread_record *record = new_record();
    if (!record) {
        trial->registration_error = ENOMEM;
        return NULL;
    }
    set_area(record, NULL);
    record->registration = REGISTRATION_NONE;
    record->java_thread = 0;
    register_as(record, trial->libc, trial->own, trial->slice);
    trial->registration = (int) record->registration;
    trial->registration_error = record->registration_error;
    trial->slice_error = record->slice_error;
    trial->flags = record->area ? *(volatile uint32_t *) &record->area->flags : 0;
    give_back_to_libc(record);
    record->registration = REGISTRATION_NONE;
    set_area(record, NULL);
    free_record(record);
    return NULL;
}

EXPORT int rseq4j_try(struct trial *trial)
{
    pthread_t thread;
    trial->registration = trial->registration_error = 0;
    trial->slice_error = -1;
    trial->flags = 0;
    int error = pthread_create(&thread, NULL, try_thread, trial);
    return error ? error : pthread_join(thread, NULL);
}
