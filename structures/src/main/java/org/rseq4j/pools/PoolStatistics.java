// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

/**
 * What a pool has done since it was made; exact while nobody uses it.
 *
 * @param hits objects that were acquired from the pool
 * @param misses acquires that found no object
 * @param steals objects that came from another CPU's slab
 * @param drops objects that were released and not kept, or given back by age
 * @param pooled objects in the pool now
 * @since 0.1.0
 */
public record PoolStatistics(long hits, long misses, long steals, long drops, int pooled) {
}
