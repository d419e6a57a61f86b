// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import java.io.IOException;
import java.io.InvalidClassException;
import java.io.InvalidObjectException;
import java.io.ObjectInputFilter;
import java.io.ObjectInputStream;
import java.io.ObjectStreamException;
import java.io.Serializable;
import java.time.Duration;
import java.util.Arrays;

/**
 * What of a queue goes into a stream: its kind, its bound and its elements. No record: in the place of a reference back
 * to one that is still being read, a stream puts null.
 */
@SuppressWarnings("serial") // the elements are as serializable as they are
final class SerializedQueue implements Serializable {
    static final byte BLOCKING = 1;
    static final byte NON_BLOCKING = 2;
    private static final long serialVersionUID = 1;

    private final byte kind;
    private final int capacity;
    private final boolean fair;
    private final long overtaking;
    private final Object[] elements;

    SerializedQueue(byte kind, int capacity, boolean fair, long overtaking, Object[] elements) {
        this.kind = kind;
        this.capacity = capacity;
        this.fair = fair;
        this.overtaking = overtaking;
        this.elements = elements;
    }

    /** What the stream's filter is told of a capacity. Depth, references and bytes the stream has checked itself. */
    private record Places(long arrayLength) implements ObjectInputFilter.FilterInfo {
        @Override
        public Class<?> serialClass() {
            return Object[].class;
        }

        @Override
        public long depth() {
            return 1;
        }

        @Override
        public long references() {
            return 1;
        }

        @Override
        public long streamBytes() {
            return 1;
        }
    }

    /**
     * A few bytes can name a capacity of 2^30. As before each array, and before the JDK's collections allocate what a
     * stream asks for, its filter may refuse that.
     */
    private void readObject(ObjectInputStream stream) throws IOException, ClassNotFoundException {
        stream.defaultReadObject();
        ObjectInputFilter filter = stream.getObjectInputFilter();
        if (capacity > 0 && filter != null) {
            ObjectInputFilter.Status status = filter.checkInput(new Places(capacity));
            if (status == null || status == ObjectInputFilter.Status.REJECTED) {
                throw new InvalidClassException(SerializedQueue.class.getName(),
                        "filter status " + status + " for a capacity of " + capacity);
            }
        }
    }

    private Object readResolve() throws ObjectStreamException {
        try {
            return switch (kind) {
                case BLOCKING -> blocking();
                case NON_BLOCKING -> new SliceMpmcUnboundedQueue<>(Arrays.asList(elements));
                default -> throw new InvalidObjectException("an unknown kind of queue: " + kind);
            };
        } catch (IllegalArgumentException | NullPointerException e) {
            var invalid = new InvalidObjectException("not a queue's elements");
            invalid.initCause(e);
            throw invalid;
        }
    }

    private Object blocking() {
        var builder = SliceBlockingQueue.builder().fair(fair).overtaking(Duration.ofNanos(overtaking));
        SliceBlockingQueue<Object> queue = (capacity == 0 ? builder : builder.capacity(capacity)).build();
        for (Object element : elements) {
            if (!queue.offer(element)) {
                throw new IllegalArgumentException("more elements than the capacity");
            }
        }
        return queue;
    }
}
