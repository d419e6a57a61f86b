// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.throwing;

import java.util.function.LongConsumer;
import org.rseq4j.PerCpuMemory;
import org.rseq4j.RestartableSequences;

/** A per-CPU stack of words, and slots of the memory that it is in. */
final class StackSubject extends Subject {
    private static final int CAPACITY = 16;
    private static final int WORDS = 1 << 14;
    private static final byte PUSHED = 1;
    private static final byte ACCEPTED = 2;
    private static final byte REFUSED = 3;

    private static final PerCpuMemory MEMORY = PerCpuMemory.allocate(1 << 16);

    private final long stack = MEMORY.allocateSlot(CAPACITY + 1);
    private final byte[] states = new byte[WORDS];
    private final byte[] out = new byte[WORDS];
    private final long[] word = new long[1];
    private final long[] words = new long[3];
    private final LongConsumer consumer = this::consume;
    private int next = 1;
    private int takers;
    private int taken;

    StackSubject() {
        super("push", "push", "pop", "push", "push", "pushMany", "popMany", "drain", "slot");
    }

    @Override
    void run(int operation) {
        if (next >= WORDS - 8) {
            return;
        }
        switch (operation(operation)) {
            case "push" -> {
                int i = next++;
                states[i] = PUSHED;
                int cpu = RestartableSequences.byCpu().push(MEMORY, stack, CAPACITY, i);
                states[i] = cpu >= 0 ? ACCEPTED : REFUSED;
            }
            case "pop" -> {
                takers++;
                if (RestartableSequences.byCpu().pop(MEMORY, stack, word) >= 0) {
                    out[(int) word[0]]++;
                }
                taken++;
            }
            case "pushMany" -> {
                int first = next;
                for (int i = 0; i < words.length; i++) {
                    states[next] = PUSHED;
                    words[i] = next++;
                }
                long moved = RestartableSequences.byCpu().pushMany(MEMORY, stack, CAPACITY, words, words.length) >>> 32;
                for (int i = 0; i < words.length; i++) {
                    states[first + i] = i < moved ? ACCEPTED : REFUSED;
                }
            }
            case "popMany" -> {
                takers += words.length;
                long moved = RestartableSequences.byCpu().popMany(MEMORY, stack, words, words.length) >>> 32;
                for (int i = 0; i < moved; i++) {
                    out[(int) words[i]]++;
                }
                taken += words.length;
            }
            case "drain" -> {
                takers += CAPACITY;
                RestartableSequences.byCpu().drain(MEMORY, 0, stack, CAPACITY, consumer);
                taken += CAPACITY;
            }
            default -> MEMORY.free(MEMORY.allocateSlot(3));
        }
    }

    private void consume(long one) {
        out[(int) one]++;
        callback();
    }

    @Override
    void others() {
        int i = next++;
        states[i] = PUSHED;
        states[i] = RestartableSequences.byCpu().push(MEMORY, stack, CAPACITY, i) >= 0 ? ACCEPTED : REFUSED;
        takers++;
        long[] one = new long[1];
        if (RestartableSequences.byCpu().pop(MEMORY, stack, one) >= 0) {
            out[(int) one[0]]++;
        }
        taken++;
    }

    @Override
    void waiters() {
        MEMORY.free(MEMORY.allocateSlot(2));
        RestartableSequences.byCpu().push(MEMORY, stack, CAPACITY, 0);
        for (int cpu = 0; cpu < MEMORY.strideCount(); cpu++) {
            RestartableSequences.byCpu().drain(MEMORY, cpu, stack, CAPACITY, one -> out[(int) one]++);
        }
    }

    @Override
    String check() {
        for (int cpu = 0; cpu < MEMORY.strideCount(); cpu++) {
            RestartableSequences.byCpu().drain(MEMORY, cpu, stack, CAPACITY, one -> out[(int) one]++);
        }
        int lost = 0;
        for (int i = 1; i < next; i++) {
            if (out[i] > 1 || out[i] > 0 && states[i] == REFUSED) {
                return "a word came off " + out[i] + " times";
            }
            lost += out[i] == 0 && states[i] == ACCEPTED ? 1 : 0;
        }
        if (lost > takers - taken) {
            return lost + " words lost, of " + (takers - taken) + " it is not known";
        }
        for (int round = 0; round < 2; round++) {
            RestartableSequences.byCpu().push(MEMORY, stack, CAPACITY, 0);
            int found = 0;
            for (int cpu = 0; cpu < MEMORY.strideCount(); cpu++) {
                found += RestartableSequences.byCpu().drain(MEMORY, cpu, stack, CAPACITY, one -> {});
            }
            if (found != 1) {
                return "of one word that was pushed " + found + " are there";
            }
        }
        MEMORY.free(stack);
        return null;
    }
}
