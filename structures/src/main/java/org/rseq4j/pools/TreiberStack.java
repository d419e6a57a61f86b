// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * An unbounded lock-free stack (R. K. Treiber: Systems Programming: Coping with Parallelism, 1986). A push allocates,
 * and each push has a node of its own, so that no node comes back to the top. What throws did not happen.
 */
final class TreiberStack {
    private static final VarHandle TOP;
    private static final VarHandle TAKEN;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            TOP = lookup.findVarHandle(TreiberStack.class, "top", Node.class);
            TAKEN = lookup.findVarHandle(TreiberStack.class, "taken", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private static final class Node {
        final Object object;
        Node next;
        /** How many objects there are from here down. */
        int size;

        Node(Object object) {
            this.object = object;
        }
    }

    private volatile Node top;
    private volatile long taken;
    /** What both were at the last trim; hints. */
    private int sizeBefore;
    private long takenBefore;

    void push(Object object) {
        var node = new Node(object);
        do {
            node.next = top;
            node.size = node.next == null ? 1 : node.next.size + 1;
        } while (!TOP.compareAndSet(this, node.next, node));
    }

    /** An object, or null when there is none. */
    Object tryPop() {
        Node node = top;
        while (node != null && !TOP.compareAndSet(this, node, node.next)) {
            node = top;
        }
        if (node == null) {
            return null;
        }
        try {
            TAKEN.getAndAdd(this, 1L);
        } catch (Throwable e) {
            // No stack to count it; the object is the caller's.
        }
        return node.object;
    }

    int size() {
        Node node = top;
        return node == null ? 0 : node.size;
    }

    /** How often an object was popped. */
    long taken() {
        return taken;
    }

    /** Whether it seems that nothing was pushed and popped since the last call. */
    boolean isIdle() {
        int size = size();
        long count = taken;
        boolean idle = size == sizeBefore && count == takenBefore;
        sizeBefore = size;
        takenBefore = count;
        return idle;
    }
}
