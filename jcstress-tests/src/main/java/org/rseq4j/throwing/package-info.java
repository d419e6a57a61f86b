// SPDX-License-Identifier: Apache-2.0
/**
 * Throws a Throwable at every point of every operation, and looks whether anything was left behind: {@code bin/throws}.
 */
package org.rseq4j.throwing;
