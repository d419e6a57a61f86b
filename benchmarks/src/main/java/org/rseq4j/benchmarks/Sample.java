// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

/**
 * One round.
 *
 * @param rate operations a second over all threads
 * @param slowest the slowest thread's share of the mean
 * @param interval nanoseconds between two operations of one thread, in the mean; 0 when there were none
 * @param allocated bytes allocated on the heap for each operation, by all threads
 * @param compiled milliseconds that the JIT took for what it ended to compile since the round before
 */
record Sample(double rate, double slowest, long interval, double allocated, long compiled) {
}
