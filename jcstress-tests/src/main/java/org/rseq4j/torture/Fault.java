// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.torture;

import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.LongAdder;

/** A way of disturbing all threads at once. */
abstract class Fault {
    private final String name;
    final LongAdder injected = new LongAdder();
    private String problem;

    Fault(String name) {
        this.name = name;
    }

    final String name() {
        return name;
    }

    /** Whether it changes more than this process. */
    boolean changesMachine() {
        return false;
    }

    /** Says why it cannot be done here; null when it can. */
    String unavailable() {
        return null;
    }

    /** Once; what it does depends on the random numbers only, how long it takes on the machine. */
    abstract void inject(SplittableRandom random) throws Exception;

    /** Back to normal. */
    void end() throws Exception {
    }

    /** Adds what it did besides, by names. */
    void report(Map<String, Object> result) {
    }

    final void failed(Exception e) {
        problem = e.toString();
    }

    final String problem() {
        return problem;
    }
}
