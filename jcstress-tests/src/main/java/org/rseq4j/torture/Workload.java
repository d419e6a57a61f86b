// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.torture;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.LongAdder;

/** One structure in use by all threads, beside what the JDK's own classes count about it. */
abstract class Workload {
    private final String name;
    /** Steps that were made to the end. */
    final LongAdder operations = new LongAdder();
    private final List<String> violations = new ArrayList<>();

    Workload(String name) {
        this.name = name;
    }

    final String name() {
        return name;
    }

    /** A few operations by one thread; bounded, also when it has to wait. */
    abstract void step(SplittableRandom random) throws Exception;

    /** After all threads are done: what was put in is there or came out, exactly. */
    abstract void check() throws Exception;

    final void violation(String text) {
        synchronized (violations) {
            if (violations.size() < 20) {
                violations.add(text);
            }
        }
    }

    final void equal(String what, long expected, long found) {
        if (expected != found) {
            violation(what + ": " + found + ", not " + expected);
        }
    }

    final List<String> violations() {
        synchronized (violations) {
            return List.copyOf(violations);
        }
    }
}
