// SPDX-License-Identifier: Apache-2.0
/**
 * A plugin for Log4j 2, which is an optional dependency.
 *
 * @since 0.1.0
 */
package org.rseq4j.log4j;
