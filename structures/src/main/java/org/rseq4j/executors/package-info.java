// SPDX-License-Identifier: Apache-2.0
/**
 * Executors whose tasks wait in a queue of this library, by the names of {@link java.util.concurrent.Executors}.
 *
 * @since 0.1.0
 */
package org.rseq4j.executors;
