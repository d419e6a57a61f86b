// SPDX-License-Identifier: Apache-2.0
/** What benchmarks want to see of the queues' inside. */
package org.rseq4j.queues;
