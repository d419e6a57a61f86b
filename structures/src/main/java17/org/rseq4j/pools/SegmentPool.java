// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

/** What the class of this name for Java 22 needs, which adds the methods for memory segments. */
abstract class SegmentPool {
    SegmentPool() {
    }

    abstract Object handedOut(long bytes);

    abstract boolean push(long address);

    abstract void releaseSpecially(long address, boolean alive);
}
