// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

/**
 * What a pool has done since it was made, and what it has now. Each number is exact while nobody uses the pool, and a
 * moment's value otherwise; they are not read at one moment.
 *
 * @param hits acquires that were given an object that had been pooled, at once or after they had waited for its release
 * @param misses acquires that found none: the factory made an object for them, or they ended without one, by null or a
 *            TimeoutException
 * @param steals objects that were moved or taken from where another CPU or thread keeps its own
 * @param drops objects that left the pool for good: they were released and not kept, idle, too old, not valid, or given
 *            up by {@link PerCpuPool#discard}
 * @param pooled objects in the pool now
 * @param existing objects that the factory made and that have not left for good; those that are not pooled are in use,
 *            just being made or discarded, or were lost by who acquired them. Objects that the factory did not make are
 *            not in this number, and make it too small when they leave
 * @param waiting threads that wait for an object now; 0 without {@link PerCpuPool.Builder#maxSize}
 * @since 0.1.0
 */
public record PoolStatistics(long hits, long misses, long steals, long drops, int pooled, long existing, int waiting) {
}
