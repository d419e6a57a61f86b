// SPDX-License-Identifier: Apache-2.0
/** What no input may do to a parser and no order of calls to a structure; {@code bin/fuzz} looks for one that does. */
package org.rseq4j.fuzz;
