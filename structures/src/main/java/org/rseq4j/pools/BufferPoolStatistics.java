// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

/**
 * What a {@link PerCpuBufferPool} did since it was made, and what it has now; exact while nobody uses it, also when it
 * is trimmed meanwhile. Acquires and releases that the current CPU's stack serves are not counted: to count one costs a
 * third of what it takes.
 *
 * @param refills batches that went from a size's central list to a CPU's stack, each for an acquire that found it empty
 * @param flushes batches that went from a CPU's stack to the central list, each for a release that found it full
 * @param unpooled buffers that were handed out from outside of the pool: larger than its largest, or beyond its bound
 * @param spansGivenBack spans of 2 MiB whose pages were given back to the system, those outside of the pool included
 * @param spanBytes memory of the spans that are cut into buffers now, in use and free: at most the bound
 * @param freeBytes memory of the free buffers among these
 * @param unpooledBytes memory outside of the pool now: buffers that are larger than a span, and spans for those that
 *            are not, of which one of each size may be free
 * @since 0.1.0
 */
public record BufferPoolStatistics(long refills, long flushes, long unpooled, long spansGivenBack, long spanBytes,
        long freeBytes, long unpooledBytes) {
}
