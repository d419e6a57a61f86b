/* SPDX-License-Identifier: Apache-2.0 */
/* What records and registration know of each other. */
#ifndef RSEQ4J_RECORDS_H
#define RSEQ4J_RECORDS_H

#include <stdint.h>

#include "rseq4j.h"

#pragma GCC visibility push(hidden)

/* rseq4j_records.c */

/* Once, before any thread attaches: 0, or the errno. */
int make_record_key(void);
/* Without an area; NULL when there is no memory. */
struct thread_record *new_record(void);
void free_record(struct thread_record *record);
/* The place in a record for an area of the library's own. */
struct rseq_area *own_area(struct thread_record *record);
/* Which area the thread uses; NULL for none. */
void set_area(struct thread_record *record, struct rseq_area *area);

/* rseq4j_registration.c */

/* The length to register: the kernel's feature size, rounded up to its alignment; 32 before both were told. */
uint64_t area_size(void);
uint64_t area_align(void);
/* Registers the running thread, whose record this is, as rseq4j_configure chose. */
void register_thread(struct thread_record *record);
/* 0, also where the thread has no area of its own; else the kernel may still write to that. */
int unregister_own(struct thread_record *record);

#pragma GCC visibility pop

#endif
