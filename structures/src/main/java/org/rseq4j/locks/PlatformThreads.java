// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import org.rseq4j.internal.thread.Threads;

/** Finds a platform thread by its id, for tools. */
final class PlatformThreads {
    private PlatformThreads() {
    }

    /** The living thread of this id; null when there is none. */
    static Thread find(long id) {
        ThreadGroup root = Thread.currentThread().getThreadGroup();
        while (root != null && root.getParent() != null) {
            root = root.getParent();
        }
        Thread current = Thread.currentThread();
        if (root == null || Threads.id(current) == id) {
            return Threads.id(current) == id ? current : null;
        }
        Thread[] threads;
        int count;
        do {
            threads = new Thread[root.activeCount() * 2 + 16];
            count = root.enumerate(threads, true);
        } while (count == threads.length);
        for (int i = 0; i < count; i++) {
            if (Threads.id(threads[i]) == id) {
                return threads[i];
            }
        }
        return null;
    }
}
