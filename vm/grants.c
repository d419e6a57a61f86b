/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks for time slice extensions and counts what becomes of them, so that bin/vm --stats can be checked against a
 * program that knows. One thread goes through short critical sections, another keeps the same CPU busy.
 *
 * usage: grants [seconds]      prints "granted N yielded N intime N late N sections N"
 *        grants --prctl        prints what enabling the extension gives: "prctl 0" or "prctl ERRNO"
 *        grants --size         prints how much of the area the C library has registered: "size N"
 *
 * granted: sections that ended with the granted byte set. yielded: rseq_slice_yield calls. intime: those that returned
 * 1. late: sections that found their request gone and no grant: it was revoked, or never given.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SYS_RSEQ_SLICE_YIELD 471 /* Linux 7.0 */
#define PR_RSEQ_SLICE_EXTENSION 79
#define AT_FEATURE_SIZE 27 /* AT_RSEQ_FEATURE_SIZE */
#define OFFSET_SLICE_REQUEST 28
#define OFFSET_SLICE_GRANTED 29

/* More than 32 bytes: V2, the only kind that may have the extension. Aligned for AT_RSEQ_ALIGN. */
static __thread unsigned char own_area[128] __attribute__((aligned(128)));

static volatile int stop;
static volatile uint64_t sink;

static void pin(int cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof set, &set);
}

/* The thread's V2 area: the C library's from 2.41 on, else our own in place of the C library's 32 bytes. */
static volatile unsigned char *v2_area(void)
{
	unsigned char *libc_area = (unsigned char *)__builtin_thread_pointer() + __rseq_offset;
	unsigned long size = getauxval(AT_FEATURE_SIZE);

	if (size < 33)
		return NULL;
	if (__rseq_size >= 33)
		return libc_area;
	if (__rseq_size)
		syscall(SYS_rseq, libc_area, 32, 1, RSEQ_SIG);
	memset(own_area, 0, sizeof own_area);
	if (syscall(SYS_rseq, own_area, sizeof own_area, 0, RSEQ_SIG)) {
		perror("rseq");
		return NULL;
	}
	return own_area;
}

static void *noise(void *unused)
{
	pin(0);
	while (!stop)
		sink++;
	return unused;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--size")) {
		printf("size %u\n", __rseq_size);
		return 0;
	}

	volatile unsigned char *area = v2_area();
	pthread_t thread;
	unsigned long granted = 0, yielded = 0, intime = 0, late = 0, sections = 0;

	if (!area) {
		printf("prctl none\n");
		return 3;
	}
	if (prctl(PR_RSEQ_SLICE_EXTENSION, 2, 1, 0, 0)) {
		printf("prctl %d\n", errno);
		return argc > 1 && !strcmp(argv[1], "--prctl") ? 0 : 4;
	}
	if (argc > 1 && !strcmp(argv[1], "--prctl")) {
		printf("prctl 0\n");
		return 0;
	}

	double end = now() + (argc > 1 ? atof(argv[1]) : 2);
	pin(0);
	pthread_create(&thread, NULL, noise, NULL);
	while (now() < end) {
		/* Many sections to one look at the clock, which may be a system call. */
		for (int i = 0; i < 1000; i++) {
			area[OFFSET_SLICE_REQUEST] = 1;
			__asm__ volatile("" ::: "memory");
			for (int j = 0; j < 200; j++)
				sink++;
			__asm__ volatile("" ::: "memory");
			unsigned char untouched = area[OFFSET_SLICE_REQUEST];
			area[OFFSET_SLICE_REQUEST] = 0;
			__asm__ volatile("" ::: "memory");
			if (area[OFFSET_SLICE_GRANTED]) {
				granted++;
				yielded++;
				if (syscall(SYS_RSEQ_SLICE_YIELD) == 1)
					intime++;
			} else if (!untouched) {
				late++;
			}
			sections++;
		}
	}
	stop = 1;
	pthread_join(thread, NULL);
	printf("granted %lu yielded %lu intime %lu late %lu sections %lu\n", granted, yielded, intime, late, sections);
	return 0;
}
