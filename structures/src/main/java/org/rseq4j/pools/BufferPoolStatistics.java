// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

/**
 * What a {@link PerCpuBufferPool} has and did; exact while nobody uses it, also when it is trimmed meanwhile. Acquires
 * and releases that the current CPU's stack serves are not counted: to count one costs a third of what it takes.
 *
 * @param refills batches that went from a central list to a CPU's stack, each for an acquire that found it empty
 * @param flushes batches that went from a CPU's stack to a central list, each for a release that found it full
 * @param unpooled buffers that were handed out from outside of the pool: too large, or beyond the bound
 * @param spansGivenBack spans of 2 MiB whose pages were given back to the system
 * @param spanBytes memory of the spans that are cut into buffers now, at most the bound
 * @param freeBytes memory of the buffers in the pool now, a part of {@code spanBytes}; the rest is in use
 * @param unpooledBytes memory outside of the pool now: what is in use there, in whole spans where buffers are not
 *             larger, and at most one free span for each size
 * @since 0.1.0
 */
public record BufferPoolStatistics(long refills, long flushes, long unpooled, long spansGivenBack, long spanBytes,
        long freeBytes, long unpooledBytes) {
}
