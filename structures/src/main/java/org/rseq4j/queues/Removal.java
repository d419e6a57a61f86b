// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

/**
 * Indices at which elements were taken out of the middle of a ring, all at once; those before them moved up. A list of
 * these tells an iterator where its elements are now.
 */
final class Removal {
    /** What {@link #moved} says of an element that was taken out itself. */
    static final long GONE = Long.MIN_VALUE + 1; // odd, so no index

    /** Ascending. */
    private long[] indices;
    private int count;
    /** Written under the lock of the head. */
    volatile Removal next;

    Removal(long[] indices, int count) {
        this.indices = indices;
        this.count = count;
    }

    int count() {
        return count;
    }

    long[] indices() {
        return indices;
    }

    void add(long index) {
        if (count == indices.length) {
            indices = java.util.Arrays.copyOf(indices, Math.max(8, 2 * count));
        }
        indices[count++] = index;
    }

    /** How many of the indices are at or behind this one. */
    private int from(long index) {
        int low = 0;
        int high = count;
        while (low < high) {
            int middle = low + high >>> 1;
            if (indices[middle] - index < 0) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return count - low;
    }

    /** Where the element that stood at this index is after this removal; {@link #GONE} when it was taken out. */
    long moved(long index) {
        int behind = from(index);
        if (behind > 0 && indices[count - behind] == index) {
            return GONE;
        }
        return index + ((long) behind << 1);
    }

    /** Where the next element to look at is after this removal, when it was at this index before. */
    long movedNext(long index) {
        return index + ((long) from(index) << 1);
    }

    /** Makes these indices, which are right before another removal, right after it. */
    void follow(Removal other) {
        int kept = 0;
        for (int i = 0; i < count; i++) {
            long now = other.moved(indices[i]);
            if (now != GONE) {
                indices[kept++] = now;
            }
        }
        count = kept;
    }

    /** Forgets the indices before this one. */
    void dropBefore(long index) {
        int kept = from(index);
        System.arraycopy(indices, count - kept, indices, 0, kept);
        count = kept;
    }
}
