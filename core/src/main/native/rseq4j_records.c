/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records, one for each OS thread that uses the library: made and registered at the thread's first call, given to
 * another thread when it has gone.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>

#include "rseq4j.h"
#include "rseq4j_thread.h"
#include "rseq4j_records.h"

static pthread_mutex_t records_lock = PTHREAD_MUTEX_INITIALIZER;
static struct thread_record *free_records;
static char *chunk, *chunk_end;
static uint64_t records_made, records_free;
/* How many times a thread got no area, and why the last one did not. */
static uint64_t without_area;
static int without_area_error;

static pthread_key_t record_key;
static int record_key_made;

__thread struct thread_record *self;

struct rseq_area *own_area(struct thread_record *record)
{
    uint64_t align = area_align();
    uint64_t offset = (RECORD_SIZE + align - 1) / align * align;
    return (struct rseq_area *) ((char *) record + offset);
}

/* For sections on a thread without an area: a request that is another's. */
static struct rseq_area area_of_none = { .slice_request = 1 };

/* Sections go on to be counted where the record's last thread left off. */
#define SECTION_COUNT (UINT64_C(0xFFFFF) << 43)

void set_area(struct thread_record *record, struct rseq_area *area)
{
    record->area = area;
    record->section = (record->section & SECTION_COUNT) | (uint64_t) (area ? area : &area_of_none) >> 5;
}

struct thread_record *new_record(void)
{
    struct thread_record *record = NULL;
    pthread_mutex_lock(&records_lock);
    if (free_records) {
        record = free_records;
        free_records = record->next;
        records_free--;
    } else {
        /* Neighbours do not share a cache line, nor a pair of lines that the prefetcher fetches together. */
        uint64_t align = area_align() < 128 ? 128 : area_align();
        uint64_t size = ((char *) own_area(NULL) - (char *) NULL) + area_size();
        size = (size + align - 1) / align * align;
        if (chunk == NULL || chunk + size > chunk_end) {
            size_t length = size * 256;
            char *made = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (made == MAP_FAILED) {
                goto out;
            }
            chunk = made;
            chunk_end = made + length;
        }
        record = (struct thread_record *) chunk;
        chunk += size;
        records_made++;
    }
out:
    pthread_mutex_unlock(&records_lock);
    return record;
}

void free_record(struct thread_record *record)
{
    pthread_mutex_lock(&records_lock);
    record->next = free_records;
    free_records = record;
    records_free++;
    pthread_mutex_unlock(&records_lock);
}

/*
 * A pthread key's destructor. HotSpot detaches a thread in a destructor of its own, which may run Java code after this
 * one was called: so this one asks to be called again and acts in the last of the rounds that POSIX promises.
 */
static void thread_exits(void *value)
{
    struct thread_record *record = value;
    if (++record->exit_rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
        pthread_setspecific(record_key, record);
        return;
    }
    self = SELF_GONE;
    if (unregister_own(record) != 0) {
        return; /* The kernel may still write there: this area is never used again. */
    }
    record->registration = REGISTRATION_NONE;
    set_area(record, NULL);
    record->java_thread = 0;
    free_record(record);
}

int make_record_key(void)
{
    int error = 0;
    pthread_mutex_lock(&records_lock);
    if (!record_key_made) {
        error = pthread_key_create(&record_key, thread_exits);
        record_key_made = error == 0;
    }
    pthread_mutex_unlock(&records_lock);
    return error;
}

/* The record of this thread, made and registered at the first call; NULL when the thread is at its very end. */
EXPORT struct thread_record *rseq4j_attach(uint64_t java_thread)
{
    struct thread_record *record = self;
    if (record == SELF_GONE || !record_key_made) {
        return NULL;
    }
    if (!record) {
        record = new_record();
        if (!record) {
            return NULL;
        }
        set_area(record, NULL);
        record->aborts = 0;
        record->registration = REGISTRATION_NONE;
        record->exit_rounds = 0;
        if (pthread_setspecific(record_key, record) != 0) {
            free_record(record);
            return NULL;
        }
        register_thread(record);
        self = record;
        if (!record->area) {
            pthread_mutex_lock(&records_lock);
            without_area++;
            without_area_error = record->registration_error;
            pthread_mutex_unlock(&records_lock);
        }
    }
    if (java_thread) {
        record->java_thread = java_thread;
    }
    return record;
}

/* The record of this thread, NULL before rseq4j_attach. */
EXPORT struct thread_record *rseq4j_current(void)
{
    struct thread_record *record = self;
    return record == SELF_GONE ? NULL : record;
}

/*
 * The area of this thread, for Java; it may not have asked for the extension yet. NULL: it has none, or has to attach.
 */
EXPORT struct rseq_area *rseq4j_area(void)
{
    struct rseq_area *area = quick_area();
    return area ? area : recorded_area();
}

/* { records ever made, records free now, how many times a thread got no area, errno of the last of these } */
EXPORT void rseq4j_records(uint64_t *out)
{
    pthread_mutex_lock(&records_lock);
    out[0] = records_made;
    out[1] = records_free;
    out[2] = without_area;
    out[3] = (uint64_t) without_area_error;
    pthread_mutex_unlock(&records_lock);
}
