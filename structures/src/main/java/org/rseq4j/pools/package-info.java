/**
 * Pools of objects whose contention and size do not depend on the number of threads.
 *
 * @since 0.1.0
 */
package org.rseq4j.pools;
