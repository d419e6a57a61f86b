// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.fuzz;

import java.util.List;

/** All targets; the first byte of an input chooses one. Anything that is thrown out of here is a finding. */
public final class Fuzz {
    interface Target {
        void run(Input input) throws Exception;
    }

    record Named(String name, Target target) {
    }

    static final List<Named> TARGETS = List.of(new Named("counter-file", CounterFileFuzz::run),
            new Named("sections", SectionsFuzz::run), new Named("pool", PoolFuzz::run),
            new Named("queue", QueueFuzz::run), new Named("locks", LocksFuzz::run),
            new Named("memory", MemoryFuzz::run), new Named("options", OptionsFuzz::run));

    /** {@code bin/fuzz --target}: the number of the only target, -1 for all. */
    private static final int ONLY = only(System.getProperty("rseq4j.fuzz.target", ""));

    private Fuzz() {
    }

    private static int only(String name) {
        for (int i = 0; i < TARGETS.size(); i++) {
            if (TARGETS.get(i).name().equals(name)) {
                return i;
            }
        }
        if (name.isEmpty()) {
            return -1;
        }
        throw new IllegalArgumentException("no target " + name + ": " + TARGETS.stream().map(Named::name).toList());
    }

    /**
     * What the fuzzer calls.
     *
     * @param bytes any bytes
     * @throws Exception a finding
     */
    public static void fuzzerTestOneInput(byte[] bytes) throws Exception {
        if (bytes.length == 0) {
            return;
        }
        int chosen = ONLY >= 0 ? ONLY : (bytes[0] & 0xff) % TARGETS.size();
        TARGETS.get(chosen).target().run(new Input(bytes, 1));
    }
}
