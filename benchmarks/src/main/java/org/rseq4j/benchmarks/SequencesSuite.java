// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.jctools.queues.MpmcArrayQueue;
import org.rseq4j.PerCpuMemory;
import org.rseq4j.RestartableSequences;
import org.rseq4j.internal.sequence.Sequences;

/** Restartable sequences: adds to a word, or pairs of push and pop of handles. */
final class SequencesSuite implements Suite {
    private static final int BATCH = 200;
    private static final int HANDLES = 256;

    private final boolean stacks;

    SequencesSuite(boolean stacks) {
        this.stacks = stacks;
    }

    @Override
    public String name() {
        return stacks ? "sequences-stack" : "sequences-add";
    }

    @Override
    public Map<String, Contender.Factory> contenders() {
        Map<String, Contender.Factory> contenders = new LinkedHashMap<>();
        if (stacks) {
            stacks(contenders);
        } else {
            adds(contenders);
        }
        return contenders;
    }

    @Override
    public java.util.List<String> jvmArguments(String contender) {
        return contender.contains("atomic fallback")
                ? java.util.List.of("-Drseq4j.registration=none")
                : java.util.List.of();
    }

    private interface Operation {
        void run();
    }

    /** Each caller's lambda is the only one that its JVM sees. */
    private static Contender loop(Operation operation) {
        return (thread, round) -> {
            long operations = 0;
            while (round.running()) {
                for (int i = 0; i < BATCH; i++) {
                    operation.run();
                }
                operations += BATCH;
            }
            return operations;
        };
    }

    private static void adds(Map<String, Contender.Factory> contenders) {
        Contender.Factory sequence = threads -> {
            var memory = PerCpuMemory.allocate(4096);
            long slot = memory.allocateSlot(1);
            return loop(() -> RestartableSequences.byCpu().add(memory, slot, 1));
        };
        contenders.put("rseq4j sequence add", sequence);
        contenders.put("rseq4j sequence add, atomic fallback", sequence);
        contenders.put("rseq4j sequence add by concurrency ID", threads -> {
            var memory = PerCpuMemory.allocate(4096);
            long slot = memory.allocateSlot(1);
            return loop(() -> RestartableSequences.byConcurrencyId().add(memory, slot, 1));
        });
        contenders.put("rseq4j PerCpuMemory.add", threads -> {
            var memory = PerCpuMemory.allocate(4096);
            long slot = memory.allocateSlot(1);
            return loop(() -> memory.add(slot, 1));
        });
        if (Sequences.NATIVE) {
            contenders.put("empty native call", threads -> loop(Sequences::empty));
        }
        contenders.put("LongAdder", threads -> {
            var adder = new LongAdder();
            return loop(adder::increment);
        });
        contenders.put("AtomicLong", threads -> {
            var atomic = new AtomicLong();
            return loop(atomic::incrementAndGet);
        });
    }

    private static void stacks(Map<String, Contender.Factory> contenders) {
        Contender.Factory sequence = threads -> {
            var memory = PerCpuMemory.allocate(8 * (HANDLES + 8));
            long stack = memory.allocateSlot(HANDLES + 1);
            for (int i = 0; i < HANDLES / 2; i++) {
                RestartableSequences.byCpu().push(memory, stack, HANDLES, i);
            }
            return (thread, round) -> {
                long operations = 0;
                long[] word = new long[1];
                while (round.running()) {
                    for (int i = 0; i < BATCH; i++) {
                        if (RestartableSequences.byCpu().pop(memory, stack, word) < 0) {
                            word[0] = i;
                        }
                        RestartableSequences.byCpu().push(memory, stack, HANDLES, word[0]);
                    }
                    operations += BATCH;
                }
                return operations;
            };
        };
        contenders.put("rseq4j sequence pop and push", sequence);
        contenders.put("rseq4j sequence pop and push, atomic fallback", sequence);
        contenders.put("ConcurrentLinkedDeque", threads -> {
            var deque = new ConcurrentLinkedDeque<Long>();
            for (int i = 0; i < HANDLES / 2; i++) {
                deque.push((long) i);
            }
            return (thread, round) -> {
                long operations = 0;
                while (round.running()) {
                    for (int i = 0; i < BATCH; i++) {
                        Long handle = deque.poll();
                        deque.push(handle == null ? Long.valueOf(i) : handle);
                    }
                    operations += BATCH;
                }
                return operations;
            };
        });
        contenders.put("MpmcArrayQueue", threads -> {
            var queue = new MpmcArrayQueue<Long>(HANDLES);
            for (int i = 0; i < HANDLES / 2; i++) {
                queue.offer((long) i);
            }
            return (thread, round) -> {
                long operations = 0;
                while (round.running()) {
                    for (int i = 0; i < BATCH; i++) {
                        Long handle = queue.poll();
                        queue.offer(handle == null ? Long.valueOf(i) : handle);
                    }
                    operations += BATCH;
                }
                return operations;
            };
        });
    }
}
