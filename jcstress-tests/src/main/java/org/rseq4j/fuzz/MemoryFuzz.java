// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.fuzz;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.rseq4j.PerCpuMemory;
import org.rseq4j.RestartableSequences;
import org.rseq4j.Rseq;

/** Per-CPU memory and sequences with any arguments: refused as documented, or as in a model. */
final class MemoryFuzz {
    private static final int BYTES = 256;
    private static final long STACK = 128;
    private static final int CAPACITY = 5;

    private MemoryFuzz() {
    }

    static void run(Input input) {
        int first = input.unsignedByte();
        if (first >= 224) {
            WordsFuzz.runOnFile(input);
            return;
        }
        if (first >= 192) {
            WordsFuzz.run(input);
            return;
        }
        RestartableSequences sequences = first % 2 == 0
                ? RestartableSequences.byCpu()
                : RestartableSequences.byConcurrencyId();
        Map<Long, Long> sums = new HashMap<>();
        Set<Long> stacked = new HashSet<>();
        List<Long> slots = new ArrayList<>();
        boolean closed = false;
        try (PerCpuMemory memory = PerCpuMemory.allocate(BYTES)) {
            for (long number = 1; !input.isEmpty(); number++) {
                long place = input.number();
                boolean valid = place >= 0 && place < BYTES && place % 8 == 0;
                boolean word = valid && place < STACK;
                try {
                    switch (input.below(12)) {
                        case 0 -> {
                            if (!valid || word && place % 16 == 0) {
                                memory.add(place, number);
                                expect(valid, "added at " + place);
                                sums.merge(place, number, Long::sum);
                            }
                        }
                        case 1 -> {
                            if (!valid || word && place % 16 == 8) {
                                int cpu = sequences.add(memory, place, number);
                                expect(valid && cpu >= 0 && cpu <= Rseq.cpuCount(), "added at " + place);
                                sums.merge(place, number, Long::sum);
                            }
                        }
                        case 2 -> {
                            long sum = memory.sum(place);
                            expect(valid, "a sum at " + place);
                            if (word) {
                                expect(sum == sums.getOrDefault(place, 0L), "the sum at " + place + " is " + sum);
                            }
                        }
                        case 3 -> {
                            int cpu = input.unsignedByte() - 2;
                            memory.get(cpu, place);
                            expect(valid && cpu >= 0 && cpu < memory.strideCount(), "read " + cpu + ", " + place);
                        }
                        case 4 -> {
                            long[] words = new long[input.below(40)];
                            memory.sums(place, words);
                            expect(words.length == 0 || valid && place + words.length * 8L <= BYTES,
                                    "sums at " + place);
                        }
                        case 5 -> {
                            if (sequences.push(memory, STACK, CAPACITY, number) >= 0) {
                                stacked.add(number);
                            }
                        }
                        case 6 -> {
                            long[] popped = {0};
                            if (sequences.pop(memory, STACK, popped) >= 0) {
                                expect(stacked.remove(popped[0]), "popped " + popped[0] + " of " + stacked);
                            }
                        }
                        case 7 -> {
                            int capacity = input.unsignedByte() - 2;
                            long stack = valid ? Math.max(place, STACK) : place;
                            if (stack != STACK || capacity <= 0 || capacity > 15) {
                                boolean fits = stack >= 0 && stack < BYTES && stack % 8 == 0 && capacity > 0
                                        && stack + 8L * (capacity + 1) <= BYTES;
                                if (!fits) {
                                    sequences.push(memory, stack, capacity, number);
                                    throw new AssertionError("pushed at " + stack + " of " + capacity);
                                }
                            }
                        }
                        case 8 -> {
                            long[] some = {number, number + 1000000, number + 2000000};
                            int n = input.below(6) - 1;
                            long moved = sequences.pushMany(memory, STACK, CAPACITY, some, n) >>> 32;
                            expect(n >= 0 && n <= 3 && moved <= n, "pushed " + moved + " of " + n);
                            for (int i = 0; i < moved; i++) {
                                stacked.add(some[i]);
                            }
                        }
                        case 9 -> {
                            long[] some = new long[3];
                            int n = input.below(6) - 1;
                            long moved = sequences.popMany(memory, STACK, some, n) >>> 32;
                            expect(n >= 0 && n <= 3 && moved <= n, "popped " + moved + " of " + n);
                            for (int i = 0; i < moved; i++) {
                                expect(stacked.remove(some[i]), "popped " + some[i] + " of " + stacked);
                            }
                        }
                        case 10 -> {
                            int cpu = input.below(memory.strideCount() + 3) - 1;
                            int n = sequences.drain(memory, cpu, STACK, CAPACITY,
                                    w -> expect(stacked.remove(w), "drained " + w + " of " + stacked));
                            expect(n <= CAPACITY && cpu >= 0 && cpu < memory.strideCount(), "drained " + cpu);
                        }
                        default -> closed |= slots(input, memory, slots, place);
                    }
                } catch (IndexOutOfBoundsException e) {
                    expect(e.getMessage() != null, "no message");
                } catch (IllegalStateException e) {
                    expect(closed, "not closed, but " + e);
                }
            }
        }
    }

    /** True when it closed the memory. */
    private static boolean slots(Input input, PerCpuMemory memory, List<Long> slots, long place) {
        switch (input.below(8)) {
            case 0 -> {
                memory.close();
                return true;
            }
            case 1, 2, 3 -> { // another memory, as ours has its words by number
                try (PerCpuMemory other = PerCpuMemory.allocate(64)) {
                    Set<Long> taken = new HashSet<>();
                    for (int i = 0; i < 8; i++) {
                        expect(taken.add(other.allocateSlot(1)), "a slot was given twice");
                    }
                    refused(() -> other.allocateSlot(1));
                    refused(() -> other.free(place % 8 == 0 ? place + 1 : place));
                    other.free(8);
                    refused(() -> other.free(8));
                    expect(other.allocateSlot(1) == 8, "another slot than the free one");
                }
            }
            case 4 -> refused(() -> memory.allocateSlot(-input.below(3)));
            case 5 -> refused(() -> PerCpuMemory.allocate(-8L * input.below(3)));
            case 6 -> refused(() -> PerCpuMemory.allocate(Long.MAX_VALUE - input.unsignedByte()));
            default -> refused(() -> RestartableSequences.fence(Rseq.cpuCount() + input.below(3)));
        }
        slots.clear();
        return false;
    }

    private static void refused(Runnable action) {
        try {
            action.run();
        } catch (IllegalArgumentException | IllegalStateException | IndexOutOfBoundsException e) {
            expect(e.getMessage() != null, "no message");
            return;
        }
        throw new AssertionError("not refused");
    }

    private static void expect(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
