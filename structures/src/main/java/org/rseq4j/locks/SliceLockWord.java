package org.rseq4j.locks;

/**
 * What every acquisition writes, on one cache line of its own, so that it moves between CPUs once. The owner is a thread
 * id: a reference would mark a card of the garbage collector's table at each acquisition, a second line that moves.
 */
abstract class SliceLockWord extends Padding {
    int state;
    int holds;
    long ownerId;
    long section;
}
