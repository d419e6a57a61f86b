// SPDX-License-Identifier: Apache-2.0
/**
 * The recycler pool for Jackson 3, for who uses it.
 *
 * @since 0.1.0
 */
package org.rseq4j.jackson3;
