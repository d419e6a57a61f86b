// SPDX-License-Identifier: Apache-2.0
/**
 * The doctor: what the core jar prints when it is run. It knows the public API alone, and nothing knows it.
 */
package org.rseq4j.internal;
