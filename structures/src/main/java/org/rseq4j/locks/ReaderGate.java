package org.rseq4j.locks;

/** What every reader reads and only writers write, on a line of its own. */
abstract class ReaderGate extends Padding {
    /** Bits of PerCpuReadWriteLock; 0: readers come in by their slots. */
    int gate;
    /** Of the lock, never used again. */
    final long id;

    ReaderGate(long id) {
        this.id = id;
    }
}
