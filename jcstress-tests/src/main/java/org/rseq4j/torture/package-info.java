// SPDX-License-Identifier: Apache-2.0
/**
 * All structures at once under a seeded schedule of faults, with exact conservation at the end; {@code bin/torture}.
 */
package org.rseq4j.torture;
