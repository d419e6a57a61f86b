package org.rseq4j.pools;

/**
 * What a {@link PerCpuBufferPool} has and did; exact while nobody uses it, also when it is trimmed meanwhile. Acquires and releases that the current CPU's stack
 * serves are not counted: to count one costs a third of what it takes.
 *
 * @param refills batches that went from a central list to a CPU's stack, each for an acquire that found it empty
 * @param flushes batches that went from a CPU's stack to a central list, each for a release that found it full
 * @param unpooled buffers that were made outside of the pool: too large, or beyond the bound
 * @param spansGivenBack spans of 2 MiB whose pages were given back to the system
 * @param spanBytes memory of the spans that are cut into buffers now, at most the bound
 * @param freeBytes memory of the buffers in the pool now, a part of {@code spanBytes}; the rest is in use
 * @since 0.1.0
 */
public record BufferPoolStatistics(long refills, long flushes, long unpooled, long spansGivenBack, long spanBytes,
        long freeBytes) {
    /** Of the size classes, each of which adds its own. */
    static final class Sum {
        long refills;
        long flushes;
        long freeBytes;
    }
}
