// SPDX-License-Identifier: Apache-2.0
/**
 * One class a structure, one nested state for each set of operations that can interfere. Every outcome is described as
 * the interleaving that leads to it, and the forbidden one as the bug that it would be. {@code bin/jcstress} runs them.
 */
package org.rseq4j.jcstress;
