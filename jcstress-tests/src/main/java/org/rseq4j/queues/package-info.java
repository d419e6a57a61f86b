// SPDX-License-Identifier: Apache-2.0
/** What the tests of interleavings need to know of the inside of queues. */
package org.rseq4j.queues;
