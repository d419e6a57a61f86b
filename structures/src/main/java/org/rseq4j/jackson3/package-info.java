// SPDX-License-Identifier: Apache-2.0
/**
 * A recycler pool for Jackson 3, which is an optional dependency.
 *
 * @since 0.1.0
 */
package org.rseq4j.jackson3;
