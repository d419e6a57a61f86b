// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.sample;

import java.util.ArrayList;
import java.util.List;
import org.rseq4j.Rseq;
import org.rseq4j.SliceExtension;
import org.rseq4j.counters.PerCpuCounter;
import org.rseq4j.pools.PerCpuPool;

/** Counts in a hundred threads, with pooled text, and says what the library found on this machine; on Java 17, too. */
public final class Hello {
    private static final int THREADS = 100;
    private static final int ROUNDS = 10_000;

    public static void main(String[] arguments) throws InterruptedException {
        PerCpuCounter characters = new PerCpuCounter();
        PerCpuPool<StringBuilder> builders = PerCpuPool.builder(StringBuilder::new).reset(text -> text.setLength(0))
                .build();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            threads.add(new Thread(() -> {
                for (int round = 0; round < ROUNDS; round++) {
                    try (var lease = builders.lease()) {
                        characters.add(lease.get().append("word").length());
                    }
                }
            }));
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
        long[] inside = {0};
        SliceExtension.run(() -> inside[0]++);

        var status = Rseq.status();
        System.out.println("registration " + status.registration());
        System.out.println("slice extension " + status.sliceExtension());
        System.out.println("on the " + (Hello.class.getModule().isNamed() ? "module" : "class") + " path");
        System.out.println(characters.sum() + " characters, section " + inside[0]);
        if (characters.sum() != 4L * THREADS * ROUNDS || inside[0] != 1) {
            throw new AssertionError("wrong");
        }
    }
}
